"""From log-likelihood ratios to probabilities: whose voice it is, weighed against everybody whose it could be.

Before anything is heard, a voice is a stranger's with the probability ``prior_stranger``, and otherwise anybody's
of the gallery alike; Bayes' rule turns this and the LLRs into posterior probabilities. So a larger gallery asks for
more evidence, and two people who sound alike share what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError

__all__ = ["PRIOR_STRANGER", "Posterior", "gallery_llr", "normalised", "posterior", "weights"]

PRIOR_STRANGER = 0.5
"""How probable a stranger is before anything is heard, unless somebody knows better."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Whose voices they are: probabilities that sum to 1 over a voice's ``people`` and ``stranger``.

    Attributes:
        logs: (voices, 1 + people) logarithms of the probabilities, the stranger's first.
    """

    logs: NDArray[np.float64]

    @property
    def people(self) -> NDArray[np.float64]:
        """(voices, people)."""
        return np.asarray(np.exp(self.logs[:, 1:]))

    @property
    def stranger(self) -> NDArray[np.float64]:
        """(voices,)."""
        return np.asarray(np.exp(self.logs[:, 0]))

    @property
    def somebody(self) -> NDArray[np.float64]:
        """(voices,), natural log odds: anybody of the gallery, whoever it is, against a stranger.

        >>> posterior(np.array([[6.0, 0.0], [6.0, 6.0]])).somebody.round(1)
        array([5.3, 6. ])
        """
        return np.asarray(np.logaddexp.reduce(self.logs[:, 1:], axis=1) - self.logs[:, 0])

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """(voices, people), natural log: each person against a stranger and all the other people.

        >>> posterior(np.array([[6.0, 0.0], [900.0, 0.0]])).log_odds.round(1)
        array([[   4.9,   -6. ],
               [ 898.9, -900. ]])
        """
        # log(1 - p) is exact but for the most probable of a row: there the others are added up.
        best = self.logs.argmax(axis=1)[:, None]
        without = self.logs.copy()
        np.put_along_axis(without, best, -np.inf, axis=1)
        rest = np.log1p(-np.exp(np.minimum(without, log(0.5))))
        np.put_along_axis(rest, best, np.logaddexp.reduce(without, axis=1, keepdims=True), axis=1)
        odds: NDArray[np.float64] = self.logs[:, 1:] - rest[:, 1:]
        return odds


def posterior(llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER, people: int | None = None) -> Posterior:
    """Posterior probabilities for LLRs (voices, people).

    Args:
        llr: Evidence for each person against a stranger, natural log.
        prior_stranger: How probable a stranger is before anything is heard.
        people: How many people the voices could be of; as many as there are columns, if None. Where only the
            nearest of a large gallery are compared, each is as probable beforehand as in the whole of it.

    Raises:
        InputError: LLRs that are not finite, or an impossible probability.

    >>> belief = posterior(np.array([[6.0, 0.0], [0.0, 0.0]]))
    >>> belief.people.round(3).tolist(), belief.stranger.round(3).tolist()
    ([[0.993, 0.002], [0.25, 0.25]], [0.005, 0.5])
    """
    return normalised(weights(llr, prior_stranger, people))


def gallery_llr(
    llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER, people: int | None = None
) -> NDArray[np.float64]:
    """Evidence (voices, people) for each person against everybody else: strangers and the others enrolled.

    For a claimed name this asks more than ``Calibration.llr`` alone: a voice that suits another enrolled
    person better speaks against the claim. The arguments are those of :func:`posterior`.

    >>> gallery_llr(np.array([[6.0, 9.0]])).round(1)
    array([[-1.9,  4.1]])
    """
    before = posterior(np.zeros((1, llr.shape[1])), prior_stranger, people)
    llrs: NDArray[np.float64] = posterior(llr, prior_stranger, people).log_odds - before.log_odds
    return llrs


def weights(llr: NDArray[Any], prior_stranger: float, people: int | None = None) -> NDArray[np.float64]:
    """Log of prior times likelihood (voices, 1 + people), the stranger first: posteriors but for their sum.

    Raises:
        InputError: LLRs that are not finite, or an impossible probability.
    """
    if llr.ndim != 2 or not np.isfinite(llr).all():
        raise InputError("LLRs must be finite numbers of the shape (voices, people): score the voices again")
    if not 0.0 < prior_stranger < 1.0:
        raise InputError(f"the probability of a stranger lies between 0 and 1, not at {prior_stranger}")
    each = log((1.0 - prior_stranger) / max(people or 0, llr.shape[1], 1))
    stranger = np.full((len(llr), 1), log(prior_stranger))
    return np.concatenate([stranger, np.asarray(llr, dtype=np.float64) + each], axis=1)


def normalised(logs: NDArray[np.float64]) -> Posterior:
    """Log weights (voices, 1 + people) made to sum to 1."""
    return Posterior(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))
