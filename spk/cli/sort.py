"""`spk sort`: a folder of clips, sorted by speaker."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import EXIT_ERROR, complain, print_json, print_table, say, workbench
from spk.cli.options import (
    AsJson,
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
from spk.cli.outcomes import many

if TYPE_CHECKING:
    from spk.sorting import Folder, Sorted

__all__ = ["sort"]

SCHEMA = "spk-sorted/1"
SHOWN = 20  # folders, and files of one kind


class LinkMode(StrEnum):
    """How files get to their place."""

    COPY = "copy"
    HARD = "hard"
    SYMLINK = "symlink"


def sort(
    source: Annotated[
        Path,
        typer.Argument(metavar="INDIR", readable=False, help="The folder that holds the clips.", show_default=False),
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUTDIR", readable=False, help="A new folder to sort them into.", show_default=False),
    ],
    *,
    link: Annotated[
        LinkMode,
        typer.Option("--link", metavar="copy|hard|symlink", help="How files get there; copy.", show_default=False),
    ] = LinkMode.COPY,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with OUTDIR: after a stopped run, or with new clips in INDIR.")
    ] = False,
    fpir: Fpir = None,
    cost: CostText = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sort a folder of clips by speaker.

    Each clip is one person's. Files of the same name beside it go along. INDIR stays as it is, and nothing in OUTDIR
    is ever replaced or removed.

    Example: spk sort clips sorted
    """
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, fpir=fpir, cost=cost, threads=threads, quiet=quiet) as bench:
        from spk.sorting import Link, OwnFolder, Sorter, read_folder

        _ = bench.gallery  # a misspelt one is said once, before any work
        folder, into = read_folder(source), OwnFolder(target)
        with into.taken(source, resume=resume):
            sorter = Sorter(bench.scorer(), bench.embedder, bench.vad, bench.point)
            found = sorter(folder, into, Link(link.value), bench.progress)
    if as_json:
        print_json(_record(folder, target, found))
    else:
        _print(folder, found, quiet=quiet)
    for reason in found.failed.values():
        complain(reason)
    if found.failed:
        complain(f"{len(found.failed)} of {len(folder.clips)} clips failed: see to it, then add --resume")
        raise typer.Exit(EXIT_ERROR)


def _folders(found: Sorted) -> list[dict[str, Any]]:
    """What is said of each folder, the one with most speech first."""
    folders: dict[str, dict[str, Any]] = {}
    for label in found.labels:
        about = {"speaker": label.speaker, "name": label.name or None, "verdict": label.verdict or None, "clips": 0}
        folder = folders.setdefault(label.speaker, {**about, "net_speech": 0.0})
        folder["clips"] += 1
        folder["net_speech"] = round(folder["net_speech"] + label.net_seconds, 3)
    return sorted(folders.values(), key=lambda folder: (-folder["net_speech"], folder["speaker"]))


def _record(folder: Folder, target: Path, found: Sorted) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "folder": str(target),
        "clips": len(folder.clips),
        "files_placed": found.new,
        "speakers": _folders(found),
        "clips_without_sidecar": list(map(str, folder.unpaired)),
        "sidecars_without_clip": list(map(str, folder.strays)),
        "same_audio": [list(files) for files in found.doubled],
        "failed": dict(found.failed),
    }


def _print(folder: Folder, found: Sorted, *, quiet: bool) -> None:
    from spk.formats.lines import printable

    folders = _folders(found)
    print_table(
        ("folder", "verdict", "clips", "speech"),
        [
            (printable(one["speaker"]), one["verdict"] or "-", one["clips"], f"{one['net_speech']:.1f} s")
            for one in folders[:SHOWN]
        ],
    )
    if len(folders) > SHOWN:
        say(f"... and {len(folders) - SHOWN} more: see labels.csv")
    if quiet:
        return
    say()
    say(f"{many(len(folder.clips), 'clip')}, {many(found.new, 'file')} placed; labels.csv says where and why")
    _mention(("clip has", "clips have"), "no side-car", folder.unpaired)
    _mention(("file lies", "files lie"), "beside no clip", folder.strays)
    _mention(("time", "times"), "the same audio", [" = ".join(files) for files in found.doubled])


def _mention(which: tuple[str, str], what: str, files: Sequence[object]) -> None:
    from spk.formats.lines import printable

    if files:
        more = f", and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        named = ", ".join(map(printable, files[:SHOWN]))
        say(f"{len(files)} {which[len(files) > 1]} {what}: {named}{more}")
