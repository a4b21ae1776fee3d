"""What can be asked about the log of changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from spk.desk.paging import number, word
from spk.errors import NotFoundError
from spk.messages.audit import AuditChecked, AuditRow
from spk.messages.base import Page

if TYPE_CHECKING:
    from spk.store.audit import AuditEntry
    from spk.workbench import Workbench

__all__ = ["Audit"]


class Audit:
    """The log of a home: what was done in all galleries.

    Args:
        bench: What to work with; its gallery is where people are looked up by name.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(
        self,
        *,
        speaker: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[AuditRow]:
        """Some rows, the newest first.

        Args:
            speaker: About one person: a name or label of the gallery, or the id also of somebody who was erased.
            action: Of one kind.
            since: Not older than this, with its zone.
            limit: How many at most.
            after: ``next`` of the page before.

        Raises:
            NotFoundError: there is nobody of that name.
            InputError: ``after`` is no such thing.
            StoreError: a row cannot be read.
        """
        before = None if after is None else number(after)
        about = None if speaker is None else self._id(speaker)
        log = self.bench.store.audit_log(about=about, action=action, since=since, limit=limit, before=before)
        rows = [_row(entry) for entry in log][::-1]
        return Page[AuditRow](items=rows, next=word(rows[-1].sequence) if len(rows) == limit else None)

    def everything(
        self,
        *,
        speaker: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditRow]:
        """All such rows, or the last ``limit`` of them, the newest last; read as they are needed."""
        about = None if speaker is None else self._id(speaker)
        yield from map(_row, self.bench.store.audit_log(about=about, action=action, since=since, limit=limit))

    def verify(self, head: str | None = None) -> AuditChecked:
        """See that no row was changed, removed or put in between.

        Args:
            head: The head of an earlier check, which must be in the log still: so a cut end is noticed.

        Raises:
            StoreError: one was; names the first.
        """
        check = self.bench.store.verify_audit(head)
        return AuditChecked(entries=check.entries, head=check.head)

    def _id(self, who: str) -> UUID:
        """The id of somebody who is there, or of somebody who was."""
        try:
            return self.bench.store.speaker(self.bench.gallery, who).id
        except NotFoundError:
            try:
                return UUID(who)
            except ValueError:
                pass
            raise


def _row(entry: AuditEntry) -> AuditRow:
    return AuditRow(
        sequence=entry.sequence,
        at=entry.at,
        user=entry.user,
        action=entry.action,
        detail=dict(entry.detail),
        hash=entry.hash,
    )
