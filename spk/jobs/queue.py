"""The queue: wakes workers when there is something to do, by huey."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from huey import Huey, RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from spk.errors import InputError
from spk.jobs.handlers import HANDLERS, Handlers
from spk.jobs.webhooks import check_webhook
from spk.store.problems import BUSY_SECONDS

if TYPE_CHECKING:
    from uuid import UUID

    from huey.consumer import Consumer

    from spk.config import ServiceSettings
    from spk.store import Store
    from spk.store.job_records import JobRecord, NewJob

__all__ = ["Queue"]

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
QUIET_SECONDS = 60.0
POLL_SECONDS = 0.3  # between looks into the file, by a worker that has nothing to do

logger = logging.getLogger(__name__)


class Queue:
    """Jobs of one store on their way to workers.

    Args:
        store: Where they are kept.
        serving: Where the queue is: at a Redis, or in the file ``queue.db`` of the home; and which webhooks may be.
        handlers: What kinds of jobs there are.

    Raises:
        InputError: the URL is none of a Redis.
    """

    def __init__(self, store: Store, serving: ServiceSettings, handlers: Handlers = HANDLERS) -> None:
        self._store = store
        self._hosts = serving.webhook_hosts
        self._handlers = handlers
        self._huey = _huey(store, serving.queue)
        self._work = self._look = _nothing  # in a process that is no worker

        @self._huey.task(name="work")  # type: ignore[untyped-decorator]
        def work() -> None:
            self._work()

        @self._huey.periodic_task(_always, name="look")  # type: ignore[untyped-decorator]
        def look() -> None:
            self._look()

        self._send = work

    def submit(self, new: NewJob, id_: UUID | None = None) -> JobRecord:
        """Keep a job, and wake a worker; when this returns, the job is on the disk.

        Args:
            new: The job.
            id_: What it is to be known by, which no other is.

        Raises:
            InputError: there is no such kind, or its parameters or the webhook cannot be used.
            NotFoundError: there is no such gallery.
        """
        if new.kind not in self._handlers:
            raise InputError(f"{new.kind}: no such kind of job; there are: {', '.join(sorted(self._handlers))}")
        self._handlers[new.kind].parse(new.params)
        if new.webhook is not None:
            check_webhook(new.webhook, self._hosts)
        job = self._store.submit_job(new, id_)
        self.wake()
        return job

    def wake(self) -> None:
        """Wake a worker. Where the queue does not answer, workers look for themselves once it does."""
        try:
            self._send()
        except Exception as error:  # noqa: BLE001 - a file's or a server's, and the job is kept
            logger.warning("the queue does not answer (%s): jobs begin late", type(error).__name__)

    def consumer(self, work: Callable[[], None], look: Callable[[], None]) -> Consumer:
        """What calls ``work`` when there may be something to do, and ``look`` each minute: one at a time."""
        self._work, self._look = work, look
        for name in ("huey", "huey.consumer.Worker", "huey.consumer.Scheduler"):
            logging.getLogger(name).addFilter(_Briefly())
        return self._huey.create_consumer(workers=1, initial_delay=POLL_SECONDS / 3, max_delay=POLL_SECONDS)

    def close(self) -> None:
        """Let go of the file, or of the server."""
        self._huey.storage.close()
        if (pool := getattr(self._huey.storage, "pool", None)) is not None:
            pool.disconnect()


class _Json(Serializer):  # type: ignore[misc]
    """Messages as JSON: huey's own would be unpickled, and whoever writes to the queue could run what they like."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


class _Briefly(logging.Filter):
    """What huey complains of, in one line a minute: while a server is away it does so three times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is to be said; without the traceback."""
        last = self._said.get(record.msg, -math.inf)
        if record.levelno < logging.WARNING or record.created < last + QUIET_SECONDS:
            return False
        self._said[record.msg] = record.created
        if record.exc_info and record.exc_info[1] is not None:
            record.msg = f"{record.getMessage()} ({type(record.exc_info[1]).__name__})"
            record.args = record.exc_info = None
        return True


def _huey(store: Store, url: str | None) -> Huey:
    kept: dict[str, Any] = {"results": False, "serializer": _Json()}
    if url is None:
        path = store.path / "queue.db"
        path.touch(mode=0o600)
        return SqliteHuey(store.queue_name, filename=str(path), fsync=True, timeout=BUSY_SECONDS, **kept)
    from redis import BlockingConnectionPool

    try:
        pool = BlockingConnectionPool.from_url(
            url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=ANSWER_SECONDS, retry=None
        )
    except ValueError:
        raise InputError("the queue is no URL of a Redis: write redis://:password@host:6379/0") from None
    return RedisHuey(store.queue_name, connection_pool=pool, **kept)


def _always(_: object) -> bool:
    return True


def _nothing() -> None:
    """What a process does that only sends messages."""
