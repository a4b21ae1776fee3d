"""Error rates of speaker recognition, from weighted trials.

A trial compares one voice with one person: it has a ``score`` (more is more alike), is of the ``same`` person or
not, and has a ``weight``, by which a bootstrap over speakers draws trials. All three are arrays of one shape (n,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import det_curve

__all__ = ["cllr", "eer", "fnir", "min_cllr", "min_dcf"]

Scores = NDArray[np.float64]
Truths = NDArray[np.bool_]


def eer(score: Scores, same: Truths, weight: Scores) -> float:
    """Equal error rate, interpolated."""
    alarms, missed, _ = det_curve(same, score, sample_weight=weight)
    return float(np.interp(0, missed - alarms, (missed + alarms) / 2))


def min_dcf(score: Scores, same: Truths, weight: Scores, prior: float = 0.01) -> float:
    """The least detection cost of any threshold, misses and false alarms costing alike.

    Normalised as in the NIST speaker recognition evaluations: 1 is what refusing everybody costs.
    """
    alarms, missed, _ = det_curve(same, score, sample_weight=weight)
    cost = (prior * missed + (1 - prior) * alarms) / min(prior, 1 - prior)
    return float(min(cost.min(), 1.0))


def cllr(llr: Scores, same: Truths, weight: Scores) -> float:
    """Cost of log-likelihood ratios, in bits (Bruemmer & du Preez, Computer Speech & Language 20, 2006)."""
    bits = np.logaddexp(0, np.where(same, -llr, llr)) / np.log(2)
    return float((np.average(bits[same], weights=weight[same]) + np.average(bits[~same], weights=weight[~same])) / 2)


def min_cllr(llr: Scores, same: Truths, weight: Scores) -> float:
    """The same after the best monotone calibration there is."""
    balanced = weight / np.where(same, weight[same].sum(), weight[~same].sum())
    kept = balanced > 0
    llr, same, balanced = llr[kept], same[kept], balanced[kept]
    best = IsotonicRegression(y_min=1e-9, y_max=1 - 1e-9).fit_transform(llr, same, sample_weight=balanced)
    return cllr(np.log(best / (1 - best)), same, balanced)


def fnir(best: Scores, right: Truths, enrolled: Truths, weight: Scores, fpir: float) -> float:
    """False-negative identification rate at a false-positive identification rate (ISO/IEC 19795-1), rank 1.

    Args:
        best: (searches,) the best score of each search.
        right: (searches,) whether that is the right person's.
        enrolled: (searches,) whether the person searched for is in the gallery at all.
        weight: (searches,)
        fpir: The most strangers, as a share, that may get any name.
    """
    # An enrolled person who comes second is missed at every threshold.
    score = np.where(enrolled & ~right, np.finfo(np.float64).min, best)
    alarms, missed, _ = det_curve(enrolled, score, sample_weight=weight)
    return float(min(missed[alarms <= fpir], default=1.0))
