"""Two evaluations of the same trials: paired differences, and whether they say which is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError
from spk.evaluate.diarization import TalkScore
from spk.evaluate.measures import DRAWS
from spk.evaluate.rates import Pooled, Rates, detection_rates, pooled, pooled_claims, search_rates
from spk.evaluate.results import SYSTEMS, Claimed, Evaluation, Searches
from spk.identify.metrics import speaker_draws

__all__ = ["Comparison", "Difference", "compare"]

DETECTION = ("eer", "min_dcf_01", "cllr")
HIGHER_IS_BETTER = ("rank1",)
NAMES = {
    "eer": "EER",
    "min_dcf_01": "minDCF (P .01)",
    "cllr": "Cllr",
    "rank1": "rank-1",
    "fnir_1": "FNIR at FPIR 1 %",
    "fnir_5": "FNIR at FPIR 5 %",
    "der": "DER",
}


@dataclass(frozen=True)
class Difference:
    """One measure of both.

    Attributes:
        name: The measure's.
        one: Its value in A.
        other: Its value in B.
        low: Of the 95 % interval of ``other`` less ``one``, from drawing the same speakers for both.
        high: The interval's other end.
    """

    name: str
    one: float
    other: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """``other`` less ``one``."""
        return self.other - self.one

    @property
    def better(self) -> str | None:
        """``A`` or ``B``; None where the interval holds zero, so that the data do not say."""
        if not (self.low > 0 or self.high < 0):
            return None
        return "B" if (self.low > 0) == (self.name in HIGHER_IS_BETTER) else "A"


@dataclass(frozen=True)
class Comparison:
    """Everything that both measured.

    Attributes:
        differences: By measure.
        common: What was compared, in words: how many trials, and how many of each file have no counterpart.
    """

    differences: tuple[Difference, ...]
    common: str

    @property
    def verdict(self) -> str:
        """Which is better, in plain words."""
        said: dict[str, list[str]] = {"A": [], "B": []}
        for difference in self.differences:
            if difference.better:
                said[difference.better].append(NAMES[difference.name])
        if not any(said.values()):
            return "The data do not say which is better: every interval holds zero."
        sentences = [f"{which} is better in {_and(names)}" for which, names in said.items() if names]
        silent = [NAMES[difference.name] for difference in self.differences if difference.better is None]
        rest = f"; of {_and(silent)} the data do not say" if silent else ""
        return f"{', but '.join(sentences)}{rest}."

    def to_json(self) -> dict[str, Any]:
        """Schema ``spk-comparison/1``: ``differences`` are B less A."""
        return {
            "schema": "spk-comparison/1",
            "common": self.common,
            "verdict": self.verdict,
            "differences": [
                {
                    "measure": each.name,
                    "a": each.one,
                    "b": each.other,
                    "difference": each.value,
                    "low": None if np.isnan(each.low) else each.low,
                    "high": None if np.isnan(each.high) else each.high,
                    "better": each.better,
                }
                for each in self.differences
            ],
        }


def compare(one: Evaluation, other: Evaluation) -> Comparison:
    """Compare what two evaluations have in common.

    Raises:
        InputError: they have no trials in common, or say different things of whose voices they are.
    """
    differences: list[Difference] = []
    common: list[str] = []
    if one.searches is not None and other.searches is not None:
        both = _common_searches(one.searches, other.searches)
        if both is not None:
            differences += _of_searches(*both)
            sizes = [int(some.judged.sum()) for some in (one.searches, other.searches)]
            common.append(
                f"{len(both[0].probes)} clips that both judged, of {sizes[0]} of A and {sizes[1]} of B, "
                f"against {len(both[0].people)} people, of {len(one.searches.people)} and {len(other.searches.people)}"
            )
    if one.claims and other.claims:
        claims = _common_claims(one.claims, other.claims)
        if claims[0]:
            differences += _of_claims(*claims)
            common.append(
                f"{len(claims[0])} trials that both judged, of {len(one.claims)} of A, {len(other.claims)} of B"
            )
    if one.talks and other.talks:
        talks = _common_talks(one.talks, other.talks)
        if talks[0]:
            differences.append(_of_talks(*talks))
            common.append(f"{len(talks[0])} conversations, of {len(one.talks)} of A and {len(other.talks)} of B")
    if not common:
        raise InputError("the two evaluations have no trial in common: evaluate both with the same list")
    return Comparison(tuple(differences), "; ".join(common))


def _common_searches(one: Searches, other: Searches) -> tuple[Searches, Searches] | None:
    """What both judged, of people whom both enrolled, in one order."""
    rows = [_rows(some) for some in (one, other)]
    people = [name for name in one.people if name in set(other.people)]
    files = [file for file in rows[0] if file in rows[1]]
    for file in files:
        speakers = [some.probes[row[file]].speaker for some, row in zip((one, other), rows, strict=True)]
        if speakers[0] != speakers[1]:
            raise InputError(f"{file} is {speakers[0]}'s in A and {speakers[1]}'s in B: correct a list, evaluate again")
    # Who is enrolled in one and not in the other would be a stranger there.
    dropped = set(one.people) ^ set(other.people)
    files = [file for file in files if one.probes[rows[0][file]].speaker not in dropped]
    if not people or not files:
        return None
    return _part(one, [rows[0][file] for file in files], people), _part(
        other, [rows[1][file] for file in files], people
    )


def _rows(searches: Searches) -> dict[str, int]:
    return {probe.file: row for row, probe in enumerate(searches.probes) if searches.judged[row]}


def _part(searches: Searches, rows: list[int], people: list[str]) -> Searches:
    chosen = np.ix_(rows, [searches.people.index(name) for name in people])
    matrices = [getattr(searches, name)[chosen] for name in SYSTEMS]
    return Searches(tuple(people), tuple(searches.probes[row] for row in rows), *matrices)


def _of_searches(one: Searches, other: Searches) -> list[Difference]:
    trials = [pooled(some) for some in (one, other)]
    draws = [None, *speaker_draws(trials[0].groups, DRAWS)]

    def rates(number: int) -> Callable[[NDArray[np.int64] | None], dict[str, float]]:
        def of(draw: NDArray[np.int64] | None) -> dict[str, float]:
            searched = search_rates((one, other)[number], draw).get("claim", {})
            return {**_llr(trials[number], draw), **searched}

        return of

    return _differences(rates(0), rates(1), draws)


def _common_claims(one: Sequence[Claimed], other: Sequence[Claimed]) -> tuple[list[Claimed], list[Claimed]]:
    judged = [{(c.enroll, c.test): c for c in some if c.score is not None} for some in (one, other)]
    keys = [key for key in judged[0] if key in judged[1]]
    for key in keys:
        if judged[0][key].same != judged[1][key].same:
            raise InputError(f"{' '.join(key)} is target in one list and nontarget in the other: correct it")
    return [judged[0][key] for key in keys], [judged[1][key] for key in keys]


def _of_claims(one: Sequence[Claimed], other: Sequence[Claimed]) -> list[Difference]:
    trials = [pooled_claims(some) for some in (one, other)]
    draws = [None, *speaker_draws(trials[0].groups, DRAWS)]
    return _differences(lambda draw: _llr(trials[0], draw), lambda draw: _llr(trials[1], draw), draws)


def _llr(trials: Pooled, draw: NDArray[np.int64] | None) -> dict[str, float]:
    rates: Rates = detection_rates(trials, draw, DETECTION, ["llr"])
    return rates.get("llr", {})


def _differences(
    one: Callable[[NDArray[np.int64] | None], dict[str, float]],
    other: Callable[[NDArray[np.int64] | None], dict[str, float]],
    draws: Sequence[NDArray[np.int64] | None],
) -> list[Difference]:
    pairs = [(one(draw), other(draw)) for draw in draws]
    found = []
    for name in pairs[0][0]:
        drawn = [after[name] - before[name] for before, after in pairs[1:] if name in before and name in after]
        low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (np.nan, np.nan)
        found.append(Difference(name, pairs[0][0][name], pairs[0][1][name], float(low), float(high)))
    return found


def _common_talks(one: Sequence[TalkScore], other: Sequence[TalkScore]) -> tuple[list[TalkScore], list[TalkScore]]:
    by_file = [{talk.file: talk for talk in some} for some in (one, other)]
    files = [file for file in by_file[0] if file in by_file[1]]
    return [by_file[0][file] for file in files], [by_file[1][file] for file in files]


def _of_talks(one: Sequence[TalkScore], other: Sequence[TalkScore]) -> Difference:
    draws = speaker_draws(np.zeros(len(one), np.int64), DRAWS) if len(one) > 1 else []

    def der(some: Sequence[TalkScore], draw: NDArray[np.int64] | None) -> dict[str, float]:
        often = np.ones(len(some), np.int64) if draw is None else draw
        drawn = [talk for talk, times in zip(some, often, strict=True) for _ in range(times)]
        return {"der": TalkScore.pooled(drawn).der}

    return _differences(lambda draw: der(one, draw), lambda draw: der(other, draw), [None, *draws])[0]


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
