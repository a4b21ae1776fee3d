"""What other people's rows say of somebody who is erased: names of recordings, ids in the evidence of decisions, and
who consented for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection, Text, cast, select, update

from spk.store import tables
from spk.store.names import mentions
from spk.store.records import Speaker

__all__ = ["ID", "Called", "forget_ids", "relabel"]

ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
"""An id in a text."""
_P = tables.speakers.c


@dataclass(frozen=True, slots=True)
class Called:
    """Tells whether a text holds the name of somebody who is erased.

    Attributes:
        gallery: Whose people they are.
        names: What they are called.
        others: What other people and galleries are called.
        shared: Whether somebody of another gallery has one of the names.
    """

    gallery: UUID
    names: tuple[str, ...]
    others: tuple[str, ...]
    shared: bool

    @classmethod
    def of(cls, tx: Connection, speakers: Collection[Speaker]) -> Called:
        """Of people who are about to be erased."""
        [gallery] = {speaker.gallery for speaker in speakers}
        names = tuple(speaker.name for speaker in speakers if speaker.name is not None)
        theirs = {speaker.id for speaker in speakers}
        people = tx.execute(select(_P.id, _P.name).where(_P.name.is_not(None)))
        others = {row.name for row in people if row.id not in theirs}
        shared = not others.isdisjoint(names)
        others |= set(tx.scalars(select(tables.galleries.c.name)))
        return cls(gallery, names, tuple(one for one in others if any(mentions(one, name) for name in names)), shared)

    def __call__(self, text: str) -> bool:
        """Whether it does."""
        return any(
            mentions(text, name, [other for other in self.others if len(other) > len(name)]) for name in self.names
        )


def relabel(tx: Connection, called: Called) -> int:
    """Give recordings that are called by a name a neutral one; how many they were."""
    changed = 0
    for table in (tables.recordings, tables.decisions):
        columns = table.c
        query = select(columns.id, columns.sha256, columns.source)
        if called.shared:  # elsewhere the name is somebody else's
            query = query.where(columns.gallery == called.gallery)
        for row in [row for row in tx.execute(query) if called(row.source)]:
            tx.execute(update(table).where(columns.id == row.id).values(source=f"recording-{row.sha256[:12]}"))
            changed += 1
    _relabel_consents(tx, called)
    return changed


def _relabel_consents(tx: Connection, called: Called) -> None:
    """Whoever consented for somebody else did so without a name from now on."""
    columns = tables.consents.c
    query = select(columns.id, columns.given_by, columns.reference)
    if called.shared:
        query = query.where(columns.gallery == called.gallery)
    for row in tx.execute(query).all():
        given_by = "a representative" if called(row.given_by or "") else row.given_by
        reference = None if called(row.reference or "") else row.reference
        if (given_by, reference) != (row.given_by, row.reference):
            values = {"given_by": given_by, "reference": reference}
            tx.execute(update(tables.consents).where(columns.id == row.id).values(values))


def forget_ids(tx: Connection, gallery: UUID, gone: Collection[UUID]) -> None:
    """Put new ids, which stand for nobody, where evidence and reasons of others name people and samples that are gone.

    In one decision an id becomes the same one everywhere, so that the evidence still fits together.
    """
    theirs = {id_.hex for id_ in gone}
    columns = tables.decisions.c
    records = tx.execute(select(columns.id, columns.record).where(columns.gallery == gallery))
    for id_, record in [(row.id, new) for row in records if (new := _without(row.record, theirs)) != row.record]:
        tx.execute(update(tables.decisions).where(columns.id == id_).values(record=record))
    samples = tables.samples.c
    forced = tx.execute(select(samples.id, samples.forced).where(cast(samples.forced, Text) != "[]"))
    for id_, reasons in _changed(((row.id, row.forced) for row in forced), theirs):
        tx.execute(update(tables.samples).where(samples.id == id_).values(forced=reasons))


def _changed(rows: Iterable[tuple[UUID, list[str]]], gone: Collection[str]) -> list[tuple[UUID, list[str]]]:
    texts = ((id_, json.dumps(reasons)) for id_, reasons in rows)
    return [(id_, json.loads(new)) for id_, text in texts if (new := _without(text, gone)) != text]


def _without(text: str, gone: Collection[str]) -> str:
    instead: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        id_ = found[0].replace("-", "")
        return instead.setdefault(id_, str(uuid4())) if id_ in gone else found[0]

    return ID.sub(other, text)
