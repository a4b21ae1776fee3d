"""The part of the store that forgets: people, with all that is known of them, from the tables and from every file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import Connection, delete, select

from spk.embed.weights import Progress
from spk.errors import EngineError, InputError, StoreError
from spk.store import audit, decisions, outbox, queries, retention, tables
from spk.store.audit import AuditHead
from spk.store.database import Database
from spk.store.erasure import exports, pseudonyms, reviewed
from spk.store.erasure.erased import Erased, Known
from spk.store.erasure.exports import Cleaned, Left
from spk.store.erasure.proof import prove
from spk.store.erasure.pseudonyms import Called
from spk.store.erasure.receipts import NOT_PROVED, PROVED, Check, ErasedCounts, ErasureReceipt, SigningKey
from spk.store.erasure.working import forget_work
from spk.store.home import Home
from spk.store.problems import explained
from spk.store.records import Gallery, Speaker
from spk.store.retrieval import Retrieval

__all__ = ["Erasing"]

_LATER = "not yet: somebody has been reading for long, so the next command does it"


class Erasing:
    """Erasures. They leave a mark in the home until nothing holds what they erased: see ``_finish_erasing``."""

    _home: Home
    _database: Database
    _retrieval: Retrieval

    def delete(self, speaker: Speaker) -> None:
        """Erase a speaker: samples, voiceprints, clips and name, from the database and from every file.

        So are the decisions that found a voice to be this person's, or perhaps: they hold that voice. Of what was
        heard in recordings, their turns stay, without a voice or a name. Changes that tell of them cannot be undone any
        more. Exported files that are where they were put are written anew, and recordings that are called by the name
        get a neutral one.

        Raises:
            NotFoundError: the speaker is gone already.
            EngineError: the vector engine does not answer; it is told as soon as it does.
        """
        done = self._erase([speaker], "delete")
        if done.problem:
            raise _stored(done.problem) from done.problem

    def erase(self, speakers: Sequence[Speaker], *, progress: Progress | None = None) -> ErasureReceipt:
        """Erase people as `delete` does, then look for them everywhere.

        A vector engine that does not answer is no failure: the receipt says that it is to be told.

        Returns:
            What went, what was looked for, and what was found: see ``proved``.

        Raises:
            InputError: nobody was named, or people of two galleries.
            NotFoundError: one of them is gone already.
        """
        if len({speaker.gallery for speaker in speakers}) != 1:
            raise InputError("nobody was erased: name at least one person, and of one gallery only")
        key = SigningKey(self._home.path)
        report = progress or (lambda *_: None)
        report(0, 1, "erasing")
        done = self._erase(speakers, "erase")
        report(1, 1, "erasing")
        receipt = ErasureReceipt(
            id=done.id,
            gallery=done.erased.gallery,
            speakers=tuple(person.speaker.id for person in done.erased.people),
            at=datetime.now(UTC),
            user=audit.user(),
            counts=done.counts,
            engine="done" if done.scrubbed and not done.problem else "pending",
            left=tuple(done.left(self._home.path)),
            checks=(
                Check("the database written anew", 1, "all of it", () if done.scrubbed else (_LATER,)),
                *prove(
                    self._home, self._database, self._retrieval, done.erased, done.cleaned.rewritten, progress=report
                ),
            ),
            audit=done.heads,
        ).signed(key)
        with self._database.write() as tx:
            action = PROVED if receipt.proved else NOT_PROVED
            audit.append(tx, action, gallery=receipt.gallery, erasure=receipt.id, receipt=receipt.sha256)
        return receipt

    @property
    def last_change(self) -> int:
        """The number of the audit log's last row."""
        with self._database.read() as tx:
            return audit.last(tx).sequence

    @contextmanager
    def exporting(self, gallery: Gallery, path: Path, sha256: str, *, as_of: int, speakers: int) -> Iterator[None]:
        """Note that people are exported to a file, which is to be put there inside of this: no erasure comes between.

        Args:
            gallery: Whose people they are.
            path: The file.
            sha256: Of what it will hold.
            as_of: What was the `last_change` before the gallery was read.
            speakers: How many they are.

        Raises:
            ConflictError: somebody was erased since, who may be in what is to be written.
        """
        with self._database.lock():
            with self._database.write() as tx:
                exports.note(tx, gallery.id, path, sha256, as_of=as_of, held={"speakers": speakers})
            yield

    def _erase(self, speakers: Sequence[Speaker], action: Literal["delete", "erase"]) -> _Done:
        """Erase people of one gallery."""
        with self._database.lock():
            with explained(self._home.path), self._database.read() as tx:
                there = [queries.same_speaker(tx, speaker) for speaker in dict.fromkeys(speakers)]
                called = Called.of(tx, there)
                self._gather(tx, there, called)  # what cannot be read fails here, before anything is changed
            cleaned = exports.clean(self._database, called.gallery, {speaker.id for speaker in there}, called)
            with explained(self._home.path), self._database.write() as tx:
                there = [queries.same_speaker(tx, speaker) for speaker in there]
                erased = self._gather(tx, there, called)
                done = _Done(uuid4(), erased, cleaned)
                self._begin_erasing(erased.models)
                done.remove(tx, action)
            try:
                for upload in done.uploads:
                    self._home.discard_upload(upload)
                done.scrubbed = self._finish_erasing()
            except EngineError as problem:
                done.scrubbed, done.problem = True, problem
            except StoreError as problem:
                raise _stored(problem) from problem
        return done

    def _gather(self, tx: Connection, speakers: Iterable[Speaker], called: Called) -> Erased:
        return Erased(tuple(Known.gather(tx, one, called, self._home.clip) for one in speakers), called)

    def _begin_erasing(self, fingerprints: Iterable[str] = ()) -> None:
        """Announce, before it happens, that a name and voiceprints by these models are about to go.

        The mark stays until nothing holds any of it: whoever opens the home next goes on from there.
        """
        with explained(self._home.path):
            self._home.begin_erasing(fingerprints)

    def _finish_erasing(self, *, announced_before: datetime | None = None) -> bool:
        """Do what is left to do of an erasure, under the lock.

        Args:
            announced_before: Leave exports alone that were announced later, where nobody was erased.

        Returns:
            Whether that was possible; somebody who reads for long holds it up.

        Raises:
            EngineError: the vector engine does not answer; all else is done.
        """
        unfinished = self._home.unfinished
        if unfinished.files:
            self._sweep()
            exports.finish(self._database, announced_before=announced_before)
            if not self._database.scrub():
                return False
            self._home.files_erased()
        models = unfinished.models
        self._retrieval.compact([one.fingerprint for one in self._retrieval.models()] if models is None else models)
        self._home.end_erasing()
        return True

    def _sweep(self) -> None:
        with self._database.write() as tx:
            self._home.sweep(set(tx.scalars(select(tables.clips.c.sha256))))


