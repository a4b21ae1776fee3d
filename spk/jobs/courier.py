"""Tells webhooks that jobs have ended, while other jobs run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from spk.errors import StoreError
from spk.jobs.webhooks import DELIVERY_SECONDS, deliver

if TYPE_CHECKING:
    import httpx

    from spk.store import Store
    from spk.store.job_records import Delivery

__all__ = ["Courier"]

AT_ONCE = 8
PAUSE = 1.0  # seconds between looks for something to tell

logger = logging.getLogger(__name__)


class Courier:
    """A thread for it. Whom to tell, and when, is kept in the store: what is cut short is done again.

    Args:
        store: Where the jobs are kept.
        hosts: Those that may be in a private network.
    """

    def __init__(self, store: Store, hosts: Collection[str]) -> None:
        self._store = store
        self._hosts = hosts
        self._complaint = ""
        self._stop = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._work()), name="courier", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(2 * DELIVERY_SECONDS)

    async def _work(self) -> None:
        import httpx

        free = asyncio.Semaphore(AT_ONCE)
        # Without proxies of the environment: they would resolve hosts anew.
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(trust_env=False, limits=limits, timeout=DELIVERY_SECONDS) as client,
            asyncio.TaskGroup() as tasks,
        ):
            while not self._stop.is_set():
                await free.acquire()
                delivery = await asyncio.to_thread(self._next)
                if delivery is None:
                    free.release()
                    await asyncio.sleep(PAUSE)
                else:
                    tasks.create_task(self._tell(client, delivery)).add_done_callback(lambda _: free.release())

    def _next(self) -> Delivery | None:
        try:
            delivery = self._store.claim_delivery()
        except StoreError as error:
            if str(error) != self._complaint:  # once: a store that is away is asked every second
                logger.warning("%s", error)
            self._complaint = str(error)
            return None
        self._complaint = ""
        return delivery

    async def _tell(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        problem = await deliver(client, delivery, self._hosts)
        try:
            again = await asyncio.to_thread(self._store.end_delivery, delivery, delivered=not problem)
        except StoreError as error:  # it is told once more
            logger.warning("%s", error)
            return
        if problem:
            later = f"is told again at {again:%H:%M:%S} UTC" if again else "is not told any more"
            logger.warning("webhook of job %s: %s; it %s", delivery.job.id, problem, later)
