"""`spk apply`: corrected turns come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import EXIT_ERROR, complain, desk, print_json, say
from spk.cli.options import (
    AsJson,
    DeviceName,
    Force,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Server,
    Threads,
)
from spk.cli.outcomes import many, show_labels

if TYPE_CHECKING:
    from collections.abc import Collection

    from spk.messages.recordings import Applied

__all__ = ["apply"]

ALIKE = 0.75  # how much a new name has to be spelt like one that is known to be taken for a slip


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
    server: Server = None,
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
    from spk.formats.turns import read_recordings, recording_name

    named = {recording_name(name) for name in (recording.name, recording.stem, turns.stem)} | {recording.stem}
    if (found := read_recordings(turns)) and len(found) == 1 and named.isdisjoint(found):
        complain(f"{turns}: says that it is about {min(found)}; it is taken for {recording.name}")
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with desk(**options, server=server, threads=threads, quiet=quiet) as ask:
        done = ask.recordings.apply(turns, recording, everything=everything, force=force, dry_run=dry_run)
        known = {one.name for one in ask.speakers.everybody(state="enrolled")} if done.new else set()
    if as_json:
        print_json(done.to_json())
    elif not quiet:
        _show(done, recording, known, dry_run=dry_run)
    for problem in (*done.refused, *done.held):
        complain(problem)
    if done.refused:
        stored = "nothing was changed" if dry_run else "the corrected turns are stored"
        complain(f"{recording}: {stored}; nobody's profile learns from what is named above")
        raise typer.Exit(EXIT_ERROR)


def _show(done: Applied, recording: Path, known: Collection[str], *, dry_run: bool) -> None:
    from spk.store.names import hint

    counts = [f"{count} {kind}" for kind, count in done.turns.items() if count]
    say(f"{recording}: turns: {', '.join(counts)}")
    for name in done.new:
        say(f"{name} is new{hint(name, {*known, *done.gone} - {name}, ALIKE)}")
    for one in done.taught:
        say(f"{one.name}: {one.net_speech:.1f} s learnt, in {many(one.samples, 'sample')}")
    if done.withdrawn:
        say(f"{many(done.withdrawn, 'sample')} withdrawn: not the speaker's by these turns")
    for name in done.gone:
        say(f"{name} is gone: nothing is left by which to know that voice")
    show_labels(done, dry_run=dry_run)
    if not dry_run and not done.change:
        say("nothing new: all of it is stored already")
