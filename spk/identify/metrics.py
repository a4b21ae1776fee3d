"""Error rates of speaker recognition, from weighted trials.

A trial compares one voice with one person: it has a ``score`` (more is more alike), is of the ``same`` person or
not, and has a ``weight``, by which a bootstrap over speakers draws trials. All three are arrays of one shape (n,).
There must be trials of both kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bin",
    "Binned",
    "Det",
    "act_dcf",
    "cllr",
    "clopper_pearson",
    "det",
    "eer",
    "fnir",
    "fnir_curve",
    "min_cllr",
    "min_dcf",
    "posterior_bins",
    "speaker_draws",
]

BINS = 400  # for each kind of trial

Scores = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Det:
    """How often is erred at each threshold (Martin et al., The DET curve, Eurospeech 1997).

    Attributes:
        alarms: (thresholds,) false-alarm rates, falling.
        missed: (thresholds,) miss rates, rising.
        thresholds: (thresholds,) rising; a trial is accepted from its threshold on.
    """

    alarms: Scores
    missed: Scores
    thresholds: Scores

    @property
    def eer(self) -> float:
        """Where both rates are equal, interpolated."""
        return float(np.interp(0, self.missed - self.alarms, (self.missed + self.alarms) / 2))

    def min_dcf(self, prior: float) -> float:
        """See :func:`min_dcf`."""
        cost = (prior * self.missed + (1 - prior) * self.alarms) / min(prior, 1 - prior)
        return float(min(cost.min(), 1.0))


def det(score: Scores, same: Truths, weight: Scores) -> Det:
    """Miss and false-alarm rates at every threshold."""
    from sklearn.metrics import det_curve

    return Det(*det_curve(same, score, sample_weight=weight))


@dataclass(frozen=True, eq=False)
class Binned:
    """Trials in bins of their score, for many weights of the same trials: a draw is counted then, and not sorted.

    The bins are quantiles of either kind. Few trials have a bin each, so that nothing is lost.

    Attributes:
        middles: (bins,) the mean score in each.
        place: (n,) the bin of each trial.
        same: (n,)

    >>> trials = Binned.of(np.array([1.0, 3.0, 2.0]), np.array([False, True, True]))
    >>> eer(*trials(np.array([1.0, 1.0, 2.0])))
    0.0
    """

    middles: Scores
    place: NDArray[np.int64]
    same: Truths

    @classmethod
    def of(cls, score: Scores, same: Truths) -> Binned:
        """From trials of both kinds."""
        edges = np.unique(np.concatenate([np.quantile(score[kind], np.linspace(0, 1, BINS)) for kind in (same, ~same)]))
        place = np.searchsorted(edges, score, side="right") - 1
        middles = np.bincount(place, score, len(edges)) / np.maximum(np.bincount(place, minlength=len(edges)), 1)
        return cls(middles, place, same)

    def __call__(self, weight: Scores) -> tuple[Scores, Truths, Scores]:
        """Score, kind and weight of each bin's trials of one person, then of two people: (2 * bins,)."""
        heights = [np.bincount(self.place[k], weight[k], len(self.middles)) for k in (self.same, ~self.same)]
        return np.tile(self.middles, 2), np.repeat([True, False], len(self.middles)), np.concatenate(heights)


def eer(score: Scores, same: Truths, weight: Scores) -> float:
    """Equal error rate, interpolated."""
    return det(score, same, weight).eer


def min_dcf(score: Scores, same: Truths, weight: Scores, prior: float = 0.01) -> float:
    """The least detection cost of any threshold, misses and false alarms costing alike.

    Normalised as in the NIST speaker recognition evaluations (SRE 2016 plan, section 3): 1 is what refusing
    everybody costs.
    """
    return det(score, same, weight).min_dcf(prior)


def act_dcf(llr: Scores, same: Truths, weight: Scores, prior: float = 0.01) -> float:
    """The detection cost at the threshold that the prior asks of a calibrated LLR, ln((1 - P) / P).

    Normalised like :func:`min_dcf`; what it costs more than that is due to calibration (NIST SRE 2016 plan, section 3).

    >>> act_dcf(np.array([5.0, -5.0]), np.array([True, False]), np.ones(2))
    0.0
    """
    accepted = llr >= log((1 - prior) / prior)
    missed = np.average(~accepted[same], weights=weight[same])
    alarms = np.average(accepted[~same], weights=weight[~same])
    return float((prior * missed + (1 - prior) * alarms) / min(prior, 1 - prior))


