"""What was measured as tables, for the terminal and the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spk.evaluate.compare import NAMES, Comparison
from spk.evaluate.diarization import COLLAR, TalkScore
from spk.evaluate.measures import DRAWS, Measures, Rate
from spk.evaluate.results import Evaluation

__all__ = ["MOST_ROWS", "SYSTEM_NAMES", "Table", "compared", "point", "rate_span", "tables"]

SYSTEM_NAMES = {"score": "score", "llr": "LLR", "claim": "LLR in the gallery"}
MEASURES = {
    "eer": "EER, %",
    "min_dcf_01": "minDCF, P .01",
    "act_dcf_01": "actDCF, P .01",
    "min_dcf_05": "minDCF, P .05",
    "act_dcf_05": "actDCF, P .05",
    "cllr": "Cllr, bits",
    "min_cllr": "minCllr, bits",
    "rank1": "rank-1, %",
    "fnir_1": "FNIR at FPIR 1 %, %",
    "fnir_5": "FNIR at FPIR 5 %, %",
}
PERCENT = {"eer", "rank1", "fnir_1", "fnir_5", "der"}
SHARES = {
    "fpir": "FPIR: strangers who get a name",
    "fnir": "FNIR: enrolled who do not get theirs",
    "tpir": "TPIR: enrolled who do",
    "wrong": "enrolled who get somebody else's",
    "unsure": "unsure, of all",
    "refused": "refused, of all",
    "fpir_all": "FPIR, counting refused as not named",
    "fnir_all": "FNIR, counting refused as missed",
    "false_same": "two people, said to be the same",
    "false_different": "one person, said to be different",
    "not_same": "one person, not said to be the same",
}
OUTCOMES = ("known", "wrong", "unsure", "unknown", "refused")
MOST_ROWS = 40


@dataclass(frozen=True)
class Table:
    """Rows of text under a title, and a sentence of what they mean."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables(evaluation: Evaluation, measures: Measures) -> list[Table]:
    """Everything that was measured, for people to read."""
    made = [_detection(evaluation, measures), _search(measures), _verdicts(evaluation, measures), _lengths(measures)]
    made += [_wrong(evaluation, measures), _alike(measures), _diarization(evaluation, measures)]
    return [table for table in made if table is not None and table.rows]


def compared(comparison: Comparison) -> Table:
    """The differences of two evaluations."""
    rows = []
    for each in comparison.differences:
        scale, digits = (100, 2) if each.name in PERCENT else (1, 4)
        one, other, low, high = (f"{scale * v:.{digits}f}" for v in (each.one, each.other, each.low, each.high))
        interval = "no interval" if np.isnan(each.low) else f"{low} to {high}"
        unit = ", %" if each.name in PERCENT else ""
        change = f"{scale * each.value:+.{digits}f}"
        rows.append((NAMES[each.name] + unit, one, other, change, interval, each.better or "the data do not say"))
    columns = ("measure", "A", "B", "B less A", "95 % interval", "better")
    return Table("Differences", columns, tuple(rows), "Intervals from drawing the same speakers for both.")


def _detection(evaluation: Evaluation, measures: Measures) -> Table | None:
    systems = measures.detection
    if not systems:
        return None
    rows = tuple(
        (label, *(_rate(systems[system].get(name), name) for system in systems))
        for name, label in MEASURES.items()
        if any(name in rates for rates in systems.values())
    )
    which = "Trials of the list" if evaluation.claims else "Every clip against everybody"
    note = (
        f"{which}, with 95 % intervals from drawing the speakers {DRAWS} times. The LLR is one person's against a "
        "stranger's; in the gallery the other people are weighed, too, as spk verify does. "
        "What actDCF costs more than minDCF, and Cllr more than minCllr, is due to calibration."
    )
    return Table("Trials", ("measure", *(SYSTEM_NAMES[system] for system in systems)), rows, note)


def _search(measures: Measures) -> Table | None:
    if not measures.search:
        return None
    columns = {"score": measures.search["score"], "claim": measures.search["claim"], "all": measures.with_refused}
    rows = tuple(
        (MEASURES[name], *(_rate(rates.get(name), name) for rates in columns.values())) for name in columns["claim"]
    )
    heads = ("measure", "score", "LLR in the gallery", "the same, refused as missed")
    note = (
        "Searches for the one person whom a clip could be of. The thresholds of these FPIRs are fitted on this very "
        "list. Where there are no errors, an interval from drawing says nothing."
    )
    return Table("Searches", heads, rows, note)


def _verdicts(evaluation: Evaluation, measures: Measures) -> Table | None:
    rows = [
        (
            label,
            f"{share.count} of {share.of}",
            f"{100 * share.value:.2f}",
            _interval(100 * share.low, 100 * share.high),
            _interval(100 * share.exact_low, 100 * share.exact_high),
        )
        for name, label in SHARES.items()
        if (share := measures.shares.get(name))
        and not (name.endswith("_all") and share == measures.shares.get(name.removesuffix("_all")))
    ]
    note = (
        f"At the operating point of this run ({point(evaluation)}), carried over and not fitted on this "
        "list. 95 %, speakers: interval from drawing the speakers again; where the count is zero it says nothing, and "
        "only the other does. 95 %, exact: Clopper and Pearson's, as if the clips were independent of each other."
    )
    return Table("Verdicts", ("share", "clips", "%", "95 %, speakers", "95 %, exact"), tuple(rows), note)


