"""What was heard, and what can be undone, for as long as the settings say; and what nobody needs after that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, exists, select, true

from spk.store import queries, tables
from spk.store.erasure.pseudonyms import ID

__all__ = ["Removed", "is_due", "older", "remove", "remove_unused"]

_LATE = timedelta(days=1)

_H, _C, _S, _V, _R = (
    tables.hearings.c,
    tables.changes.c,
    tables.samples.c,
    tables.voices.c,
    tables.recordings.c,
)


@dataclass(frozen=True, slots=True)
class Removed:
    """What went.

    Attributes:
        hearings: Recordings of which it is not kept any more what was heard, and what changes had put aside.
        changes: Those that cannot be undone any more.
        samples: Nobody's, which no change could give back.
        models: The fingerprints of the models whose engines may hold voiceprints of these samples.
    """

    hearings: int
    changes: int
    samples: int
    models: frozenset[str]


def older(column: ColumnElement[datetime], days: float) -> ColumnElement[bool]:
    """Whether something is older than so many days; 0 days are everything."""
    if days == 0:  # also what was made while the clock was fast
        return true()
    return column <= datetime.now(UTC) - timedelta(days=days)


def is_due(tx: Connection, *, recording_days: float, undo_days: float) -> bool:
    """Whether something has been there for longer, by a day, so that not every command has something to remove."""
    late = datetime.now(UTC) - _LATE
    oldest = (
        (select(_H.kept).where(_H.current).order_by(_H.kept).limit(1), recording_days),
        (select(_C.created).order_by(_C.number).limit(1), undo_days),
    )
    found = ((tx.scalar(query), days) for query, days in oldest)
    return any(created is not None and (days == 0 or created <= late - timedelta(days=days)) for created, days in found)


def remove(tx: Connection, *, recording_days: float, undo_days: float) -> Removed:
    """Remove what is older; then hearings that no change can put back, and samples that none can give back."""
    changes = tx.execute(delete(tables.changes).where(older(_C.created, undo_days))).rowcount
    hearings = tx.execute(delete(tables.hearings).where(_H.current, older(_H.kept, recording_days))).rowcount
    aside = _needless(tx, set(tx.scalars(select(_H.id).where(~_H.current))))
    for some in queries.portions(aside):
        tx.execute(delete(tables.hearings).where(_H.id.in_(some)))
    waves = tables.waveforms
    tx.execute(delete(waves).where(~exists().where(_H.recording == waves.c.recording)))
    unheard = ~exists().where(_V.sample == _S.id)
    samples = _needless(tx, set(tx.scalars(select(_S.id).where(_S.speaker.is_(None), unheard))))
    models = _told(tx, samples)
    for some in queries.portions(samples):
        tx.execute(delete(tables.samples).where(_S.id.in_(some)))
    remove_unused(tx, true())
    return Removed(hearings + len(aside), changes, len(samples), models)


def remove_unused(tx: Connection, which: ColumnElement[bool]) -> set[UUID]:
    """Remove those of some recordings of which nothing is kept any more; their ids."""
    used = exists().where(_S.recording == _R.id) | exists().where(_H.recording == _R.id)
    ids = set(tx.scalars(select(_R.id).where(which, ~used)))
    for some in queries.portions(ids):
        tx.execute(delete(tables.recordings).where(_R.id.in_(some)))
    return ids


def _needless(tx: Connection, ids: set[UUID]) -> set[UUID]:
    """Those of some ids that no change tells of."""
    left = {id_.hex: id_ for id_ in ids}
    texts = select(_C.edits).execution_options(yield_per=1_000)
    for text in tx.scalars(texts) if left else ():
        for found in ID.finditer(text):
            left.pop(found[0].replace("-", ""), None)
    return set(left.values())


def _told(tx: Connection, samples: set[UUID]) -> frozenset[str]:
    """The models of those voiceprints of some samples that engines have heard of."""
    prints, told = tables.voiceprints.c, tables.outbox.c
    query = select(tables.models.c.fingerprint).distinct().join(tables.outbox, told.model == tables.models.c.id)
    found: set[str] = set()
    for some in queries.portions(samples):
        ids = select(prints.id).where(prints.sample.in_(some))
        found.update(tx.scalars(query.where(told.voiceprint.in_(ids))))
    return frozenset(found)
