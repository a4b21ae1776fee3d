"""What is read from the tables, as records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby, islice
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, or_, select

from spk.errors import FingerprintError, NotFoundError
from spk.store import tables
from spk.store.names import clean_name, hint, id_of, id_range, label_digits
from spk.store.records import (
    Gallery,
    Origin,
    Profile,
    Recording,
    Sample,
    SamplePrint,
    Speaker,
    SpeakerState,
    StoredModel,
    Voiceprint,
)
from spk.timeline import Segment

__all__ = [
    "called",
    "clip_hashes",
    "find_gallery",
    "find_model",
    "find_sample",
    "find_speaker",
    "fingerprints",
    "galleries",
    "matched",
    "matched_ids",
    "models",
    "models_by_sample",
    "people",
    "portions",
    "profiles",
    "same_speaker",
    "sample_prints",
    "samples",
    "speaker_ids",
    "speakers",
    "voiceprint_keys",
    "voiceprints",
    "with_prefix",
]

_MANY = 10_000  # ids in one query; SQLite takes 32,766
T = TypeVar("T")

_S, _R, _P, _V, _M, _C = (
    tables.samples.c,
    tables.recordings.c,
    tables.speakers.c,
    tables.voiceprints.c,
    tables.models.c,
    tables.consents.c,
)

_SAMPLE = (
    _S.id.label("sample_id"),
    _S.speaker.label("speaker_id"),
    _S.recording.label("recording_id"),
    *(_S.start, _S.end, _S.parts, _S.sha256, _S.net_seconds, _S.quality, _S.origin, _S.forced),
    _S.created.label("sample_created"),
    _R.sha256.label("recording_sha256"),
    _R.gallery.label("gallery_id"),
    *(_R.source, _R.duration),
)


def galleries(tx: Connection) -> list[Gallery]:
    """Every gallery, by name."""
    rows = tx.execute(select(tables.galleries).order_by(tables.galleries.c.name))
    return [Gallery(row.id, row.name) for row in rows]


def find_gallery(tx: Connection, name: str) -> Gallery:
    """The gallery of a clean name.

    Raises:
        NotFoundError: there is none.
    """
    row = tx.execute(select(tables.galleries).where(tables.galleries.c.name == name)).first()
    if row is None:
        raise NotFoundError(
            f'no gallery "{name}"{hint(name, (gallery.name for gallery in galleries(tx)))}: '
            "enroll somebody into it to make it"
        )
    return Gallery(row.id, row.name)


_MODEL = select(tables.models).where(_M.fingerprint == bindparam("wanted"))
_BY_NAME = (_P.name.is_(None), _P.name, _P.created, _P.id)  # then the unknown by age


def speakers(
    tx: Connection,
    gallery: UUID,
    *conditions: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = _BY_NAME,
    limit: int | None = None,
) -> list[Speaker]:
    """The speakers of a gallery that fulfil the conditions: by name, then the unknown by age, or in another order."""
    query = select(tables.speakers).where(_P.gallery == gallery, *conditions)
    return [_speaker(row) for row in tx.execute(query.order_by(*order).limit(limit))]


def speaker_ids(tx: Connection, gallery: UUID) -> list[UUID]:
    """The ids of a gallery's speakers, in their order."""
    return list(tx.scalars(select(_P.id).where(_P.gallery == gallery).order_by(_P.id)))


def matched_ids(tx: Connection, gallery: UUID) -> list[UUID]:
    """The ids of the speakers of a gallery who may be matched, in their order."""
    return list(tx.scalars(select(_P.id).where(_P.gallery == gallery, *matched(tx, gallery)).order_by(_P.id)))


def matched(tx: Connection, gallery: UUID) -> tuple[ColumnElement[bool], ...]:
    """What is asked of a gallery's speakers so that voices may be compared with them: their consent, if required."""
    purpose = tx.scalar(select(tables.galleries.c.consent).where(tables.galleries.c.id == gallery))
    if purpose is None:
        return ()
    lasts = or_(_C.until.is_(None), _C.until > datetime.now(UTC))
    valid = select(_C.id).where(_C.speaker == _P.id, _C.purpose == purpose, _C.withdrawn.is_(None), lasts)
    return (valid.exists(),)


def people(tx: Connection, ids: Iterable[UUID]) -> list[Speaker]:
    """The speakers of these ids, of whatever gallery; those who are gone are left out."""
    some_by_some = (tx.execute(select(tables.speakers).where(_P.id.in_(some))) for some in portions(ids))
    return [_speaker(row) for rows in some_by_some for row in rows]


def portions(items: Iterable[T]) -> Iterator[list[T]]:
    """Ids, or whatever it is, in lists short enough for one query; read as they are needed."""
    items = iter(items)
    while some := list(islice(items, _MANY)):
        yield some


def with_prefix(tx: Connection, gallery: UUID, digits: str) -> list[Speaker]:
    """The speakers whose id begins with these hexadecimal digits."""
    first, last = id_range(digits)
    return speakers(tx, gallery, _P.id.between(first, last))


