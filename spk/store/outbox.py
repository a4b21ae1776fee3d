"""The list of changed voiceprints that vector engines replay.

A row says that a voiceprint changed, not how: what it is now (or that it is gone) is read when it is
replayed, so that replaying twice, or all at once, ends in the same state.

Positions grow by steps of chance. An engine that is at a position which was never given here has followed another
course of events, such as the one before a backup was restored, and is filled anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, String, delete, func, insert, select, type_coerce, update

from spk.errors import EngineError
from spk.store import queries, tables
from spk.store.index import KEY, IndexRows, VectorIndex, keys, to_uuid

__all__ = ["behind", "compact", "count", "end", "fill", "floor", "head", "is_lost", "note", "replay", "rows"]

_STEP = 1 << 16  # the longest between two positions
_BATCH = 20_000  # voiceprints in memory at a time beside the engine's own

_V, _S, _P, _O = tables.voiceprints.c, tables.samples.c, tables.speakers.c, tables.outbox.c


def note(tx: Connection, changed: Iterable[tuple[UUID, int]]) -> None:
    """Add voiceprints (their id, their model's number) that this transaction adds, moves or removes."""
    changed = list(changed)
    if not changed:
        return
    at = end(tx)
    rows = []
    for voiceprint, model in changed:
        at += 1 + secrets.randbelow(_STEP)
        rows.append({"sequence": at, "voiceprint": voiceprint, "model": model})
    tx.execute(insert(tables.outbox), rows)


def end(tx: Connection) -> int:
    """The position of the last change of all; it only ever grows."""
    last, floor = select(func.max(_O.sequence)), select(func.max(tables.models.c.floor))
    return max(tx.scalar(last) or 0, tx.scalar(floor) or 0)


def head(tx: Connection, model: int) -> int:
    """The position of the last change to a model's voiceprints; 0 before the first."""
    last = tx.scalar(select(func.max(_O.sequence)).where(_O.model == model))
    return int(last or floor(tx, model))


def floor(tx: Connection, model: int) -> int:
    """The position up to which changes are not listed any more: an engine that has less is to be filled."""
    return int(tx.scalar(select(tables.models.c.floor).where(tables.models.c.id == model)) or 0)


def behind(tx: Connection, position: int, model: int) -> int:
    """How many changes are listed after a position."""
    after = select(func.count()).where(_O.model == model, _O.sequence > position)
    return int(tx.scalar(after) or 0)


def replay(tx: Connection, index: VectorIndex, model: int, most: int | None = None) -> bool:
    """Bring an engine that is not lost up to the state that ``tx`` sees, or ``most`` changes nearer.

    Returns:
        Whether something that it may have had is gone.

    Raises:
        EngineError: it is lost.
    """
    applied = index.applied()  # once: a shared engine asks its server
    if is_lost(tx, applied, model):
        raise EngineError("the list of changes was emptied meanwhile: try again")
    removed = False
    position = head(tx, model)
    after = select(_O.sequence, _O.voiceprint).where(_O.model == model, _O.sequence > applied)
    changes = tx.execute(after.order_by(_O.sequence).limit(most)).all()
    if most is not None and len(changes) == most:
        position = changes[-1].sequence
    for some in queries.portions({change.voiceprint for change in changes}):
        there: set[bytes] = set()
        for found in _states(tx, select(*_STATE).select_from(_JOINED).where(_V.id.in_(some))):
            index.upsert(found)
            there.update(found.ids.tolist())
        gone = [to_uuid(key) for key in keys(some).tolist() if key not in there]
        index.delete(gone)
        removed = removed or bool(gone)
    index.commit(position)
    return removed


def fill(tx: Connection, index: VectorIndex, model: int, progress: Callable[[int], None] | None = None) -> None:
    """Bring an empty engine up to the state that ``tx`` sees; ``progress`` hears how many are in."""
    done = 0
    for some in rows(tx, model):
        index.upsert(some)
        done += len(some)
        if progress is not None:
            progress(done)
    index.commit(head(tx, model))


def is_lost(tx: Connection, position: int, model: int) -> bool:
    """Whether an engine at a position cannot catch up, and is to be filled anew.

    It is new, or has been away since before the list was emptied, or the database is from a backup.
    """
    if position == 0:
        return head(tx, model) > 0
    given = select(_O.sequence).where(_O.model == model, _O.sequence == position)
    return position != floor(tx, model) and tx.scalar(given) is None


def count(tx: Connection, model: int, most: int | None = None) -> int:
    """How many voiceprints of people a model has; counting ends at ``most``."""
    nobodys = select(func.count()).join(tables.samples, _S.id == _V.sample).where(_S.speaker.is_(None))
    without = int(tx.scalar(nobodys.where(_V.model == model)) or 0)  # few; to join all would take long
    some = select(_V.id).where(_V.model == model).limit(None if most is None else most + without)
    return int(tx.scalar(select(func.count()).select_from(some.subquery())) or 0) - without


def rows(tx: Connection, model: int) -> Iterator[IndexRows]:
    """Every voiceprint of a model, some at a time."""
    return _states(tx, select(*_STATE).select_from(_JOINED).where(_V.model == model))


def compact(tx: Connection, model: int, position: int) -> int:
    """Forget the changes up to a position, which every engine has or will be filled for; how many there were."""
    removed = tx.execute(delete(tables.outbox).where(_O.model == model, _O.sequence <= position)).rowcount
    if removed:
        tx.execute(update(tables.models).where(tables.models.c.id == model).values(floor=position))
    return removed


# Ids as the database keeps them: making a million UUIDs of them would take longer than reading the vectors.
_STATE = (*(type_coerce(id_, String) for id_ in (_V.id, _S.speaker, _P.gallery)), _V.vector)
_JOINED = tables.voiceprints.join(tables.samples, _S.id == _V.sample).join(tables.speakers, _P.id == _S.speaker)


def _states(tx: Connection, query: Select[Any]) -> Iterator[IndexRows]:
    with tx.execute(query.execution_options(yield_per=_BATCH)) as found:
        for batch in found.partitions():
            yield _columns(batch)


def _columns(batch: Sequence[Row[Any]]) -> IndexRows:
    ids, speakers, galleries, vectors = zip(*batch, strict=True)
    return IndexRows(_keys(ids), _keys(speakers), _keys(galleries), tables.from_bytes(*vectors))


def _keys(ids: Sequence[str | UUID]) -> NDArray[np.bytes_]:
    """Ids as SQLite keeps them, in hexadecimal digits, or as PostgreSQL gives them."""
    digits = "".join(id_ if isinstance(id_, str) else id_.hex for id_ in ids)
    return np.frombuffer(bytes.fromhex(digits), KEY)
