"""From trials to measures, each with the interval that the speakers leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spk.evaluate.diarization import TalkScore
from spk.evaluate.rates import (
    Draw,
    Pooled,
    Rates,
    detection_rates,
    pooled,
    pooled_claims,
    search_rates,
    speakers,
)
from spk.evaluate.results import Claimed, Evaluation, Probe, Searches
from spk.identify.metrics import clopper_pearson, speaker_draws

if TYPE_CHECKING:
    from spk.embed.weights import Progress

__all__ = ["DRAWS", "Measures", "Rate", "Share", "length", "measure"]

DRAWS = 200
LENGTHS = (1.0, 2.0, 5.0)  # seconds of net speech

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """A measure, and its 95 % interval from drawing the speakers again; the interval is NaN where no draw had it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """So many of so many, with two 95 % intervals.

    Attributes:
        count: How many.
        of: Of how many.
        low: From drawing the speakers again. For a count of zero this says nothing.
        high: The same interval's other end.
        exact_low: Clopper and Pearson's, as if the clips were independent of each other.
        exact_high: The same interval's other end.
    """

    count: int
    of: int
    low: float
    high: float
    exact_low: float
    exact_high: float

    @property
    def value(self) -> float:
        """The share."""
        return self.count / self.of


@dataclass(frozen=True, eq=False)
class Measures:
    """What follows from an evaluation.

    Attributes:
        detection: Trials one by one: by system and name, see `SYSTEMS` and `DETECTION`.
        search: Searches of the gallery: by system (score, claim) and name, see `SEARCH`.
        with_refused: The same two in one, by name, where every refused clip counts as a miss.
        shares: What the verdicts were worth: fpir, fnir, tpir, wrong, unsure, refused; or false_same, ... of claims.
        lengths: Outcomes by net speech: ``enrolled`` and ``strangers``, by bin, by outcome.
        eer_by_length: EER of the LLR by bin.
        wrong: Every clip that got somebody else's name.
        alike: Pairs of people with the highest mean LLR: whose voice, whose profile, mean, highest, clips.
        diarization: Of all conversations together.
        der: With its interval from drawing the conversations again.
        missing: Why measures that one would look for are not there.
    """

    detection: dict[str, dict[str, Rate]] = field(default_factory=dict)
    search: dict[str, dict[str, Rate]] = field(default_factory=dict)
    with_refused: dict[str, Rate] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    lengths: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    eer_by_length: dict[str, Rate] = field(default_factory=dict)
    wrong: tuple[Probe, ...] = ()
    alike: tuple[tuple[str, str, float, float, int], ...] = ()
    diarization: TalkScore | None = None
    der: Rate | None = None
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything as plain numbers; NaN as null."""

        def rates(some: dict[str, Rate]) -> dict[str, Any]:
            return {name: _numbers(rate) for name, rate in some.items()}

        return {
            "detection": {system: rates(some) for system, some in self.detection.items()},
            "search": {system: rates(some) for system, some in self.search.items()},
            "counting_refused_as_missed": rates(self.with_refused),
            "shares": {name: _numbers(share) | {"value": share.value} for name, share in self.shares.items()},
            "by_net_speech": self.lengths,
            "eer_by_net_speech": rates(self.eer_by_length),
            "wrong": [{"file": p.file, "speaker": p.speaker, "named": p.name} for p in self.wrong],
            "diarization": self.diarization.to_json() if self.diarization else None,
            "der": _numbers(self.der) if self.der else None,
            "missing": list(self.missing),
        }


def measure(evaluation: Evaluation, progress: Progress | None = None) -> Measures:
    """Every measure that the evaluation allows."""
    found: dict[str, Any] = {}
    missing: list[str] = []
    if evaluation.searches is not None:
        found |= _of_searches(evaluation.searches, missing, progress)
    if evaluation.claims:
        found |= _of_claims(evaluation.claims, missing, progress)
    if evaluation.talks:
        found["diarization"] = TalkScore.pooled(evaluation.talks)
        found["der"] = _der(evaluation.talks)
    return Measures(**found, missing=tuple(missing))


def length(net_seconds: float) -> str:
    """The bin of some net speech.

    >>> length(0.4), length(3.0), length(60.0)
    ('under 1 s', '2 to 5 s', '5 s and more')
    """
    place = int(np.searchsorted(LENGTHS, net_seconds, side="right"))
    if not place:
        return f"under {LENGTHS[0]:g} s"
    if place == len(LENGTHS):
        return f"{LENGTHS[-1]:g} s and more"
    return f"{LENGTHS[place - 1]:g} to {LENGTHS[place]:g} s"


def lengths() -> list[str]:
    """All bins, shortest first."""
    return [length(edge) for edge in (0.0, *LENGTHS)]


def _of_searches(searches: Searches, missing: list[str], progress: Progress | None) -> dict[str, Any]:
    trials = pooled(searches)
    draws = speaker_draws(trials.groups, DRAWS)
    if not searches.enrolled.any():
        missing.append(
            "EER, minDCF, Cllr, rank-1 and FNIR: no clip is of anybody enrolled, so there are no target trials"
        )
    elif trials.same.all():
        missing.append("EER, minDCF and Cllr: there are no trials of two people; enroll more of them")
    if searches.enrolled.all():
        missing.append("FPIR, and FNIR at an FPIR: no clip is of a stranger; list some of people who are not enrolled")
    bins = np.repeat([length(probe.net_seconds) for probe in searches.probes], len(searches.people))
    bins = bins[np.repeat(searches.judged, len(searches.people))]
    by_length = {name: trials.take(bins == name) for name in lengths()}
    report = progress or (lambda *_: None)
    several: dict[str, list[Rates]] = {"detection": [], "search": [], "refused": [], **{name: [] for name in by_length}}
    for number, draw in enumerate([None, *draws]):
        several["detection"].append(detection_rates(trials, draw))
        several["search"].append(search_rates(searches, draw))
        several["refused"].append(search_rates(searches, draw, refused=True))
        for name, some in by_length.items():
            several[name].append(detection_rates(some, draw, ["eer"], ["llr"]))
        report(number, DRAWS, "drawing speakers")
    summed = {name: _summed(rates) for name, rates in several.items()}
    return {
        "detection": summed["detection"],
        "search": summed["search"],
        "with_refused": summed["refused"].get("claim", {}),
        "eer_by_length": {name: summed[name]["llr"]["eer"] for name in by_length if summed[name]},
        "shares": _shares(searches, draws),
        "lengths": _lengths(searches),
        "wrong": tuple(probe for probe in searches.probes if probe.outcome == "wrong"),
        "alike": _alike(searches),
    }


def _of_claims(claims: Sequence[Claimed], missing: list[str], progress: Progress | None) -> dict[str, Any]:
    trials = pooled_claims(claims)
    if trials.same.all() or not trials.same.any():
        which = "nontarget" if trials.same.all() else "target"
        missing.append(f"EER, minDCF and Cllr: there are no {which} trials that could be judged; list some")
    missing.append("FPIR, FNIR and rank-1: trials are claims, not searches of a gallery; give a table for them")
    draws = speaker_draws(trials.groups, DRAWS)
    report = progress or (lambda *_: None)
    several = []
    for number, draw in enumerate([None, *draws]):
        several.append(detection_rates(trials, draw))
        report(number, DRAWS, "drawing speakers")
    return {"detection": _summed(several), "shares": _claim_shares(claims, trials, draws)}


def _summed(several: Sequence[Rates]) -> dict[str, dict[str, Rate]]:
    """The first of several as the values, percentiles of the others as their intervals."""
    result: dict[str, dict[str, Rate]] = {}
    for system, rates in several[0].items():
        result[system] = {}
        for name, value in rates.items():
            drawn = [each[system][name] for each in several[1:] if name in each.get(system, {})]
            low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (np.nan, np.nan)
            result[system][name] = Rate(value, float(low), float(high))
    return result


def _shares(searches: Searches, draws: Sequence[Draw]) -> dict[str, Share]:
    """What the verdicts were worth, at the operating point (ISO/IEC 19795-1).

    FPIR: strangers' clips that got a name. FNIR: clips of enrolled people that did not get theirs, TPIR those that
    did. Clips that were refused are not counted, but for those two with ``_all``, where they got no name.
    """
    number = {name: place for place, name in enumerate(speakers(searches))}
    whose = np.array([number[probe.speaker] for probe in searches.probes], np.int64)
    outcome = np.array([probe.outcome for probe in searches.probes], object)
    known, judged, enrolled = outcome == "known", searches.judged, searches.enrolled
    named = known | (outcome == "wrong")
    everybody = np.ones_like(judged)
    parts = {
        "fpir": (named, ~enrolled & judged),
        "fnir": (~known, enrolled & judged),
        "tpir": (known, enrolled & judged),
        "wrong": (outcome == "wrong", enrolled & judged),
        "unsure": (outcome == "unsure", judged),
        "refused": (~judged, everybody),
        "fpir_all": (named, ~enrolled),
        "fnir_all": (~known, enrolled),
    }
    return {name: _share(which, of, whose, draws) for name, (which, of) in parts.items() if of.any()}


def _claim_shares(claims: Sequence[Claimed], trials: Pooled, draws: Sequence[Draw]) -> dict[str, Share]:
    decision = np.array([claim.decision for claim in claims if claim.score is not None], object)
    same = trials.same
    parts = {
        "false_same": (decision == "same", ~same),
        "false_different": (decision == "different", same),
        "not_same": (decision != "same", same),
        "unsure": (decision == "unsure", np.ones_like(same)),
    }
    shares = {
        name: _share(which, of, trials.voice, draws, trials.weights) for name, (which, of) in parts.items() if of.any()
    }
    refused = np.array([claim.score is None for claim in claims], bool)
    if refused.any():
        low, high = clopper_pearson(int(refused.sum()), len(refused))
        shares["refused"] = Share(int(refused.sum()), len(refused), np.nan, np.nan, low, high)
    return shares


def _share(
    which: NDArray[np.bool_],
    of: NDArray[np.bool_],
    whose: NDArray[np.int64],
    draws: Sequence[Draw],
    weights: Callable[[Draw], Array] | None = None,
) -> Share:
    drawn = []
    for draw in draws:
        weight = weights(draw) if weights else draw[whose].astype(np.float64)
        if (total := weight[of].sum()) > 0:
            drawn.append(weight[of & which].sum() / total)
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (np.nan, np.nan)
    count, total = int((which & of).sum()), int(of.sum())
    return Share(count, total, float(low), float(high), *clopper_pearson(count, total))


def _lengths(searches: Searches) -> dict[str, dict[str, dict[str, int]]]:
    table: dict[str, dict[str, Counter[str]]] = {}
    for kind in ("enrolled", "strangers"):
        some = [probe for probe in searches.probes if probe.enrolled == (kind == "enrolled")]
        if some:
            table[kind] = {name: Counter() for name in lengths()}
            for probe in some:
                table[kind][length(probe.net_seconds)][probe.outcome] += 1
    return {kind: {name: dict(counts) for name, counts in bins.items()} for kind, bins in table.items()}


def _alike(searches: Searches, most: int = 10) -> tuple[tuple[str, str, float, float, int], ...]:
    pairs = []
    for speaker in speakers(searches):
        rows = [n for n, p in enumerate(searches.probes) if p.speaker == speaker and searches.judged[n]]
        if not rows:
            continue
        llr = searches.llr[rows]
        for column, person in enumerate(searches.people):
            if person != speaker:
                pairs.append((speaker, person, float(llr[:, column].mean()), float(llr[:, column].max()), len(rows)))
    return tuple(sorted(pairs, key=lambda pair: -pair[2])[:most])


def _der(talks: Sequence[TalkScore]) -> Rate:
    draws = speaker_draws(np.zeros(len(talks), np.int64), DRAWS)
    drawn = [
        TalkScore.pooled([talk for talk, n in zip(talks, draw, strict=True) for _ in range(n)]).der for draw in draws
    ]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(talks) > 1 else (np.nan, np.nan)
    return Rate(TalkScore.pooled(talks).der, float(low), float(high))


def _numbers(some: Rate | Share) -> dict[str, Any]:
    numbers = {name: getattr(some, name) for name in some.__dataclass_fields__}
    return {name: None if isinstance(v, float) and np.isnan(v) else v for name, v in numbers.items()}