def called(tx: Connection, gallery: Gallery, who: str | UUID, *, consented: bool = False) -> list[Speaker]:
    """Whom a name, label or id means, as `find_speaker`: one person or nobody; several only by a label."""
    those = partial(speakers, tx, gallery.id, *(matched(tx, gallery.id) if consented else ()))
    if isinstance(who, UUID):
        return those(_P.id == who)
    if digits := label_digits(who):
        found = those(_P.id.between(*id_range(digits)))
        return [speaker for speaker in found if speaker.name is None] or found
    id_ = id_of(who)
    found = [] if id_ is None else those(_P.id == id_)
    return found or those(_P.name == clean_name(who))


def find_speaker(tx: Connection, gallery: Gallery, who: str | UUID, *, consented: bool = False) -> Speaker:
    """A speaker by name, by a label such as ``unknown-7f3a``, or by id.

    A label still finds somebody who got a name since, so that older files keep their meaning. What is somebody's id
    means nobody else, whatever others are called.

    Args:
        tx: Where to look.
        gallery: Whose people are meant.
        who: The name, label or id.
        consented: Where consent is required, whoever has not given it is as if they were not there.

    Raises:
        NotFoundError: there is none, or the label stands for several.
    """
    found = called(tx, gallery, who, consented=consented)
    if len(found) > 1:
        longer = ", ".join(f"unknown-{speaker.id.hex[:12]}" for speaker in found[:5])
        raise NotFoundError(f"{who} stands for {len(found)} people: write {longer}")
    if not found and isinstance(who, str) and id_of(who) is not None:
        raise NotFoundError(
            f'no speaker "{who}" in the gallery "{gallery.name}": nobody has this id, or not any more; '
            "somebody new needs a name that is no id"
        )
    if not found:
        those = speakers(tx, gallery.id, *(matched(tx, gallery.id) if consented else ()))
        names = (speaker.label for speaker in those)
        advice = hint(str(who), names) or ": check the spelling, or enroll some speech first"
        raise NotFoundError(f'no speaker "{who}" in the gallery "{gallery.name}"{advice}')
    return found[0]


def same_speaker(tx: Connection, speaker: Speaker) -> Speaker:
    """A speaker as stored now.

    Raises:
        NotFoundError: it was deleted or merged meanwhile.
    """
    row = tx.execute(select(tables.speakers).where(_P.id == speaker.id)).first()
    if row is None:
        raise NotFoundError(f"{speaker.label} is not in this home any more: deleted or merged meanwhile")
    return _speaker(row)


def samples(tx: Connection, *conditions: ColumnElement[bool]) -> list[Sample]:
    """The samples that fulfil the conditions, oldest first."""
    query = _joined(*_SAMPLE).where(*conditions).order_by(_S.created, _S.id)
    return [_sample(row) for row in tx.execute(query)]


def find_sample(tx: Connection, gallery: UUID, which: str | UUID) -> Sample:
    """A sample that somebody of a gallery has, by its id or the first digits of it.

    Raises:
        NotFoundError: there is none, or several begin like this.
    """
    digits = which.hex if isinstance(which, UUID) else which.replace("-", "").lower()
    try:
        first, last = id_range(digits)
    except ValueError:
        raise NotFoundError(f"{which} is no sample's id: `spk speakers show` lists the samples of a person") from None
    found = samples(tx, _P.gallery == gallery, _S.id.between(first, last))
    if len(found) != 1:
        few = f"{len(found)} samples begin like this" if found else "nobody has such a sample"
        raise NotFoundError(f"{which}: {few}: `spk speakers show` lists the samples of a person")
    return found[0]


def voiceprints(tx: Connection, speaker: Speaker) -> list[Voiceprint]:
    """Every voiceprint of a speaker, of every model."""
    rows = tx.execute(
        _joined(_V.id, _V.sample, _M.fingerprint, _V.vector, prints=True)
        .where(_S.speaker == speaker.id)
        .order_by(_M.fingerprint, _S.created, _S.id)
    )
    return [Voiceprint(row.id, row.sample, row.fingerprint, tables.from_bytes(row.vector)[0]) for row in rows]


def sample_prints(tx: Connection, model: str, samples: Collection[UUID]) -> dict[UUID, SamplePrint]:
    """Samples with their voiceprints by one model; those that are gone are left out."""
    found: dict[UUID, SamplePrint] = {}
    for some in portions(samples):
        query = _joined(*_SAMPLE, _V.vector, prints=True)
        query = query.where(_S.id.in_(some), _M.fingerprint == model)
        for row in tx.execute(query):
            found[row.sample_id] = SamplePrint(_sample(row), tables.from_bytes(row.vector)[0])
    return found


def voiceprint_keys(tx: Connection, *conditions: ColumnElement[bool]) -> list[tuple[UUID, int]]:
    """The ids and models' numbers of the voiceprints whose samples fulfil the conditions."""
    rows = tx.execute(_joined(_V.id, _V.model, prints=True).where(*conditions))
    return [(row.id, row.model) for row in rows]


def models_by_sample(tx: Connection, *conditions: ColumnElement[bool]) -> dict[UUID, set[str]]:
    """The models that made a voiceprint of each sample that fulfils the conditions."""
    models: dict[UUID, set[str]] = {}
    for row in tx.execute(_joined(_V.sample, _M.fingerprint, prints=True).where(*conditions)):
        models.setdefault(row.sample, set()).add(row.fingerprint)
    return models


