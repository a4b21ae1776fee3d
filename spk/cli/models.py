"""`spk models`: which weights there are, which are here, and fetching them ahead."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import size
from spk.cli.options import PLAIN, AsJson, Quiet

if TYPE_CHECKING:
    from spk.embed.weights import Artefact, Manifest, Progress

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
def list_models(*, as_json: AsJson = False, quiet: Quiet = False, verify: Verify = False) -> None:  # noqa: ARG001
    """Every model, and whether it is here.

    Also what it is for, its size and its licence.

    Example: spk models list --verify
    """
    from spk.embed.weights import MANIFESTS

    rows = [_summary(entry, verify=verify) for entry in MANIFESTS.values()]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    columns = ("name", "size", "licence", "state", "purpose")
    rows = [row | {"size": size(row["bytes"])} for row in rows]
    lines = [[column.upper() for column in columns], *([row[column] for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Which one.", show_default=False, autocompletion=_names)],
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
    verify: Verify = False,
) -> None:
    """One model's files.

    Hashes, licence, provenance, sources, and where they lie.

    Example: spk models show ecapa
    """
    from spk.embed.weights import manifest

    entry = manifest(name)
    files = [_details(artefact, verify=verify) for artefact in entry.artefacts]
    if as_json:
        typer.echo(json.dumps({**_summary(entry, verify=verify), "files": files}))
        return
    typer.echo(f"{entry.name}: {entry.purpose}")
    for details in files:
        typer.echo(f"\n{details['file']}, {size(details['bytes'])}")
        for label in ("sha256", "licence", "provenance"):
            typer.echo(f"  {label:<12}{details[label]}")
        typer.echo(f"  {'sources':<12}{', '.join(details['sources'])}")
        typer.echo(f"  {details['state']:<12}{details['path'] or ''}".rstrip())


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


def _summary(entry: Manifest, *, verify: bool) -> dict[str, Any]:
    """A model as `spk models list --json` prints it."""
    from spk.embed.weights import state

    states = {state(artefact, verify=verify) for artefact in entry.artefacts}
    return {
        "name": entry.name,
        "purpose": entry.purpose,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "default": entry.default,
        "state": next(found for found in ("damaged", "absent", "cached") if found in states),
    }


def _details(artefact: Artefact, *, verify: bool) -> dict[str, Any]:
    """A file as `spk models show --json` prints it."""
    from spk.embed.weights import cached, state

    path = cached(artefact, verify=verify)
    return {
        "file": artefact.file,
        "bytes": artefact.bytes,
        "sha256": artefact.sha256,
        "licence": artefact.licence,
        "provenance": artefact.provenance,
        "sources": [str(source) for source in artefact.sources],
        "state": state(artefact, verify=verify),
        "path": str(path) if path else None,
    }
