"""The part of the store that looks after vector engines: how they stand, filling them anew, another one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
from sqlalchemy import Connection

from spk.errors import EngineError, StoreError
from spk.store import audit, outbox, queries
from spk.store.database import Database
from spk.store.home import Home
from spk.store.index import IndexRows, VectorIndex
from spk.store.index.faiss import FaissIndex
from spk.store.records import Compacted, EngineCheck, EngineStatus, StoreCheck, StoredModel
from spk.store.retrieval import IN_PROCESS, Retrieval
from spk.store.shared import Shared

__all__ = ["Maintenance"]

Progress = Callable[[int, int, str], None]


class Maintenance:
    """The vector engines of a store. They can all be filled again from SQL, while searches go on."""

    _home: Home
    _database: Database
    _retrieval: Retrieval

    def engine_status(self) -> list[EngineStatus]:
        """How the engine in use stands to the voiceprints of each model."""
        shared = self._retrieval.shared()
        return [self._status(shared, model) for model in self._retrieval.models()]

    def rebuild_engines(self, progress: Progress | None = None) -> list[EngineStatus]:
        """Fill the engine in use anew from SQL, beside the old one, which answers until then.

        Raises:
            EngineError: a shared engine does not answer.
            StoreError: a snapshot cannot be written.
        """
        shared = self._retrieval.shared()
        for model in self._retrieval.models():
            (shared or self._retrieval.own).rebuild(model, self._counted(model, progress))
        return self.engine_status()

    def check(self, progress: Progress | None = None) -> StoreCheck:
        """Look for what is wrong: in the database, its voiceprints, the audit log, the clips and the engine in use.

        Raises:
            StoreError: the database cannot be read.
        """
        shared, entries, head = self._retrieval.shared(), 0, ""
        problems = [*self._database.damage(), *self._wrong_clips()]
        try:
            with self._database.read() as tx:
                whole = audit.verify(tx)
            entries, head = whole.entries, whole.head
        except StoreError as error:
            problems.append(str(error))
        with self._database.read() as tx:
            wrong = sum(_not_normalised(rows) for model in queries.models(tx) for rows in outbox.rows(tx, model.number))
        if wrong:
            problems.append(f"{wrong} voiceprints are not vectors of length 1: restore a backup")
        engines = []
        for model in self._retrieval.models():
            try:
                engines.append(self._check(shared, model, progress))
            except EngineError as error:
                problems.append(str(error))
        return StoreCheck(tuple(problems), tuple(engines), entries, head)

    def move_engine(self, to: str, progress: Progress | None = None) -> list[EngineStatus]:
        """Fill another engine, use it from then on in every process, and leave nothing in the old one.

        Args:
            to: ``faiss`` for the engines of each process, or the address of a Qdrant.

        Raises:
            InputError: there is no such engine, or it is in use already.
            EngineError: the new one does not answer, and the old one stays in use; or the old one does not, and is
                to be emptied by `compact` when it does.
        """
        if to != IN_PROCESS:
            from spk.store.index.qdrant_address import QdrantAddress

            to = str(QdrantAddress.parse(to))

        def fill(new: Shared) -> None:
            new.greet()
            for model in self._retrieval.models():
                new.rebuild(model, self._counted(model, progress))

        before = self._retrieval.use(to, fill)
        with self._database.write() as tx:
            audit.append(tx, "use engine", engine=to, was=before)
        if before == IN_PROCESS:
            for model in self._retrieval.models():
                self._retrieval.own.drop(model)
        try:
            self._retrieval.empty_left()
        except EngineError as problem:
            raise EngineError(
                f"{problem} ({to} is in use now; what the old engine holds is removed by `spk store compact` then)"
            ) from problem
        return self.engine_status()

    def engines_left(self) -> list[str]:
        """The addresses of engines that were used before and could not be emptied yet."""
        return self._retrieval.left()

    def forget_engines_left(self) -> None:
        """Take engines that were used before for empty: they will never answer again."""
        with self._database.write() as tx:
            for address in self.engines_left():
                self._retrieval.forget_left(tx, address)
                audit.append(tx, "forget engine", engine=address)

    def compact(self, progress: Progress | None = None) -> Compacted:
        """Give back room: the list of changes, what was deleted from the database's file, and the engine's waste.

        Raises:
            EngineError: a shared engine does not answer.
            StoreError: the database is too busy for it.
        """
        with self._database.read() as tx:
            heads = {model.number: outbox.head(tx, model.number) for model in self._retrieval.models()}
        self.rebuild_engines(progress)
        self._retrieval.empty_left()
        with self._database.write() as tx:  # not what was changed since: the engine in use may not have that
            changes = sum(outbox.compact(tx, number, head) for number, head in heads.items())
        return Compacted(changes, self._database.scrub())

    def _wrong_clips(self) -> Iterator[str]:
        """What is wrong with the clips; those of another machine's home are none of ours."""
        with self._database.read() as tx:
            kept = queries.clip_hashes(tx)
        files = {sha256: self._home.clip(sha256) for sha256 in kept}
        missing = [sha256 for sha256, file in files.items() if not file.exists()]
        if missing:
            yield f"{len(missing)} of {len(kept)} clips are not in {self._home.clips}: copy them from a backup"
        for sha256 in sorted(files.keys() - set(missing)):
            if hashlib.sha256(files[sha256].read_bytes()).hexdigest() != sha256:
                yield f"{files[sha256]}: altered: copy it from a backup"

    def _status(self, shared: Shared | None, model: StoredModel) -> EngineStatus:
        problem, indexed, applied, name = "", 0, 0, shared.address if shared else ""
        with self._database.read() as tx:
            voiceprints = outbox.count(tx, model.number)
        try:
            engine = shared.engine(model) if shared else self._retrieval.own.as_it_is(model)
            indexed, applied = len(engine), engine.applied()
            name = name or _name(engine)
        except EngineError as error:
            problem = str(error)
        with self._database.read() as tx:
            behind = outbox.behind(tx, applied, model.number)
            if shared and not problem:
                problem = shared.loss(tx, applied, model)
        return EngineStatus(model, name, voiceprints, indexed, behind, problem)

    def _check(self, shared: Shared | None, model: StoredModel, progress: Progress | None) -> EngineCheck:
        if shared is None:
            own = self._retrieval.own
            with own.lock, self._database.read() as tx:
                return self._compared(tx, own.caught_up(tx, model), model, progress)
        shared.catch_up(model)
        with self._database.read() as tx:
            found = self._compared(tx, shared.engine(model), model, progress, shared.address)
        if found.whole:
            return found
        # Others may have changed it meanwhile: look again while nobody can.
        with shared.writing(), self._database.read() as tx:
            shared.catch_up_with(tx, model)
            return self._compared(tx, shared.engine(model), model, progress, shared.address)

    def _compared(
        self, tx: Connection, engine: VectorIndex, model: StoredModel, progress: Progress | None, name: str = ""
    ) -> EngineCheck:
        """Both sides by hashes of what they have: the vectors themselves would be gigabytes."""
        count, done = outbox.count(tx, model.number), 0
        report = self._counted(model, progress)
        there: dict[bytes, bytes] = {}
        for rows in engine.rows():
            there.update(_hashes(rows))
        missing = different = 0
        for rows in outbox.rows(tx, model.number):
            for id_, hash_ in _hashes(rows):
                found = there.pop(id_, None)
                missing += found is None
                different += found not in (None, hash_)
            done += len(rows)
            report(done)
        return EngineCheck(model, name or _name(engine), count, missing, different, len(there))

    def _counted(self, model: StoredModel, progress: Progress | None) -> Callable[[int], None]:
        """A report of how many voiceprints of a model are done."""
        with self._database.read() as tx:
            total = outbox.count(tx, model.number)

        def report(done: int) -> None:
            if progress is not None and total:
                progress(min(done, total), total, f"voiceprints by {model.fingerprint[:12]}")

        return report


def _name(engine: VectorIndex) -> str:
    """What an engine of this process is called."""
    return IN_PROCESS if isinstance(engine, FaissIndex) else "exact"


def _not_normalised(rows: IndexRows) -> int:
    """How many vectors are no voiceprints."""
    return int((~np.isclose(np.linalg.norm(rows.vectors, axis=1), 1, atol=1e-3)).sum())


def _hashes(rows: IndexRows) -> Iterator[tuple[bytes, bytes]]:
    """Each id with a hash of its speaker, gallery and vector."""
    data = (rows.ids.tolist(), rows.speakers.tolist(), rows.galleries.tolist(), rows.vectors)
    for id_, speaker, gallery, vector in zip(*data, strict=True):
        whole = b"".join((speaker.ljust(16, b"\0"), gallery.ljust(16, b"\0"), vector.tobytes()))
        yield id_, hashlib.blake2b(whole, digest_size=8).digest()
