"""`spk apply`: corrected turns come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import EXIT_ERROR, complain, print_json, say, workbench
from spk.cli.options import AsJson, DeviceName, Force, GalleryName, Home, ModelName, PrecisionName, Quiet, Threads
from spk.cli.outcomes import many, outcome_json, show_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spk.review.applying import Applied

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
    from spk.formats.turns import read_recordings, read_turns, recording_name

    corrected = read_turns(turns, recording=recording.stem)
    named = {recording_name(name) for name in (recording.name, recording.stem, turns.stem)} | {recording.stem}
    if (found := read_recordings(turns)) and named.isdisjoint(found):
        complain(f"{turns}: says that it is about {min(found)}; it is taken for {recording.name}")
    audio = load(recording)
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        done = bench.applier(dry_run=dry_run)(audio, corrected, everything=everything, force=force)
        known = [person.name for person in bench.store.speakers(bench.gallery) if person.name is not None]
    if as_json:
        print_json(_record(done))
    elif not quiet:
        _show(done, recording, known, dry_run=dry_run)
    for problem in (*done.refused, *done.outcome.held):
        complain(str(problem))
    if done.refused:
        stored = "nothing was changed" if dry_run else "the corrected turns are stored"
        complain(f"{recording}: {stored}; nobody's profile learns from what is named above")
        raise typer.Exit(EXIT_ERROR)


def _show(done: Applied, recording: Path, known: Sequence[str], *, dry_run: bool) -> None:
    from spk.store.names import hint

    counts = [f"{count} {kind.value}" for kind, count in done.changes.counts.items() if count]
    say(f"{recording}: turns: {', '.join(counts)}")
    for name in done.new:
        say(f"{name} is new{hint(name, {*known, *done.gone} - {name}, ALIKE)}")
    for one in done.taught:
        say(f"{one.name}: {one.net_seconds:.1f} s learnt, in {many(one.samples, 'sample')}")
    if done.withdrawn:
        say(f"{many(done.withdrawn, 'sample')} withdrawn: not the speaker's by these turns")
    for name in done.gone:
        say(f"{name} is gone: nothing is left by which to know that voice")
    show_labels(done.outcome, dry_run=dry_run)
    if not dry_run and not done.outcome.change:
        say("nothing new: all of it is stored already")


def _record(done: Applied) -> dict[str, object]:
    return {
        "turns": {kind.value: count for kind, count in done.changes.counts.items()},
        "new": list(done.new),
        "gone": list(done.gone),
        "taught": [
            {"name": one.name, "samples": one.samples, "net_speech": round(one.net_seconds, 3)} for one in done.taught
        ],
        "withdrawn": done.withdrawn,
        "refused": [str(error) for error in done.refused],
        **outcome_json(done.outcome),
    }
