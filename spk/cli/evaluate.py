"""`spk evaluate`: how often is it right?"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import EXIT_ERROR, check_output, complain, print_table, say, workbench, write_output
from spk.cli.options import (
    CostText,
    DeviceName,
    Fpir,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
)
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.evaluate import Material
    from spk.evaluate.tables import Table
    from spk.workbench import Workbench

__all__ = ["evaluate"]


def evaluate(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="LIST",
            readable=False,
            help="A table of file,speaker[,role], trials (NAME FILE target|nontarget), or recordings with .rttm.",
            show_default=False,
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="HTML", readable=False, help="Write a page with plots.", show_default=False
        ),
    ] = None,
    as_json: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", readable=False, help="Write everything, trial by trial.", show_default=False
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="A.json B.json",
            readable=False,
            help="Which of two evaluations of one list is better.",
            show_default=False,
        ),
    ] = None,
    fpir: Fpir = None,
    cost: CostText = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Measure how often spk is right.

    Clips of a table are identified in the gallery; with a column role (enroll, test, unknown-test) in one that is
    made for it, and the store is left alone.

    Example: spk evaluate list.csv --output report.html --json result.json
    """
    if compare is not None:
        if source is not None or output is not None:
            raise InputError("--compare takes two results and prints the difference: leave out LIST and --output")
        _compare(*compare, as_json)
        return
    if source is None:
        raise InputError("name a list to evaluate, or two results to --compare")
    from spk.evaluate import read_material

    material = read_material(source)
    for file in (output, as_json):
        check_output(file, [material.source])
    if not quiet:
        say(material.describe())
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, fpir=fpir, cost=cost, threads=threads, quiet=quiet) as bench:
        failed = _run(bench, material, output, as_json, quiet=quiet)
    for error in failed:
        complain(error)
    if failed:
        complain(f"{len(failed)} recordings could not be read, and were left out")
        raise typer.Exit(EXIT_ERROR)


def _run(bench: Workbench, material: Material, output: Path | None, as_json: Path | None, *, quiet: bool) -> list[str]:
    """Hear, measure and write; gives what could not be read."""
    from spk.evaluate import Listener, check_people, measure
    from spk.evaluate.report import page
    from spk.evaluate.results import Evaluation
    from spk.evaluate.tables import tables

    with _place(bench, material) as parts:
        if material.claims:
            check_people(material, [person.label for person in parts.store.speakers(parts.gallery)])
        listener = Listener(parts)
        listener.enroll(material.enroll)
        evaluation = Evaluation(
            {},
            listener.identify(material.probes) if material.probes else None,
            listener.claims(material.claims) if material.claims else (),
            listener.diarize(material.talks),
        )
        evaluation = replace(evaluation, conditions=_conditions(parts, material), notes=tuple(listener.notes))
    measures = measure(evaluation, bench.progress)
    if as_json is not None:
        record = evaluation.to_json() | {"measures": measures.to_json()}
        write_output(as_json, json.dumps(record, ensure_ascii=False) + "\n")
    if output is not None:
        write_output(output, page(evaluation, measures))
    for table in tables(evaluation, measures):
        _show(table)
    for line in measures.missing:
        say(f"\nnot measured: {line}")
    if not quiet:
        for note in evaluation.notes:
            say(note)
    return [str(error) for error in listener.unreadable]


@contextmanager
def _place(bench: Workbench, material: Material) -> Iterator[Workbench]:
    """The gallery as it is; or, to enroll into, an empty one in a home of its own that is judged alike."""
    if not material.enroll:
        yield bench
        return
    from spk.workbench import Workbench

    settings = bench.settings
    with tempfile.TemporaryDirectory(prefix="spk-evaluate-") as folder:
        own = replace(settings, home=Path(folder) / "home", gallery="default", database=None)
        calibrated = _is_calibrated(bench)
        if calibrated:
            own = replace(own, model=bench.model_name)
        with Workbench(own, bench.progress) as other:
            if calibrated:
                other.parts.get(("embedder", bench.model_name), lambda: bench.embedder)
                other.calibration = bench.calibration
            yield other


def _is_calibrated(bench: Workbench) -> bool:
    """Whether the gallery that was named exists, and so may have a calibration of its own; asking makes nothing."""
    if bench.settings.database is None and not (bench.settings.home / "spk.db").is_file():
        return False
    names = [gallery.name for gallery in bench.store.galleries()]
    return bench.settings.gallery in names


def _conditions(parts: Workbench, material: Material) -> dict[str, Any]:
    from importlib.metadata import version

    conditions: dict[str, Any] = {
        "list": material.source.name,
        "taken": material.describe(),
        "spk": version("spk-voiceprints"),
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "precision": parts.settings.precision,
        "device": parts.settings.device,
    }
    if not material.probes and not material.claims:
        return conditions
    calibration = parts.calibration
    point = parts.verifier().point if material.claims else parts.identifier().point
    return conditions | {
        "gallery": "made for this list" if material.enroll else parts.settings.gallery,
        "model": parts.embedder.model.name,
        "fingerprint": parts.embedder.model.fingerprint,
        "recipe": calibration.recipe_name,
        "calibration": calibration.id,
        "calibration_data": calibration.data,
        "operating_point": {
            "yes": point.yes,
            "no": point.no,
            "fpir": point.fpir,
            "prior_unknown": point.prior_unknown,
        },
    }


def _compare(one: Path, other: Path, as_json: Path | None) -> None:
    from spk.evaluate import Evaluation, compare
    from spk.evaluate.tables import compared

    check_output(as_json, [one, other])
    found = compare(Evaluation.load(one), Evaluation.load(other))
    if as_json is not None:
        write_output(as_json, json.dumps(found.to_json() | {"a": str(one), "b": str(other)}, ensure_ascii=False) + "\n")
    say(f"A: {one}")
    say(f"B: {other}")
    say(f"compared: {found.common}")
    _show(compared(found))
    say(f"\n{found.verdict}")


def _show(table: Table) -> None:
    say(f"\n{table.title}")
    print_table(table.columns, table.rows)
    if table.note:
        say(table.note)
