"""What every recipe for scores has in common: fitted on labelled embeddings, it sees a gallery from its middle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import InputError

__all__ = [
    "BACKGROUND_WEIGHT",
    "Everybody",
    "GalleryScorer",
    "Prints",
    "Recipe",
    "Scorer",
    "fitted",
    "gallery_centre",
    "labelled",
    "mean_profiles",
    "speaker_means",
    "unit",
]

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


class Recipe(ABC):
    """A way to compare a voice with a profile, fitted on labelled embeddings of one model.

    After ``fit``, ``background_`` (dim,) is the mean of the speakers it was fitted on.
    """

    name: ClassVar[str]

    background_: NDArray[np.float64]

    @property
    def is_cosine(self) -> bool:
        """Whether its scores are cosines, and may be called so."""
        return False

    @abstractmethod
    def fit(self, vectors: ArrayLike, speakers: ArrayLike) -> Self:
        """Fit on embeddings (n, dim) of ``speakers`` (n,), any labels.

        Raises:
            InputError: the shapes do not fit, a number is not finite, or there are too few speakers.
        """

    @abstractmethod
    def score(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Scores (n, m) of ``test`` (n, dim) against m profiles (at least one), seen from ``centre`` (dim,)."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Everything that was fitted, and the name, as plain data."""

    @classmethod
    @abstractmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""

    def centre(self, gallery: Sequence[Prints]) -> NDArray[np.float64]:
        """From where (dim,) voices and people are seen: the middle of the gallery's people and the background."""
        return gallery_centre(gallery, self.background_)

    def cohort(self) -> NDArray[np.float64] | None:
        """The made-up voices (size, dim) that scores are normalised by; None where the recipe needs none."""
        return None

    def cohort_statistics(self, profile: Prints) -> tuple[float, float] | None:
        """What may be kept of a profile until its samples change; None where the recipe needs no cohort."""
        del profile
        return None

    def scorer(self, gallery: Sequence[Prints] = ()) -> GalleryScorer:
        """The scorer for one gallery."""
        return GalleryScorer(self, self.centre(gallery))


@dataclass(frozen=True, eq=False)
class GalleryScorer:
    """A recipe, applied to one gallery.

    Attributes:
        recipe: The fitted recipe.
        centre: (dim,), all that it knows of the gallery.
    """

    recipe: Recipe
    centre: NDArray[np.float64]

    def __call__(self, test: NDArray[Any], profiles: Sequence[Prints]) -> NDArray[np.float64]:
        """Scores (n, m) of ``test`` (n, dim) against m ``profiles``; more is more alike.

        Raises:
            InputError: the dimensions differ, a number is not finite, or a profile holds no sample.
        """
        dim = len(self.centre)
        if test.ndim != 2 or test.shape[1] != dim:
            raise InputError(f"embeddings of shape {test.shape} cannot be scored: pass (n, {dim})")
        if not np.isfinite(test).all():
            raise InputError("an embedding holds what is no finite number: embed the audio again")
        for shape in profiles.shapes if isinstance(profiles, Everybody) else _shapes(profiles):
            if not shape[0]:
                raise InputError("a profile without a sample cannot be scored: enroll some speech first")
            if shape[1] != dim:
                raise InputError("the profiles' dimensions differ: score only profiles made by one model")
        if not profiles:
            return np.zeros((len(test), 0))
        return self.recipe.score(test.astype(np.float64, copy=False), profiles, self.centre)


def mean_profiles(profiles: Sequence[Prints], centre: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """One L2-normalised row (m, dim) a profile: the mean of its samples, each centred and normalised.

    Weighting them by their seconds gained nothing on held-out speakers.
    """
    return profiles.means(centre) if isinstance(profiles, Everybody) else _means(profiles, centre)


P = TypeVar("P", bound=Prints)


class Everybody(tuple[P, ...]):
    """Profiles that many voices are scored against: what they need is computed once."""

    _kept: tuple[NDArray[Any] | None, NDArray[np.float64]] | None = None

    @cached_property
    def shapes(self) -> frozenset[tuple[int, ...]]:
        """Those of their vectors."""
        return frozenset(_shapes(self))

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """(m,) the net speech behind each of them."""
        return np.array([float(profile.net_seconds.sum()) for profile in self])

    def means(self, centre: NDArray[Any] | None) -> NDArray[np.float64]:
        """As `mean_profiles`; a gallery has one centre."""
        kept = self._kept
        if kept is None or kept[0] is not centre:
            kept = self._kept = (centre, _means(self, centre))
        return kept[1]  # of this centre, whatever another thread keeps meanwhile


def _shapes(profiles: Iterable[Prints]) -> Iterator[tuple[int, ...]]:
    return (profile.vectors.shape for profile in profiles)


def _means(profiles: Sequence[Prints], centre: NDArray[Any] | None) -> NDArray[np.float64]:
    counts = [len(profile.vectors) for profile in profiles]
    rows = np.concatenate([profile.vectors for profile in profiles]).astype(np.float64)  # (samples, dim)
    rows = unit(rows if centre is None else rows - centre)
    starts = np.cumsum([0, *counts[:-1]])
    return unit(np.add.reduceat(rows, starts) / np.array(counts)[:, None])


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


def fitted(record: Mapping[str, Any], name: str, *shape: int | None) -> NDArray[np.float64]:
    """An array that was fitted, as `Recipe.to_json` wrote it; None stands for any size but 0.

    >>> fitted({"psi": [0.5, 0.25]}, "psi", 2)
    array([0.5 , 0.25])

    Raises:
        InputError: it has another shape, or a number is not finite.
    """
    array = np.array(record[name], dtype=np.float64)
    sizes = zip(array.shape, shape, strict=False)
    if array.ndim != len(shape) or not array.size or any(want not in (None, size) for size, want in sizes):
        raise InputError(f"{name} has the shape {array.shape}, which is not that of its recipe")
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds what is no finite number")
    return array


def labelled(vectors: ArrayLike, speakers: ArrayLike, least: int = 2) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Embeddings (n, dim) and speaker numbers (n,) from 0, checked.

    Raises:
        InputError: the shapes do not fit, a number is not finite, or there are fewer than ``least`` speakers.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    names, numbers = np.unique(np.asarray(speakers), return_inverse=True)
    if rows.ndim != 2 or len(rows) != len(numbers):
        raise InputError(f"embeddings of shape {rows.shape} do not fit {len(numbers)} labels: pass (n, dim) and (n,)")
    if not np.isfinite(rows).all():
        raise InputError("an embedding holds what is no finite number: embed the audio again")
    if len(names) < least:
        raise InputError(f"{least} speakers are needed, not {len(names)}: give more people's speech")
    return rows, numbers.astype(np.int64)


def speaker_means(rows: NDArray[np.float64], speakers: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean (speakers, dim) of each speaker's rows (n, dim); ``speakers`` (n,) numbers them from 0."""
    sums = np.zeros((int(speakers.max()) + 1, rows.shape[1]))
    np.add.at(sums, speakers, rows)
    means: NDArray[np.float64] = sums / np.bincount(speakers)[:, None]
    return means


def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Rows (..., dim) at length 1; a row of zeros stays one."""
    rows = rows.astype(np.float64, copy=False)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = rows / np.maximum(lengths, np.finfo(np.float64).tiny)
    return normalised
