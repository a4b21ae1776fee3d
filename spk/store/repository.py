"""The store: galleries, speakers and what they are known by, in one home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement

from spk.errors import FingerprintError, InputError, NotFoundError, StoreError
from spk.store import consenting, enrolling, queries, tables
from spk.store.changes import Journal
from spk.store.consents import Consents
from spk.store.database import Database
from spk.store.erasure.erasing import Erasing
from spk.store.files import sync_folder
from spk.store.home import Home, StagedClip
from spk.store.index import Candidate
from spk.store.jobs import Jobs
from spk.store.judgements import Judgements
from spk.store.keys import Keys
from spk.store.listing import Listing
from spk.store.maintenance import Maintenance
from spk.store.monitoring import Monitoring
from spk.store.names import clean_name, new_name
from spk.store.problems import explained
from spk.store.records import (
    EngineDown,
    Enrollment,
    Gallery,
    NewConsent,
    NewSample,
    Profile,
    Sample,
    Speaker,
    SpeakerState,
    Voiceprint,
)
from spk.store.requests import Requests
from spk.store.retrieval import Retrieval
from spk.store.reviewing import Reviewing
from spk.store.subjects import Subjects
from spk.store.upkeep import Upkeep

__all__ = ["Store"]

_P, _S = tables.speakers.c, tables.samples.c


class Store(
    Consents, Erasing, Jobs, Judgements, Keys, Listing, Maintenance, Monitoring, Requests, Reviewing, Subjects, Upkeep
):
    """One home: a SQLite database that holds the truth, clips to listen to, and caches for searching.

    Several processes may work on one home at once. Each method is one transaction: when it returns, the
    change is on the disk; when it raises, nothing was changed. Every method may raise StoreError where the
    disk or the database fails.
    """

    def __init__(self, home: Home, database: Database, retrieval: Retrieval) -> None:
        self._home = home
        self._database = database
        self._retrieval = retrieval

    @classmethod
    def open(
        cls,
        home: Path,
        *,
        create: bool = True,
        database: str | None = None,
        engine_down: EngineDown = "exact",
        qdrant_key: str | None = None,
    ) -> Self:
        """Open a home, made or brought up to date where needed.

        Args:
            database: The URL of a PostgreSQL database; the SQLite file of the home without one.
            engine_down: Whether a search is answered by this process's own engine, or fails, where the vector
                engine does not answer.
            qdrant_key: What Qdrant asks for, where that is the vector engine.

        Raises:
            InputError: such a database is not supported.
            StoreError: it cannot be read or written, or is missing and ``create`` is false.
            StoreVersionError: a newer spk wrote it.
        """
        place = Home(home, create=create, on_server=database is not None)
        opened = Database(place, database, create=create)
        store = cls(place, opened, Retrieval(place, opened, engine_down, qdrant_key))
        if store._home.erasing:
            # Somebody was killed in the middle of an erasure; or is at it now, and then holds the lock.
            with suppress(StoreError), opened.lock(wait=0):
                store._finish_erasing()
        return store

    def close(self) -> None:
        """Let go of the home."""
        self._retrieval.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The home's folder."""
        return self._home.path

    @property
    def location(self) -> str:
        """Where the truth is: the database's file or address."""
        return self._database.where

    # Galleries and speakers

    def gallery(self, name: str, *, create: bool = False) -> Gallery:
        """The gallery of a name; with ``create`` it is made where missing.

        Raises:
            InputError: no such name is possible.
            NotFoundError: there is none, and ``create`` is false.
        """
        name = clean_name(name)
        with self._database.read() as tx:
            try:
                return queries.find_gallery(tx, name)
            except NotFoundError:
                if not create:
                    raise
        with self._database.write() as tx:
            return enrolling.make_gallery(tx, name)  # another process may have made it meanwhile

    def galleries(self) -> list[Gallery]:
        """Every gallery, by name."""
        with self._database.read() as tx:
            return queries.galleries(tx)

    def speakers(self, gallery: Gallery, state: SpeakerState | None = None) -> list[Speaker]:
        """The speakers of a gallery: by name, then the unknown ones, oldest first."""
        with self._database.read() as tx:
            return queries.speakers(tx, gallery.id, *([_P.state == state] if state else []))

    def speaker(self, gallery: Gallery, who: str | UUID, *, consented: bool = False) -> Speaker:
        """A speaker by name, by label (``unknown-7f3a``, longer where it stands for several), or by id.

        Args:
            gallery: Of which gallery.
            who: The name, label or id.
            consented: Where consent is required, whoever has not given it is as if they were not there.

        Raises:
            NotFoundError: there is none; names what is spelt alike.
        """
        with self._database.read() as tx:
            return queries.find_speaker(tx, gallery, who, consented=consented)

    def called(self, gallery: Gallery, who: str | UUID) -> list[Speaker]:
        """Whom a name, label or id means, as `speaker`: one person or nobody; several only by a label."""
        with self._database.read() as tx:
            return queries.called(tx, gallery, who)

    def speaker_ids(self, gallery: Gallery) -> list[UUID]:
        """The ids of a gallery's speakers, in their order: of many people much faster than `speakers`."""
        with self._database.read() as tx:
            return queries.speaker_ids(tx, gallery.id)

    def people(self, ids: Iterable[UUID]) -> list[Speaker]:
        """The speakers of these ids, of whatever gallery; those who are gone are left out."""
        with self._database.read() as tx:
            return queries.people(tx, ids)

    # What speakers are known by

    def samples(self, whose: Speaker | Gallery) -> list[Sample]:
        """The samples of a speaker, or of a whole gallery, oldest first."""
        with self._database.read() as tx:
            return queries.samples(tx, _belongs_to(whose))

    def voiceprints(self, speaker: Speaker) -> list[Voiceprint]:
        """Every voiceprint of a speaker, of every model."""
        with self._database.read() as tx:
            return queries.voiceprints(tx, speaker)

    def clips(self, speaker: Speaker) -> list[Path]:
        """The kept FLAC clips of a speaker, oldest first."""
        with self._database.read() as tx:
            clips = [self._home.clip(sha256) for sha256 in queries.clip_hashes(tx, _belongs_to(speaker))]
        return [clip for clip in clips if clip.is_file()]  # or else somebody has removed it

    def models(self, gallery: Gallery) -> list[str]:
        """The fingerprints of the models that made the gallery's voiceprints."""
        with self._database.read() as tx:
            return queries.fingerprints(tx, _belongs_to(gallery))

    def profile(self, speaker: Speaker, model: str) -> Profile:
        """The profile of one speaker by one model.

        Raises:
            FingerprintError: the speaker is enrolled by other models only.
            NotFoundError: the speaker has no voiceprints, or has not consented, or is gone.
        """
        with self._database.read() as tx:
            speaker = queries.same_speaker(tx, speaker)
            for profile in queries.profiles(tx, speaker.gallery, model, {speaker.id}):
                return profile
            others = queries.fingerprints(tx, _belongs_to(speaker))
            if others and consenting.lacking(tx, speaker.gallery, [speaker.id]):
                raise NotFoundError(
                    f"{speaker.label} cannot be recognised without consent, which the gallery requires: "
                    "see `spk consent list`"
                )
        if others:
            raise FingerprintError(
                f"{speaker.label} has no voiceprint by model {model[:12]}, only by "
                f"{', '.join(other[:12] for other in others)}: enroll again by this model, or use that one"
            )
        raise NotFoundError(f"{speaker.label} has no voiceprints yet: enroll some speech first")

    def profiles(self, gallery: Gallery, model: str, speakers: Iterable[UUID] | None = None) -> list[Profile]:
        """The profiles of a gallery by one model, or of some of its speakers, in the order of the ids.

        Speakers without a voiceprint by that model have none; nor have those without consent, where it is required.
        """
        wanted = None if speakers is None else set(speakers)
        with self._database.read() as tx:
            return list(queries.profiles(tx, gallery.id, model, wanted))

    def candidates(self, gallery: Gallery, model: str, vector: NDArray[np.float32], k: int) -> list[Candidate]:
        """The ``k`` speakers who have the voiceprints closest to ``vector`` (dim,), best first: see `search`."""
        if vector.ndim != 1:
            raise InputError(f"one vector was expected, not an array of shape {vector.shape}: use search for several")
        return self.search(gallery, model, vector[None], k)[0]

    def search(self, gallery: Gallery, model: str, vectors: NDArray[np.float32], k: int) -> list[list[Candidate]]:
        """For each of ``vectors`` (n, dim) the ``k`` speakers who have the closest voiceprints, best first.

        Raises:
            InputError: a vector has no direction.
            FingerprintError: their length is not that of the model's vectors.
            EngineError: the shared vector engine does not answer, and this process is not to search by itself.
        """
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        if vectors.ndim != 2 or not ((lengths > 0) & (lengths < np.inf)).all():
            raise InputError("only a finite vector other than 0 can be searched for: embed the audio again")
        with self._database.read() as tx:
            known = queries.find_model(tx, model, vectors.shape[1])
        if known is None or k < 1:
            return [[] for _ in vectors]
        found = self._retrieval.search(known, (vectors / lengths).astype(np.float32), k, gallery.id)
        with self._database.read() as tx:  # an engine is a cache: who is gone from SQL is not found
            there = queries.existing(tx, gallery.id, {one.speaker for nearest in found for one in nearest})
        return [[candidate for candidate in nearest if candidate.speaker in there] for nearest in found]

    # Changes

    def enroll(
        self,
        gallery: Gallery,
        who: str | Speaker | None,
        samples: Sequence[NewSample],
        *,
        force: bool = False,
        consent: NewConsent | None = None,
    ) -> Enrollment:
        """Add samples to a speaker, all of them or none.

        Speech that the speaker has already (the same content, or more than half of the shorter of two
        segments of one recording) is not stored twice.

        Args:
            who: A name, new or known; a label such as ``unknown-7f3a``, or an id; a speaker; None for somebody unknown.
            force: Store it even if the same audio belongs to another speaker; the audit log says so.
            consent: What the speaker consents to by it.

        Raises:
            InputError: an impossible name, no samples, unusable vectors, or an impossible consent.
            ConflictError: the same audio belongs to another speaker of the gallery; or the gallery requires consent.
            NotFoundError: no speaker of that label or id, or the speaker is gone.
            FingerprintError: vectors of another length than the model's.
        """
        enrolling.check(samples)
        with ExitStack() as stack:
            clips: list[StagedClip | None] = []
            with explained(self.path):
                for sample in samples:
                    clip = self._home.stage(sample.clip) if sample.clip else None
                    if clip is not None:
                        stack.callback(clip.discard)
                    clips.append(clip)
            try:
                with self._database.write() as tx:
                    journal, placed = Journal(tx, gallery.id), list[StagedClip]()
                    enrollment = enrolling.enroll(journal, gallery, who, samples, clips, placed=placed, force=force)
                    if consent is not None:
                        consenting.add(tx, enrollment.speaker, consent)
                    consenting.check(journal)
                    journal.note("enroll")
                    for clip in placed:  # last, so that nothing lies there of an enrollment that was refused
                        clip.place()
                    sync_folder(self._home.clips)
            except StoreError:
                with suppress(StoreError):
                    self._sweep()
                raise
        self._retrieval.push()
        return enrollment

    def make_speaker(self, gallery: Gallery, name: str) -> Speaker:
        """Keep somebody who has no samples yet, whom nothing is compared with until they have.

        Raises:
            InputError: nobody can have that name.
            ConflictError: somebody of the gallery has it, or the gallery requires consent, which comes first there.
        """
        with self.change(gallery, "create") as change:
            speaker = change.make_speaker(name)
            change.audit("create", speaker=speaker.id)
            return speaker

    def rename(self, speaker: Speaker, name: str) -> Speaker:
        """Give a speaker another name; somebody unknown is enrolled by that.

        Raises:
            ConflictError: another speaker of the gallery has the name.
        """
        name = new_name(name)
        with self.change(Gallery(speaker.gallery, ""), "rename") as change:
            return change.rename(speaker, name)

    def merge(self, source: Speaker, into: Speaker) -> Speaker:
        """Move everything of ``source`` to ``into`` and remove ``source``.

        Speech that both have is kept once. Somebody unknown takes over the name of ``source``.

        Raises:
            ConflictError: they are the same speaker, or of two galleries.
        """
        with self.change(Gallery(into.gallery, ""), "merge") as change:
            return change.merge(source, into)


def _belongs_to(whose: Speaker | Gallery) -> ColumnElement[bool]:
    """The condition on samples."""
    return _S.speaker == whose.id if isinstance(whose, Speaker) else _P.gallery == whose.id
