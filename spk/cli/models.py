"""`spk models`: which weights there are, which are here, and fetching them ahead."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, print_json, print_table, say, size
from spk.cli.options import PLAIN, AsJson, Quiet, Server

if TYPE_CHECKING:
    from spk.embed.weights import Progress

app = typer.Typer(**PLAIN, help="Weights of the models.")

Verify = Annotated[bool, typer.Option("--verify", help="Hash the files instead of trusting their size.")]


def _names(incomplete: str) -> list[str]:
    """The models that shell completion offers."""
    from spk.embed.manifests import MANIFESTS

    return [name for name in MANIFESTS if name.startswith(incomplete)]


@contextmanager
def download_bar(*, quiet: bool = False) -> Iterator[Progress | None]:
    """A progress bar for downloads on standard error; None where no terminal watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        shown: dict[str, TaskID] = {}

        def report(done: int, total: int, what: str) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=total)
            bars.update(shown[what], completed=done)

        yield report


@app.command("list")
def list_models(
    *,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
    verify: Verify = False,
) -> None:
    """Every model, and whether it is here.

    Also what it is for, its size and its licence.

    Example: spk models list --verify
    """
    with desk(server=server) as ask:
        found = ask.models.list(verify=verify)
    if as_json:
        for one in found:
            print_json(one.to_json())
        return
    columns = ("name", "size", "licence", "state", "purpose")
    print_table(columns, ((one.name, size(one.bytes), one.licence, one.state, one.purpose) for one in found))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Which one.", show_default=False, autocompletion=_names)],
    *,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
    verify: Verify = False,
) -> None:
    """One model's files.

    Hashes, licence, provenance, sources, and where they lie.

    Example: spk models show ecapa
    """
    with desk(server=server) as ask:
        found = ask.models.show(name, verify=verify)
    if as_json:
        print_json(found.to_json())
        return
    say(f"{found.name}: {found.purpose}")
    for file in found.files:
        say(f"\n{file.file}, {size(file.bytes)}")
        for label, text in (("sha256", file.sha256), ("licence", file.licence), ("provenance", file.provenance)):
            say(f"  {label:<12}{text}")
        say(f"  {'sources':<12}{', '.join(file.sources)}")
        say(f"  {file.state:<12}{file.path or ''}".rstrip())


@app.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Which ones; without any, all that the commands need.",
            show_default=False,
            autocompletion=_names,
        ),
    ] = None,
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fetch weights ahead of their first use.

    What is here already is checked by its hash.

    Example: spk models pull ecapa resnet34
    """
    from spk.embed import weights

    with download_bar(quiet=quiet) as progress:
        paths = weights.pull(*names or (), progress=progress, verify=True)
    if quiet:
        return
    for file, path in paths.items():
        typer.echo(json.dumps({"file": file, "path": str(path)}) if as_json else str(path))
