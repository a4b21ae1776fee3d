"""Looks after worker processes: starts them, starts them again when they die, and ends them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Self

from spk.errors import StoreError
from spk.jobs.worker import GRACE_SECONDS, worker_name

if TYPE_CHECKING:
    from spk.config import ServiceSettings, Settings
    from spk.store import Store

__all__ = ["Supervisor", "environment"]

TICK = 0.2
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a worker that died is started again
SETTLED = 60.0  # seconds after which it is taken to be well

logger = logging.getLogger(__name__)


class Supervisor:
    """Keeps so many workers running while it is entered.

    A worker leaves by itself when this process is gone, even if that was killed.

    Args:
        count: How many.
        store: Where the jobs are kept: those of a worker that died are put back at once.
        command: What starts one, without ``--parent`` and this process's number, which are added.
        settings: Of the environment, beside those of this process.
    """

    def __init__(self, count: int, store: Store, command: Sequence[str], settings: Mapping[str, str]) -> None:
        self._store = store
        self._command = [*command, "--parent", str(os.getpid())]
        self._environment = {**os.environ, **settings}
        self._stop = Event()
        self._workers = [_Worker() for _ in range(count)]
        self._thread = Thread(target=self._watch, name="supervisor", daemon=True)

    @classmethod
    def of(cls, settings: Settings, serving: ServiceSettings, store: Store) -> Self:
        """The one of a service."""
        command = [sys.executable, "-m", "spk", "worker"]
        return cls(serving.workers, store, command, environment(settings, serving))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def processes(self) -> list[int]:
        """The numbers of the workers' processes that run."""
        found = [worker.process for worker in self._workers]
        return [process.pid for process in found if process is not None and process.poll() is None]

    def _watch(self) -> None:
        while not self._stop.wait(TICK):
            for worker in self._workers:
                self._see_to(worker)
        self._end()

    def _see_to(self, worker: _Worker) -> None:
        if worker.process is not None and worker.process.poll() is not None:
            logger.error("worker %d ended with status %d", worker.process.pid, worker.process.returncode)
            self._put_back(worker.process.pid)
            worker.died()
        if worker.process is None and monotonic() >= worker.start_at:
            worker.started = monotonic()
            try:
                # In a session of its own, where Ctrl-C does not reach it: this process tells it to leave.
                worker.process = subprocess.Popen(  # noqa: S603 - our own
                    self._command, env=self._environment, stdin=subprocess.DEVNULL, start_new_session=True
                )
            except OSError as error:  # too many processes, say: there may be room later
                logger.error("a worker cannot be started: %s", error)  # noqa: TRY400 - no fault of ours
                worker.died()

    def _end(self) -> None:
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.terminate()
        if running:
            logger.info("waiting for %d workers, up to %.0f s", len(running), GRACE_SECONDS + 10)
        deadline = monotonic() + GRACE_SECONDS + 10
        for process in running:
            try:
                process.wait(max(0.0, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self._put_back(process.pid)

    def _put_back(self, process: int) -> None:
        with suppress(StoreError):  # it is, once the lease has run out
            self._store.recover_jobs([worker_name(process)])


class _Worker:
    """A place for a worker."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.started = self.start_at = 0.0
        self._pause = FIRST_PAUSE

    def died(self) -> None:
        """Note that it is to be started again, later each time that it lived for a short while."""
        lived = monotonic() - self.started
        self._pause = FIRST_PAUSE if lived > SETTLED else min(2 * self._pause, LONGEST_PAUSE)
        self.start_at = monotonic() + self._pause
        self.process = None


def environment(settings: Settings, serving: ServiceSettings) -> dict[str, str]:
    """The variables by which another process reads these very settings."""
    found = {one.name: getattr(settings, one.name) for one in fields(settings)}
    variables = {f"SPK_{name.upper()}": str(value) for name, value in found.items() if value is not None}
    served = serving.model_dump(include={"queue", "keep_jobs", "log"}) | {
        "webhook_hosts": ",".join(serving.webhook_hosts)
    }
    return variables | {
        f"SPK_SERVICE_{name.upper()}": str(value) for name, value in served.items() if value is not None
    }
