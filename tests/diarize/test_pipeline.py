"""The diarizer from end to end, on real recordings and on what is no speech."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from spk.audio import SAMPLE_RATE, Audio, load
from spk.diarize import Diarization, Pipeline, SpeakerCount
from spk.diarize.segmentation import CHUNK_FRAMES, FRAME, LOCAL_SPEAKERS, LocalSpeech
from spk.embed.fake import FakeEmbedder
from spk.formats.rttm import read_rttm
from spk.timeline import Segment, Timeline, Turn, total


@pytest.fixture(scope="module")
def found(diarizer, demo) -> Diarization:
    return diarizer(demo)


def moved(turns: Timeline, seconds: float) -> Timeline:
    return Timeline(Turn(turn.segment + seconds, turn.label) for turn in turns)


def test_a_real_dialogue(found, demo, demo_turns, error_rate):
    assert found.labels == ("SPEAKER_00", "SPEAKER_01")
    assert error_rate(demo_turns, found.turns, demo.duration) < 0.15
    assert total(found.overlap) > 0.5 * total(demo_turns.overlap)


def test_turns_lie_in_the_recording_and_apart(found, demo):
    assert found.turns[0].start >= 0
    assert found.turns.end <= demo.duration
    for label in found.labels:
        assert all(one.end < other.start for one, other in pairwise(found.turns.of(label)))


def test_twice_the_same_is_twice_the_same(found, diarizer, demo):
    assert diarizer(demo) == found


def test_loudness_does_not_matter(found, diarizer, demo, error_rate):
    quiet = diarizer(Audio(demo.samples * np.float32(0.1), "quiet"))
    assert error_rate(found.turns, quiet.turns, demo.duration) < 0.05


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_given_number_of_people(diarizer, demo, number):
    assert len(diarizer(demo, count=SpeakerCount.exactly(number)).labels) == number


def test_at_most_and_at_least(diarizer, demo):
    assert len(diarizer(demo, count=SpeakerCount(most=1)).labels) == 1
    assert len(diarizer(demo, count=SpeakerCount(least=3)).labels) >= 3


def test_a_mixed_conversation(diarizer, corpus, error_rate):
    file = next(file for file in corpus.files("diarization-mix") if "2spk_overlap_noise" in file.name)
    audio, turns = load(file), read_rttm(file.with_suffix(".rttm"))[file.stem]
    found = diarizer(audio)
    assert len(found.labels) == len(turns.labels)
    assert error_rate(turns, found.turns, audio.duration) < 0.15


def test_a_real_meeting(diarizer, corpus, error_rate):
    file = next(file for file in corpus.files("diarization") if "trn09" in file.name)
    audio, turns = load(file), read_rttm(file.with_suffix(".rttm"))[file.stem]
    assert error_rate(turns, diarizer(audio).turns, audio.duration) < 0.3


@pytest.mark.parametrize("level", [0.0, 0.001, 0.3])
def test_silence_and_noise_are_nobody(diarizer, level):
    samples = np.random.default_rng(0).normal(0, level, 12 * SAMPLE_RATE).astype(np.float32)
    assert diarizer(Audio(samples, "noise")) == Diarization(Timeline(), ())


def test_music_is_nobody_and_noises_are_next_to_nobody(diarizer, corpus):
    assert not any(len(diarizer(load(file)).turns) for file in corpus.files("music"))
    noises = [load(file) for file in corpus.files("noise")]
    spoken = sum(total(diarizer(noise).turns.speech) for noise in noises)
    assert spoken < 0.02 * sum(noise.duration for noise in noises)


@pytest.mark.parametrize("seconds", [0, 1 / SAMPLE_RATE, 0.02, 0.1, 0.3, 0.5, 1, 2, 9.99, 10])
def test_clips_of_any_length(diarizer, demo, seconds):
    clip = Audio(demo.samples[round(12 * SAMPLE_RATE) :][: round(seconds * SAMPLE_RATE)], "clip")
    found = diarizer(clip)
    assert found.turns.end <= clip.duration
    assert bool(found.labels) == (seconds >= 0.5)  # half a second of speech is somebody


def test_speech_between_long_silences_stays_where_it_is(found, diarizer, demo, error_rate):
    silence = np.zeros(40 * SAMPLE_RATE, np.float32)
    audio = Audio(np.concatenate((silence, demo.samples, silence)), "late")
    turns = diarizer(audio).turns
    assert 40 < turns[0].start < turns.end <= 70.1
    assert error_rate(moved(found.turns, 40), turns, audio.duration) < 0.05


def test_a_helicopter_beside_speech_is_nobody(diarizer, demo, corpus):
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    noises = [load(corpus.root / row["file"]).samples for row in corpus.rows if row["note"] == "Helicopter"]
    beside = Audio(np.concatenate((demo.samples, silence, *noises, silence)), "beside")
    assert diarizer(beside).turns.end < demo.duration + 1


def test_speech_to_the_very_end_ends_there():
    def segmentation(audio, progress):
        active = np.zeros((1, CHUNK_FRAMES, LOCAL_SPEAKERS), bool)
        active[..., 1] = True
        return LocalSpeech(active, -(-len(audio.samples) // FRAME))

    def vad(audio):
        return (Segment(0, audio.duration),)

    tone = np.sin(np.arange(5 * SAMPLE_RATE) * 0.1).astype(np.float32)
    found = Pipeline(vad, segmentation, FakeEmbedder())(Audio(tone, "tone"))
    assert found.turns == Timeline([Turn(Segment(0, 5), "SPEAKER_00")])


def test_progress_is_told(diarizer, demo):
    told = []
    diarizer(demo, progress=lambda done, whole, what: told.append((done == whole, what)))
    assert told == [(True, "finding turns"), (True, "listening to voices")]


def repeated(audio: Audio, times: int) -> Audio:
    loudness = np.random.default_rng(0).uniform(0.5, 1, times)
    return Audio(np.concatenate([audio.samples * np.float32(gain) for gain in loudness]), "long")


def test_twelve_minutes_keep_their_people_and_take_little_memory(found, diarizer, demo, error_rate):
    long = repeated(demo, 24)
    tracemalloc.start()
    turns = diarizer(long, count=SpeakerCount.exactly(2)).turns
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 2**20  # of numpy's; the recording itself is 46 MB
    for start in (0, 360, 690):
        expected = moved(found.turns, start)
        assert error_rate(expected, turns.crop(Segment(start, start + 30)), long.duration) < 0.1


def test_six_minutes_keep_the_number_of_people(diarizer, corpus):
    file = next(file for file in corpus.files("diarization-mix") if "2spk_overlap_noise" in file.name)
    assert len(diarizer(repeated(load(file), 10)).labels) == 2
