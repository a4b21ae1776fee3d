"""What the commands share: their options, their bars, and how a batch goes on past a bad file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.errors import SpkError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.embed.weights import Progress

__all__ = [
    "AsJson",
    "Batch",
    "DeviceName",
    "Files",
    "Force",
    "GalleryName",
    "Home",
    "ModelName",
    "PrecisionName",
    "Quiet",
    "Threads",
    "bar",
    "complain",
    "print_json",
    "print_table",
    "workbench",
]

EXIT_ERROR = 2
PATIENCE = 2.0  # seconds of work before a bar is worth showing


def _models(incomplete: str) -> list[str]:
    from spk.embed import MODELS

    return [name for name in MODELS if name.startswith(incomplete)]


Home = Annotated[Path | None, typer.Option(help="The folder of the store [env: SPK_HOME].", show_default=False)]
GalleryName = Annotated[
    str | None,
    typer.Option("--gallery", help="Which set of people [env: SPK_GALLERY].", show_default="default"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors alone.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="The embedder [env: SPK_MODEL].", show_default="ecapa", autocompletion=_models),
]
PrecisionName = Annotated[
    str | None,
    typer.Option("--precision", help="full, or fast: bfloat16 where the processor has it.", show_default="full"),
]
DeviceName = Annotated[str | None, typer.Option("--device", help="cpu or cuda.", show_default="cpu")]
Threads = Annotated[int | None, typer.Option("--threads", help="How many threads may work.", show_default="one a core")]
Files = Annotated[list[Path], typer.Argument(help="Recordings.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Store also what the quality gates refuse; this is recorded.")]


@contextmanager
def workbench(*, quiet: bool = True, **options: Any) -> Iterator[Workbench]:  # noqa: ANN401 - the settings' fields
    """The parts of spk as the settings say, for one command; long work shows a bar unless ``quiet``."""
    from spk.config import Settings, Workbench

    with bar(quiet=quiet) as progress, Workbench(Settings.read(**options), progress) as bench:
        yield bench


@contextmanager
def bar(*, quiet: bool = False) -> Iterator[Progress | None]:
    """A progress bar on standard error, shown once the work takes a while; None where no terminal watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # results must not go where the bar is
        redirect_stderr=False,
    )
    shown: dict[str, TaskID] = {}

    def report(done: int, total: int, what: str) -> None:
        if what not in shown:
            shown[what] = bars.add_task(what, total=total)
        bars.update(shown[what], completed=done, total=total, visible=done < total)

    patience = Timer(PATIENCE, bars.start)
    patience.daemon = True
    patience.start()
    try:
        yield report
    finally:
        patience.cancel()
        bars.stop()


class Batch:
    """Many inputs: the good ones go on, the bad ones are named on standard error and at the end."""

    def __init__(self) -> None:
        self.done = 0
        self.failed: list[str] = []

    def each(self, inputs: Iterable[Any], work: Callable[[Any], None]) -> None:
        """Do the work for every input."""
        for item in inputs:
            try:
                work(item)
                self.done += 1
            except SpkError as error:
                self.fail(str(item), error)

    def fail(self, what: str, error: SpkError) -> None:
        """Say that one input failed."""
        complain(str(error))
        self.failed.append(what)

    def finish(self) -> None:
        """Sum up what failed, and leave with status 2 if anything did."""
        if not self.failed:
            return
        if self.done + len(self.failed) > 1:
            complain(f"{len(self.failed)} of {self.done + len(self.failed)} failed: {', '.join(self.failed)}")
        raise typer.Exit(EXIT_ERROR)


def complain(text: str) -> None:
    """One line on standard error."""
    typer.echo("spk: " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text), err=True)


def print_json(record: object) -> None:
    """One JSON object on a line of its own."""
    typer.echo(json.dumps(record, ensure_ascii=False))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Columns of text, as wide as they must be."""
    lines = [[column.upper() for column in columns], *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
