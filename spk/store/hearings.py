"""What was heard in recordings, in the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select

from spk.errors import NotFoundError
from spk.store import enrolling, tables
from spk.store.heard import HeardPiece, HeardTurn, HeardVoice, Hearing, Label, NewHearing, NewVoice, SaidBy
from spk.store.names import id_range
from spk.store.queries import portions
from spk.store.records import Recording
from spk.timeline import Segment

__all__ = ["add", "as_new", "begins", "find", "labelled", "levels", "page", "pieces", "recordings_of_turns", "turns"]

_H, _R, _V, _T, _M = (
    tables.hearings.c,
    tables.recordings.c,
    tables.voices.c,
    tables.turns.c,
    tables.models.c,
)
_LABEL = ("said_by", *(name for name in Label.__dataclass_fields__ if name != "said_by"))

_CURRENT = (
    select(tables.hearings, _R.gallery, _R.sha256, _R.source, _R.duration, _M.fingerprint, _M.dim)
    .join(tables.recordings, _R.id == _H.recording)
    .join(tables.models, _M.id == _H.model)
    .where(_H.current)
    .order_by(_H.created, _H.id)
)
_VOICES = select(
    *(_V.id, _V.hearing, _V.label, _V.vector, _V.net_seconds, _V.heard, _V.sha256, _V.mixed, _V.sample),
    *(_V[name] for name in _LABEL),
).order_by(_V.label)


def find(tx: Connection, gallery: UUID, *conditions: Any) -> list[Hearing]:  # noqa: ANN401 - of SQLAlchemy
    """The current hearings of a gallery that fulfil the conditions, in the order in which they were heard."""
    rows = tx.execute(_CURRENT.where(_R.gallery == gallery, *conditions)).all()
    voices = _voices(tx, [row.id for row in rows])
    return [_hearing(row, voices.get(row.id, ())) for row in rows]


def begins(digits: str) -> ColumnElement[bool]:
    """The condition on a hearing that its id, its recording's, or the hash of that begins with some digits."""
    same = _R.sha256.startswith(digits)
    if len(digits) > 32:
        return same
    first, last = id_range(digits)
    return or_(same, _H.id.between(first, last), _R.id.between(first, last))


def page(
    tx: Connection, gallery: UUID, *, q: str = "", newest: bool = False, limit: int | None = None, after: UUID | None
) -> list[Hearing]:
    """Some of the current hearings of a gallery; see `Store.find_hearings`."""
    query = select(_H.id, _H.recording, _R.source).join(tables.recordings, _R.id == _H.recording)
    order = (_H.created.desc(), _H.id.desc()) if newest else (_H.created, _H.id)
    rows = tx.execute(query.where(_R.gallery == gallery, _H.current).order_by(*order)).all()
    past = next((place for place, row in enumerate(rows, start=1) if row.recording == after), 0)
    if after is not None and not past:
        raise NotFoundError("the last recording of the page before is forgotten: begin the list anew")
    text = q.strip().casefold()
    ids = [row.id for row in rows[past:] if text in row.source.casefold()][:limit]
    found = {one.id: one for some in portions(ids) for one in find(tx, gallery, _H.id.in_(some))}
    return [found[id_] for id_ in ids]


def levels(tx: Connection, recording: UUID) -> bytes | None:
    """How loud a recording is over time, if that is kept."""
    waves = tables.waveforms.c
    return tx.scalar(select(waves.levels).where(waves.recording == recording))


def add(tx: Connection, recording: Recording, new: NewHearing, created: datetime) -> Hearing:
    """Keep what was heard, put aside until it is made current."""
    ids = {voice.label: uuid4() for voice in new.voices}
    hearing = Hearing(
        id=uuid4(),
        recording=recording,
        created=created,
        model=new.model,
        dim=new.dim,
        least=new.least,
        point=new.point,
        attendees=new.attendees,
        strangers=new.strangers,
        corrected=new.corrected,
        voices=tuple(_kept(voice, ids[voice.label]) for voice in sorted(new.voices, key=lambda voice: voice.label)),
    )
    tx.execute(
        insert(tables.hearings),
        {
            "id": hearing.id,
            "recording": recording.id,
            "current": False,
            "created": created,
            "kept": datetime.now(UTC),
            "model": enrolling.number_of(tx, new.model, new.dim),
            "least": new.least,
            "point": dict(new.point),
            "attendees": None if new.attendees is None else [one.hex for one in new.attendees],
            "strangers": new.strangers,
            "corrected": new.corrected,
        },
    )
    if new.voices:
        tx.execute(insert(tables.voices), [_voice_row(voice, ids[voice.label], hearing.id) for voice in new.voices])
    if new.turns:
        tx.execute(
            insert(tables.turns),
            [
                {
                    "hearing": hearing.id,
                    "id": turn.id,
                    "voice": ids[turn.label],
                    "start": turn.segment.start,
                    "end": turn.segment.end,
                    "touched": turn.touched,
                }
                for turn in new.turns
            ],
        )
    if new.levels is not None and levels(tx, recording.id) is None:
        tx.execute(insert(tables.waveforms), {"recording": recording.id, "levels": new.levels})
    return hearing


