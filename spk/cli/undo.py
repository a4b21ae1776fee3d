"""`spk undo`: the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, print_json, print_table, say
from spk.cli.options import AsJson, GalleryName, Home, Quiet, Server
from spk.cli.outcomes import DryRun, label_lines
from spk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spk.messages.changes import ChangeInfo

__all__ = ["undo"]


def undo(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="NUMBER", help="Which changes; the last one if none is given.", show_default=False),
    ] = None,
    *,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="The last N changes.", show_default=False)
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show what can be undone, and change nothing.")] = False,
    dry_run: DryRun = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Undo what was changed.

    Everything is again as it was before: people, their samples, and the labels in all recordings. What was undone can
    be done again by undoing that. What was erased, or is older than keep_undo days, does not come back.

    Example: spk undo --last 2
    """
    if numbers and last is not None:
        raise InputError("numbers and --last cannot be given together: leave one of them out")
    with desk(home=home, gallery=gallery, server=server) as ask:
        if listed:
            _list(ask.changes.list(limit=last or 20).items, as_json=as_json, quiet=quiet)
            return
        done = ask.changes.undo(numbers or (), last=last or 1, dry_run=dry_run)
    if as_json:
        print_json(done.to_json())
    elif dry_run or not quiet:
        for one in done.undone:
            state = "would be undone" if dry_run else "is undone"
            say(f"change {one.change} {state}: {one.what}, of {one.created.astimezone():%Y-%m-%d %H:%M}")
        for line in label_lines(done.labels):
            say(line)
        if dry_run:
            say("nothing was changed: leave out --dry-run")


def _list(found: Sequence[ChangeInfo], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        for one in found:
            print_json(one.to_json())
    elif found:
        print_table(
            ("number", "when", "by", "what", "about", "undone"),
            (
                (
                    one.change,
                    f"{one.created.astimezone():%Y-%m-%d %H:%M}",
                    one.user,
                    one.what,
                    ", ".join(one.about),
                    f"{one.undone.astimezone():%Y-%m-%d %H:%M}" if one.undone else "",
                )
                for one in found
            ),
        )
    elif not quiet:
        say("nothing is kept that could be undone")