def cllr(llr: Scores, same: Truths, weight: Scores) -> float:
    """Cost of log-likelihood ratios, in bits (Bruemmer & du Preez, Computer Speech & Language 20, 2006)."""
    bits = np.logaddexp(0, np.where(same, -llr, llr)) / np.log(2)
    return float((np.average(bits[same], weights=weight[same]) + np.average(bits[~same], weights=weight[~same])) / 2)


def min_cllr(llr: Scores, same: Truths, weight: Scores) -> float:
    """The same after the best monotone calibration there is, found by pooling adjacent violators (ibid.)."""
    from sklearn.isotonic import IsotonicRegression

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
    curve = fnir_curve(best, right, enrolled, weight)
    return float(min(curve.missed[curve.alarms <= fpir], default=1.0))


def fnir_curve(best: Scores, right: Truths, enrolled: Truths, weight: Scores) -> Det:
    """FPIR (``alarms``) and FNIR (``missed``) at every threshold (ISO/IEC 19795-1), rank 1; arguments as :func:`fnir`.

    An enrolled person who comes second is missed at every threshold.
    """
    return det(np.where(enrolled & ~right, np.finfo(np.float64).min, best), enrolled, weight)


def clopper_pearson(count: int, of: int) -> tuple[float, float]:
    """The exact 95 % interval of a share of independent cases (Clopper & Pearson, Biometrika 26, 1934).

    It says something where a bootstrap does not, for a count of zero: of 80 it may still be 4.5 %.

    >>> [round(end, 4) for end in clopper_pearson(0, 80)]
    [0.0, 0.0451]
    """
    from scipy.stats import binomtest

    low, high = binomtest(count, of).proportion_ci(0.95, method="exact")
    return float(low), float(high)


@dataclass(frozen=True)
class Bin:
    """Trials of about one posterior probability.

    Attributes:
        foretold: Their mean posterior.
        observed: Which share of them was of the same person.
        count: How many there are.
        low: Of the exact 95 % interval of ``observed``, as if they were independent of each other.
        high: The interval's other end.
    """

    foretold: float
    observed: float
    count: int
    low: float
    high: float


def posterior_bins(llr: Scores, same: Truths, prior: float, edges: Scores) -> list[Bin]:
    """What the posterior probability of ``same`` foretold, and how often it was so, by bins of the posterior.

    The kinds of trials are weighed as if ``prior`` of all were of the same person (a reliability diagram, as in
    DeGroot & Fienberg, The Statistician 32, 1983).

    Args:
        llr: (n,)
        same: (n,)
        prior: Share of trials of the same person.
        edges: Ascending, from 0 to 1.

    Returns:
        The bins that are not empty.
    """
    posterior = 1 / (1 + np.exp(-np.clip(llr + log(prior / (1 - prior)), -500, 500)))
    weight = np.where(same, prior / max(same.sum(), 1), (1 - prior) / max((~same).sum(), 1))
    place = np.clip(np.searchsorted(edges, posterior, side="right") - 1, 0, len(edges) - 2)
    odds = (prior / max(same.sum(), 1)) / ((1 - prior) / max((~same).sum(), 1))  # of a trial of either kind
    bins = []
    for number in range(len(edges) - 1):
        some = place == number
        if some.any():
            count = int(some.sum())
            shares = (float(same[some].mean()), *clopper_pearson(int(same[some].sum()), count))
            observed, low, high = (share * odds / (share * odds + 1 - share) for share in shares)
            foretold = float(np.average(posterior[some], weights=weight[some]))
            bins.append(Bin(foretold, observed, count, low, high))
    return bins


def speaker_draws(groups: NDArray[np.int64], draws: int, seed: int = 0) -> list[NDArray[np.int64]]:
    """A bootstrap over speakers: how often each is drawn, with replacement, within each group.

    Trials of one speaker are no independent evidence, so the speakers are drawn and not the trials (Bisani & Ney,
    ICASSP 2004). A trial of two speakers weighs as often as both were drawn.

    Args:
        groups: (speakers,) such as 0 for who is enrolled and 1 for strangers, so that no draw lacks either.
        draws: How many.
        seed: The same seed draws the same.

    Returns:
        One array (speakers,) a draw.
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    drawn = []
    for _ in range(draws):
        counts = np.zeros(len(groups), np.int64)
        for some in members:
            counts += np.bincount(rng.choice(some, size=len(some)), minlength=len(groups))
        drawn.append(counts)
    return drawn
