"""Bounded work: so many requests at once, so many that wait, and the rest are told when to come again."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request

from spk.api.problems import ProblemError

__all__ = ["Admission"]

LONGEST_WAIT = 60  # seconds that anybody is told to wait

T = TypeVar("T")


class Admission:
    """A limited number of threads for heavy work, apart from those that answer everything else.

    Args:
        running: How much work is done at once.
        waiting: How much may wait for its turn.

    Attributes:
        running: As given.
        inside: How many work or wait.
        refused: How many were told to come again.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self.running = running
        self.inside = 0
        self.refused = 0
        self._most = running + waiting
        self._turns = anyio.Semaphore(running)
        self._threads = CapacityLimiter(running)
        self._seconds = 1.0  # that a piece of work takes, on average over the last ones

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return max(0, self.inside - self.running)

    async def run(self, work: Callable[[], T], request: Request | None = None) -> T:
        """Do some work in a thread, once it is its turn.

        Args:
            work: It, which is not interrupted once it has begun.
            request: Whose body has been read: if whoever sent it goes away, the place in the queue is given up.

        Raises:
            ProblemError: too many wait already.
            ClientDisconnect: whoever asked is gone.
        """
        if self.inside >= self._most:
            self.refused += 1
            wait = {"Retry-After": str(self.retry_after)}
            raise ProblemError("overloaded", f"too many requests are waiting: try again in {self.retry_after} s", wait)
        self.inside += 1
        try:
            await self._turn(request)
            began = monotonic()
            try:
                return await to_thread.run_sync(work, limiter=self._threads)
            finally:
                self._seconds += 0.1 * (monotonic() - began - self._seconds)
                self._turns.release()
        finally:
            self.inside -= 1

    @property
    def retry_after(self) -> int:
        """Seconds after which what waits now will have been done."""
        return max(1, min(LONGEST_WAIT, math.ceil(self.inside * self._seconds / self.running)))

    async def _turn(self, request: Request | None) -> None:
        """Wait for it; who came first is first."""
        if request is None:
            await self._turns.acquire()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_gone, request, tasks.cancel_scope)
            await self._turns.acquire()
            tasks.cancel_scope.cancel()
            return
        raise ClientDisconnect


async def _until_gone(request: Request, waiting: CancelScope) -> None:
    """Give up what waits as soon as whoever sent the request has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    waiting.cancel()
