"""The list of changed voiceprints that vector engines replay.

A row says that a voiceprint changed, not how: what it is now (or that it is gone) is read when it is
replayed, so that replaying twice, or all at once, ends in the same state.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, func, insert, select

from spk.store import tables
from spk.store.index import IndexRow, VectorIndex

__all__ = ["head", "note", "replay"]

_BATCH = 10_000  # voiceprints in memory at a time beside the engine's own

_STATE = (
    select(
        tables.voiceprints.c.id,
        tables.samples.c.speaker,
        tables.speakers.c.gallery,
        tables.voiceprints.c.vector,
    )
    .join(tables.samples, tables.samples.c.id == tables.voiceprints.c.sample)
    .join(tables.speakers, tables.speakers.c.id == tables.samples.c.speaker)
)


def note(tx: Connection, changed: Iterable[tuple[UUID, int]]) -> None:
    """Add voiceprints (their id, their model's number) that this transaction adds, moves or removes."""
    rows = [{"voiceprint": voiceprint, "model": model} for voiceprint, model in changed]
    if rows:
        tx.execute(insert(tables.outbox), rows)


def head(tx: Connection, model: int) -> int:
    """The position of the last change to a model's voiceprints; 0 before the first."""
    return int(tx.scalar(select(func.max(tables.outbox.c.sequence)).where(tables.outbox.c.model == model)) or 0)


def replay(tx: Connection, index: VectorIndex, model: int) -> None:
    """Bring an engine up to the state that ``tx`` sees; an empty engine is filled."""
    position = head(tx, model)
    if index.applied() == position:
        return
    if index.applied() == 0:
        everything = _STATE.where(tables.voiceprints.c.model == model).execution_options(yield_per=_BATCH)
        for batch in tx.execute(everything).partitions():
            index.upsert([_index_row(*state) for state in batch])
    else:
        changed = (
            select(tables.outbox.c.voiceprint.label("id"))
            .where(tables.outbox.c.model == model, tables.outbox.c.sequence > index.applied())
            .distinct()
            .subquery()
        )
        now = _STATE.subquery()
        states = tx.execute(
            select(changed.c.id, now.c.speaker, now.c.gallery, now.c.vector).outerjoin_from(
                changed, now, now.c.id == changed.c.id
            )
        ).all()
        index.upsert([_index_row(*state) for state in states if state.vector is not None])
        index.delete([state.id for state in states if state.vector is None])
    index.commit(position)


def _index_row(id_: UUID, speaker: UUID, gallery: UUID, vector: bytes) -> IndexRow:
    return IndexRow(id_, speaker, gallery, np.frombuffer(vector, dtype="<f4"))