def profiles(tx: Connection, gallery: UUID, model: str, speakers: Collection[UUID] | None = None) -> Iterator[Profile]:
    """The profiles of a gallery (or of some of its speakers) in one query, in the order of the ids.

    Whoever may not be matched has none.
    """
    query = (
        _joined(*_SAMPLE, _V.vector, _P.name, _P.state, _P.created.label("speaker_created"), _P.gallery, prints=True)
        .where(_M.fingerprint == model, *matched(tx, gallery))
        .order_by(_S.speaker, _S.created, _S.id)
    )
    if speakers is not None and len(speakers) <= _MANY:
        query = query.where(_S.speaker.in_(speakers))  # and not the gallery: SQLite would begin with everybody of it
    else:
        query = query.where(_P.gallery == gallery)
    for speaker, group in groupby(tx.execute(query), key=lambda row: row.speaker_id):
        if speakers is not None and speaker not in speakers:
            continue
        rows = list(group)
        if rows[0].gallery != gallery:
            continue
        state, created = SpeakerState(rows[0].state), rows[0].speaker_created
        yield Profile(
            Speaker(speaker, gallery, rows[0].name, state, created),
            tables.from_bytes(*(row.vector for row in rows)),
            np.array([row.net_seconds for row in rows], dtype=np.float64),
            tuple(_sample(row) for row in rows),
            model,
        )


def existing(tx: Connection, gallery: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Those of some speakers who are in a gallery, and may be matched."""
    found: set[UUID] = set()
    may_be = matched(tx, gallery)
    for some in portions(set(ids)):
        there = (_P.gallery == gallery, _P.id.in_(some), *may_be)
        # Mostly it is all of them, and to count them is four times as fast.
        everybody = tx.scalar(select(func.count()).select_from(tables.speakers).where(*there)) == len(some)
        found.update(some if everybody else tx.scalars(select(_P.id).where(*there)))
    return found


def fingerprints(tx: Connection, *conditions: ColumnElement[bool]) -> list[str]:
    """The models that made the voiceprints whose samples fulfil the conditions."""
    print_by_it = (
        select(_V.id)
        .join(tables.samples, _S.id == _V.sample)
        .join(tables.speakers, _P.id == _S.speaker)
        .where(_V.model == _M.id, *conditions)
    )
    return list(tx.scalars(select(_M.fingerprint).where(print_by_it.exists()).order_by(_M.fingerprint)))


def find_model(tx: Connection, fingerprint: str, dim: int) -> StoredModel | None:
    """A model as this store knows it; None before its first voiceprint.

    Raises:
        FingerprintError: its vectors here are of another length.
    """
    row = tx.execute(_MODEL, {"wanted": fingerprint}).first()
    if row is None:
        return None
    if row.dim != dim:
        raise FingerprintError(
            f"a vector of {dim} numbers was given for model {fingerprint[:12]}, whose voiceprints here "
            f"have {row.dim}: embed the audio with that model"
        )
    return StoredModel(row.id, row.fingerprint, row.dim)


def models(tx: Connection) -> list[StoredModel]:
    """Every model with voiceprints here, or that had some."""
    return [StoredModel(row.id, row.fingerprint, row.dim) for row in tx.execute(select(tables.models).order_by(_M.id))]


def clip_hashes(tx: Connection, *conditions: ColumnElement[bool]) -> list[str]:
    """The clips of the samples that fulfil the conditions, oldest first."""
    query = (
        select(tables.clips.c.sha256)
        .join(tables.samples, _S.id == tables.clips.c.sample)
        .outerjoin(tables.speakers, _P.id == _S.speaker)
        .where(*conditions)
        .order_by(_S.created, _S.id)
    )
    return list(dict.fromkeys(tx.scalars(query)))


def _joined(*columns: ColumnElement[Any], prints: bool = False) -> Select[Any]:
    """Samples with their recordings and speakers; with ``prints`` also voiceprints and models, a row each."""
    source = tables.samples.join(tables.recordings, _R.id == _S.recording)
    source = source.join(tables.speakers, _P.id == _S.speaker)
    if prints:
        source = source.join(tables.voiceprints, _V.sample == _S.id)
        source = source.join(tables.models, _M.id == _V.model)
    return select(*columns).select_from(source)


def _speaker(row: Row[Any]) -> Speaker:
    return Speaker(row.id, row.gallery, row.name, SpeakerState(row.state), row.created)


def _sample(row: Row[Any]) -> Sample:
    return Sample(
        id=row.sample_id,
        speaker=row.speaker_id,
        recording=Recording(row.recording_id, row.gallery_id, row.recording_sha256, row.source, row.duration),
        segment=Segment(row.start, row.end),
        parts=tuple(Segment(start, end) for start, end in row.parts),
        sha256=row.sha256,
        net_seconds=row.net_seconds,
        quality=row.quality,
        origin=Origin(row.origin),
        forced=tuple(row.forced),
        created=row.sample_created,
    )
