"""The plots of a report, as SVG to stand in a page: text stays text, and nothing is fetched."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spk.evaluate.diarization import TalkScore
from spk.evaluate.measures import Measures
from spk.evaluate.rates import Pooled
from spk.evaluate.results import Searches
from spk.evaluate.tables import SYSTEM_NAMES
from spk.identify.metrics import det, fnir_curve, posterior_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Plot", "der_parts", "det_plot", "histogram", "identification", "outcomes", "reliability", "tippett"]

BLUE, RED, GREEN, GREY, AMBER = "#1f6fb2", "#c23b22", "#2a8c55", "#8a8f98", "#e0a030"
COLOURS = {"score": GREY, "llr": BLUE, "claim": GREEN}
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98)
OUTCOMES = {"known": GREEN, "unsure": AMBER, "unknown": GREY, "wrong": RED, "refused": "#d5d8dc"}
STYLE: Any = {  # of matplotlib
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5b6270",
    "axes.labelcolor": "#20242c",
    "xtick.color": "#5b6270",
    "ytick.color": "#5b6270",
    "axes.grid": True,
    "grid.color": "#e6e8ec",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
}

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Plot:
    """One picture.

    Attributes:
        title: What it shows.
        svg: The picture, an ``<svg>`` element.
        text: The same in words, for who does not see it and below it.
    """

    title: str
    svg: str
    text: str


@contextmanager
def _figure(salt: str, width: float = 4.7, height: float = 3.6) -> Iterator[tuple[Any, Axes, list[str]]]:
    """A figure to draw on, without any display; the list gets its SVG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    made: list[str] = []
    with mpl.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure, figure.add_subplot(), made
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace("'DejaVu Sans', ", "")
    # Several pictures share one page, and ids must not: each gets its own.
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{salt}-", svg)
    svg = re.sub(
        r'<svg[^>]*?viewBox="([^"]+)"[^>]*>',
        r'<svg viewBox="\1" xmlns="http://www.w3.org/2000/svg" '
        r'xmlns:xlink="http://www.w3.org/1999/xlink" role="img" aria-hidden="true">',
        svg,
        count=1,
    )
    made.append(re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL))


def det_plot(trials: Pooled, measures: Measures) -> Plot:
    """Miss against false-alarm rate on normal-deviate axes (Martin et al., Eurospeech 1997)."""
    from scipy.stats import norm

    ones = np.ones(len(trials.same))
    counts = (int((~trials.same).sum()), int(trials.same.sum()))
    with _figure("det", 4.7, 4.4) as (_, axes, made):
        lowest = min(0.5 / max(counts), 0.01)
        for system, values in trials.values.items():
            curve = det(values, trials.same, ones)
            alarms, missed = (np.clip(rate, lowest / 4, 1 - 1e-6) for rate in (curve.alarms, curve.missed))
            rate = measures.detection[system]["eer"].value
            label = f"{SYSTEM_NAMES[system]}, EER {100 * rate:.2f} %"
            axes.plot(norm.ppf(alarms), norm.ppf(missed), color=COLOURS[system], label=label, drawstyle="steps-post")
        limits = (max(lowest, 2e-4), 0.6)
        axes.plot(*[norm.ppf(np.array(limits))] * 2, color="#c9ccd2", linewidth=0.8, linestyle=":")
        _probit(axes, limits)
        axes.set_xlabel("false alarms, %")
        axes.set_ylabel("missed, %")
        axes.set_aspect("equal")
        axes.legend(loc="upper right")
    rates = ", ".join(f"{SYSTEM_NAMES[name]} {100 * m['eer'].value:.2f} %" for name, m in measures.detection.items())
    text = f"Of {counts[1]} target and {counts[0]} non-target trials. Nearer the lower left is better. EER: {rates}."
    return Plot("DET curve", made[0], text)


def _probit(axes: Axes, limits: tuple[float, float]) -> None:
    from scipy.stats import norm

    ticks = [rate for rate in RATES if limits[0] <= rate <= limits[1]]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(norm.ppf(ticks), [f"{100 * rate:g}" for rate in ticks])
    axes.set_xlim(norm.ppf(limits[0]), norm.ppf(limits[1]))
    axes.set_ylim(norm.ppf(limits[0]), norm.ppf(limits[1]))


