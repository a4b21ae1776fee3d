"""Recordings with one person a channel: who speaks is known, but every microphone hears everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio
from spk.diarize.frames import runs
from spk.diarize.pipeline import Diarization
from spk.diarize.vad import VoiceActivity
from spk.timeline import Segment, Timeline, Turn, subtract

__all__ = ["diarize_channels"]

FRAME = 512  # samples: 32 ms
SPAN = 9  # frames over which loudness is measured: 0.29 s
TYPICAL = 0.3  # quantile: while one person speaks, the other channels seldom hold speech of their own too
MARGIN = 6.0  # decibels by which a leak may exceed the typical one
LOUDEST_LEAK = -3.0  # decibels: what is about as loud as in the other channel is nobody's leak
SHORTEST = 0.25  # seconds: what the leaks leave of a turn and is shorter is dropped


def diarize_channels(channels: Sequence[Audio], vad: VoiceActivity) -> Diarization:
    """Turns of a recording with one person a channel: ``SPEAKER_00`` is the first channel's, and so on.

    Speech that a channel holds about as quietly, against another channel, as that person's speech usually
    arrives there is heard through the air and left out. Microphones may differ in gain and distance.

    Args:
        channels: Of the same length.
        vad: Finds the speech of each channel.
    """
    spoken = [vad(channel) for channel in channels]
    levels = [_level(channel.samples) for channel in channels]
    turns = Timeline(
        Turn(segment, f"SPEAKER_{number:02d}")
        for number, speech in enumerate(spoken)
        for segment in subtract(speech, _leaks(number, spoken, levels))
        if segment.duration >= SHORTEST
    )
    return Diarization(turns, turns.speech)


def _level(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Loudness of every whole frame in decibels, over the SPAN around it: (frames,)."""
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.einsum("ij,ij->i", whole, whole) / FRAME
    smooth = np.convolve(np.pad(power, SPAN // 2), np.full(SPAN, 1 / SPAN), "valid")
    levels: NDArray[np.float64] = 10 * np.log10(smooth + 1e-12)
    return levels


def _leaks(
    number: int, spoken: Sequence[Sequence[Segment]], levels: Sequence[NDArray[np.float64]]
) -> Iterator[Segment]:
    """Where a channel holds what is said in another one, and nothing of its own."""
    step = FRAME / SAMPLE_RATE
    for other, speech in enumerate(spoken):
        if other == number or not speech:
            continue
        difference = levels[number] - levels[other]  # (frames,)
        speaking = np.zeros(len(difference), bool)
        for segment in speech:
            speaking[round(segment.start / step) : round(segment.end / step)] = True
        leak = float(np.quantile(difference[speaking], TYPICAL))
        for start, end in runs(difference < min(leak + MARGIN, LOUDEST_LEAK)):
            yield Segment(start * step, end * step)
