"""The process of a worker: waits for the queue, does jobs, tells webhooks, and leaves when it is told to."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack
from threading import Event
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

from spk.errors import StoreError
from spk.jobs.courier import Courier
from spk.jobs.handlers import HANDLERS, Handlers
from spk.jobs.queue import Queue
from spk.jobs.runner import Runner
from spk.meter import Meter
from spk.parts import Parts
from spk.store.jobs import LEASE_SECONDS
from spk.workbench import Workbench

if TYPE_CHECKING:
    from spk.config import ServiceSettings, Settings
    from spk.store import Store

__all__ = ["GRACE_SECONDS", "work", "worker_name"]

GRACE_SECONDS = 20.0
"""How long a job may go on when its worker is told to leave."""

HEALTH_SECONDS = 10.0
TICK = 0.2

logger = logging.getLogger(__name__)


def worker_name(process: int) -> str:
    """What the worker of a process on this machine is called."""
    return f"{socket.gethostname()}:{process}"


def work(
    settings: Settings,
    serving: ServiceSettings,
    *,
    parent: int | None = None,
    handlers: Handlers = HANDLERS,
    lease: float = LEASE_SECONDS,
    grace: float = GRACE_SECONDS,
) -> None:
    """Be a worker, until a signal says to leave; to be called in the main thread.

    Args:
        settings: Of the home.
        serving: Where the queue is, which webhooks may be, and for how long jobs are kept.
        parent: The process that looks after this one: it leaves when that one is gone, however it went.
        handlers: Who does which kind of job.
        lease: Seconds after which this worker is taken for dead if it is not heard of.
        grace: Seconds that a job may go on when the worker is told to leave.

    Raises:
        InputError: the queue's URL is none.
        StoreError: the home cannot be opened.
    """
    leave = Event()
    with ExitStack() as stack:
        parts = Parts()
        stack.callback(parts.close)
        store = Workbench(settings, parts=parts).store
        queue = Queue(store, serving, handlers)
        stack.callback(queue.close)
        runner = Runner(worker_name(os.getpid()), settings, parts, handlers, lease=lease)
        stack.enter_context(Courier(store, serving.webhook_hosts))
        stack.enter_context(Meter().saving(settings.home / "metrics"))

        def look() -> None:
            _tidy(store, serving.keep_jobs)
            parts.expire()
            runner.work()

        consumer = queue.consumer(runner.work, look)
        consumer.start()

        def stop(_: int, __: FrameType | None) -> None:
            leave.set()

        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # in place of the consumer's own
            signal.signal(one, stop)
        logger.info("the worker waits for jobs")
        queue.wake()
        checked = monotonic()
        while not leave.wait(TICK) and parent in (None, os.getppid()):
            if monotonic() > checked + HEALTH_SECONDS:
                consumer.check_worker_health()
                checked = monotonic()
        consumer.stop()
        if not _finished(runner, grace):
            # A thread is in the middle of the job, perhaps of a model: what waits for it may wait for long.
            sys.stderr.flush()
            os._exit(0)
    logger.info("the worker leaves")


def _finished(runner: Runner, grace: float) -> bool:
    try:
        return runner.stop(grace)
    except StoreError as error:  # others learn by the lease
        logger.warning("%s", error)
        return False


def _tidy(store: Store, keep_days: float) -> None:
    """Put back what dead workers left, and remove what was kept for long enough."""
    try:
        if count := store.recover_jobs():
            logger.warning("%d jobs of workers that have died are begun anew", count)
        store.prune_jobs(keep_days)
        store.prune_requests()
        store.prune_uploads()
    except StoreError as error:
        logger.warning("%s", error)
