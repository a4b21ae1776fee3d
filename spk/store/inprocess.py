"""The vector engines of this process: numpy for few voiceprints, FAISS with a snapshot in the home for many."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection

from spk.errors import StoreError
from spk.store import outbox
from spk.store.database import Database
from spk.store.home import Home
from spk.store.index import VectorIndex
from spk.store.index.exact import ExactIndex
from spk.store.index.faiss import FaissIndex
from spk.store.problems import BUSY_SECONDS, explained
from spk.store.records import StoredModel

__all__ = ["SAVE_AFTER", "SMALL", "InProcess"]

SMALL = 5_000
"""Up to so many voiceprints of a model, reading them all from SQL is faster than importing FAISS."""
SAVE_AFTER = 1_000
"""A snapshot is written after more changes than this, and than a tenth of the voiceprints."""
FAR_BEHIND = 10_000
"""After more changes than this, and than a tenth of the voiceprints, an engine is filled anew: that is faster."""

REST = 60.0  # seconds without a snapshot after one that failed

log = logging.getLogger(__name__)


class InProcess:
    """One engine a model. Whoever asks one holds ``lock``: engines change while they catch up."""

    def __init__(self, home: Home, database: Database) -> None:
        self.lock = Lock()
        self._home = home
        self._database = database
        self._engines: dict[int, VectorIndex] = {}
        self._resting_until = 0.0  # no snapshots, since the disk did not take one

    def engine(self, model: StoredModel) -> VectorIndex:
        """The engine of a model, with every change that was committed before the call; under the lock."""
        with self._database.read() as tx:
            engine, removed = self._caught_up(tx, model)
        if isinstance(engine, FaissIndex) and (removed or engine.unsaved > max(SAVE_AFTER, len(engine) // 10)):
            self._save(model)
        return self._engines[model.number]

    def caught_up(self, tx: Connection, model: StoredModel) -> VectorIndex:
        """The engine of a model as ``tx`` sees its voiceprints; under the lock."""
        return self._caught_up(tx, model)[0]

    def as_it_is(self, model: StoredModel) -> VectorIndex:
        """The engine of a model as it is, or as its snapshot is; a small one has none, and reads all when asked."""
        with self.lock, self._database.read() as tx:
            engine = self._engines.get(model.number)
            if engine is None:
                engine = self._suitable(tx, model)
            return self.caught_up(tx, model) if isinstance(engine, ExactIndex) else engine

    def rebuild(self, model: StoredModel, progress: Callable[[int], None] | None = None) -> None:
        """Fill an engine anew and let it take the place of the one that others go on asking meanwhile.

        Raises:
            StoreError: the snapshot cannot be written.
        """
        with self._database.read() as tx:
            engine = self._suitable(tx, model).fresh()
            outbox.fill(tx, engine, model.number, progress)
        with self.lock, self._writing():
            self._engines[model.number] = engine
            with self._database.read() as tx:
                engine, _ = self._caught_up(tx, model)
            with explained(self._home.index):
                engine.publish()

    def purge(self, model: StoredModel) -> None:
        """Leave nothing in the snapshot that is gone from SQL.

        Raises:
            StoreError: the disk does not take it.
        """
        with self.lock, self._writing(), explained(self._home.index):
            if not self.snapshot(model).exists():
                return
            with self._database.read() as tx:
                engine, _ = self._caught_up(tx, model)
            if isinstance(engine, FaissIndex):
                engine.save()
            else:
                self.snapshot(model).unlink()

    def drop(self, model: StoredModel) -> None:
        """Let go of the engine and of its snapshot."""
        with self.lock, self._writing(), explained(self._home.index):
            self._engines.pop(model.number, None)
            self.snapshot(model).unlink(missing_ok=True)

    def snapshot(self, model: StoredModel) -> Path:
        """Where the snapshot lies, if there is one."""
        # Hashed, because it is a name from outside and must not become a path.
        return self._home.index / f"{hashlib.sha256(model.fingerprint.encode()).hexdigest()[:32]}.faiss"

    @contextmanager
    def _writing(self, wait: float = BUSY_SECONDS) -> Iterator[None]:
        """Alone among those who write snapshots of this home, without what killed ones left of theirs."""
        with self._home.lock("-snapshot", wait):
            for abandoned in self._home.index.glob(".*.tmp"):
                abandoned.unlink(missing_ok=True)
            yield

    def _caught_up(self, tx: Connection, model: StoredModel) -> tuple[VectorIndex, bool]:
        """The engine as SQL is, and whether it may have had something that SQL has not any more."""
        engine = self._engines.get(model.number)
        if engine is None or (isinstance(engine, ExactIndex) and len(engine) > 2 * SMALL):
            engine = self._suitable(tx, model)
        self._engines[model.number] = engine
        applied = engine.applied()
        if applied == outbox.head(tx, model.number):
            return engine, False
        far = outbox.behind(tx, applied, model.number) > max(FAR_BEHIND, len(engine) // 10)
        if far or outbox.is_lost(tx, applied, model.number):
            removed = len(engine) > 0
            engine = self._engines[model.number] = engine.fresh()
            outbox.fill(tx, engine, model.number)
        else:
            removed = outbox.replay(tx, engine, model.number)
        return engine, removed

    def _suitable(self, tx: Connection, model: StoredModel) -> VectorIndex:
        few = outbox.count(tx, model.number, SMALL + 1) <= SMALL
        return ExactIndex(model.dim) if few else FaissIndex(self.snapshot(model), model.dim)

    def _save(self, model: StoredModel) -> None:
        """Write the snapshot; where that cannot be done now, searches are right without it.

        Under the lock and caught up once more, so that nothing is written after it was erased.
        """
        if time.monotonic() < self._resting_until:
            return
        try:
            with self._writing(wait=0):
                with self._database.read() as tx:
                    engine, _ = self._caught_up(tx, model)
                engine.publish()
        except StoreError as problem:
            log.info("%s: snapshot not written now (%s)", self._home.index, problem)
        except OSError as problem:
            log.warning("%s: snapshot not written (%s)", self._home.index, problem)
            self._resting_until = time.monotonic() + REST
