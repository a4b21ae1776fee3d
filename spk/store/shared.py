"""A vector engine that several processes share: a Qdrant server or cluster, which each of them brings up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from spk.errors import EngineError, StoreError
from spk.store import outbox, tables
from spk.store.database import Database
from spk.store.index import Candidate, VectorIndex
from spk.store.index.qdrant_address import QdrantAddress
from spk.store.records import StoredModel

if TYPE_CHECKING:
    from spk.store.index.qdrant_nodes import Nodes

__all__ = ["AT_ONCE", "Shared"]

AT_ONCE = 10_000
"""A search waits for so many changes to be caught up with, and not for more."""
PATIENCE = 5.0  # seconds that a search waits for another process to write
TRUST = 5.0  # seconds for which the engine is taken to have what it had


class Shared:
    """One engine a model, at one address.

    Args:
        database: The truth.
        address: Of the Qdrant.
        owner: What distinguishes this store's collections from others' at the same address.
        key: What the Qdrant asks for.
    """

    def __init__(self, database: Database, address: str, owner: str, key: str | None) -> None:
        self.address = address
        self._database = database
        self._owner = owner
        self._key = key
        self._lock = Lock()
        self._engines: dict[int, VectorIndex] = {}
        self._seen: dict[int, tuple[int, float]] = {}  # the position of each engine, and when it was asked

    def greet(self) -> None:
        """See that it answers, and takes the key.

        Raises:
            EngineError: it does not.
        """
        self._nodes.call(lambda client: client.get_collections())

    def search(self, model: StoredModel, queries: NDArray[np.float32], k: int, gallery: UUID) -> list[list[Candidate]]:
        """The nearest speakers, as of every change committed before the call.

        Raises:
            EngineError: it does not answer, or has too much to catch up with.
        """
        self.catch_up(model)
        found = self.engine(model).search(queries, k, gallery)
        if not all(found):  # a gallery is seldom empty: see that the collection is still there
            self._seen.pop(model.number, None)
            self.catch_up(model)
            found = self.engine(model).search(queries, k, gallery)
        return found

    def catch_up(self, model: StoredModel) -> None:
        """Bring the engine up to what SQL is now.

        Raises:
            EngineError: it does not answer, or has too much to catch up with: then it is nearer than before.
        """
        engine = self.engine(model)
        with self._database.read() as tx:
            position = outbox.head(tx, model.number)
        seen, at = self._seen.get(model.number, (-1, 0.0))
        if seen == position and time.monotonic() - at < TRUST:
            return
        if engine.applied() != position:
            with self.writing(PATIENCE), self._database.read() as tx:
                position = outbox.head(tx, model.number)
                self.catch_up_with(tx, model)
        self._seen[model.number] = (position, time.monotonic())

    def catch_up_with(self, tx: Connection, model: StoredModel) -> None:
        """Bring the engine up to what ``tx`` sees; while `writing`.

        Raises:
            EngineError: as `catch_up` does.
        """
        self._check_in_use(tx)
        self._caught_up(tx, self.engine(model), model)

    def rebuild(self, model: StoredModel, progress: Callable[[int], None] | None = None) -> None:
        """Fill the engine anew, beside the one that others go on asking, and remove that.

        Raises:
            EngineError: it does not answer.
        """
        done = False
        while not done:
            fresh = self.engine(model).fresh()
            with self._database.read() as tx:
                outbox.fill(tx, fresh, model.number, progress)
            with self.writing(), self._database.read() as tx:
                # Not with what was erased meanwhile: it is out of reach then, and its bytes are still there.
                done = not outbox.replay(tx, fresh, model.number)
                if done:
                    fresh.publish()
        self._seen.pop(model.number, None)

    def drop(self, model: StoredModel) -> None:
        """Leave nothing of a model there.

        Raises:
            EngineError: it does not answer.
        """
        with self.writing():
            self.engine(model).drop()
        self._seen.pop(model.number, None)

    def loss(self, tx: Connection, applied: int, model: StoredModel) -> str:
        """What is to be done about an engine that is at a position, if it is too much for a search; else nothing."""
        if outbox.is_lost(tx, applied, model.number) and outbox.count(tx, model.number, AT_ONCE + 1) > AT_ONCE:
            return "has lost its voiceprints: fill it by `spk store rebuild`"
        return ""

    def engine(self, model: StoredModel) -> VectorIndex:
        """The engine of a model, as it is."""
        with self._lock:
            if model.number not in self._engines:
                from spk.store.index.qdrant import QdrantIndex

                # Each address has collections of its own: after a move within one server the old ones are dropped.
                name = f"{self._owner} {self.address} {model.fingerprint}"
                self._engines[model.number] = QdrantIndex(self._nodes, name, model.dim)
            return self._engines[model.number]

    def close(self) -> None:
        """Let go of the connections."""
        if "_nodes" in self.__dict__:
            self._nodes.close()

    @contextmanager
    def writing(self, wait: float = 60.0) -> Iterator[None]:
        """Alone among those who write to the engine.

        Raises:
            EngineError: somebody else has been writing for longer than ``wait`` seconds.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(self._database.lock("-engine", wait))
            except StoreError as problem:
                reason = f"another process has been writing to it for over {wait:.0f} s"
                raise EngineError(f"{self.address}: {reason}") from problem
            yield

    @cached_property
    def _nodes(self) -> Nodes:
        from spk.store.index.qdrant_nodes import Nodes

        return Nodes(QdrantAddress.parse(self.address), self._key)

    def _check_in_use(self, tx: Connection) -> None:
        """See that the engine was not left and emptied since: nobody would remove what is put there now."""
        configured = tables.configuration.c
        if tx.scalar(select(configured.value).where(configured.key == "engine")) != self.address:
            raise EngineError(f"{self.address}: is not the engine in use any more: try again")

    def _caught_up(self, tx: Connection, engine: VectorIndex, model: StoredModel) -> None:
        applied = engine.applied()
        if applied == outbox.head(tx, model.number):  # another process was faster
            return
        if problem := self.loss(tx, applied, model):
            raise EngineError(f"{self.address}: {problem}")
        if outbox.is_lost(tx, applied, model.number):
            fresh = engine.fresh()
            outbox.fill(tx, fresh, model.number)
            fresh.publish()
            return
        behind = outbox.behind(tx, applied, model.number)
        outbox.replay(tx, engine, model.number, AT_ONCE)
        if behind > AT_ONCE:
            raise EngineError(
                f"{self.address}: still {behind - AT_ONCE} changes behind: ask again, or use `spk store rebuild`"
            )
