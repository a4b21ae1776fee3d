"""What was said of recordings, for as long as the settings say; and its way out with the people it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from spk.errors import NotFoundError
from spk.store import audit, queries, tables
from spk.store.names import id_range, storable
from spk.store.records import DecidedVoice, DecisionKind, DecisionRecord, Gallery, NewDecision
from spk.store.retention import older

__all__ = [
    "count_older",
    "erase",
    "find",
    "latest",
    "of_speaker",
    "perhaps_of",
    "prune",
    "record",
]

_D, _V = tables.decisions.c, tables.decided_voices.c


def record(tx: Connection, gallery: Gallery, new: NewDecision, id_: UUID | None = None) -> DecisionRecord:
    """Keep a decision; under an id that one of the gallery has already, in its place.

    Raises:
        NotFoundError: somebody whom it is about was erased or merged meanwhile.
    """
    about = {voice.speaker for voice in new.voices if voice.speaker is not None}
    there = {person.id for person in queries.people(tx, about)}
    erased = audit.erased(tx, new.as_of)
    if about - there or any(str(gone) in new.record for gone in erased):
        raise NotFoundError(f"{new.source}: somebody it is about was erased or merged just now: run it again")
    kept = DecisionRecord(
        id=id_ or uuid4(),
        gallery=gallery.id,
        created=datetime.now(UTC),
        kind=new.kind,
        sha256=new.sha256,
        source=storable(new.source),
        record=new.record,
        state=None if erased else new.state,
        voices=new.voices,
    )
    if id_ is not None:
        tx.execute(delete(tables.decisions).where(_D.id == id_, _D.gallery == gallery.id))
    columns = ("id", "gallery", "created", "kind", "sha256", "source", "record", "state")
    tx.execute(insert(tables.decisions), {column: getattr(kept, column) for column in columns})
    if new.voices:
        tx.execute(
            insert(tables.decided_voices),
            [
                {
                    "decision": kept.id,
                    "label": voice.label,
                    "speaker": voice.speaker,
                    "vector": tables.to_bytes(voice.vector),
                }
                for voice in new.voices
            ],
        )
    return kept


def count_older(tx: Connection, keep_days: float) -> int:
    """How many decisions there are to `prune`."""
    return tx.scalar(select(func.count()).select_from(tables.decisions).where(older(_D.created, keep_days))) or 0


def prune(tx: Connection, keep_days: float, gallery: UUID | None = None) -> int:
    """Remove decisions that are older, of a gallery or of whatever one; how many they were."""
    mine = [] if gallery is None else [_D.gallery == gallery]
    return tx.execute(delete(tables.decisions).where(*mine, older(_D.created, keep_days))).rowcount


def latest(
    tx: Connection, gallery: Gallery, limit: int, after: tuple[datetime, UUID] | None = None
) -> list[DecisionRecord]:
    """The last decisions, newest first; those after one that was made at some moment, with its id."""
    query = select(tables.decisions).where(_D.gallery == gallery.id)
    if after is not None:
        created, id_ = after
        query = query.where(or_(_D.created < created, and_(_D.created == created, _D.id > id_)))
    rows = tx.execute(query.order_by(_D.created.desc(), _D.id).limit(limit)).all()
    voices = _voices(tx, [row.id for row in rows])
    return [_decision(row, voices) for row in rows]


def find(tx: Connection, which: str | UUID, gallery: Gallery | None = None) -> DecisionRecord:
    """The decision of an id, or of its first digits, in one gallery or any.

    Raises:
        NotFoundError: there is none, or several begin like this.
    """
    digits = which.hex if isinstance(which, UUID) else which.replace("-", "").lower()
    advice = "`spk explain` lists the latest; they are kept for keep_decisions days"
    try:
        first, last = id_range(digits)
    except ValueError:
        raise NotFoundError(f"{which} is no decision's id: {advice}") from None
    query = select(tables.decisions).where(_D.id.between(first, last)).limit(6)
    rows = tx.execute(query if gallery is None else query.where(_D.gallery == gallery.id)).all()
    if not digits or not rows:
        raise NotFoundError(f"no decision {which} is kept: {advice}")
    if len(rows) > 1:
        raise NotFoundError(f"{which} stands for several decisions: write {', '.join(row.id.hex[:12] for row in rows)}")
    return _decision(rows[0], _voices(tx, [rows[0].id]))


def of_speaker(tx: Connection, speaker: UUID) -> list[UUID]:
    """The decisions that hold a voice that is or may be this person's."""
    return list(tx.scalars(select(_V.decision).where(_V.speaker == speaker).distinct()))


def erase(tx: Connection, gallery: UUID, decisions: Iterable[UUID]) -> None:
    """Remove decisions, and from all others of the gallery what was computed from everybody's voiceprints."""
    for decision in decisions:
        tx.execute(delete(tables.decisions).where(_D.id == decision))
    tx.execute(update(tables.decisions).where(_D.gallery == gallery).values(state=None))


def perhaps_of(tx: Connection, speaker: UUID, called: Callable[[str], bool]) -> list[UUID]:
    """The decisions of the gallery that hold a voice which may be this person's, though nobody said so.

    One that has no other owner, in a recording that the person was enrolled from; one with the very vector of a
    voiceprint; one that the turns called by the name.

    Args:
        called: Whether a label is the name.
    """
    samples, prints, mine = tables.samples.c, tables.voiceprints.c, tables.samples.c.speaker == speaker
    recordings = select(tables.recordings.c.sha256).join(tables.samples).where(mine)
    vectors = select(prints.vector).join(tables.samples, samples.id == prints.sample).where(mine)
    gallery = select(tables.speakers.c.gallery).where(tables.speakers.c.id == speaker).scalar_subquery()
    unowned = and_(_V.speaker.is_(None), _D.sha256.in_(recordings))
    theirs = select(_V.decision).join(tables.decisions).where(_D.gallery == gallery)
    records = select(_D.id, _D.record).where(_D.gallery == gallery).execution_options(yield_per=100)
    found = set(tx.scalars(theirs.where(or_(unowned, _V.vector.in_(vectors)))))
    return sorted(found.union(row.id for row in tx.execute(records) if any(map(called, _labels(row.record)))))


def _labels(record: str) -> list[str]:
    """What the turns called the voices of a decision."""
    try:
        return [voice["label"] for voice in json.loads(record)["voices"]]
    except (ValueError, TypeError, KeyError):  # not evidence
        return []


def _voices(tx: Connection, decisions: Iterable[UUID]) -> Mapping[UUID, list[DecidedVoice]]:
    found: dict[UUID, list[DecidedVoice]] = {}
    query = select(tables.decided_voices).where(_V.decision.in_(list(decisions))).order_by(_V.label)
    for row in tx.execute(query):
        vector = tables.from_bytes(row.vector)[0]
        found.setdefault(row.decision, []).append(DecidedVoice(row.label, row.speaker, vector))
    return found


def _decision(row: Row[Any], voices: Mapping[UUID, list[DecidedVoice]]) -> DecisionRecord:
    return DecisionRecord(
        id=row.id,
        gallery=row.gallery,
        created=row.created,
        kind=DecisionKind(row.kind),
        sha256=row.sha256,
        source=row.source,
        record=row.record,
        state=row.state,
        voices=tuple(voices.get(row.id, ())),
    )
