"""One person a channel: turns by channel, without what the microphones hear of the others."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from spk.audio import SAMPLE_RATE, Audio, load_channels
from spk.diarize import Diarization, diarize_channels
from spk.timeline import Timeline, Turn, total

LENGTH = 60 * SAMPLE_RATE


@pytest.fixture(scope="module")
def voices(demo, demo_turns) -> np.ndarray:
    """A real conversation as (2, samples): each person alone on a channel."""
    apart = np.zeros((2, LENGTH), np.float32)
    for channel, label in zip(apart, ("speaker90", "speaker91"), strict=True):
        for segment in demo_turns.alone(label):
            for start in (segment.start, segment.start + 30):
                part = slice(round(start * SAMPLE_RATE), round((start + segment.duration) * SAMPLE_RATE))
                channel[part] = np.resize(demo.crop(segment).samples, part.stop - part.start)
    late = 33 * SAMPLE_RATE  # three seconds later: they speak at once, too
    apart[1, late:] = apart[1, :-late]
    return apart


@pytest.fixture(scope="module")
def truth(voices, vad) -> Timeline:
    """What is heard in each channel before anything leaks."""
    dry = [vad(Audio(voice, "dry")) for voice in voices]
    return Timeline(Turn(segment, f"SPEAKER_{n:02d}") for n, speech in enumerate(dry) for segment in speech)


def record(voices: np.ndarray, *, bleed=-20, delay=0.006, hiss=-65, gains=(0, 0)) -> list[Audio]:
    """Two microphones in one room. Levels in decibels, the delay in seconds."""
    late = round(delay * SAMPLE_RATE)
    heard = voices.copy()
    heard[:, late:] += voices[::-1, :-late] * np.float32(10 ** (bleed / 20))
    heard += np.random.default_rng(0).normal(0, 10 ** (hiss / 20), voices.shape).astype(np.float32)
    heard *= (10 ** (np.array(gains) / 20)).astype(np.float32)[:, None]
    return [Audio(channel, "room") for channel in heard]


@pytest.mark.parametrize(
    ("room", "most"),
    [
        ({"bleed": -80}, 0.05),
        ({}, 0.10),
        ({"bleed": -14}, 0.12),
        ({"delay": 0.03}, 0.10),
        ({"gains": (0, -10)}, 0.10),
        ({"gains": (-10, 0)}, 0.10),
        ({"hiss": -50}, 0.15),
    ],
    ids=str,
)
def test_each_channel_keeps_its_own_voice(request, voices, truth, room, most):
    vad, error_rate = map(request.getfixturevalue, ("vad", "error_rate"))
    found = diarize_channels(record(voices, **room), vad)
    assert set(found.labels) == {"SPEAKER_00", "SPEAKER_01"}
    assert error_rate(truth, found.turns, LENGTH / SAMPLE_RATE) < most
    assert found.speech == found.turns.speech


def test_bleed_without_its_removal_would_be_another_matter(voices, truth, vad, error_rate):
    heard = [vad(channel) for channel in record(voices)]
    turns = Timeline(Turn(segment, f"SPEAKER_{n:02d}") for n, speech in enumerate(heard) for segment in speech)
    assert error_rate(truth, turns, LENGTH / SAMPLE_RATE) > 0.4


def test_two_people_at_once_are_two_turns(voices, truth, vad):
    assert total(truth.overlap) > 3
    assert total(diarize_channels(record(voices), vad).overlap) > 0.7 * total(truth.overlap)


def test_a_channel_whose_person_is_silent_is_nobody(voices, vad):
    silent = voices * np.array([[0], [1]], np.float32)
    assert diarize_channels(record(silent), vad).labels == ("SPEAKER_01",)


def test_a_stereo_file(tmp_path, voices, truth, vad, error_rate):
    room = np.stack([channel.samples for channel in record(voices)], axis=1)
    soundfile.write(tmp_path / "room.flac", room / 2, SAMPLE_RATE)
    found = diarize_channels(load_channels(tmp_path / "room.flac"), vad)
    assert error_rate(truth, found.turns, LENGTH / SAMPLE_RATE) < 0.1


def test_one_channel_is_one_person(voices, truth, vad):
    turns = diarize_channels([Audio(voices[1], "mono")], vad).turns
    assert turns.labels == ("SPEAKER_00",)
    assert [turn.segment for turn in turns] == [s for s in truth.of("SPEAKER_01") if s.duration >= 0.25]


@pytest.mark.parametrize("samples", [0, 1, 100, 600, SAMPLE_RATE])
def test_silent_channels_are_nobody(vad, samples):
    silence = Audio(np.zeros(samples, np.float32), "silence")
    assert diarize_channels([silence, silence], vad) == Diarization(Timeline(), ())
