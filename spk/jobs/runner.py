"""Does the jobs of one worker, one after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from threading import Condition
from typing import TYPE_CHECKING

from spk.errors import InputError, RefusedError, SpkError, StoreError
from spk.jobs.context import JobContext, Pulse, StoppedError
from spk.jobs.handlers import Handlers
from spk.parts import Parts
from spk.store.audit import acting
from spk.store.home import UPLOADS
from spk.store.job_records import JobProblem, JobRecord
from spk.store.jobs import LEASE_SECONDS
from spk.workbench import Workbench

if TYPE_CHECKING:
    from spk.config import Settings
    from spk.messages import Message

__all__ = ["Runner"]

RETRY_SECONDS = 10.0  # after which a job is tried again that the store failed; twice as long the next time
PAUSE = 1.0  # seconds after which a store that is away is told again what came of a job

_AWAY = "the store did not answer: ask again, and tell whoever runs the service"
_MEMORY = "there is not enough memory: give a shorter recording"
_FAULT = "something went wrong in the service: tell whoever runs it the job's id"

logger = logging.getLogger(__name__)


class Runner:
    """Takes jobs and does them.

    Args:
        name: Of the worker; no other has it.
        settings: Of the home.
        parts: The home's store and the models.
        handlers: Who does which kind of job.
        lease: Seconds after which the worker is taken for dead if it is not heard of.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        parts: Parts,
        handlers: Handlers,
        *,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._name = name
        self._settings = settings
        self._parts = parts
        self._store = Workbench(settings, parts=parts).store
        self._handlers = handlers
        self._lease = lease
        self._changed = Condition()
        self._stopping = self._busy = False
        self._job: JobRecord | None = None

    def work(self) -> None:
        """Do everything that there is to do."""
        try:
            while (job := self._take()) is not None:
                self._do(job)
        except StoreError as error:  # it is looked for again within a minute
            logger.warning("%s", error)
        finally:
            self._now(None, busy=False)

    def stop(self, grace: float) -> bool:
        """Take no more jobs, and put the one at hand back for another worker unless it is done in time.

        Args:
            grace: Seconds that it may take.

        Returns:
            Whether nothing is being done any more.
        """
        with self._changed:
            self._stopping = True
            if self._changed.wait_for(lambda: not self._busy, grace):
                return True
            job = self._job
        if job is not None and self._store.give_back_job(job):
            logger.info("job %s, %s: put back, to be begun anew", job.id, job.kind)
        return False

    def _take(self) -> JobRecord | None:
        self._now(None, busy=not self._stopping)
        job = None if self._stopping else self._store.claim_job(self._name, self._lease)
        self._now(job, busy=job is not None)
        return job

    def _now(self, job: JobRecord | None, *, busy: bool) -> None:
        with self._changed:
            self._job, self._busy = job, busy
            self._changed.notify_all()

    def _do(self, job: JobRecord) -> None:
        began = time.monotonic()
        with Pulse(self._store, job, self._lease) as pulse:
            outcome, keep = self._outcome(job, pulse)
            complaint = ""
            while True:  # until the store takes it, or says that the job is somebody else's
                try:
                    kept = keep()
                    break
                except StoreError as error:
                    if str(error) != complaint:
                        logger.warning("job %s: %s", job.id, error)
                    complaint = str(error)
                    time.sleep(PAUSE)
        said = outcome if kept else "another worker has it"
        logger.info("job %s, %s: %s after %.1f s", job.id, job.kind, said, time.monotonic() - began)

    def _outcome(self, job: JobRecord, pulse: Pulse) -> tuple[str, Callable[[], bool]]:
        """Do it: what is to be said of it, and what keeps that."""
        try:
            message = self._run(job, pulse)
        except StoppedError:
            return "cancelled", partial(self._store.stop_job, job)
        except StoreError as error:
            logger.warning("job %s: %s", job.id, error)
            after = RETRY_SECONDS * 2 ** (job.attempts - 1)
            return "the store failed", partial(self._store.retry_job, job, _problem(error, _AWAY), after)
        except SpkError as error:
            detail = str(error).replace(f"{self._settings.home / UPLOADS}/", "")  # is nobody's business
            return "failed", partial(self._store.fail_job, job, _problem(error, detail))
        except MemoryError as error:
            return "failed", partial(self._store.fail_job, job, _problem(error, _MEMORY))
        except Exception as error:
            logger.exception("job %s: this is a fault of spk: please report it", job.id)
            return "failed", partial(self._store.fail_job, job, _problem(error, _FAULT))
        return "done", partial(self._store.finish_job, job, message.to_json())

    def _run(self, job: JobRecord, pulse: Pulse) -> Message:
        handler = self._handlers.get(job.kind)
        if handler is None:
            raise InputError(f"{job.kind}: this worker knows no such kind of job: start it with the service's version")
        context = JobContext(job, self._settings, self._parts, pulse)
        with acting(job.key) if job.key is not None else nullcontext():
            return handler.run(context, handler.parse(job.params))


def _problem(error: Exception, detail: str) -> JobProblem:
    known = type(error).__name__ if isinstance(error, SpkError) else "Exception"
    return JobProblem(known, detail, error.reasons if isinstance(error, RefusedError) else ())
