"""What the commands share: bars, output, and how a batch goes on past a bad file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

import typer

from spk.errors import AccessError, InputError, ModelError, ServiceError, SpkError, StoreError

if TYPE_CHECKING:
    from spk.client import Client
    from spk.desk import Desk
    from spk.embed.weights import Progress
    from spk.workbench import Workbench

__all__ = [
    "Batch",
    "bar",
    "check_output",
    "complain",
    "counter",
    "desk",
    "either",
    "exists",
    "json_line",
    "print_json",
    "print_table",
    "say",
    "size",
    "workbench",
    "write_output",
]

EXIT_ERROR = 2
PATIENCE = 2.0  # seconds of work before a bar is worth showing
_bars: list[Any] = []  # what `bar` may be showing


@contextmanager
def workbench(*, quiet: bool = True, **options: Any) -> Iterator[Workbench]:  # noqa: ANN401 - the settings' fields
    """The parts of spk as the settings say, for one command; long work shows a bar unless ``quiet``."""
    from spk.config import Settings
    from spk.workbench import Workbench

    with bar(quiet=quiet) as progress, Workbench(Settings.read(**options), progress) as bench:
        yield bench


@contextmanager
def desk(*, quiet: bool = True, **options: Any) -> Iterator[Desk | Client]:  # noqa: ANN401 - the settings' fields
    """Whom to ask: the home's own desk, or a server (``--server``, ``SPK_SERVER``).

    Raises:
        InputError: an option is for the server to decide.
    """
    from spk.config import Settings

    settings = Settings.read(**options)
    if settings.server is None:
        from spk.desk import Desk

        with workbench(quiet=quiet, **options) as bench:
            yield Desk(bench)
        return
    from spk.client import Client

    for name in ("home", "model", "precision", "device", "threads"):
        if options.get(name) is not None:
            raise InputError(
                f"--{name} is for a server itself to say: leave it out, or leave out --server and SPK_SERVER"
            )
    asking = Client(
        settings.server,
        settings.key,
        gallery=settings.gallery,
        fpir=settings.fpir,
        cost=settings.cost,
        prior_unknown=settings.prior_unknown,
    )
    with bar(quiet=quiet) as progress, asking as client:
        client.progress = progress
        yield client


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
        redirect_stdout=False,  # see `say`
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
    _bars.append(bars)
    try:
        yield report
    finally:
        _bars.remove(bars)
        patience.cancel()
        patience.join()
        bars.stop()


def say(text: str = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a result, or on standard error, with no bar in its way."""
    live = [bars for bars in _bars if bars.live.is_started]
    for bars in live:
        bars.stop()
    typer.echo(text, nl=nl, err=err)
    for bars in live:
        bars.start()


class Batch:
    """Many inputs: the good ones go on, the bad ones are named on standard error and at the end."""

    def __init__(self) -> None:
        self.done = 0
        self.failed: list[str] = []

    def each(self, files: Sequence[Path], work: Callable[[Path], None], progress: Progress | None) -> None:
        """Do the work for every file."""
        another = counter(progress, len(files), "files")
        for file in files:
            try:
                work(file)
                self.done += 1
            except (AccessError, ModelError, ServiceError, StoreError):  # the next file would meet it again
                raise
            except SpkError as error:
                self.fail(str(file), error)
            another()

    def fail(self, what: str, error: SpkError) -> None:
        """Say that one input failed."""
        complain(str(error))
        self.failed.append(what)

    def finish(self) -> None:
        """Sum up what failed, and leave with status 2 if anything did."""
        if not self.failed:
            return
        if self.done + len(self.failed) > 1:
            named = ", ".join(dict.fromkeys(self.failed))
            complain(f"{len(self.failed)} of {self.done + len(self.failed)} failed: {named}")
        raise typer.Exit(EXIT_ERROR)


def counter(progress: Progress | None, total: int, what: str) -> Callable[[], None]:
    """What reports one more of ``total`` done whenever it is called; a single one is not worth counting."""
    numbers = count(1)

    def another() -> None:
        if progress is not None and total > 1:
            progress(next(numbers), total, what)

    return another


def complain(text: str) -> None:
    """One line on standard error."""
    say("spk: " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text), err=True)


def print_json(record: object) -> None:
    """One JSON object on a line of its own."""
    say(json_line(record))


def json_line(record: object) -> str:
    """One JSON object, with only as many escapes as standard output needs."""
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return json.dumps(record)
    return text


def check_output(output: Path | None, inputs: Sequence[Path] = ()) -> None:
    """Find out before hours of work whether the result can be written.

    Raises:
        InputError: it cannot be, or would replace what it is made from.
    """
    if output is None:
        return
    if not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}: make it, or choose another place")
    if output.is_dir() or not os.access(output if exists(output) else output.parent, os.W_OK):
        raise InputError(f"{output}: cannot be written: choose another place")
    if exists(output) and any(exists(file) and output.samefile(file) for file in inputs):
        raise InputError(f"{output}: is the input itself: choose another name for the result")


def write_output(output: Path, text: str) -> None:
    """Write a result to its file.

    Raises:
        InputError: that fails.
    """
    try:
        output.write_bytes(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise InputError(f"{output}: cannot hold half a letter, as a name here has: correct the name") from None
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}): choose another place") from error


def either(path: Path, other: Path) -> Path:
    """``other`` where only that exists: names in a list may count from the list's folder, or from here."""
    return other if not exists(path) and exists(other) else path


def exists(path: Path) -> bool:
    """Whether there is such a file; none has a name that is impossible."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Columns of text, as wide as they must be."""
    lines = [[column.upper() for column in columns], *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def size(count: int) -> str:
    """Bytes for people.

    >>> size(83_316_686), size(1_919), size(596)
    ('83.3 MB', '1.9 kB', '596 B')
    """
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e3:.1f} kB" if count >= 1_000 else f"{count} B"
