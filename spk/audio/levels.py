"""How loud a recording is over time: enough to draw it, and nothing that could be listened to."""

from __future__ import annotations

import math

import numpy as np

from spk.audio import SAMPLE_RATE, Audio

__all__ = ["levels"]

_EVERY = 0.02  # seconds: finer than a screen shows of any recording that is drawn whole
_MOST = 8_000  # levels of one recording: the longer it is, the coarser they are


def levels(audio: Audio) -> bytes:
    """The peak level of consecutive stretches of equal length, a byte each: 255 is the loudest of the recording.

    There are 50 a second, or 8,000 of a recording of over 160 s.
    """
    peaks = np.abs(audio.samples)
    width = max(round(_EVERY * SAMPLE_RATE), math.ceil(len(peaks) / _MOST))
    starts = np.arange(0, len(peaks), width)
    highest = np.maximum.reduceat(peaks, starts) if len(starts) else peaks
    loudest = float(highest.max(initial=0.0)) or 1.0
    return bytes(np.rint(highest / loudest * 255).astype(np.uint8))
