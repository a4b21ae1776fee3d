"""Threads that ask at once are answered by one call: for devices that work on one batch at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition

import numpy as np
from numpy.typing import NDArray

from spk.embed.model import Clip, Embedder, ModelId

__all__ = ["Batching"]

MOST_SECONDS = 120.0


@dataclass(frozen=True, eq=False)
class _Asked:
    """What one thread wants embedded, and the vectors it is given."""

    batch: Sequence[Clip]
    vectors: Future[NDArray[np.float32]] = field(default_factory=Future)

    @property
    def seconds(self) -> float:
        return sum(map(len, self.batch)) / 16_000


class Batching:
    """An `Embedder` that any number of threads may use, around one that embeds much at once faster than bit by bit.

    Who comes while nobody is served is served at once. Who comes meanwhile waits for that call to end, and is then
    served together with the others who wait. So nobody waits for company, and there is more of it the more there is
    to do.

    Args:
        embedder: What it asks, by one thread at a time.
        most_seconds: So much audio is embedded in one call, unless one thread alone asks for more; which bounds how
            long the others wait for their turn.
    """

    def __init__(self, embedder: Embedder, most_seconds: float = MOST_SECONDS) -> None:
        self._embedder = embedder
        self._most_seconds = most_seconds
        self._waiting: deque[_Asked] = deque()
        self._busy = False
        self._turn = Condition()

    @property
    def model(self) -> ModelId:
        """Which model the vectors are from."""
        return self._embedder.model

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._embedder.dim

    @property
    def min_seconds(self) -> float:
        """The shortest clip it takes."""
        return self._embedder.min_seconds

    def __call__(self, batch: Sequence[Clip]) -> NDArray[np.float32]:
        """Vectors of clips: n arrays (samples,) -> (n, dim), L2-normalised. See `Embedder`."""
        mine = _Asked(batch)
        with self._turn:
            self._waiting.append(mine)
        while taken := self._take(mine):
            try:
                self._answer(taken)
            finally:
                with self._turn:
                    self._busy = False
                    self._turn.notify_all()
        return mine.vectors.result()

    def _take(self, mine: _Asked) -> list[_Asked]:
        """Whom to serve now, those first who came first; nobody, once ``mine`` has been."""
        with self._turn:
            self._turn.wait_for(lambda: mine.vectors.done() or not self._busy)
            if mine.vectors.done():
                return []
            self._busy = True
            taken = [self._waiting.popleft()]
            seconds = taken[0].seconds
            while self._waiting and (seconds := seconds + self._waiting[0].seconds) <= self._most_seconds:
                taken.append(self._waiting.popleft())
            return taken

    def _answer(self, taken: Sequence[_Asked]) -> None:
        try:
            vectors = self._embedder([clip for asked in taken for clip in asked.batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised in the thread that asked
            if len(taken) == 1:
                taken[0].vectors.set_exception(error)
                return
            for asked in taken:  # one of them may have a clip that cannot be embedded: the others are not to suffer
                self._answer([asked])
            return
        for asked in taken:
            asked.vectors.set_result(vectors[: len(asked.batch)])
            vectors = vectors[len(asked.batch) :]
