"""Two people who were made one, made two again, whatever was changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, and_, select

from spk.store import changes, tables
from spk.store.changes import Edit, Journal

__all__ = ["Merger", "last_merger", "take_back"]

_C, _P = tables.changes.c, tables.speakers.c
MERGERS = ("merge", "name an unknown")
"""What changes are called in which somebody may have been made one with another."""


@dataclass(frozen=True, slots=True)
class Merger:
    """That somebody was made one with another.

    Attributes:
        number: The change in which it was done.
        source: Who is gone since.
        edits: What was done for it, without what followed from it.
    """

    number: int
    source: UUID
    edits: tuple[Edit, ...]


def last_merger(tx: Connection, gallery: UUID, into: UUID) -> Merger | None:
    """The last one into somebody, if whoever was made one with them is still gone."""
    query = select(_C.number).where(_C.gallery == gallery, _C.undone.is_(None), _C.what.in_(MERGERS))
    for number in tx.scalars(query.order_by(_C.number.desc())).all():
        merger = _merger(number, changes.edits_of(tx, number), into)
        if merger is not None and tx.scalar(select(_P.id).where(_P.id == merger.source)) is None:
            return merger
    return None


def _merger(number: int, edits: Sequence[Edit], into: UUID) -> Merger | None:
    """That of a change, where the first thing that it does to a speaker is to remove one, who was ``into`` by then."""
    place = next((place for place, edit in enumerate(edits) if edit.table == tables.speakers.name), None)
    if place is None or edits[place].after is not None:
        return None
    source = edits[place].key["id"]
    given = any(
        (edit.before or {}).get("speaker") == source and (edit.after or {}).get("speaker") == into
        for edit in edits[:place]
    )
    return Merger(number, source, tuple(edits[: place + 1])) if given else None


def take_back(journal: Journal, merger: Merger) -> None:
    """Make whoever is gone again, with the samples and voices that they had and that were not given away since.

    Raises:
        ConflictError: somebody else has got the name.
    """
    another: set[tuple[str, str]] = set()  # rows that were changed since
    for edit in reversed(merger.edits):
        table, which = tables.metadata.tables[edit.table], (edit.table, str(edit.key))
        if edit.after is None:
            changes.check_names(journal.tx, journal.gallery, [edit.inverse()])
            journal.insert(table, {**edit.key, **(edit.before or {})})
            continue
        this = and_(*(table.c[name] == value for name, value in edit.key.items()))
        row = journal.tx.execute(select(table).where(this)).mappings().first()
        if row is None or which in another or any(row[name] != value for name, value in edit.after.items()):
            another.add(which)
        else:
            journal.update(table, [(edit.key, edit.after, edit.before or {})])
