"""How commands tell what a correction did, or would do."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import print_json, say

if TYPE_CHECKING:
    from spk.messages.outcomes import Called, LabelChange, Outcome
    from spk.messages.speakers import Held

__all__ = [
    "Apply",
    "DryRun",
    "LearnAnyway",
    "held_line",
    "label_lines",
    "many",
    "show_labels",
    "tell",
]

Apply = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without, only what would change is shown.")]
LearnAnyway = Annotated[
    bool, typer.Option("--force", help="Let the profile learn also from what sounds unlike the rest of it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


def tell(outcome: Outcome, said: str, *, dry_run: bool, as_json: bool, quiet: bool, preview: bool = False) -> None:
    """What a correction did, or would do, in a word and by recording.

    Args:
        outcome: What it did.
        said: In a word.
        dry_run: Whether it was only looked at.
        as_json: Whether programs read it.
        quiet: Whether only what was asked for is printed: what would change, of what was only looked at.
        preview: Whether the command only looks unless it is told to act.
    """
    if as_json:
        print_json(outcome.to_json())
    elif dry_run or not quiet:
        say(said)
        for line in outcome.held:
            say(line)
        show_labels(outcome, dry_run=dry_run, advice="add --yes to do it" if preview else "leave out --dry-run")


def show_labels(outcome: Outcome, *, dry_run: bool, advice: str = "leave out --dry-run") -> None:
    """Which labels changed, by recording, and how to undo it, or how to do it."""
    for line in label_lines(outcome.labels):
        say(line)
    if dry_run:
        say(f"nothing was changed: {advice}")
    elif outcome.change:
        say(f"change {outcome.change} (spk undo {outcome.change})")


def label_lines(labels: Iterable[LabelChange]) -> list[str]:
    """Labels that changed, by recording, for people."""
    lines = []
    for recording, changes in groupby(labels, key=lambda one: one.recording):
        lines.append(f"{recording}:")
        lines += [
            f"  {one.voice}  ({one.net_speech:.1f} s)  {_who(one.before)} -> {_who(one.after)}" for one in changes
        ]
    return lines


def held_line(held: Held) -> str:
    """A voice that a profile did not learn from, for people."""
    why = "seems to be two people's" if held.llr is None else f"is unlike the profile (LLR {held.llr:+.1f})"
    return f"{held.recording}  {held.voice}  ({held.net_speech:.1f} s) is {held.name}'s, but {why}: not learnt"


def many(count: int, what: str) -> str:
    """How many of something, as in "1 sample" or "2 samples"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _who(one: Called) -> str:
    return one.who if one.who is not None else f"? ({one.verdict})"
