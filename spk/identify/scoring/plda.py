"""Probabilistic linear discriminant analysis: scores that are likelihood ratios under a model of voices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import InputError
from spk.identify.scoring.recipe import (
    Prints,
    Recipe,
    fitted,
    labelled,
    mean_profiles,
    speaker_means,
    unit,
)

__all__ = ["LdaPlda", "Plda"]


class Plda(Recipe):
    """Two-covariance PLDA: an embedding is a speaker's place plus what changes from one recording to the next.

    ``x = y + e``, ``y ~ N(0, B)`` between speakers, ``e ~ N(0, W)`` within one (Bruemmer & de Villiers, The Speaker
    Partitioning Problem, Odyssey 2010, sec. 2). Embeddings are centred on the gallery and length-normalised first
    (Garcia-Romero & Espy-Wilson, Analysis of i-vector Length Normalization, Interspeech 2011). A basis in which W is
    the identity and B is diagonal, ``psi`` (Ioffe, Probabilistic Linear Discriminant Analysis, ECCV 2006, sec. 3),
    gives the log-likelihood ratio of a voice t and a profile p as a sum over dimensions:

    .. code-block:: text

        log N(t; psi/(1+psi) p, 1 + psi/(1+psi)) - log N(t; 0, 1+psi)

    A profile is the mean of its samples, taken as one: samples of one session are not independent, as the
    model would have them (Rajan et al., From single to multiple enrollment i-vectors, DSP 31, 2014).

    B is what the speakers' means vary by beyond what W explains: a moment estimate, which needs no iteration. Both
    are shrunk (Ledoit & Wolf, A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices, 2004): unshrunk,
    26 speakers gave four times the errors, for the next one differs in dimensions in which they do not.
    """

    name: ClassVar[str] = "plda"
    least_speakers: ClassVar[int] = 10

    def fit(self, vectors: ArrayLike, speakers: ArrayLike) -> Self:
        """Fit ``background_`` (dim,), ``basis_`` (dim, rank) and ``psi_`` (rank,).

        Raises:
            InputError: see `Recipe.fit`; or no speaker has several embeddings.
        """
        rows, numbers = labelled(vectors, speakers, least=self.least_speakers)
        counts = np.bincount(numbers)
        self.background_ = unit(speaker_means(unit(rows), numbers)).mean(axis=0)
        rows, numbers = rows[counts[numbers] > 1], numbers[counts[numbers] > 1]  # a single one tells nothing of W
        if len(np.unique(numbers)) < self.least_speakers:
            raise InputError(f"PLDA needs {self.least_speakers} speakers with several recordings each: give more")
        _, numbers = np.unique(numbers, return_inverse=True)
        rows = unit(rows - self.background_)
        reduction = self._reduction(rows, numbers)  # (dim, reduced)
        rows = unit(rows @ reduction)
        basis, psi = _two_covariances(rows, numbers)
        kept = psi > 1e-6
        if not kept.any():
            raise InputError("these speakers' voices differ no more than one speaker's recordings: check the labels")
        self.reduction_, self.basis_, self.psi_ = reduction, basis[:, kept], psi[kept]
        return self

    def _reduction(self, rows: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """(dim, reduced) what is applied before the length is normalised again."""
        del numbers
        return np.eye(rows.shape[1])

    def score(
        self, test: NDArray[np.float64], profiles: Sequence[Prints], centre: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Log-likelihood ratios (n, m) of the model; not calibrated, which is left to `Calibration`."""
        voices = self._projected(unit(test - centre))  # (n, rank)
        people = self._projected(mean_profiles(profiles, centre))  # (m, rank)
        shrink = self.psi_ / (1.0 + self.psi_)
        near, far = 1.0 + shrink, 1.0 + self.psi_  # variances with and without knowing the person
        # The squares are written out, so that no (n, m, rank) array is needed.
        of_voices = (voices**2 * (1.0 / far - 1.0 / near)).sum(axis=1)
        of_people = ((shrink * people) ** 2 / near).sum(axis=1)
        both = (voices * (shrink / near)) @ people.T
        scores: NDArray[np.float64] = (
            both + 0.5 * (of_voices[:, None] - of_people) + 0.5 * float(np.log(far / near).sum())
        )
        return scores

    def _projected(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        projected: NDArray[np.float64] = unit(rows @ self.reduction_) @ self.basis_
        return projected

    def to_json(self) -> dict[str, Any]:
        """``name``, ``background`` (dim), ``reduction`` (dim x reduced, or null), ``basis`` and ``psi``."""
        identity = self.reduction_.shape[0] == self.reduction_.shape[1]
        return {
            "name": self.name,
            "background": self.background_.round(6).tolist(),
            "reduction": None if identity else self.reduction_.round(6).tolist(),
            "basis": self.basis_.round(6).tolist(),
            "psi": self.psi_.round(6).tolist(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        recipe = cls()
        recipe.background_ = fitted(record, "background", None)
        dim = len(recipe.background_)
        recipe.reduction_ = np.eye(dim) if record["reduction"] is None else fitted(record, "reduction", dim, None)
        recipe.basis_ = fitted(record, "basis", recipe.reduction_.shape[1], None)
        recipe.psi_ = fitted(record, "psi", recipe.basis_.shape[1])
        if (recipe.psi_ <= 0).any():
            raise InputError("psi holds variances, which are above 0")
        return recipe


class LdaPlda(Plda):
    """PLDA after linear discriminant analysis to at most :attr:`dimensions`, one fewer than there are speakers."""

    name: ClassVar[str] = "lda-plda"
    dimensions: ClassVar[int] = 100

    def _reduction(self, rows: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # takes a second: for fitting alone

        count = min(self.dimensions, rows.shape[1] - 1, int(numbers.max()))
        lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=count).fit(rows, numbers)
        reduction: NDArray[np.float64] = np.asarray(lda.scalings_)[:, :count]
        return reduction


def _two_covariances(
    rows: NDArray[np.float64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A basis (dim, dim) that makes W the identity and B diagonal, and that diagonal (dim,)."""
    from sklearn.covariance import ledoit_wolf  # takes a second: for fitting alone

    counts = np.bincount(numbers)
    means = speaker_means(rows, numbers)
    people = len(counts)
    degrees = len(rows) / (len(rows) - people)
    within = ledoit_wolf(rows - means[numbers], assume_centered=True)[0] * degrees  # (dim, dim)
    sizes, directions = np.linalg.eigh(within)
    whiten = directions / np.sqrt(np.maximum(sizes, 1e-9 * sizes[-1]))  # (dim, dim)
    whitened = (means - means.mean(axis=0)) @ whiten  # (people, dim)
    between = ledoit_wolf(whitened, assume_centered=True)[0] * people / (people - 1)
    spread, turn = np.linalg.eigh(between)
    # What W alone makes the means vary by: one over the recordings of a speaker, on harmonic average.
    psi = np.maximum(spread - float(np.mean(1.0 / counts)), 0.0)
    order = np.argsort(-psi)
    return whiten @ turn[:, order], psi[order]
