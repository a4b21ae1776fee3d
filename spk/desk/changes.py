"""What can be asked about changes, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spk.desk.outcomes import label_change
from spk.desk.paging import number, word
from spk.errors import NotFoundError
from spk.messages.base import Page
from spk.messages.changes import ChangeInfo, Undone

if TYPE_CHECKING:
    from spk.store.heard import ChangeRecord
    from spk.workbench import Workbench

__all__ = ["Changes"]


class Changes:
    """What was changed in a gallery, and can be undone.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(self, *, limit: int = 100, after: str | None = None) -> Page[ChangeInfo]:
        """Some changes, the newest first.

        Args:
            limit: How many at most.
            after: ``next`` of the page before.

        Raises:
            InputError: ``after`` is no such thing.
        """
        before = None if after is None else number(after)
        found = self.bench.store.changes(self.bench.gallery, limit, before=before)
        following = word(found[-1].number) if len(found) == limit else None
        return Page[ChangeInfo](items=[_change(one) for one in found], next=following)

    def show(self, number: int) -> ChangeInfo:
        """One change.

        Raises:
            NotFoundError: there is none of that number, or it is not kept any more.
        """
        for one in self.bench.store.changes(self.bench.gallery, 1, before=number + 1):
            if one.number == number:
                return _change(one)
        raise NotFoundError(f"no change {number} is kept of this gallery: `spk undo --list` shows those that are")

    def undo(self, numbers: Sequence[int] = (), *, last: int = 1, dry_run: bool = False) -> Undone:
        """Undo some changes, all of them or none.

        Args:
            numbers: Which; the last ones, if none is given.
            last: How many of these.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: there is no such change, or nothing to undo.
            ConflictError: one was undone already, or something that it did was changed since.
        """
        done = self.bench.corrections(dry_run=dry_run).undo(numbers, last=last)
        return Undone(undone=[_change(one) for one in done.changes], labels=[label_change(one) for one in done.labels])


def _change(one: ChangeRecord) -> ChangeInfo:
    return ChangeInfo(
        change=one.number,
        created=one.created,
        user=one.user,
        what=one.what,
        about=list(one.about),
        undone=one.undone,
    )