def _lengths(measures: Measures) -> Table | None:
    rows = []
    for kind, bins in measures.lengths.items():
        for name, counts in bins.items():
            rate = measures.eer_by_length.get(name) if kind == "enrolled" else None
            shown = [str(counts.get(outcome, 0)) for outcome in OUTCOMES]
            rows.append((kind, name, str(sum(counts.values())), *shown, _rate(rate, "eer")))
    note = "Clips by net speech. The EER is that of the LLR, with clips of strangers of that length."
    return Table("Net speech", ("whose", "net speech", "clips", *OUTCOMES, "EER, %"), tuple(rows), note)


def _wrong(evaluation: Evaluation, measures: Measures) -> Table | None:
    rows = []
    for probe in measures.wrong[:MOST_ROWS]:
        searches = evaluation.searches
        llr = ""
        if searches is not None and probe.name in searches.people:
            value = searches.llr[searches.probes.index(probe), searches.people.index(probe.name)]
            llr = f"{value:+.1f}"
        rows.append((probe.file, probe.speaker, probe.name or "", f"{probe.net_seconds:.1f}", llr))
    more = len(measures.wrong) - MOST_ROWS
    note = f"Everybody who got somebody else's name{f', and {more} more' if more > 0 else ''}."
    return Table("Confused", ("clip", "is", "named", "net speech, s", "LLR"), tuple(rows), note)


def _alike(measures: Measures) -> Table | None:
    rows = tuple(
        (one, other, f"{mean:+.1f}", f"{highest:+.1f}", str(n)) for one, other, mean, highest, n in measures.alike
    )
    note = "Pairs of different people whose clips and profiles are most alike, whether or not they were confused."
    return Table("Look-alikes", ("voice", "profile", "mean LLR", "highest LLR", "clips"), rows, note)


def _diarization(evaluation: Evaluation, measures: Measures) -> Table | None:
    if measures.diarization is None or measures.der is None:
        return None
    rows = [_talk(talk) for talk in evaluation.talks]
    rows.append(("all together", *_talk(measures.diarization)[1:]))
    right = sum(talk.speakers == talk.found for talk in evaluation.talks)
    note = (
        f"In % of the speech of the reference; overlap is scored, on whole files. Collar: {COLLAR:g} s in all, half on "
        f"each side of an edge. DER of all together {_rate(measures.der, 'der')} (95 % interval from drawing the "
        f"conversations again). In {right} of {len(evaluation.talks)} the number of people is right."
    )
    columns = ("file", "DER", "DER, collar", "missed", "false alarm", "confusion", "JER", "people", "found")
    return Table("Diarization", columns, tuple(rows), note)


def _talk(talk: TalkScore) -> tuple[str, ...]:
    parts = [part / talk.speech if talk.speech else 0.0 for part in (talk.missed, talk.false_alarm, talk.confusion)]
    rates = [talk.der, talk.der_collar, *parts, talk.jer]
    return (talk.file, *(f"{100 * rate:.2f}" for rate in rates), str(talk.speakers), str(talk.found))


def _rate(rate: Rate | None, name: str) -> str:
    if rate is None:
        return "-"
    scale, digits = (100, 2) if name in PERCENT else (1, 3)
    interval = _interval(scale * rate.low, scale * rate.high, digits)
    return f"{scale * rate.value:.{digits}f}" + (f" ({interval})" if interval else "")


def _interval(low: float, high: float, digits: int = 2) -> str:
    return "" if np.isnan(low) else f"{low:.{digits}f}-{high:.{digits}f}"


def rate_span(rate: Rate) -> str:
    """The interval of a rate in words, if it has one."""
    interval = _interval(100 * rate.low, 100 * rate.high, 1)
    return f"95 %: {interval} %" if interval else ""


def point(evaluation: Evaluation) -> str:
    """The operating point in words.

    >>> point(Evaluation({"operating_point": {"yes": 0.95, "no": 0.75, "fpir": 0.01, "prior_unknown": 0.5}}))
    'a name so that 1 % of strangers pass; unknown from probability 0.75; prior of a stranger 0.5'
    """
    given = evaluation.conditions.get("operating_point")
    if not isinstance(given, dict):
        return "not said"
    yes, no = ("same", "different") if evaluation.claims else ("a name", "unknown")
    fpir = given.get("fpir")
    needed = f"from probability {given.get('yes')}" if fpir is None else f"so that {100 * fpir:g} % of strangers pass"
    return f"{yes} {needed}; {no} from probability {given.get('no')}; prior of a stranger {given.get('prior_unknown')}"
