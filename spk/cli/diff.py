"""`spk diff`: what a person changed in a file of turns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import print_json, say
from spk.cli.options import AsJson, Quiet, Recording

if TYPE_CHECKING:
    from spk.comparing import Change, Changes
    from spk.evaluate.diarization import TurnErrors
    from spk.timeline import Turn

__all__ = ["diff"]

EXIT_DIFFERENT = 1
SCHEMA = "spk-diff/1"


def diff(
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE", readable=False, help="The turns as they were.", show_default=False)
    ],
    after: Annotated[
        Path, typer.Argument(metavar="AFTER", readable=False, help="The turns as they are.", show_default=False)
    ],
    *,
    recording: Recording = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="SECONDS",
            min=0,
            help="A boundary that moved by no more has not moved; 0.01.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what was changed in a file of turns.

    Leaves with status 0 for the same turns, 1 for different ones, 2 for an error.

    Example: spk diff meeting.rttm corrected.TextGrid
    """
    from spk.comparing import TOLERANCE, compare
    from spk.evaluate.diarization import turn_errors
    from spk.formats.turns import read_turns

    old, new = (read_turns(path, recording=recording) for path in (before, after))
    changes = compare(old, new, tolerance=TOLERANCE if tolerance is None else tolerance)
    if as_json:
        print_json(_record(before, after, changes, turn_errors(new, old)))
    else:
        _print(changes)
        if not quiet:
            say(_summary(changes, turn_errors(new, old)))
    raise typer.Exit(EXIT_DIFFERENT if changes.touched else 0)


def _print(changes: Changes) -> None:
    """One line a change; a label that was exchanged throughout is one."""
    from spk.comparing import Kind
    from spk.formats.lines import printable

    renamed = changes.renamed
    relabelled = Counter(change.before[0].label for change in changes.touched if change.kind is Kind.RELABELLED)
    for old, new in renamed.items():
        if relabelled[old] > 1:
            say(f"{'renamed':<11} [{printable(old)}] -> [{printable(new)}], {relabelled[old]} turns")
    for change in changes.touched:
        old = change.before[0].label if change.kind is Kind.RELABELLED else ""
        if old not in renamed or relabelled[old] == 1:
            say(_line(change))


def _line(change: Change) -> str:
    from spk.comparing import Kind

    old, new = (", ".join(map(_shown, turns)) for turns in (change.before, change.after))
    line = f"{change.kind.value:<11} {' -> '.join(filter(None, (old, new)))}"
    if change.kind in (Kind.MOVED, Kind.MOVED_AND_RELABELLED):
        (was,), (now,) = change.before, change.after
        edges = (("start", now.start - was.start), ("end", now.end - was.end))
        by = ", ".join(f"{edge} {by:+.2f} s" for edge, by in edges if abs(by) >= 0.005)
        line += f"  ({by or 'by less than 0.01 s'})"
    return line


def _shown(turn: Turn) -> str:
    from spk.formats.text import format_turns
    from spk.timeline import Timeline

    return format_turns(Timeline([turn])).rstrip("\n")


def _summary(changes: Changes, errors: TurnErrors) -> str:
    from spk.comparing import Kind

    counts = ", ".join(f"{count} {kind.value}" for kind, count in changes.counts.items() if count)
    if not changes.touched:
        return f"no difference: {changes.counts[Kind.UNCHANGED]} turns"
    return f"{counts}; DER {100 * errors.der:.1f} %, by names {100 * errors.ier:.1f} %"


def _record(before: Path, after: Path, changes: Changes, errors: TurnErrors) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "before": str(before),
        "after": str(after),
        "counts": {kind.value: count for kind, count in changes.counts.items()},
        "renamed": changes.renamed,
        "changes": [
            {
                "kind": change.kind.value,
                "before": [_turn(turn) for turn in change.before],
                "after": [_turn(turn) for turn in change.after],
            }
            for change in changes.touched
        ],
        "der": round(errors.der, 6),
        "identification_error": round(errors.ier, 6),
        "speech": errors.speech,
        "missed": errors.missed,
        "false_alarm": errors.false_alarm,
        "confusion": errors.confusion,
        "misnamed": errors.misnamed,
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {"start": round(turn.start, 3), "end": round(turn.end, 3), "label": turn.label, "id": turn.id}
