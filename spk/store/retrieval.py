"""Which vector engine answers for a model, brought up to date before each answer."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from spk.errors import StoreError
from spk.store import outbox, tables
from spk.store.database import Database
from spk.store.home import Home
from spk.store.index import Candidate, VectorIndex
from spk.store.index.exact import ExactIndex
from spk.store.index.faiss import FaissIndex

__all__ = ["SAVE_AFTER", "SMALL", "Retrieval"]

SMALL = 5_000
"""Up to so many voiceprints of a model, reading them all from SQL is faster than importing FAISS."""
SAVE_AFTER = 1_000
"""A snapshot is written after more changes than this, and than a tenth of the voiceprints."""

log = logging.getLogger(__name__)


class Retrieval:
    """Candidates from one engine a model: numpy for small homes, FAISS with a snapshot for large ones."""

    def __init__(self, home: Home, database: Database) -> None:
        self._home = home
        self._database = database
        self._engines: dict[int, VectorIndex] = {}
        self._lock = Lock()  # engines are changed while they catch up

    def search(
        self, model: int, fingerprint: str, query: NDArray[np.float32], k: int, gallery: UUID
    ) -> list[Candidate]:
        """The ``k`` nearest speakers, as of every change committed before the call."""
        with self._lock:
            with self._database.read() as tx:
                engine = self._caught_up(tx, model, fingerprint)
            if isinstance(engine, FaissIndex) and engine.unsaved > max(SAVE_AFTER, len(engine) // 10):
                self._save(engine, model)
            return engine.search(query, k, gallery)

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Remove these models' snapshots, which hold what is about to be erased; under the home's lock."""
        for fingerprint in fingerprints:
            self._snapshot(fingerprint).unlink(missing_ok=True)
        for abandoned in self._home.index.glob(".*.tmp"):  # by a killed process: whoever writes has the lock
            abandoned.unlink(missing_ok=True)

    def _caught_up(self, tx: Connection, model: int, fingerprint: str) -> VectorIndex:
        engine = self._engines.get(model)
        if engine is None or (isinstance(engine, ExactIndex) and len(engine) > 2 * SMALL):
            engine = self._open(tx, model, fingerprint)
        if engine.applied() > outbox.head(tx, model):  # the database came back from an older backup
            self._snapshot(fingerprint).unlink(missing_ok=True)
            engine = self._open(tx, model, fingerprint)
        outbox.replay(tx, engine, model)
        self._engines[model] = engine
        return engine

    def _open(self, tx: Connection, model: int, fingerprint: str) -> VectorIndex:
        some = select(tables.voiceprints.c.id).where(tables.voiceprints.c.model == model).limit(SMALL + 1)
        count = tx.scalar(select(func.count()).select_from(some.subquery())) or 0
        return ExactIndex() if count <= SMALL else FaissIndex(self._snapshot(fingerprint))

    def _save(self, engine: FaissIndex, model: int) -> None:
        """Write the snapshot; where that cannot be done now, searches are right without it.

        Under the lock and caught up once more, so that nothing is written after it was erased.
        """
        try:
            with self._home.lock(wait=0):
                with self._database.read() as tx:
                    outbox.replay(tx, engine, model)
                engine.save()
        except StoreError as problem:
            log.info("%s: snapshot not written now (%s)", self._home.index, problem)
        except OSError as problem:
            log.warning("%s: snapshot not written (%s)", self._home.index, problem)

    def _snapshot(self, fingerprint: str) -> Path:
        # Hashed, because it is a name from outside and must not become a path.
        return self._home.index / f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:32]}.faiss"
