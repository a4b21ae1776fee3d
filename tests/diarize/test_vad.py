"""Voice activity: real speech is found, other sounds are not, and blocks leave no trace."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.audio import SAMPLE_RATE, Audio, load
from spk.diarize import VoiceActivity
from spk.diarize import vad as module
from spk.diarize.frames import runs
from spk.timeline import Segment, subtract, total

STEP = module.STEP / SAMPLE_RATE


def noise(seconds: float, level: float) -> Audio:
    samples = np.random.default_rng(0).normal(0, level, round(seconds * SAMPLE_RATE))
    return Audio(samples.astype(np.float32), "noise")


def given_probabilities(probabilities: list[float], **settings: float) -> tuple[tuple[float, float], ...]:
    """The speech, in steps, that follows from what the model says of each step."""
    values = np.array(probabilities, np.float32)

    def graph(feed):
        return {"speech_probs": values[: len(feed["input"])], "hn": feed["h"], "cn": feed["c"]}

    audio = Audio(np.zeros(len(values) * module.STEP, np.float32), "made up")
    exact = {"gap": 0.0, "shortest": 0.0, "margin": 0.0} | settings
    return tuple((s.start / STEP, s.end / STEP) for s in VoiceActivity(graph, **exact)(audio))


def test_the_speech_of_a_real_dialogue_is_what_people_hear(vad, demo, demo_turns):
    found, heard = vad(demo), demo_turns.speech
    assert total(subtract(found, heard)) < 0.1 * total(heard)
    assert total(subtract(heard, found)) < 0.1 * total(heard)


def test_segments_are_ordered_apart_and_inside_the_recording(vad, demo):
    cut = demo.crop(Segment(0, 12.34))  # in the middle of a word
    found = vad(cut)
    assert found[-1].end == cut.duration
    assert all(one.end < other.start for one, other in pairwise(found))


@pytest.mark.parametrize("audio", [noise(5, 0), noise(5, 0.001), noise(5, 0.1), noise(0.01, 0.1), noise(0, 0)])
def test_silence_and_white_noise_are_no_speech(vad, audio):
    assert vad(audio) == ()


def test_noise_and_music_are_next_to_no_speech(vad, corpus):
    audios = [load(file) for role in ("noise", "music") for file in corpus.files(role)]
    spoken = [total(vad(audio)) for audio in audios]
    assert max(spoken) < 0.5
    assert sum(spoken) < 0.01 * sum(audio.duration for audio in audios)


@pytest.mark.parametrize("block", [1, 100, 10_000])
def test_blocks_leave_no_trace(vad, demo, monkeypatch, block):
    samples = demo.samples[: 7 * SAMPLE_RATE + 100] if block == 1 else np.tile(demo.samples, 3)[:-100]
    expected = vad.probabilities(samples)
    assert len(expected) == -(-len(samples) // module.STEP)
    monkeypatch.setattr(module, "BLOCK", block)
    np.testing.assert_allclose(vad.probabilities(samples), expected, atol=1e-5)


def test_speech_begins_at_the_onset_and_lasts_to_the_offset():
    probabilities = [0.4, 0.6, 0.4, 0.4, 0.3, 0.4, 0.3, 0.9, 0.1]
    assert given_probabilities(probabilities) == ((1, 4), (7, 8))
    assert given_probabilities(probabilities, onset=0.7) == ((7, 8),)
    assert given_probabilities(probabilities, offset=0.25) == ((1, 8),)


def test_pauses_scraps_and_margins():
    probabilities = [0, 1, 1, 1, 0, 1, 1, 0, 0, 0, 1, 0]
    assert given_probabilities(probabilities, gap=1.5 * STEP) == ((1, 7), (10, 11))
    assert given_probabilities(probabilities, gap=1.5 * STEP, shortest=2 * STEP) == ((1, 7),)
    wider = given_probabilities(probabilities, margin=0.25 * STEP)
    np.testing.assert_allclose(wider, ((0.75, 4.25), (4.75, 7.25), (9.75, 11.25)))
    assert given_probabilities([1, 1], margin=9 * STEP) == ((0, 2),)


@given(st.lists(st.sampled_from([0.1, 0.4, 0.6]), min_size=1, max_size=50))
def test_every_step_over_the_onset_is_speech_and_none_under_the_offset(probabilities):
    speech = np.zeros(len(probabilities), bool)
    for start, end in given_probabilities(probabilities):
        speech[round(start) : round(end)] = True
    values = np.array(probabilities)
    assert speech[values > 0.5].all()
    assert not speech[values < 0.35].any()
    assert not (speech[1:] & ~speech[:-1] & (values[1:] < 0.5)).any()  # no run begins below the onset


@given(st.lists(st.booleans()))
def test_runs_are_the_runs(active):
    found = list(runs(np.array(active, bool)))
    assert [index for start, end in found for index in range(start, end)] == list(np.flatnonzero(active))
    assert all(end < start for (_, end), (start, _) in pairwise(found))
