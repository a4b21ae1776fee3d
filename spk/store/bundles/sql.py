"""Galleries out of the tables into bundles, and back, as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Table, exists, insert, select

from spk.errors import ConflictError
from spk.store import audit, calibrations, consenting, enrolling, outbox, queries, tables
from spk.store.bundles.bundle import Bundle
from spk.store.bundles.rows import (
    BundledCalibration,
    BundledConsent,
    BundledRecording,
    BundledSample,
    BundledSpeaker,
)
from spk.store.bundles.vectors import BundledVectors
from spk.store.home import StagedClip
from spk.store.index import keys, to_uuid
from spk.store.records import Gallery, Origin, SpeakerState

__all__ = ["gather", "put"]

_BATCH = 10_000  # rows that are fetched at a time
_NAMED = 5  # people whom a complaint names
_P, _R, _S, _V, _C = (
    tables.speakers.c,
    tables.recordings.c,
    tables.samples.c,
    tables.voiceprints.c,
    tables.clips.c,
)


def gather(tx: Connection, gallery: Gallery, clip: Callable[[str], Path]) -> Bundle:
    """Everybody of a gallery, less the clips that are not kept any more; ``clip`` says where one of a hash lies."""
    paths = {sha256: clip(sha256) for sha256 in queries.clip_hashes(tx, _P.gallery == gallery.id)}
    clips = {sha256: path.read_bytes for sha256, path in paths.items() if path.is_file()}
    speakers = select(tables.speakers).where(_P.gallery == gallery.id).order_by(_P.id)
    used = exists().where(_S.recording == _R.id, _S.speaker.is_not(None))
    recordings = select(tables.recordings).where(_R.gallery == gallery.id, used).order_by(_R.id)
    samples = select(tables.samples, _C.sha256.label("clip")).join(tables.speakers, _P.id == _S.speaker)
    samples = samples.outerjoin(tables.clips, _C.sample == _S.id).where(_P.gallery == gallery.id).order_by(_S.id)
    return Bundle(
        gallery=gallery.name,
        created=datetime.now(UTC),
        speakers=tuple(
            BundledSpeaker(row.id, row.name, SpeakerState(row.state), row.created) for row in _rows(tx, speakers)
        ),
        recordings=tuple(
            BundledRecording(row.id, row.sha256, row.source, row.duration) for row in _rows(tx, recordings)
        ),
        samples=tuple(
            BundledSample(
                **{**row._mapping, "origin": Origin(row.origin), "clip": row.clip if row.clip in clips else None}
            )
            for row in _rows(tx, samples)
        ),
        calibrations=tuple(
            BundledCalibration(**asdict(one))
            for one in sorted(calibrations.listed(tx, gallery), key=lambda one: one.id)
        ),
        voiceprints=tuple(
            _vectors(tx, gallery, fingerprint) for fingerprint in queries.fingerprints(tx, _P.gallery == gallery.id)
        ),
        clips=clips,
        consents=tuple(
            BundledConsent(**asdict(one)) for one in consenting.find(tx, tables.consents.c.gallery == gallery.id)
        ),
        consent=consenting.required(tx, gallery.id),
    )


def put(
    tx: Connection, gallery: Gallery, bundle: Bundle, clips: Mapping[str, StagedClip], report: Callable[[int], None]
) -> None:
    """Store all of a bundle in a gallery, with its ids; of its clips those of ``clips``. Reports rows.

    Raises:
        ConflictError: some of it is in this home already, or a name or recording is in the gallery; or the gallery
            requires consent that some people have not given.
        FingerprintError: the model of some voiceprints has others here, of another length.
    """
    _check_free(tx, gallery, bundle)
    _insert(tx, tables.speakers, (_values(row, gallery=gallery.id) for row in bundle.speakers), report)
    _insert(tx, tables.consents, (_values(row, gallery=gallery.id) for row in bundle.consents), report)
    _check_consent(tx, gallery, bundle)
    _insert(tx, tables.recordings, (_values(row, gallery=gallery.id) for row in bundle.recordings), report)
    _insert(tx, tables.samples, map(_values, bundle.samples), report)
    heard = ({"sample": row.id, "sha256": row.clip} for row in bundle.samples if row.clip in clips)
    _insert(tx, tables.clips, heard, lambda _: None)
    _put_calibrations(tx, gallery, bundle)
    report(len(bundle.calibrations))
    for prints in bundle.voiceprints:
        model = enrolling.number_of(tx, prints.model, prints.vectors.shape[1])
        _insert(tx, tables.voiceprints, _prints(prints, model), report)
        for changed in queries.portions((to_uuid(id_), model) for id_ in prints.ids.tolist()):
            outbox.note(tx, changed)
    for clip in clips.values():  # last, so that nothing lies there of a bundle that was refused
        clip.place()
    audit.append(tx, "import", gallery=gallery.id, **bundle.counts() | {"clips": len(clips)})


def _rows(tx: Connection, query: Select[Any]) -> Iterator[Any]:
    return iter(tx.execute(query.execution_options(yield_per=_BATCH)))


def _vectors(tx: Connection, gallery: Gallery, fingerprint: str) -> BundledVectors:
    """The voiceprints of a model."""
    query = (
        select(_V.id, _V.sample, _V.vector)
        .join(tables.samples, _S.id == _V.sample)
        .join(tables.speakers, _P.id == _S.speaker)
        .join(tables.models, tables.models.c.id == _V.model)
        .where(_P.gallery == gallery.id, tables.models.c.fingerprint == fingerprint)
        .order_by(_V.id)
    )
    parts = [
        (
            keys(row.id for row in some),
            keys(row.sample for row in some),
            tables.from_bytes(*(row.vector for row in some)),
        )
        for some in queries.portions(_rows(tx, query))
    ]
    ids, samples, vectors = (np.concatenate(column) for column in zip(*parts, strict=True))
    return BundledVectors(fingerprint, ids, samples, vectors)


def _prints(prints: BundledVectors, model: int) -> Iterator[dict[str, Any]]:
    for id_, sample, vector in zip(prints.ids.tolist(), prints.samples.tolist(), prints.vectors, strict=True):
        yield {"id": to_uuid(id_), "sample": to_uuid(sample), "model": model, "vector": tables.to_bytes(vector)}


def _values(row: Any, **more: object) -> dict[str, Any]:  # noqa: ANN401 - any kind of row
    """The columns of a row; clips have a table of their own."""
    return {name: getattr(row, name) for name in row.__slots__ if name != "clip"} | more


def _put_calibrations(tx: Connection, gallery: Gallery, bundle: Bundle) -> None:
    """Keep the calibrations that are new; what the gallery is judged by already, it is judged by still."""
    there = {one.id for one in calibrations.listed(tx, gallery)}
    judged = calibrations.in_use(tx, gallery) is not None
    for one in bundle.calibrations:
        if one.id not in there:
            values = _values(one, gallery=gallery.id) | {"in_use": False}
            tx.execute(insert(tables.calibrations).values(**values))
        if one.in_use and not judged:
            calibrations.use(tx, gallery, one.id)


def _check_consent(tx: Connection, gallery: Gallery, bundle: Bundle) -> None:
    """Refuse people without the consent that the gallery requires; it takes over what the bundle's required.

    In that case people come as they were: whoever has not consented is not matched here, either.
    """
    purpose = consenting.required(tx, gallery.id)
    if purpose is None:
        if bundle.consent is not None:
            consenting.require(tx, gallery, bundle.consent)
        return
    without = consenting.lacking(tx, gallery.id, (row.id for row in bundle.speakers))
    if without:
        names = sorted(person.label for person in queries.people(tx, without))
        raise ConflictError(
            f'{_some(names)}: no valid consent to "{purpose}", which the gallery "{gallery.name}" requires, so nothing '
            "was imported: import into a gallery of its own, with --gallery NAME"
        )


def _insert(tx: Connection, table: Table, rows: Iterable[dict[str, Any]], report: Callable[[int], None]) -> None:
    for some in queries.portions(rows):
        tx.execute(insert(table), some)
        report(len(some))


def _check_free(tx: Connection, gallery: Gallery, bundle: Bundle) -> None:
    """Refuse what would be there twice."""
    if all(tx.execute(select(id_).limit(1)).first() is None for id_ in (_P.id, _R.id)):
        return  # nobody yet, and perhaps a million ids to look for
    ids: tuple[tuple[Select[Any], ColumnElement[Any], Iterable[UUID]], ...] = (
        (select(_P.id), _P.id, (row.id for row in bundle.speakers)),
        (
            select(_S.speaker).select_from(tables.recordings.outerjoin(tables.samples)),
            _R.id,
            (row.id for row in bundle.recordings),
        ),
        (select(_S.speaker), _S.id, (row.id for row in bundle.samples)),
        (select(tables.consents.c.speaker), tables.consents.c.id, (row.id for row in bundle.consents)),
        *(
            (select(_S.speaker).join(tables.voiceprints, _V.sample == _S.id), _V.id, map(to_uuid, prints.ids.tolist()))
            for prints in bundle.voiceprints
        ),
    )
    holders = {holder for query, column, values in ids for holder in _among(tx, query, column, values)}
    people = [person.label for person in queries.people(tx, holders - {None})]
    if holders and not people:
        raise ConflictError(
            "some of its recordings or samples are kept in this home still, of people who are not: "
            "import into an empty home"
        )
    if people:
        there = _some(people)
        raise ConflictError(f"{there}: kept in this home already, so nothing was imported: import into an empty home")
    names = (row.name for row in bundle.speakers if row.name is not None)
    taken = _among(tx, select(_P.name).where(_P.gallery == gallery.id), _P.name, names)
    recordings = select(_R.source).where(_R.gallery == gallery.id)
    taken = taken or _among(tx, recordings, _R.sha256, (row.sha256 for row in bundle.recordings))
    if taken:
        raise ConflictError(
            f'{_some(taken)}: in the gallery "{gallery.name}" already, so nothing was imported: '
            "import into a gallery of its own, with --gallery NAME"
        )


def _among(tx: Connection, query: Select[Any], column: ColumnElement[Any], values: Iterable[Any]) -> list[Any]:
    """What a query finds where a column has one of these values."""
    return [found for some in queries.portions(values) for found in tx.scalars(query.where(column.in_(some)))]


def _some(names: Iterable[str]) -> str:
    """The first few of some names.

    >>> _some("fedcba")
    'a, b, c, d, e and 1 more'
    """
    every = sorted(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
