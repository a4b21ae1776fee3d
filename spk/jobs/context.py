"""What a job has to work with, and how it learns that it is to stop."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from spk.errors import StoreError
from spk.parts import Parts
from spk.store.home import UPLOADS
from spk.store.job_records import JobRecord, Standing
from spk.workbench import Workbench

if TYPE_CHECKING:
    from spk.config import Settings
    from spk.store import Store

__all__ = ["JobContext", "Pulse", "StoppedError"]

PULSE_SECONDS = 1.0


class StoppedError(Exception):
    """The job is to stop: somebody cancelled it, or another worker has it. Is for handlers to let pass."""


class Pulse:
    """A thread that says how far a job is, that its worker lives, and hears whether it is to stop.

    It writes at most once a second, and not before a tenth of the lease is over where nothing is new. The job itself
    never waits for the store: while that is locked, what is said is late.

    Args:
        store: Where the job is kept.
        job: As it was claimed.
        lease: Seconds for which the job stays this worker's.
    """

    def __init__(self, store: Store, job: JobRecord, lease: float) -> None:
        self._store = store
        self._job = job
        self._lease = lease
        self._lock = Lock()
        self._said: tuple[int, int, str] = (0, 0, "")
        self._done = Event()
        self._thread = Thread(target=self._beat, name=f"pulse of {job.id}", daemon=True)
        self.standing = Standing.MINE

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def say(self, done: int, total: int, stage: str) -> None:
        """Note how far the job is."""
        with self._lock:
            self._said = (done, total, stage)

    def _beat(self) -> None:
        written, renewed = self._said, monotonic()
        while self.standing is not Standing.LOST and not self._done.wait(PULSE_SECONDS):
            with self._lock:
                said = self._said
            try:
                if said == written and monotonic() < renewed + self._lease / 10:
                    self.standing = self._store.standing(self._job)
                    continue
                done, total, stage = said
                self.standing = self._store.renew_job(self._job, self._lease, done=done, total=total, stage=stage)
            except StoreError:  # it is tried again, for as long as the job is ours
                continue
            written, renewed = said, monotonic()


class JobContext:
    """What a handler has.

    Args:
        job: As it was claimed.
        settings: Of the home.
        parts: The home's store and the models, which all jobs of the worker share.
        pulse: Of this job.

    Attributes:
        upload: The file or folder that came with the job, if one did.
    """

    def __init__(self, job: JobRecord, settings: Settings, parts: Parts, pulse: Pulse) -> None:
        self.job = job
        self._settings = settings
        self._parts = parts
        self._pulse = pulse
        self.upload: Path | None = None if job.upload is None else settings.home / UPLOADS / job.upload

    def workbench(self, **changed: Any) -> Workbench:  # noqa: ANN401 - the settings' fields
        """What to work with on the job's gallery, with some settings as the job has them; None is not given."""
        settings = self._settings.changed(gallery=self.job.gallery, **changed)
        return Workbench(settings, self.progress, self._parts)

    def progress(self, done: int, total: int, what: str) -> None:
        """Say how far the job is; is what anything that reports progress is given.

        Raises:
            StoppedError: it may not go on.
        """
        self._pulse.say(done, total, what)
        self.check()

    def check(self) -> None:
        """See whether the job may go on.

        Raises:
            StoppedError: it may not.
        """
        if self._pulse.standing is not Standing.MINE:
            raise StoppedError(self._pulse.standing)
