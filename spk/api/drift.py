"""Whether what was calibrated still holds for what is heard: two figures that need no labels, or few.

A calibration says how often a stranger looks at least this much like somebody of the gallery. Of strangers, that
number is therefore spread evenly between 0 and 1, while people who are enrolled crowd next to 0. So what lies above
`STRANGERS_FROM` are strangers, nearly all, and they should lie evenly there. (The same is done with p-values, to find
out how many hypotheses are true: Storey, A Direct Approach to False Discovery Rates, JRSS B 64, 2002.)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log

__all__ = ["STRANGERS_FROM", "drift", "is_too_many", "strangers"]

STRANGERS_FROM = 0.2
ALARM = 0.01  # how rarely chance alone makes as many wrong names


def strangers(false_alarms: Sequence[float]) -> list[float]:
    """Those of some voices that are strangers', going by `Match.false_alarm`."""
    return [one for one in false_alarms if one > STRANGERS_FROM]


def drift(false_alarms: Sequence[float]) -> float:
    """How far strangers have moved towards the people of the gallery, from -1 to 1; 0 is as calibrated.

    Above 0 they look more like somebody than they should: names are given to strangers more often than was asked for.
    Below 0 they look less like anybody, and names might be given more freely.

    >>> drift([0.3, 0.5, 0.7, 0.9]), round(drift([0.001, 0.25, 0.3, 0.35]), 2), drift([])
    (0.0, 0.75, 0.0)
    """
    found = strangers(false_alarms)
    middle, most = (1 + STRANGERS_FROM) / 2, (1 - STRANGERS_FROM) / 2
    return round((middle - sum(found) / len(found)) / most, 9) if found else 0.0


def is_too_many(wrong: int, expected: float) -> bool:
    """Whether so many wrong names are more than chance explains where so many are expected (Poisson).

    >>> [is_too_many(wrong, expected=1.0) for wrong in (0, 4, 5, 9)]
    [False, False, True, True]
    """
    expected = max(expected, 1e-9)
    fewer = sum(exp(count * log(expected) - expected - lgamma(count + 1)) for count in range(wrong))
    return wrong > 0 and 1 - fewer < ALARM
