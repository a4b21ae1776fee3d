"""Runs of frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["runs"]


def runs(active: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and past-the-last index of every run of True.

    >>> list(runs(np.array([True, False, True, True])))
    [(0, 1), (2, 4)]
    """
    edges = np.diff(np.concatenate(([False], active, [False])).astype(np.int8))
    yield from zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