def as_new(tx: Connection, hearing: UUID) -> list[NewVoice]:
    """The voices of a hearing as they arrived, by their labels, with the samples that were made of them since."""
    rows = tx.execute(select(tables.voices).where(_V.hearing == hearing).order_by(_V.label)).all()
    embedded = pieces(tx, [row.id for row in rows])
    return [
        NewVoice(
            label=row.label,
            vector=None if row.vector is None else tables.from_bytes(row.vector)[0],
            pieces=embedded.get(row.id, ()),
            net_seconds=row.net_seconds,
            heard=row.heard,
            parts=_segments(row.parts),
            sha256=row.sha256,
            quality=row.quality,
            mixed=row.mixed,
            sample=row.sample,
        )
        for row in rows
    ]


def turns(tx: Connection, hearing: UUID) -> list[HeardTurn]:
    """The turns of a hearing, by time."""
    query = select(tables.turns, _V.label).join(tables.voices, _V.id == _T.voice)
    rows = tx.execute(query.where(_T.hearing == hearing).order_by(_T.start, _T.end, _T.id))
    return [HeardTurn(row.id, row.label, Segment(row.start, row.end), row.touched) for row in rows]


def recordings_of_turns(tx: Connection, gallery: UUID, ids: Collection[str]) -> list[Recording]:
    """The recordings whose current hearings have turns of these ids, those with most of them first."""
    joined = tables.turns.join(tables.hearings, _H.id == _T.hearing).join(tables.recordings, _R.id == _H.recording)
    found: Counter[Recording] = Counter()
    for some in portions(ids):
        query = select(tables.recordings).select_from(joined).where(_R.gallery == gallery, _H.current, _T.id.in_(some))
        found.update(Recording(row.id, gallery, row.sha256, row.source, row.duration) for row in tx.execute(query))
    return [recording for recording, _ in found.most_common()]


def pieces(tx: Connection, voices: Iterable[UUID]) -> dict[UUID, tuple[HeardPiece, ...]]:
    """The pieces of voices, by their ids."""
    found: dict[UUID, tuple[HeardPiece, ...]] = {}
    for some in portions(voices):
        for row in tx.execute(select(_V.id, _V.pieces, _V.piece_vectors).where(_V.id.in_(some))):
            if row.piece_vectors is not None:
                vectors = np.frombuffer(row.piece_vectors, "<f4").astype(np.float32).reshape(len(row.pieces), -1)
                found[row.id] = tuple(
                    HeardPiece(_segments(parts), vector) for parts, vector in zip(row.pieces, vectors, strict=True)
                )
    return found


def labelled(label: Label) -> dict[str, Any]:
    """A label as columns."""
    return {name: getattr(label, name) for name in _LABEL} | {"said_by": label.said_by.value}


def _kept(voice: NewVoice, id_: UUID) -> HeardVoice:
    return HeardVoice(
        id=id_,
        label=voice.label,
        vector=voice.vector,
        net_seconds=voice.net_seconds,
        heard=voice.heard,
        sha256=voice.sha256,
        mixed=voice.mixed,
        sample=voice.sample,
        said=voice.said,
    )


def _voice_row(voice: NewVoice, id_: UUID, hearing: UUID) -> dict[str, Any]:
    vectors = np.stack([piece.vector for piece in voice.pieces]) if voice.pieces else None
    return {
        "id": id_,
        "hearing": hearing,
        "label": voice.label,
        "vector": None if voice.vector is None else tables.to_bytes(voice.vector),
        "pieces": [_pairs(piece.parts) for piece in voice.pieces],
        "piece_vectors": None if vectors is None else tables.to_bytes(vectors),
        "net_seconds": voice.net_seconds,
        "heard": voice.heard,
        "parts": _pairs(voice.parts),
        "sha256": voice.sha256,
        "quality": dict(voice.quality),
        "mixed": voice.mixed,
        "sample": voice.sample,
        **labelled(voice.said),
    }


def _voices(tx: Connection, hearings: Sequence[UUID]) -> Mapping[UUID, list[HeardVoice]]:
    found: dict[UUID, list[HeardVoice]] = {}
    for some in portions(hearings):
        for row in tx.execute(_VOICES.where(_V.hearing.in_(some))):
            found.setdefault(row.hearing, []).append(_voice(row))
    return found


def _voice(row: Row[Any]) -> HeardVoice:
    said = {name: getattr(row, name) for name in _LABEL} | {"said_by": SaidBy(row.said_by)}
    return HeardVoice(
        id=row.id,
        label=row.label,
        vector=None if row.vector is None else tables.from_bytes(row.vector)[0],
        net_seconds=row.net_seconds,
        heard=row.heard,
        sha256=row.sha256,
        mixed=row.mixed,
        sample=row.sample,
        said=Label(**said),
    )


def _hearing(row: Row[Any], voices: Iterable[HeardVoice]) -> Hearing:
    return Hearing(
        id=row.id,
        recording=Recording(row.recording, row.gallery, row.sha256, row.source, row.duration),
        created=row.created,
        model=row.fingerprint,
        dim=row.dim,
        least=row.least,
        point=row.point,
        attendees=None if row.attendees is None else tuple(map(UUID, row.attendees)),
        strangers=row.strangers,
        corrected=row.corrected,
        voices=tuple(voices),
    )


def _pairs(parts: Iterable[Segment]) -> list[list[float]]:
    return [[part.start, part.end] for part in parts]


def _segments(pairs: Iterable[Sequence[float]]) -> tuple[Segment, ...]:
    return tuple(Segment(start, end) for start, end in pairs)
