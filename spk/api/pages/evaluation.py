"""The page about how well people are told apart: the calibration's figures, and the evaluations that are kept.

An evaluation is kept by writing its results into the folder ``reports`` of the home (``spk evaluate LIST --json``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.pages.shell import PageRoute, show
from spk.errors import FormatError, NotFoundError

if TYPE_CHECKING:
    from spk.evaluate.plots import Plot
    from spk.evaluate.tables import Table

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}/evaluation", route_class=PageRoute)

Reviewer = Annotated[Here, at(Scope.REVIEW)]
FOLDER = "reports"
MOST_BYTES = 200_000_000
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'"  # a picture styles itself, and can do nothing else
_drawing = Lock()  # matplotlib's settings are the whole process's


@dataclass(frozen=True)
class _Report:
    """An evaluation, ready to be shown.

    Attributes:
        conditions: Under what it was measured.
        tables: What was measured.
        plots: The same, drawn.
        missing: What cannot be said, and why.
    """

    conditions: dict[str, Any]
    tables: Sequence[Table]
    plots: Sequence[Plot]
    missing: Sequence[str]


@router.get("")
def evaluations(request: Request, here: Reviewer) -> Response:
    """The calibration in use, and which evaluations there are."""
    found, damaged = [], []
    for path in _paths(here):
        try:
            found.append((path.stem, _conditions(here, path)))
        except FormatError as error:
            damaged.append(str(error))
    return show(
        request,
        "evaluation.html",
        here,
        calibration=here.desk().calibrations.show(),
        reports=[(name, conditions) for name, conditions in found if _is_shown(here, conditions)],
        damaged=damaged if here.principal.galleries is None else [],
    )


@router.get("/{report}")
def evaluation(request: Request, here: Reviewer, report: str) -> Response:
    """One evaluation."""
    return show(request, "report.html", here, name=report, report=_report(here, report))


@router.get("/{report}/plots/{number}.svg")
def plot(here: Reviewer, report: str, number: int) -> Response:
    """One picture of it."""
    plots = _report(here, report).plots
    if not 0 <= number < len(plots):
        raise NotFoundError(f"{report} has no picture {number}")
    svg = plots[number].svg
    if "xmlns=" not in svg[:200]:
        svg = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return Response(svg, media_type="image/svg+xml", headers={"Content-Security-Policy": _PICTURE})


def _paths(here: Here) -> list[Path]:
    """The files that may be evaluations, the newest first."""
    files = (here.service.settings.home / FOLDER).glob("*.json")
    dated = [(file.stat().st_mtime, file) for file in files if file.is_file() and file.stat().st_size <= MOST_BYTES]
    return [file for _, file in sorted(dated, reverse=True)]


def _report(here: Here, name: str) -> _Report:
    """An evaluation by its name.

    Raises:
        NotFoundError: there is none, or it is about a gallery that the key is not for.
    """
    for path in _paths(here):
        if path.stem == name:
            found: _Report = here.service.parts.fresh(("report", path), _state(path), partial(_read, path))
            if _is_shown(here, found.conditions):
                return found
    raise NotFoundError(f"no evaluation {name} of this gallery is kept")


def _conditions(here: Here, path: Path) -> dict[str, Any]:
    from spk.evaluate.results import Evaluation

    def read() -> dict[str, Any]:
        return dict(Evaluation.load(path).conditions)

    return here.service.parts.fresh(("conditions", path), _state(path), read)


def _state(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_size


def _is_shown(here: Here, conditions: dict[str, Any]) -> bool:
    """Whether it is about this gallery; about none that is kept, for whoever may see all."""
    about = conditions.get("gallery")
    return about == here.gallery or (here.principal.galleries is None and about in {None, "made for this list"})


def _read(path: Path) -> _Report:
    from spk.evaluate import measure, plots
    from spk.evaluate.report import pictures
    from spk.evaluate.results import Evaluation
    from spk.evaluate.tables import point, tables

    found = Evaluation.load(path)
    measures = measure(found)
    with _drawing:
        drawn = list(pictures(found, measures))
        drawn += [plots.der_parts(found.talks)] if found.talks else []
    conditions = dict(found.conditions)
    if "operating_point" in conditions:
        conditions["operating_point"] = point(found)
    return _Report(conditions, tables(found, measures), drawn, measures.missing)
