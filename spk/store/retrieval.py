"""Which vector engine answers: the one that the store's configuration names, or this process's own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from threading import Lock
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from spk.errors import EngineError, InputError, StoreError
from spk.store import queries, tables
from spk.store.database import Database
from spk.store.home import Home
from spk.store.index import Candidate
from spk.store.inprocess import InProcess
from spk.store.records import EngineDown, StoredModel
from spk.store.shared import Shared

__all__ = ["IN_PROCESS", "Retrieval"]

IN_PROCESS = "faiss"
"""How the engines of this process are called where an address is meant."""

_LEFT = "left "  # before the address of an engine that was used before

log = logging.getLogger(__name__)


class Retrieval:
    """Candidates from the engine in use.

    Args:
        home: Where snapshots lie.
        database: The truth, and which engine is in use.
        engine_down: Whether this process searches by itself where a shared engine does not answer, or refuses.
        qdrant_key: What a Qdrant asks for.
    """

    def __init__(
        self,
        home: Home,
        database: Database,
        engine_down: EngineDown = "exact",
        qdrant_key: str | None = None,
    ) -> None:
        self.own = InProcess(home, database)
        self._database = database
        self._engine_down = engine_down
        self._qdrant_key = qdrant_key
        self._lock = Lock()
        self._shared: dict[str, Shared] = {}
        self._is_down = False

    def search(self, model: StoredModel, vectors: NDArray[np.float32], k: int, gallery: UUID) -> list[list[Candidate]]:
        """For each of ``vectors`` (n, dim) the ``k`` nearest speakers, as of every change committed before the call.

        Raises:
            EngineError: a shared engine does not answer, and this process is not to search by itself.
        """
        shared = self.shared()
        if shared is not None:
            try:
                found = shared.search(model, vectors, k, gallery)
            except EngineError as problem:
                self._say_down(problem)
                if self._engine_down == "refuse":
                    raise
            else:
                self._is_down = False
                return found
        with self.own.lock:
            return self.own.engine(model).search(vectors, k, gallery)

    def shared(self) -> Shared | None:
        """The shared engine, if one is in use."""
        address = self._configured("engine")
        return None if address is None else self._at(address)

    def push(self) -> None:
        """Let a shared engine have what was just changed; where that fails, it catches up when it is next asked."""
        try:
            shared = self.shared()
            if shared is not None:
                for model in self.models():
                    shared.catch_up(model)
        except EngineError as problem:
            self._say_down(problem)
        except StoreError as problem:  # the change itself is stored
            log.info("%s", problem)

    def compact(self, fingerprints: Iterable[str]) -> None:
        """Leave nothing of these models in any engine that is gone from SQL.

        Snapshots of this home are written anew, and so is a shared engine, whose log would keep it.

        Raises:
            EngineError: the shared engine does not answer: all else is done, and this is to be done again.
            StoreError: the disk does not take it.
        """
        wanted = set(fingerprints)
        models = [model for model in self.models() if model.fingerprint in wanted]
        for model in models:
            self.own.purge(model)
        shared = self.shared()
        if shared is not None:
            for model in models:
                shared.rebuild(model)
        if models:
            self.empty_left()

    def models(self) -> list[StoredModel]:
        """Every model that has, or had, voiceprints here."""
        with self._database.read() as tx:
            return queries.models(tx)

    def use(self, to: str, fill: Callable[[Shared], None]) -> str:
        """Let ``fill`` fill another engine, and use it from then on in every process.

        Returns:
            What was used until then; `empty_left` empties it.

        Raises:
            InputError: it is in use already.
        """
        if to == (self._configured("engine") or IN_PROCESS):
            raise InputError(f"{to}: is the engine in use already: fill it anew by `spk store rebuild`")
        if to != IN_PROCESS:
            fill(self._at(to))
        configured = tables.configuration
        with self._database.write() as tx:
            before = tx.scalar(select(configured.c.value).where(configured.c.key == "engine")) or IN_PROCESS
            tx.execute(delete(configured).where(configured.c.key.in_(["engine", f"{_LEFT}{to}", f"{_LEFT}{before}"])))
            if to != IN_PROCESS:
                tx.execute(insert(configured).values(key="engine", value=to))
            if before not in (IN_PROCESS, to):
                tx.execute(insert(configured).values(key=f"{_LEFT}{before}", value=before))
        return before

    def left(self) -> list[str]:
        """The addresses of engines that were used before and may hold voiceprints still."""
        configured = tables.configuration.c
        with self._database.read() as tx:
            return list(
                tx.scalars(select(configured.value).where(configured.key.startswith(_LEFT)).order_by(configured.key))
            )

    def empty_left(self) -> None:
        """Leave nothing in engines that were used before.

        Raises:
            EngineError: one does not answer: it is to be done again.
        """
        for address in self.left():
            for model in self.models():
                self._at(address).drop(model)
            with self._database.write() as tx:
                self.forget_left(tx, address)

    def forget_left(self, tx: Connection, address: str) -> None:
        """Take an engine that was used before for empty."""
        tx.execute(delete(tables.configuration).where(tables.configuration.c.key == f"{_LEFT}{address}"))

    def close(self) -> None:
        """Let go of connections."""
        for shared in self._shared.values():
            shared.close()

    def _at(self, address: str) -> Shared:
        with self._lock:
            if address not in self._shared:
                owner = str(self._configured("store"))
                self._shared[address] = Shared(self._database, address, owner, self._qdrant_key)
            return self._shared[address]

    def _configured(self, key: str) -> str | None:
        found = tables.configuration.c
        with self._database.read() as tx:
            return tx.scalar(select(found.value).where(found.key == key))

    def _say_down(self, problem: EngineError) -> None:
        """Once, not with each search."""
        if not self._is_down:
            log.warning("%s; until then this process searches by itself", problem)
        self._is_down = True