@dataclass(eq=False)
class _Done:
    """What an erasure did."""

    id: UUID
    erased: Erased
    cleaned: Cleaned
    named: list[Left] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    sources: int = 0
    heads: tuple[AuditHead, ...] = ()
    scrubbed: bool = False
    problem: EngineError | None = None

    def remove(self, tx: Connection, action: str) -> None:
        """Take everybody out of the tables."""
        people, called = self.erased.people, self.erased.called
        ids = self.erased.ids()
        for person in people:
            outbox.note(tx, queries.voiceprint_keys(tx, tables.samples.c.speaker == person.speaker.id))
            decisions.erase(tx, called.gallery, person.decisions)
            reviewed.forget(tx, called, person.speaker.id, person.reviewed)
            ids |= _remove(tx, person.speaker)
        pseudonyms.forget_ids(tx, called.gallery, ids)
        self.named = exports.forget_named(tx, called.gallery, called)
        self.uploads = forget_work(tx, called, ids)
        self.sources = pseudonyms.relabel(tx, called)
        heads = []
        for person in people:
            audit.append(
                tx,
                action,
                gallery=called.gallery,
                speaker=person.speaker.id,
                erasure=self.id,
                samples=len(person.samples) + len(person.reviewed.samples),
                voiceprints=len(person.voiceprints) + len(person.reviewed.prints),
                clips=len(person.clips),
                decisions=len(person.decisions),
                voices=len(person.reviewed.voices),
                changes=len(person.reviewed.changes),
                consents=len(person.consents),
            )
            heads.append(audit.last(tx))
        self.heads = tuple(heads)

    @property
    def counts(self) -> ErasedCounts:
        """How much went."""
        people = self.erased.people
        return ErasedCounts(
            samples=sum(len(person.samples) for person in people)
            + len({sample for person in people for sample in person.reviewed.samples}),
            voiceprints=sum(len(person.voiceprints) for person in people)
            + len({id_ for person in people for id_, _ in person.reviewed.prints}),
            clips=len({sha256 for person in people for sha256 in person.clips}),
            decisions=len({decision for person in people for decision in person.decisions}),
            exports=len(self.cleaned.rewritten) + self.cleaned.removed,
            sources=self.sources,
            voices=len({voice for person in people for voice in person.reviewed.voices}),
            changes=len({number for person in people for number in person.reviewed.changes}),
            consents=sum(len(person.consents) for person in people),
        )

    def left(self, home: Path) -> Iterator[str]:
        """What is left for somebody to look after, without naming anybody."""
        for one in (*self.cleaned.left, *self.named):
            yield f"export {one.sha256[:12] if self.erased.called(str(one.path)) else one.path}: {one.why}"
        settings = home / "spk.toml"
        if settings.is_file() and self.erased.called(settings.read_text(encoding="utf-8", errors="replace")):
            yield f"{settings.name}: holds the name: change it by hand"


def _remove(tx: Connection, speaker: Speaker) -> set[UUID]:
    """Remove a speaker with all that hangs on it, and recordings of which nothing is kept any more.

    Returns:
        The ids of these recordings.
    """
    tx.execute(delete(tables.speakers).where(tables.speakers.c.id == speaker.id))
    return retention.remove_unused(tx, tables.recordings.c.gallery == speaker.gallery)


def _stored(problem: StoreError) -> StoreError:
    if isinstance(problem, EngineError):
        return EngineError(f"{problem} (the change itself is stored; the engine is told when it answers)")
    return StoreError(
        f"{problem} (the change itself is stored; what it erased may be left in files of the home until it is "
        "next opened)"
    )
