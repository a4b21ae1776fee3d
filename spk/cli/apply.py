"""`spk apply`: corrected turns come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import EXIT_ERROR, complain, print_json, say, workbench
from spk.cli.options import AsJson, DeviceName, Force, GalleryName, Home, ModelName, PrecisionName, Quiet, Threads
from spk.cli.outcomes import outcome_json, show_labels

if TYPE_CHECKING:
    from spk.review.applying import Applied

__all__ = ["apply"]


def apply(
    turns: Annotated[
        Path, typer.Argument(metavar="TURNS", readable=False, help="The corrected turns.", show_default=False)
    ],
    *,
    recording: Annotated[
        Path,
        typer.Option("--recording", metavar="FILE", readable=False, help="The recording.", show_default=False),
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Every turn is right: learn from all, not only from those touched.")
    ] = False,
    force: Force = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Store corrected turns, and learn from them.

    People are enrolled from the turns that somebody touched; samples that are not theirs by the corrected turns are
    withdrawn, and what was said of other recordings follows. Where every turn of a stranger got one name, the stranger
    has that name everywhere.

    Example: spk apply corrected.TextGrid --recording meeting.wav
    """
    from spk.audio import load
    from spk.formats.turns import read_turns

    corrected = read_turns(turns, recording=recording.stem)
    audio = load(recording)
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        done = bench.applier(dry_run=dry_run)(audio, corrected, everything=everything, force=force)
    if as_json:
        print_json(_record(done))
    elif not quiet:
        _show(done, recording, dry_run=dry_run)
    for problem in (*done.refused, *done.outcome.held):
        complain(str(problem))
    if done.refused:
        raise typer.Exit(EXIT_ERROR)


def _show(done: Applied, recording: Path, *, dry_run: bool) -> None:
    counts = ", ".join(f"{count} {kind.value}" for kind, count in done.changes.counts.items() if count)
    say(f"{recording}: {counts} turns")
    for one in done.taught:
        say(f"{one.name}: {one.samples} samples added, {one.net_seconds:.1f} s")
    if done.withdrawn:
        say(f"{done.withdrawn} samples withdrawn: they are not their speakers' by these turns")
    show_labels(done.outcome, dry_run=dry_run)


def _record(done: Applied) -> dict[str, object]:
    return {
        "turns": {kind.value: count for kind, count in done.changes.counts.items()},
        "taught": [
            {"name": one.name, "samples": one.samples, "net_speech": round(one.net_seconds, 3)} for one in done.taught
        ],
        "withdrawn": done.withdrawn,
        "refused": [str(error) for error in done.refused],
        **outcome_json(done.outcome),
    }
