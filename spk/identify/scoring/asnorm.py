"""Adaptive symmetric score normalisation (AS-Norm)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import InputError
from spk.identify.scoring.recipe import Prints, Recipe, fitted, labelled, mean_profiles, speaker_means, unit

__all__ = ["AsNorm", "CohortStatistics"]

SEED = 7
MOST = 100_000  # voices of a cohort; a thousand do as well as more


@dataclass(frozen=True, eq=False)
class CohortStatistics:
    """How alike a voice or a profile is to the nearest of the cohort.

    Attributes:
        mean: (n,) mean cosine with the nearest.
        deviation: (n,) standard deviation of those.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


class AsNorm(Recipe):
    """Cosines in units of how alike both sides are to their nearest strangers.

    ``((s - mean_p) / sd_p + (s - mean_t) / sd_t) / 2``, with the mean and standard deviation of the cosines of the
    profile (p) and of the voice (t) with the ``top`` nearest of a cohort (Matejka et al., Analysis of Score
    Normalization in Multilingual Speaker Recognition, Interspeech 2017, adaptive S-norm 1).

    The cohort is nobody's voice: it is drawn from the distribution of the speakers that were fitted on, as
    linear mixtures of them, so a calibration holds no voiceprint. On held-out speakers it does as well as the
    speakers themselves.

    Args:
        top: How many of the cohort count.
        size: How many voices the cohort has.
    """

    name: ClassVar[str] = "as-norm"

    def __init__(self, top: int = 200, size: int = 1000) -> None:
        self.top = top
        self.size = size

    def fit(self, vectors: ArrayLike, speakers: ArrayLike) -> Self:
        """Fit ``background_`` (dim,) and ``spread_`` (rank, dim), whose rows mix to speakers."""
        rows, numbers = labelled(vectors, speakers, least=3)
        means = unit(speaker_means(unit(rows), numbers))  # (speakers, dim)
        self.background_ = means.mean(axis=0)
        _, sizes, directions = np.linalg.svd(means - self.background_, full_matrices=False)
        keep = sizes > 1e-6 * sizes[0]
        # Principal directions, not people: (rank, dim)
        self.spread_ = sizes[keep, None] * directions[keep] / np.sqrt(len(means))
        return self

    @cached_property
    def _cohort(self) -> NDArray[np.float64]:
        draws = np.random.default_rng(SEED).normal(size=(self.size, len(self.spread_)))
        return unit(self.background_ + draws @ self.spread_)

    def cohort(self) -> NDArray[np.float64]:
        """Voices (size, dim) drawn from the distribution, always the same."""
        return self._cohort

    def centre(self, gallery: Sequence[Prints]) -> NDArray[np.float64]:
        """The origin: statistics of a profile stay right when others are enrolled."""
        del gallery
        return np.zeros_like(self.background_)

    def score(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Normalised cosines (n, m), in standard deviations."""
        voices, people = unit(test - centre), mean_profiles(profiles, centre)
        cosine = voices @ people.T  # (n, m)
        of_voices, of_people = self.statistics(voices), self.profile_statistics(profiles, people)
        scores: NDArray[np.float64] = 0.5 * (
            (cosine - of_voices.mean[:, None]) / of_voices.deviation[:, None]
            + (cosine - of_people.mean) / of_people.deviation
        )
        return scores

    def statistics(self, rows: NDArray[np.float64]) -> CohortStatistics:
        """Of L2-normalised rows (n, dim)."""
        top = min(self.top, self.size)
        nearest = np.partition(rows @ self._cohort.T, self.size - top, axis=1)[:, self.size - top :]  # (n, top)
        return CohortStatistics(nearest.mean(axis=1), np.maximum(nearest.std(axis=1), 1e-6))

    def cohort_statistics(self, profile: Prints) -> tuple[float, float]:
        """Mean and deviation of a profile's cosines with the nearest of the cohort."""
        found = self.statistics(mean_profiles([profile]))
        return float(found.mean[0]), float(found.deviation[0])

    def profile_statistics(self, profiles: Sequence[Prints], people: NDArray[np.float64]) -> CohortStatistics:
        """Of profiles with mean rows ``people`` (m, dim): what was cached at enrollment, else computed.

        Each by itself: several at once would differ from what is cached in the last bits.
        """
        mean, deviation = np.empty((2, len(profiles)))
        for number, profile in enumerate(profiles):
            known = getattr(profile, "cohort_statistics", None)
            if known is None:
                computed = self.statistics(people[[number]])
                known = computed.mean[0], computed.deviation[0]
            mean[number], deviation[number] = known
        return CohortStatistics(mean, deviation)

    def to_json(self) -> dict[str, Any]:
        """``name``, ``top``, ``size``, ``background`` (dim) and ``spread`` (rank, dim)."""
        return {
            "name": self.name,
            "top": self.top,
            "size": self.size,
            "background": self.background_.round(6).tolist(),
            "spread": self.spread_.round(6).tolist(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            InputError: there is no cohort in it.
        """
        recipe = cls(int(record["top"]), int(record["size"]))
        if not 0 < recipe.top <= recipe.size <= MOST:
            raise InputError(f"of a cohort of {recipe.size} voices the nearest {recipe.top} cannot be taken")
        recipe.background_ = fitted(record, "background", None)
        recipe.spread_ = fitted(record, "spread", None, len(recipe.background_))
        return recipe