def histogram(trials: Pooled, system: str) -> Plot:
    """How the numbers of both kinds of trials lie."""
    values, same = trials.values[system], trials.same
    low, high = np.percentile(values, [0.05, 99.95]) if len(values) > 1 else (values[0] - 1, values[0] + 1)
    low, high = min(low, values[same].min(initial=low)), max(high, values[same].max(initial=high))
    edges = np.linspace(low, max(high, low + 1e-6), 61)
    with _figure(f"histogram-{system}") as (_, axes, made):
        for which, colour, name in ((~same, RED, "two people"), (same, BLUE, "one person")):
            if which.any():
                label = f"{name} ({which.sum():,})"
                weights = np.full(int(which.sum()), 100 / which.sum())
                clipped = np.clip(values[which], low, high)
                axes.hist(clipped, edges.tolist(), weights=weights, color=colour, alpha=0.55, label=label)
        axes.set_xlabel("score of the recipe" if system == "score" else "LLR, natural logarithm")
        axes.set_ylabel("share of the trials of that kind, %")
        axes.legend(loc="best")
        if system != "score":
            axes.axvline(0, color="#5b6270", linewidth=0.8, linestyle=":")
    what = "Scores" if system == "score" else "LLRs"
    middles = [f"{name}: median {np.median(values[which]):.2f}" for which, name in _kinds(same) if which.any()]
    return Plot(f"{what} by class", made[0], f"{'; '.join(middles)}. The less they overlap, the better.")


def _kinds(same: NDArray[np.bool_]) -> tuple[tuple[NDArray[np.bool_], str], ...]:
    return (same, "one person"), (~same, "two people")


def reliability(trials: Pooled, prior: float = 0.5, bins: int = 10) -> Plot:
    """What the posterior foretells, and what came."""
    found = posterior_bins(trials.values["llr"], trials.same, prior, np.linspace(0, 1, bins + 1))
    with _figure("reliability", 4.7, 4.4) as (_, axes, made):
        axes.plot([0, 1], [0, 1], color="#9aa0a8", linewidth=1, linestyle="--", label="as foretold")
        x, y = [b.foretold for b in found], [b.observed for b in found]
        ends = [[b.observed - b.low for b in found], [b.high - b.observed for b in found]]
        axes.errorbar(x, y, yerr=ends, fmt="o", color=BLUE, ecolor="#a9c8e4", markersize=4.5, label="observed, 95 %")
        for each in found:
            axes.annotate(
                f"{each.count:,}",
                (each.foretold, 1.045),
                ha="center",
                va="bottom",
                fontsize=7,
                color="#5b6270",
                rotation=45,
            )
        axes.set_xlim(-0.05, 1.07)
        axes.set_ylim(-0.04, 1.2)
        ticks = np.linspace(0, 1, 6)
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
        axes.set_xlabel(f"posterior probability of one person, prior {prior:g}")
        axes.set_ylabel("share that was one person")
        axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
    text = (
        f"Trials in bins of their posterior, weighed as if {100 * prior:g} % of all were of one person; above each bin "
        "stands how many it has. On the line the LLRs keep their word; below it they speak too much for one person, "
        "above it too little."
    )
    return Plot("Calibration", made[0], text)


def tippett(trials: Pooled) -> Plot:
    """Which share of trials of each kind reaches an LLR (Evett & Buckleton, 1996)."""
    llr, same = trials.values["llr"], trials.same
    low, high = np.percentile(llr, [0.5, 99.9])
    low, high = max(low, -25.0), min(max(high, 10.0), 40.0)
    misled = []
    with _figure("tippett") as (_, axes, made):
        for which, colour, name in ((same, BLUE, "one person"), (~same, RED, "two people")):
            if which.any():
                values = np.sort(llr[which])
                share = 100 * (1 - np.arange(len(values)) / len(values))
                ends = np.concatenate([[low - 1], values, [values[-1], high + 1]])
                axes.step(ends, np.concatenate([[100], share, [0, 0]]), color=colour, label=name, where="pre")
                wrong = float(np.mean(values < 0 if name == "one person" else values > 0))
                misled.append(f"{100 * wrong:.2f} % of the trials of {name} have an LLR on the wrong side of 0")
        axes.axvline(0, color="#5b6270", linewidth=0.8, linestyle=":")
        axes.set_xlim(low, high)
        axes.set_ylim(-2, 102)
        axes.set_xlabel("LLR, natural logarithm")
        axes.set_ylabel("trials with at least that LLR, %")
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.04))
    return Plot("Tippett plot", made[0], f"{'; '.join(misled)}.")


