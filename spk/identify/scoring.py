"""Cosines between voices and profiles, seen from the middle of the gallery.

Embeddings share a direction that tells about the channel and the language rather than the person. Taking the
gallery's own mean away before the cosine removes it; a gallery of a few people is too small for a mean of its
own, so a fixed mean of background speakers stands in for :data:`BACKGROUND_WEIGHT` more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError

__all__ = ["BACKGROUND_WEIGHT", "CentredCosine", "Prints", "Scorer", "gallery_centre", "mean_profiles"]

BACKGROUND_WEIGHT = 5.0
"""As many people of the gallery as the background mean weighs: 2 to 10 serve alike, from 1 person to 49."""


class Prints(Protocol):
    """What one person is known by: a profile of the store, or anything shaped like one."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(n, dim), one L2-normalised row a sample."""
        ...

    @property
    def net_seconds(self) -> NDArray[np.float64]:
        """(n,), the net speech behind each row, in seconds."""
        ...


class Scorer(Protocol):
    """Compares embeddings with profiles."""

    def __call__(self, test: NDArray[Any], profiles: Sequence[Prints]) -> NDArray[np.float64]:
        """Scores (n, m) of ``test`` (n, dim) against m ``profiles``; more is more alike."""
        ...


@dataclass(frozen=True, eq=False)
class CentredCosine:
    """The cosine between a voice and a profile after ``centre`` (dim,) is taken away from every embedding.

    A profile is the mean of its samples' centred and normalised embeddings. Weighting them by their seconds
    gained nothing on held-out speakers.

    >>> from types import SimpleNamespace
    >>> alice = SimpleNamespace(vectors=np.array([[1.0, 0.0], [0.8, 0.6]]), net_seconds=np.array([4.0, 6.0]))
    >>> CentredCosine(np.zeros(2))(np.array([[0.6, 0.8]]), [alice]).round(3)
    array([[0.822]])
    """

    centre: NDArray[Any]

    def __call__(self, test: NDArray[Any], profiles: Sequence[Prints]) -> NDArray[np.float64]:
        """Cosines (n, m) of ``test`` (n, dim) against m ``profiles``.

        Raises:
            InputError: the dimensions differ, or a profile holds no sample.
        """
        if test.ndim != 2 or test.shape[1] != len(self.centre):
            raise InputError(f"embeddings of shape {test.shape} cannot be scored: pass (n, {len(self.centre)})")
        if not profiles:
            return np.zeros((len(test), 0))
        return _unit(test - self.centre) @ mean_profiles(profiles, self.centre).T


def mean_profiles(profiles: Sequence[Prints], centre: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """One L2-normalised row (m, dim) a profile: the mean of its samples, each centred and normalised.

    Raises:
        InputError: a profile holds no sample, or the dimensions differ.
    """
    counts = [len(profile.vectors) for profile in profiles]
    if 0 in counts:
        raise InputError("a profile without a sample cannot be scored: enroll some speech first")
    dims = {profile.vectors.shape[1] for profile in profiles}
    if len(dims if centre is None else dims | {len(centre)}) > 1:
        raise InputError("the profiles' dimensions differ: score only profiles made by one model")
    rows = np.concatenate([profile.vectors for profile in profiles]).astype(np.float64)  # (samples, dim)
    rows = _unit(rows if centre is None else rows - centre)
    starts = np.cumsum([0, *counts[:-1]])
    return _unit(np.add.reduceat(rows, starts) / np.array(counts)[:, None])


def gallery_centre(
    profiles: Sequence[Prints], background: NDArray[Any], weight: float = BACKGROUND_WEIGHT
) -> NDArray[np.float64]:
    """The mean (dim,) of the gallery's profiles, one a person, and of ``weight`` times ``background``.

    >>> gallery_centre([], np.array([0.2, 0.1]))
    array([0.2, 0.1])
    """
    if not profiles:
        return np.asarray(background, dtype=np.float64)
    people = mean_profiles(profiles)
    centre: NDArray[np.float64] = (people.sum(axis=0) + weight * background) / (len(people) + weight)
    return centre


def _unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    rows = rows.astype(np.float64, copy=False)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.maximum(lengths, np.finfo(np.float64).tiny)
    return unit
