"""`spk store`: galleries as files, and what is kept for long enough."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spk.cli.common import check_output, exists, print_json, say, size, workbench
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, ModelName, Quiet
from spk.cli.outcomes import many
from spk.errors import InputError

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="The store: its galleries as files, what it keeps, its vector engine.")


@app.command("export")
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="The bundle to write.", show_default=False)
    ],
    *,
    gallery: GalleryName = None,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a gallery to one file.

    People, samples, voiceprints, calibrations and kept audio, each with its checksum: a backup, or to move.

    Example: spk store export team.spk --gallery team
    """
    from spk.store.bundles import Bundle

    check_output(file)
    if exists(file) and not (file.is_file() and Bundle.looks_like_one(file)):
        raise InputError(f"{file}: is there already and no bundle: choose another name")
    with workbench(home=home, gallery=gallery, quiet=quiet) as bench:
        exported = bench.store.export_bundle(bench.gallery, file, bench.progress)
        name = bench.gallery.name
    record = {"gallery": name, "output": str(file), "sha256": exported.sha256, **exported.bundle.counts()}
    if as_json:
        print_json(record)
    elif not quiet:
        say(f"{name}: {_held(record)} written to {file}; voiceprints are biometric data, keep them safe")


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="A bundle of `spk store export`.", show_default=False)
    ],
    *,
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery", metavar="NAME", help="Into which gallery, if not the one of its name.", show_default=False
        ),
    ] = None,
    home: Home = None,
    model: ModelName = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Store a gallery out of a file, as it was.

    All of it or nothing: a bundle that is damaged, of another model, or of people who are here already is refused.

    Example: spk store import team.spk
    """
    with workbench(home=home, model=model, quiet=quiet) as bench:
        imported = bench.import_bundle(file, gallery)
    record = {
        "gallery": imported.gallery.name,
        **imported.bundle.counts(),
        "clips": imported.clips,
        "left_out": imported.left_out,
    }
    if as_json:
        print_json(record)
    elif not quiet:
        left_out = f"; {imported.left_out} who had been erased here left out" if imported.left_out else ""
        say(f"{imported.gallery.name}: {_held(record)} imported{left_out}")


@app.command()
def prune(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Remove what was kept for long enough.

    Audio of samples older than keep_audio_days (they stay known), decisions older than keep_decisions, what was heard
    in recordings longer ago than keep_recordings, and changes older than keep_undo: they cannot be undone any more.

    Example: spk store prune --dry-run
    """
    from spk.config import Settings

    settings = Settings.read(home=home)
    with settings.open_store() as store:
        pruned = store.prune(
            audio_days=settings.keep_audio_days,
            decision_days=settings.keep_decisions,
            recording_days=settings.keep_recordings,
            undo_days=settings.keep_undo,
            dry_run=dry_run,
        )
    record = {**asdict(pruned), "dry_run": dry_run}
    if as_json:
        print_json(record)
    elif not quiet:
        would = "would be removed" if dry_run else "removed"
        freed = f"{many(pruned.files, 'file')} of {size(pruned.bytes)}"
        gone = {"decision": pruned.decisions, "recording": pruned.hearings, "change": pruned.changes}
        more = ", ".join(many(count, what) for what, count in gone.items())
        say(f"{would}: the audio of {many(pruned.clips, 'sample')} ({freed}), {more}")


def _held(record: dict[str, Any]) -> str:
    people = "1 person" if record["speakers"] == 1 else f"{record['speakers']} people"
    return f"{people}, {many(record['voiceprints'], 'voiceprint')}, {many(record['clips'], 'clip')}"
