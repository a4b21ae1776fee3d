"""What was said of recordings, for as long as the settings say; and its way out with the people it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from spk.errors import NotFoundError
from spk.store import tables
from spk.store.records import DecidedVoice, DecisionKind, DecisionRecord, Gallery, NewDecision

__all__ = ["any_older", "erase", "find", "latest", "of_speaker", "prune", "record", "repoint"]

_D, _V = tables.decisions.c, tables.decided_voices.c


def record(tx: Connection, gallery: Gallery, new: NewDecision) -> DecisionRecord:
    """Keep a decision.

    Raises:
        NotFoundError: somebody whom it is about was erased or merged meanwhile.
    """
    about = {voice.speaker for voice in new.voices if voice.speaker is not None}
    there = set(tx.scalars(select(tables.speakers.c.id).where(tables.speakers.c.id.in_(about))))
    if about - there:
        raise NotFoundError(f"{new.source}: somebody it is about was erased or merged just now: run it again")
    kept = DecisionRecord(
        id=uuid4(),
        gallery=gallery.id,
        created=datetime.now(UTC),
        kind=new.kind,
        sha256=new.sha256,
        source=new.source.encode("utf-8", "replace").decode(),  # a file's name may hold bytes that are no text
        record=new.record,
        state=None if _erased_since(tx, new.as_of) else new.state,
        voices=new.voices,
    )
    columns = ("id", "gallery", "created", "kind", "sha256", "source", "record", "state")
    tx.execute(insert(tables.decisions).values({column: getattr(kept, column) for column in columns}))
    for voice in new.voices:
        tx.execute(
            insert(tables.decided_voices).values(
                decision=kept.id, label=voice.label, speaker=voice.speaker, vector=tables.to_bytes(voice.vector)
            )
        )
    return kept


def any_older(tx: Connection, keep_days: float) -> bool:
    """Whether there is a decision to `prune`."""
    return tx.execute(select(_D.created).where(_older(keep_days)).limit(1)).first() is not None


def prune(tx: Connection, keep_days: float) -> int:
    """Remove decisions that are older, of whatever gallery; how many they were."""
    return tx.execute(delete(tables.decisions).where(_older(keep_days))).rowcount


def latest(tx: Connection, gallery: Gallery, limit: int) -> list[DecisionRecord]:
    """The last decisions, newest first."""
    rows = tx.execute(
        select(tables.decisions).where(_D.gallery == gallery.id).order_by(_D.created.desc(), _D.id).limit(limit)
    ).all()
    voices = _voices(tx, [row.id for row in rows])
    return [_decision(row, voices) for row in rows]


def find(tx: Connection, which: str | UUID) -> DecisionRecord:
    """The decision of an id, or of its first digits, in any gallery.

    Raises:
        NotFoundError: there is none, or several begin like this.
    """
    digits = which.hex if isinstance(which, UUID) else which.replace("-", "").lower()
    advice = "`spk explain` lists the latest; they are kept for keep_decisions days"
    try:
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    except ValueError:
        raise NotFoundError(f"{which} is no decision's id: {advice}") from None
    rows = tx.execute(select(tables.decisions).where(_D.id.between(first, last)).limit(6)).all()
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


def repoint(tx: Connection, source: UUID, into: UUID) -> None:
    """Voices of one person are another's from now on."""
    tx.execute(update(tables.decided_voices).where(_V.speaker == source).values(speaker=into))


def _older(keep_days: float) -> ColumnElement[bool]:
    return _D.created <= datetime.now(UTC) - timedelta(days=keep_days)


def _erased_since(tx: Connection, sequence: int) -> bool:
    """Whether anybody was erased after a row of the audit log."""
    entries = tx.scalars(select(tables.audit.c.entry).where(tables.audit.c.sequence > sequence))
    return any(json.loads(entry)["action"] == "delete" for entry in entries)


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
