"""The report: one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from spk.evaluate import plots
from spk.evaluate.measures import Measures
from spk.evaluate.rates import Pooled, pooled, pooled_claims
from spk.evaluate.results import Evaluation
from spk.evaluate.tables import MOST_ROWS, Table, point, rate_span, tables

__all__ = ["page", "pictures"]

CSS = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:66rem;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
color:#20242c;background:#fff}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .4rem}h3{font-size:1rem;margin:0}
p{margin:.4rem 0;max-width:46rem}.quiet{color:#5b6270;font-size:.9rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;font-size:.92rem}dt{color:#5b6270}dd{margin:0;
overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.28rem .7rem .28rem 0;text-align:left;border-bottom:1px solid #e6e8ec;white-space:nowrap}
td:not(:first-child),th:not(:first-child){text-align:right}.text td,.text th{text-align:left!important}
th{color:#5b6270;font-weight:600}tr:last-child.total td{font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,27rem),1fr));gap:1.6rem 2rem;margin-top:1rem}
figure{margin:0}figure svg{width:100%;height:auto;display:block;margin:.3rem 0}
figcaption{font-size:.86rem;color:#5b6270}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.8rem;margin:1rem 0}
.key div{border:1px solid #e6e8ec;border-radius:.5rem;padding:.6rem .8rem}.key b{display:block;font-size:1.35rem}
.key span{display:block;color:#5b6270;font-size:.82rem}li{overflow-wrap:anywhere}
@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}
@media print{body{max-width:none}figure,table{break-inside:avoid}}
"""


def page(evaluation: Evaluation, measures: Measures) -> str:
    """The whole report as one HTML page."""
    conditions = evaluation.conditions
    title = f"spk evaluate: {conditions.get('list', '')}"
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(str(conditions.get('taken', '')))}</p>", _key(measures)]
    parts.append("<h2>What was measured</h2>" + _conditions(evaluation))
    if measures.missing:
        parts.append("<h2>What cannot be said</h2>" + _bullets(measures.missing))
    curves = list(pictures(evaluation, measures))
    made = {table.title: table for table in tables(evaluation, measures)}
    parts += [_html(made.pop(name)) for name in ("Trials", "Searches", "Verdicts") if name in made]
    if curves:
        parts.append(f'<h2>Curves</h2><div class="plots">{"".join(map(_picture, curves))}</div>')
    for table in made.values():
        parts.append(_html(table))
        if table.title == "Diarization":
            parts.append(f'<div class="plots">{_picture(plots.der_parts(evaluation.talks))}</div>')
    if evaluation.notes:
        parts.append("<h2>Left out and refused</h2>" + _bullets(evaluation.notes))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def pictures(evaluation: Evaluation, measures: Measures) -> Iterator[plots.Plot]:
    """The curves of an evaluation; of conversations there is `plots.der_parts`."""
    for trials in _trials(evaluation):
        if measures.detection:
            yield plots.det_plot(trials, measures)
            yield plots.reliability(trials)
            yield plots.histogram(trials, "llr")
            yield plots.histogram(trials, "score")
            yield plots.tippett(trials)
    if evaluation.searches is not None:
        curve = plots.identification(evaluation.searches, measures)
        if curve is not None:
            yield curve
        yield plots.outcomes(measures.lengths)


def _trials(evaluation: Evaluation) -> Iterator[Pooled]:
    if evaluation.searches is not None:
        yield pooled(evaluation.searches)
    elif evaluation.claims:
        yield pooled_claims(evaluation.claims)


def _key(measures: Measures) -> str:
    """The few numbers that a reader wants first."""
    cards = []
    if measures.detection:
        llr = measures.detection["llr"]
        cards.append(("EER of the LLR", f"{100 * llr['eer'].value:.2f} %", rate_span(llr["eer"])))
        due = llr["cllr"].value - llr["min_cllr"].value
        cards.append(("Cllr", f"{llr['cllr'].value:.3f} bits", f"of which {due:.3f} calibration"))
    for name, label in (("fpir", "strangers named (FPIR)"), ("fnir", "enrolled not named (FNIR)")):
        if share := measures.shares.get(name):
            cards.append((label, f"{100 * share.value:.1f} %", f"{share.count} of {share.of} clips"))
    if measures.search and "fnir_1" in measures.search["claim"]:
        rate = measures.search["claim"]["fnir_1"]
        cards.append(("FNIR at FPIR 1 %", f"{100 * rate.value:.1f} %", rate_span(rate)))
    if measures.der:
        cards.append(("DER", f"{100 * measures.der.value:.1f} %", rate_span(measures.der)))
    boxes = (f"<div><span>{escape(a)}</span><b>{escape(b)}</b><span>{escape(c)}</span></div>" for a, b, c in cards)
    return f'<div class="key">{"".join(boxes)}</div>'


def _conditions(evaluation: Evaluation) -> str:
    get = evaluation.conditions.get
    rows: dict[str, Any] = {}
    if get("model"):
        rows = {
            "model": f"{get('model')} ({get('precision')}), fingerprint {get('fingerprint')}",
            "recipe": get("recipe"),
            "calibration": f"{get('calibration')}; fitted on {get('calibration_data')}",
            "operating point": point(evaluation),
            "gallery": get("gallery"),
        }
    rows["spk"] = f"{get('spk')}, {get('created')}"
    if (searches := evaluation.searches) is not None:
        strangers = {probe.speaker for probe in searches.probes if not probe.enrolled}
        clips, refused = int(searches.enrolled.sum()), int((~searches.judged).sum())
        rows["people"] = f"{len(searches.people)} in the gallery"
        rows["clips"] = (
            f"{clips} of {len({p.speaker for p in searches.probes if p.enrolled})} enrolled people, "
            f"{len(searches.probes) - clips} of {len(strangers)} strangers; {refused} were refused"
        )
    if evaluation.claims:
        same = sum(claim.same for claim in evaluation.claims)
        rows["trials"] = (
            f"{same} target, {len(evaluation.claims) - same} non-target; "
            f"{sum(claim.score is None for claim in evaluation.claims)} were refused"
        )
    if evaluation.talks:
        rows["conversations"] = (
            f"{len(evaluation.talks)}, {sum(talk.duration for talk in evaluation.talks) / 60:.1f} minutes"
        )
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in rows.items() if value)
    return f"<dl>{cells}</dl>"


def _html(table: Table) -> str:
    text = ' class="text"' if table.title in ("Confused", "Look-alikes") else ""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return (
        f"<h2>{escape(table.title)}</h2>"
        f'<div class="wide" tabindex="0"><table{text}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="quiet">{escape(table.note)}</p>'
    )


def _picture(plot: plots.Plot) -> str:
    name = "".join(c if c.isalnum() else "-" for c in plot.title.lower())
    return (
        f'<figure role="group" aria-labelledby="{name}"><h3 id="{name}">{escape(plot.title)}</h3>{plot.svg}'
        f"<figcaption>{escape(plot.text)}</figcaption></figure>"
    )


def _bullets(lines: Sequence[str]) -> str:
    shown = [f"<li>{escape(line)}</li>" for line in lines[:MOST_ROWS]]
    if len(lines) > MOST_ROWS:
        shown.append(f"<li>and {len(lines) - MOST_ROWS} more, in the JSON file</li>")
    return f"<ul>{''.join(shown)}</ul>"
