"""Two embedders' scores as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import InputError
from spk.identify.scoring.recipe import Prints, Recipe, fitted, labelled, unit

__all__ = ["Fusion"]


@dataclass(frozen=True, eq=False)
class _Part:
    """One embedder's share of a profile."""

    vectors: NDArray[Any]
    net_seconds: NDArray[np.float64]


class Fusion(Recipe):
    """A weighted sum of the scores of each embedder's part of the vectors, each by a recipe of its own.

    Embeddings of the parts stand one after the other in a vector. The weights are those of a logistic regression on
    pairs of single embeddings (Bruemmer et al., Fusion of Heterogeneous Speaker Recognition Systems in the STBU
    Submission for the NIST SRE 2006, IEEE TASLP 15, 2007), scaled to a sum of 1 and kept from falling below 0.

    Args:
        sizes: The dimensions of the parts.
        parts: The recipe for each part.
    """

    name: ClassVar[str] = "fusion"

    def __init__(self, sizes: Sequence[int], parts: Sequence[Recipe]) -> None:
        self.sizes = tuple(sizes)
        self.parts = tuple(parts)
        if len(self.sizes) != len(self.parts) or len(self.parts) < 2:
            raise InputError(f"a fusion has a recipe for each of its parts, not {len(self.parts)} for {len(sizes)}")

    @property
    def is_cosine(self) -> bool:
        """Where all parts' scores are: then theirs is a mean of cosines."""
        return all(recipe.is_cosine for recipe in self.parts)

    def fit(self, vectors: ArrayLike, speakers: ArrayLike) -> Self:
        """Fit the recipe of each part, and ``weights_`` (parts,)."""
        rows, numbers = labelled(vectors, speakers)
        for recipe, part in zip(self.parts, self._split_voices(rows), strict=True):
            recipe.fit(part, numbers)
        self.background_ = np.concatenate([recipe.background_ for recipe in self.parts])
        self.weights_ = self._weights(rows, numbers)
        return self

    def _weights(self, rows: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        from sklearn.linear_model import LogisticRegression  # takes a second: for fitting alone

        some = np.random.default_rng(0).permutation(len(rows))[:1000]
        numbers, centre = numbers[some], self.centre(())
        singles = [_Part(row[None], np.ones(1)) for row in rows[some]]
        upper = np.triu_indices(len(some), 1)
        same = (numbers[:, None] == numbers)[upper]
        if not same.any() or same.all():
            return np.full(len(self.parts), 1 / len(self.parts))
        scores = np.stack([score[upper] for score in self._scores(rows[some], singles, centre)], axis=1)
        scales = scores.std(axis=0)
        model = LogisticRegression(class_weight="balanced").fit(scores / scales, same)
        weights: NDArray[np.float64] = np.maximum(model.coef_[0] / scales, 0.0)
        return weights / weights.sum() if weights.any() else np.full(len(self.parts), 1 / len(self.parts))

    def centre(self, gallery: Sequence[Prints]) -> NDArray[np.float64]:
        """The parts' centres (dim,), one after the other."""
        galleries = self._split_profiles(gallery)
        return np.concatenate([recipe.centre(part) for recipe, part in zip(self.parts, galleries, strict=True)])

    def score(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Weighted sums (n, m)."""
        scores: NDArray[np.float64] = sum(
            weight * score for weight, score in zip(self.weights_, self._scores(test, profiles, centre), strict=True)
        )
        return scores

    def _scores(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        people, middles = self._split_profiles(profiles), self._split(centre)
        parts = zip(self.parts, self._split_voices(test), people, middles, strict=True)
        return [recipe.score(rows, profile, middle) for recipe, rows, profile, middle in parts]

    def _split(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        if rows.shape[-1] != sum(self.sizes):
            raise InputError(f"embeddings of {rows.shape[-1]} numbers are no fusion of {self.sizes}")
        return np.split(rows, np.cumsum(self.sizes)[:-1], axis=-1)

    def _split_voices(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        """The parts of embeddings, each at length 1, as its own embedder makes it: so a part's centre fits it."""
        return [unit(part) for part in self._split(rows)]

    def _split_profiles(self, profiles: Sequence[Prints]) -> list[list[_Part]]:
        split = [self._split_voices(profile.vectors) for profile in profiles]
        return [
            [_Part(rows[part], profile.net_seconds) for rows, profile in zip(split, profiles, strict=True)]
            for part in range(len(self.parts))
        ]

    def to_json(self) -> dict[str, Any]:
        """``name``, ``sizes``, ``weights`` and ``parts``."""
        return {
            "name": self.name,
            "sizes": list(self.sizes),
            "weights": self.weights_.round(6).tolist(),
            "parts": [recipe.to_json() for recipe in self.parts],
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            InputError: the recipes are not for parts of these sizes.
        """
        from spk.identify.scoring import recipe_from_json

        recipe = cls(record["sizes"], [recipe_from_json(part) for part in record["parts"]])
        if recipe.sizes != tuple(len(part.background_) for part in recipe.parts):
            raise InputError(f"the recipes of a fusion are not for parts of the sizes {recipe.sizes}")
        recipe.weights_ = fitted(record, "weights", len(recipe.parts))
        recipe.background_ = np.concatenate([part.background_ for part in recipe.parts])
        return recipe
