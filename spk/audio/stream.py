"""What every decoder gives: a recording as a stream of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "Stream"]

BLOCK = 1 << 19  # samples of all channels decoded together: 2 MiB


@dataclass(frozen=True)
class Stream:
    """A recording that is being decoded.

    Attributes:
        source: its name, fit to be printed on one line.
        rate: frames a second.
        channels: samples a frame.
        frames: how many the whole recording has; None where only decoding tells.
        blocks: float32 of shape (frames, channels), in order, none empty. Taking the next one raises
            `AudioError` where the recording turns out to be cut off or damaged.
    """

    source: str
    rate: int
    channels: int
    frames: int | None
    blocks: Iterator[NDArray[np.float32]]
