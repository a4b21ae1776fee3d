"""How often a stranger looks how much like somebody of a gallery: what ties a threshold to a false-alarm rate.

The odds that a voice is anybody's of the gallery, and no stranger's, are the mean of its likelihood ratios against the
people, where a stranger is as probable beforehand as all of them. A share of strangers reaches any odds, and this
module knows which share. For calibrated evidence it hardly depends on the size N of the gallery: a stranger's
likelihood ratio against anybody is 1 on average (E[LR | stranger] = 1), so their mean is, too, and by Markov's
inequality reaches x in at most one case out of x, however many people there are. Real voices stay far below that
bound. How far is fitted, on strangers whom random galleries of known people have never heard, as a logistic
regression of "reaches q" on the log odds q and the size:

.. code-block:: text

    logit FPIR(q, N) = c0 + c1 max(q, 0) + c2 min(q, 0) + h (c3 + c4 min(q, 0)),    h = log(N / (N + 25))

The terms in h vanish as N grows, as the bound wants it. (Regression on the threshold: Foresi & Peracchi, The
Conditional Distribution of Excess Returns, JASA 90, 1995.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError

__all__ = ["FalseAlarmFit", "FalseAlarms", "Strangers"]

HALF_PEOPLE = 25.0  # a gallery of so many people is half way from one person to the limit; 10 to 50 serve alike
GRID = np.arange(-4.0, 6.01, 0.5)  # log odds at which the shares are fitted


@dataclass(frozen=True)
class FalseAlarms:
    """The fitted curve: log odds of anybody of the gallery against false-positive identification rate (FPIR).

    >>> alarms = FalseAlarms((-2.2, -1.0, -0.9, 0.8, -0.1))
    >>> [round(alarms.rate(3.0, people), 4) for people in (5, 50, 500)]
    [0.0013, 0.004, 0.0053]
    >>> [round(alarms.log_odds(0.01, people), 2) for people in (5, 50, 500)]
    [0.96, 2.07, 2.36]

    Attributes:
        coefficients: c0 to c4 of the formula above.
    """

    coefficients: tuple[float, float, float, float, float]

    def __post_init__(self) -> None:
        if len(self.coefficients) != 5 or not all(map(isfinite, self.coefficients)):
            raise InputError(f"a curve of false alarms has five finite coefficients, not {self.coefficients}")
        if self.coefficients[1] >= 0 or self._slope_below(1) >= 0 or self.coefficients[2] >= 0:
            raise InputError("false alarms must become fewer as the odds rise: fit the calibration on more strangers")

    def rate(self, log_odds: float, people: int) -> float:
        """The share of strangers who reach these log odds in a gallery of so many people."""
        above, below = max(log_odds, 0.0), min(log_odds, 0.0)
        logit = self._at_zero(people) + self.coefficients[1] * above + self._slope_below(people) * below
        return 1.0 / (1.0 + exp(-max(min(logit, 500.0), -500.0)))

    def log_odds(self, fpir: float, people: int) -> float:
        """The log odds that no more than this share of strangers reaches.

        Raises:
            InputError: the share is none between 0 and 1.
        """
        if not 0.0 < fpir < 1.0:
            raise InputError(f"a false-positive identification rate lies between 0 and 1, not at {fpir}: try 0.01")
        beyond = log(fpir / (1.0 - fpir)) - self._at_zero(people)
        return beyond / (self.coefficients[1] if beyond < 0 else self._slope_below(people))

    def _at_zero(self, people: int) -> float:
        return self.coefficients[0] + _size(people) * self.coefficients[3]

    def _slope_below(self, people: int) -> float:
        return self.coefficients[2] + _size(people) * self.coefficients[4]


@dataclass(frozen=True, eq=False)
class Strangers:
    """What became of strangers in one gallery.

    Attributes:
        people: How many the gallery had.
        log_odds: (voices,) that it is anybody's of the gallery; a stranger's is as probable beforehand.
        weight: (voices,) how much each counts.
    """

    people: int
    log_odds: NDArray[np.float64]
    weight: NDArray[np.float64]


class FalseAlarmFit:
    """Fits the curve on strangers in galleries of several sizes.

    Attributes:
        false_alarms_: The curve, once fitted.
    """

    def fit(self, galleries: Sequence[Strangers]) -> Self:
        """Fit; each gallery counts alike, however many strangers it heard.

        Raises:
            InputError: there are no strangers, or the curve does not fall.
        """
        from sklearn.linear_model import LogisticRegression  # takes a second: for fitting alone

        features, weights = [], []
        for gallery in galleries:
            total = gallery.weight.sum()
            if not total:
                continue
            for log_odds in GRID:
                share = float(gallery.weight[gallery.log_odds >= log_odds].sum() / total)
                features.append(_features(float(log_odds), gallery.people))
                weights.append(share)
        if not features:
            raise InputError("there are no strangers to count false alarms on: give more people than are enrolled")
        shares = np.array(weights)
        reached = np.repeat([True, False], len(shares))
        model = LogisticRegression(C=1e3, max_iter=2000)
        model.fit(np.tile(features, (2, 1)), reached, sample_weight=np.concatenate([shares, 1 - shares]))
        c1, c2, c3, c4 = map(float, model.coef_[0])
        self.false_alarms_ = FalseAlarms((float(model.intercept_[0]), c1, c2, c3, c4))
        return self


def _size(people: int) -> float:
    return log(max(people, 1) / (max(people, 1) + HALF_PEOPLE))


def _features(log_odds: float, people: int) -> list[float]:
    size = _size(people)
    return [max(log_odds, 0.0), min(log_odds, 0.0), size, size * min(log_odds, 0.0)]
