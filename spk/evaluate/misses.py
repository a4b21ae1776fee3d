"""How often an enrolled person will probably not be named: the predicted false-negative identification rate (FNIR).

A calibration gives ``llr = sqrt(r) (slope * score - offset * r - constant)``, r being the clarity of both sides. Its
strangers score around ``constant / slope``, however long they speak, so their LLR is around ``-offset * r^1.5``. LLRs
that are calibrated and normal have one free parameter: those of strangers are ``N(-v/2, v)`` and those of the person
``N(+v/2, v)`` (van Leeuwen & Bruemmer, The distribution of calibrated likelihood-ratios in speaker recognition,
Interspeech 2013). Hence, for anybody, a probe's LLR is

.. code-block:: text

    llr ~ N(m, 2 m),    m = offset * r^1.5

People differ. In units of that spread, ``z = (llr - m) / sqrt(2 m)``, a share `PERSON_SHARE` of the variance is the
person's own, for all of their probes, and the rest changes from one recording to the next:

.. code-block:: text

    z = d + e,    d ~ N(0, share),    e ~ N(0, 1 - share)

The person's own samples, each against the speech of their other recordings, are such z. By n independent ones with
mean z the posterior of d is normal, with mean ``w z`` and variance ``(1 - w) share``, ``w = n share / (n share + 1 -
share)`` (the shrinkage of Efron & Morris, Stein's Estimation Rule and Its Competitors, JASA 68, 1973). Recordings
that hear one another are not independent: of k recordings, n = k - 1, so that one says nothing.

A probe is missed where its LLR stays below what is needed. Somebody who sounds alike takes a part of the evidence:
their LLR on this person's probes, that of the two profiles scaled by ``r^1.5``, raises what is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, log1p, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.identify.calibration import Calibration

__all__ = ["PERSON_SHARE", "Rival", "Standing", "deviations", "expected_llr", "predicted_fnir"]

PERSON_SHARE = 0.4
"""Share of the variance of a person's LLRs that is the person's own: 0.37 to 0.43 on the probes of 41 people."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much easier or harder than anybody a person is to recognise, in standard deviations of a probe's LLR.

    Attributes:
        mean: Expected deviation of a probe; above 0 for those who are recognised more easily.
        deviation: How far a single probe lies from it.
        recordings: How many recordings say so; with fewer than two, nothing is known of the person.

    >>> Standing.of([])
    Standing(mean=0.0, deviation=1.0, recordings=0)
    >>> harder = Standing.of([[-1.5, -0.5], [-1.0], [-1.0]])
    >>> round(harder.mean, 2), round(harder.deviation, 2)
    (-0.57, 0.88)
    """

    mean: float
    deviation: float
    recordings: int

    @classmethod
    def of(cls, recordings: Sequence[Sequence[float]]) -> Standing:
        """From the deviations z of samples, grouped by recording."""
        independent = max(len(recordings) - 1, 0)
        weight = independent * PERSON_SHARE / (independent * PERSON_SHARE + 1.0 - PERSON_SHARE)
        mean = sum(sum(some) / len(some) for some in recordings) / max(len(recordings), 1)
        return cls(weight * mean, sqrt(1.0 - weight * PERSON_SHARE), len(recordings))


@dataclass(frozen=True, slots=True)
class Rival:
    """Who sounds most like a person.

    Attributes:
        llr: That what the two are known by is one person's.
        stranger_odds: How much more probable a stranger is beforehand than this one person.
    """

    llr: float
    stranger_odds: float


def expected_llr(calibration: Calibration, test_seconds: ArrayLike, profile_seconds: ArrayLike) -> NDArray[np.float64]:
    """The LLR that anybody's speech reaches against their own profile on average: ``offset * r^1.5``."""
    strangers = calibration.llr(calibration.constant / calibration.slope, test_seconds, profile_seconds)
    return -strangers


def deviations(
    calibration: Calibration, llr: ArrayLike, test_seconds: ArrayLike, profile_seconds: ArrayLike
) -> NDArray[np.float64]:
    """How far (n,) LLRs of a person's own speech lie from what is expected; NaN where nothing is expected."""
    expected = expected_llr(calibration, test_seconds, profile_seconds)
    known = expected > 0
    scale = np.sqrt(2.0 * np.where(known, expected, 1.0))
    return np.where(known, (np.asarray(llr, dtype=np.float64) - expected) / scale, np.nan)


def predicted_fnir(
    calibration: Calibration,
    standing: Standing,
    needed_llr: float,
    *,
    seconds: float,
    profile_seconds: float,
    rival: Rival | None = None,
) -> float | None:
    """The share of a person's probes of so much net speech that will not bear the name.

    Args:
        calibration: Which the LLRs are of.
        standing: What is known of the person.
        needed_llr: LLR that makes a name where nobody else comes near; see `OperatingPoint.needed_llr`.
        seconds: Net speech of a probe.
        profile_seconds: Net speech of the person's profile.
        rival: Who sounds most alike.

    Returns:
        None where the calibration expects no evidence, whatever the speech.
    """
    expected = float(expected_llr(calibration, seconds, profile_seconds))
    if not expected > 0:
        return None
    if rival is not None:
        # A probe is less clear than the profile: the rival's speech cancels out.
        taken = rival.llr * expected / float(expected_llr(calibration, profile_seconds, profile_seconds))
        needed_llr += log1p(exp(min(taken, 500.0)) / rival.stranger_odds)
    scale = sqrt(2.0 * expected)
    z = (needed_llr - expected - scale * standing.mean) / (scale * standing.deviation)
    return 0.5 * erfc(-z / sqrt(2.0))
