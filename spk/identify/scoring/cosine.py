"""Cosines: plain, centred on the gallery, and against several prototypes a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.identify.scoring.recipe import (
    Prints,
    Recipe,
    fitted,
    gallery_centre,
    labelled,
    mean_profiles,
    speaker_means,
    unit,
)

__all__ = ["CentredCosine", "Cosine", "PrototypeCosine"]


class Cosine(Recipe):
    """The cosine between a voice and the mean of a person's samples, nothing taken away.

    What SpeechBrain's own verification gives: the baseline.
    """

    name: ClassVar[str] = "cosine"

    @property
    def is_cosine(self) -> bool:
        """They are."""
        return True

    def fit(self, vectors: ArrayLike, speakers: ArrayLike) -> Self:
        """Nothing is fitted but ``background_``, which says the dimension."""
        rows, numbers = labelled(vectors, speakers, least=1)
        self.background_ = speaker_means(unit(rows), numbers).mean(axis=0)
        return self

    def centre(self, gallery: Sequence[Prints]) -> NDArray[np.float64]:
        """The origin."""
        del gallery
        return np.zeros_like(self.background_)

    def score(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Cosines (n, m)."""
        scores: NDArray[np.float64] = unit(test - centre) @ mean_profiles(profiles, centre).T
        return scores

    def to_json(self) -> dict[str, Any]:
        """``name`` and ``background``."""
        return {"name": self.name, "background": _rounded(self.background_)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        recipe = cls()
        recipe.background_ = fitted(record, "background", None)
        return recipe


class CentredCosine(Cosine):
    """The cosine after the gallery's own middle is taken away from every embedding.

    Embeddings share a direction that tells about the channel and the language rather than the person. The mean of
    the gallery's people removes it; a gallery of a few is too small for a mean of its own, so the background
    speakers' mean stands in for :data:`BACKGROUND_WEIGHT` more of them.

    >>> from types import SimpleNamespace
    >>> alice = SimpleNamespace(vectors=np.array([[1.0, 0.0], [0.8, 0.6]]), net_seconds=np.array([4.0, 6.0]))
    >>> recipe = CentredCosine().fit([[0.6, 0.8], [-0.6, -0.8]], ["a", "b"])
    >>> recipe.scorer()(np.array([[0.6, 0.8]]), [alice]).round(3)
    array([[0.822]])
    """

    name: ClassVar[str] = "centred-cosine"

    def centre(self, gallery: Sequence[Prints]) -> NDArray[np.float64]:
        """The middle (dim,) of the gallery's people and the background."""
        return gallery_centre(gallery, self.background_)


class PrototypeCosine(CentredCosine):
    """Centred, and a person recorded on several channels has a prototype for each beside the mean of all.

    Samples that lie further apart than :attr:`distance` (cosine distance, average linkage) make prototypes of their
    own; a voice is as alike to a person as to the nearest. Margins stay between people: one has one score.
    """

    name: ClassVar[str] = "prototype-cosine"
    distance: ClassVar[float] = 0.8

    def score(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Cosines (n, m) with the nearest prototype."""
        prototypes = [self.prototypes(profile, centre) for profile in profiles]
        starts = np.cumsum([0, *(len(rows) for rows in prototypes[:-1])])
        scores: NDArray[np.float64] = np.maximum.reduceat(
            unit(test - centre) @ np.concatenate(prototypes).T, starts, axis=1
        )
        return scores

    def prototypes(self, profile: Prints, centre: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of all samples, and those of its groups if there are several: (prototypes, dim)."""
        rows = unit(profile.vectors - centre)  # (samples, dim)
        mean = unit(rows.mean(axis=0, keepdims=True))
        if len(rows) < 2 or (rows @ rows.T).min() > 1 - self.distance:
            return mean
        from scipy.cluster.hierarchy import fcluster, linkage  # loads scipy: only for people with unlike samples

        groups = fcluster(linkage(rows, "average", metric="cosine"), self.distance, "distance")  # (samples,), from 1
        if groups.max() < 2:
            return mean
        return np.concatenate([mean, unit(speaker_means(rows, groups - 1))])


def _rounded(vector: NDArray[np.float64]) -> list[float]:
    return [round(float(number), 6) for number in vector]
