"""`spk undo`: the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import print_json, print_table, say, workbench
from spk.cli.options import AsJson, GalleryName, Home, Quiet
from spk.cli.outcomes import label_json, label_lines
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.store.heard import ChangeRecord

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
    gallery: GalleryName = None,
    home: Home = None,
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
    with workbench(home=home, gallery=gallery) as bench:
        if listed:
            found = bench.store.changes(bench.gallery, limit=last or 20)
            _list(found, as_json=as_json, quiet=quiet)
            return
        undone = bench.corrections().undo(numbers or (), last=last or 1)
    if as_json:
        labels = [label_json(one) for one in undone.labels]
        print_json({"undone": [_record(one) for one in undone.changes], "labels": labels})
    elif not quiet:
        for one in undone.changes:
            say(f"change {one.number} is undone: {one.what}, of {one.created.astimezone():%Y-%m-%d %H:%M}")
        for line in label_lines(undone.labels):
            say(line)


def _list(found: list[ChangeRecord], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        for one in found:
            print_json(_record(one))
    elif found:
        print_table(
            ("number", "when", "by", "what", "about", "undone"),
            (
                (
                    one.number,
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


def _record(one: ChangeRecord) -> dict[str, Any]:
    return {
        "change": one.number,
        "created": one.created.isoformat(),
        "user": one.user,
        "what": one.what,
        "about": list(one.about),
        "undone": one.undone.isoformat() if one.undone else None,
    }