def identification(searches: Searches, measures: Measures) -> Plot | None:
    """FNIR against FPIR (ISO/IEC 19795-1), and where the verdicts lie; None without strangers or enrolled people."""
    rows = searches.judged
    enrolled = searches.enrolled[rows]
    if enrolled.all() or not enrolled.any():
        return None
    same, ones = searches.same[rows], np.ones(int(rows.sum()))
    strangers = int((~enrolled).sum())
    floor = 0.5 / strangers  # a logarithmic axis has no zero
    with _figure("identification") as (_, axes, made):
        for system in ("score", "claim"):
            values = getattr(searches, system)[rows]
            right = same[np.arange(len(same)), values.argmax(axis=1)]
            curve = fnir_curve(values.max(axis=1), right, enrolled, ones)
            alarms = np.maximum(curve.alarms, floor)
            axes.plot(
                alarms, 100 * curve.missed, color=COLOURS[system], label=SYSTEM_NAMES[system], drawstyle="steps-post"
            )
        point = measures.shares
        axes.plot(
            [max(point["fpir"].value, floor)],
            [100 * point["fnir"].value],
            "D",
            color=RED,
            label="verdicts",
            markersize=6,
        )
        axes.set_xscale("log")
        ticks = [rate for rate in (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0) if rate > 1.2 * floor]
        axes.set_xticks([floor, *ticks], ["0", *(f"{100 * rate:g}" for rate in ticks)])
        axes.minorticks_off()
        axes.set_xlim(floor * 0.9, 1.05)
        top = axes.get_ylim()[1]
        axes.set_ylim(-0.02 * top, top)
        axes.set_xlabel("FPIR: strangers who get a name, %")
        axes.set_ylabel("FNIR: enrolled who do not get theirs, %")
        axes.legend(loc="upper right")
    text = (
        f"{strangers} clips of strangers, {int(enrolled.sum())} of enrolled people, rank 1. The diamond is what the "
        f"verdicts did: FPIR {100 * point['fpir'].value:.1f} %, FNIR {100 * point['fnir'].value:.1f} %, where unsure "
        "is not named."
    )
    return Plot("FNIR against FPIR", made[0], text)


def outcomes(table: dict[str, dict[str, dict[str, int]]]) -> Plot:
    """What became of clips, by net speech."""
    rows = [(kind, name, counts) for kind, bins in table.items() for name, counts in bins.items()]
    with _figure("outcomes", 4.7, 0.9 + 0.32 * len(rows)) as (_, axes, made):
        places = [number + (0.6 if kind != rows[0][0] else 0.0) for number, (kind, _, _) in enumerate(rows)]
        left = np.zeros(len(rows))
        for outcome, colour in OUTCOMES.items():
            width = np.array([100 * counts.get(outcome, 0) / max(sum(counts.values()), 1) for _, _, counts in rows])
            if width.any():
                axes.barh(places, width, left=left, color=colour, label=outcome, height=0.72)
                left += width
        names = [f"{kind}, {name} ({sum(counts.values())})" for kind, name, counts in rows]
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the clips, %")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=5, handlelength=1, columnspacing=1)
    text = "known: the right name; wrong: somebody else's. In brackets how many clips there are."
    return Plot("Verdicts by net speech", made[0], text)


def der_parts(talks: Sequence[TalkScore]) -> Plot:
    """The three parts of the DER by file."""
    parts = {"missed": AMBER, "false_alarm": GREY, "confusion": RED}
    with _figure("der", 4.7, 1.0 + 0.26 * len(talks)) as (_, axes, made):
        left = np.zeros(len(talks))
        for part, colour in parts.items():
            width = np.array([100 * getattr(talk, part) / talk.speech if talk.speech else 0.0 for talk in talks])
            axes.barh(range(len(talks)), width, left=left, color=colour, label=part.replace("_", " "), height=0.72)
            left += width
        short = [PurePath(talk.file).name for talk in talks]
        names = short if len(set(short)) == len(short) else [talk.file for talk in talks]
        names = [name if len(name) <= 30 else f"…{name[-29:]}" for name in names]
        axes.set_yticks(range(len(talks)), names)
        axes.set_ylim(-0.6, len(talks) - 0.4)
        axes.invert_yaxis()
        axes.set_xlabel("DER, %")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, handlelength=1)
    return Plot("DER by file", made[0], "Share of the speech of the reference, without a collar, overlap scored.")
