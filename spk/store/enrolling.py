"""The one transaction of an enrollment: what is known already, what belongs to somebody else, what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, or_, select

from spk.errors import ConflictError, InputError, NotFoundError
from spk.store import audit, queries, tables
from spk.store.changes import Journal
from spk.store.home import StagedClip
from spk.store.names import clean_name, stands_for_somebody, storable
from spk.store.records import (
    Enrollment,
    Gallery,
    NewRecording,
    NewSample,
    Recording,
    Sample,
    Speaker,
    SpeakerState,
)
from spk.timeline import total

__all__ = [
    "check",
    "enroll",
    "insert_sample",
    "insert_voiceprints",
    "make_gallery",
    "make_speaker",
    "number_of",
    "recording_of",
    "same_audio",
]

_S, _R = tables.samples.c, tables.recordings.c


@dataclass
class _Known:
    """A stored sample, and the models that have a voiceprint of it."""

    sample: Sample
    models: set[str] = field(default_factory=set)


def check(samples: Sequence[NewSample]) -> None:
    """Refuse what no embedder can have made.

    Raises:
        InputError: no samples, no vectors, or vectors that are not finite and L2-normalised.
    """
    if not samples:
        raise InputError("nothing to enroll: give at least one sample")
    for sample in samples:
        if not sample.vectors:
            raise InputError(f"{sample.recording.source}: no voiceprint was made of it: embed it first")
        for vector in sample.vectors.values():
            # Not `abs(…) > …`: NaN must not pass.
            if vector.ndim != 1 or not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
                raise InputError(f"{sample.recording.source}: its voiceprint is not a vector of length 1")


def enroll(
    journal: Journal,
    gallery: Gallery,
    who: str | Speaker | None,
    samples: Sequence[NewSample],
    clips: Sequence[StagedClip | None],
    *,
    placed: list[StagedClip],
    force: bool,
) -> Enrollment:
    """Store samples for a speaker; see ``Store.enroll``. ``placed`` takes the clips that are to be kept."""
    tx = journal.tx
    speaker = _whom(journal, gallery, who)
    known = _known(tx, gallery, samples)
    added: dict[UUID, Sample] = {}
    already: dict[UUID, Sample] = {}
    forced: list[str] = []
    for new, clip in zip(samples, clips, strict=True):
        mine = [other for other in known if other.sample.speaker == speaker.id and same_audio(new, other.sample)]
        missing = set(new.vectors).difference(*(other.models for other in mine))
        exact = next((other for other in mine if other.sample.sha256 == new.sha256), None)
        if not missing:
            sample = (exact or mine[0]).sample
            already.setdefault(sample.id, sample)
            continue
        if exact is None:
            theirs = [other.sample for other in known if other.sample.speaker != speaker.id]
            reasons = (*new.forced, *_conflicts(tx, new, theirs, force=force))
            exact = _Known(insert_sample(tx, gallery, speaker.id, new, reasons))
            journal.gave(exact.sample.id, speaker.id)
            known.append(exact)
            forced += reasons
            if clip:
                tx.execute(insert(tables.clips), {"sample": exact.sample.id, "sha256": clip.sha256})
                placed.append(clip)
        prints = insert_voiceprints(tx, exact.sample.id, {model: new.vectors[model] for model in sorted(missing)})
        if exact.models:  # the sample is older than this change
            journal.printed(prints)
        exact.models |= missing
        added[exact.sample.id] = exact.sample
    already = {id_: sample for id_, sample in already.items() if id_ not in added}
    if added:
        ids = [str(id_) for id_ in added]
        audit.append(tx, "enroll", gallery=gallery.id, speaker=speaker.id, samples=ids, already=len(already))
    if forced:
        audit.append(tx, "force", gallery=gallery.id, speaker=speaker.id, reasons=forced)
    return Enrollment(speaker, tuple(added.values()), tuple(already.values()))


def make_gallery(tx: Connection, name: str) -> Gallery:
    """The gallery of a clean name, made where it is missing."""
    with suppress(NotFoundError):
        return queries.find_gallery(tx, name)
    gallery = Gallery(uuid4(), name)
    tx.execute(insert(tables.galleries).values(id=gallery.id, name=name))
    audit.append(tx, "create gallery", gallery=gallery.id)
    return gallery


def number_of(tx: Connection, fingerprint: str, dim: int) -> int:
    """The number of a model in this home, which it gets with its first voiceprint.

    Raises:
        FingerprintError: its vectors here are of another length.
    """
    model = queries.find_model(tx, fingerprint, dim)
    if model is not None:
        return model.number
    tx.execute(insert(tables.models).values(fingerprint=fingerprint, dim=dim))
    return int(tx.scalars(select(tables.models.c.id).where(tables.models.c.fingerprint == fingerprint)).one())


def same_audio(one: NewSample | Sample, other: NewSample | Sample) -> bool:
    """Whether two samples are the same speech: the same content, or more than half of the shorter one."""
    if one.sha256 == other.sha256:
        return True
    if one.recording.sha256 != other.recording.sha256:
        return False
    ours, theirs = one.parts or (one.segment,), other.parts or (other.segment,)
    shared = total(both for part in ours for piece in theirs if (both := part & piece))
    return shared > min(total(ours), total(theirs)) / 2


def _whom(journal: Journal, gallery: Gallery, who: str | Speaker | None) -> Speaker:
    """The speaker meant; a new one for a new name, or for none."""
    tx = journal.tx
    if isinstance(who, Speaker):
        return queries.find_speaker(tx, gallery, who.id)
    if who is not None and stands_for_somebody(who):
        return queries.find_speaker(tx, gallery, who)
    name = None
    if who is not None:
        name = clean_name(who)
        for speaker in queries.speakers(tx, gallery.id, tables.speakers.c.name == name):
            return speaker
    return make_speaker(journal, gallery, name, (uuid4() for _ in range(16)))


def make_speaker(journal: Journal, gallery: Gallery, name: str | None, ids: Iterable[UUID]) -> Speaker:
    """Somebody new, by the first of some ids whose first four digits nobody of the gallery has: labels then differ.

    Where all of them are somebody's, the last one is taken.
    """
    for id_ in ids:
        if not queries.with_prefix(journal.tx, gallery.id, id_.hex[:4]):
            break
    state = SpeakerState.ENROLLED if name else SpeakerState.UNKNOWN
    speaker = Speaker(id_, gallery.id, name, state, datetime.now(UTC))
    row = {"id": id_, "gallery": gallery.id, "name": name, "state": state.value, "created": speaker.created}
    journal.insert(tables.speakers, row)
    return speaker


def _known(tx: Connection, gallery: Gallery, samples: Sequence[NewSample]) -> list[_Known]:
    """The stored samples of the gallery that have content or a recording in common with new ones."""
    in_common = or_(
        _S.sha256.in_([new.sha256 for new in samples]),
        _S.recording.in_(
            select(_R.id).where(_R.gallery == gallery.id, _R.sha256.in_([new.recording.sha256 for new in samples]))
        ),
    )
    # By the samples' ids, found first: otherwise SQLite goes through everybody of the gallery.
    conditions = (tables.speakers.c.gallery == gallery.id, _S.id.in_(select(_S.id).where(in_common)))
    models = queries.models_by_sample(tx, *conditions)
    return [_Known(sample, models.get(sample.id, set())) for sample in queries.samples(tx, *conditions)]


def _conflicts(tx: Connection, new: NewSample, theirs: Sequence[Sample], *, force: bool) -> list[str]:
    """What is overridden by ``force``: one reason for each other speaker who has the same audio."""
    owners = dict.fromkeys(sample.speaker for sample in theirs if same_audio(new, sample))
    if owners and not force:
        labels = tx.execute(select(tables.speakers).where(tables.speakers.c.id.in_(owners)))
        names = ", ".join(sorted(row.name or f"unknown-{row.id.hex[:4]}" for row in labels))
        raise ConflictError(
            f"{new.recording.source}: {new.segment.start:.1f} s to {new.segment.end:.1f} s already belongs "
            f"to {names}: rename or merge them if they are the same person, or use --force"
        )
    return [f"the same audio belongs to speaker {owner}" for owner in owners]


def insert_sample(tx: Connection, gallery: Gallery, speaker: UUID, new: NewSample, forced: tuple[str, ...]) -> Sample:
    """Store a sample of a speaker, without its voiceprints."""
    sample = Sample(
        id=uuid4(),
        speaker=speaker,
        recording=recording_of(tx, gallery, new.recording),
        segment=new.segment,
        parts=new.parts or (new.segment,),
        sha256=new.sha256,
        net_seconds=new.net_seconds,
        quality=dict(new.quality),
        origin=new.origin,
        forced=forced,
        created=datetime.now(UTC),
    )
    tx.execute(
        insert(tables.samples),
        {
            "id": sample.id,
            "speaker": sample.speaker,
            "recording": sample.recording.id,
            "start": sample.segment.start,
            "end": sample.segment.end,
            "parts": [[part.start, part.end] for part in sample.parts],
            "sha256": sample.sha256,
            "net_seconds": sample.net_seconds,
            "quality": sample.quality,
            "origin": sample.origin,
            "forced": list(sample.forced),
            "created": sample.created,
        },
    )
    return sample


def recording_of(tx: Connection, gallery: Gallery, new: NewRecording) -> Recording:
    """The recording of that content, stored if it is new to the gallery."""
    row = tx.execute(select(tables.recordings).where(_R.gallery == gallery.id, _R.sha256 == new.sha256)).first()
    if row is not None:
        return Recording(row.id, gallery.id, row.sha256, row.source, row.duration)
    recording = Recording(uuid4(), gallery.id, new.sha256, storable(new.source), new.duration)
    tx.execute(
        insert(tables.recordings),
        {
            "id": recording.id,
            "gallery": gallery.id,
            "sha256": recording.sha256,
            "source": recording.source,
            "duration": recording.duration,
        },
    )
    return recording


def insert_voiceprints(
    tx: Connection, sample: UUID, vectors: Mapping[str, NDArray[np.float32]]
) -> list[tuple[UUID, int]]:
    """Store the voiceprints of a sample, one a model; their ids, and their models' numbers."""
    changed = []
    for fingerprint, vector in vectors.items():
        model = number_of(tx, fingerprint, len(vector))
        id_ = uuid4()
        tx.execute(
            insert(tables.voiceprints), {"id": id_, "sample": sample, "model": model, "vector": tables.to_bytes(vector)}
        )
        changed.append((id_, model))
    return changed
