"""A home with a queue, and real worker processes that rest in place of working."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jobs.fake import FAKES

from spk.config import ServiceSettings, Settings
from spk.jobs import Queue
from spk.store import Store
from spk.store.job_records import JobRecord, JobState, NewJob

WORKER = f"""
import logging, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from jobs.fake import FAKES
from spk.config import ServiceSettings, Settings
from spk.jobs.worker import work

logging.basicConfig(level=logging.INFO)
settings = Settings.read(home=sys.argv[1])
parent = int(sys.argv[4]) if len(sys.argv) > 4 else None
work(settings, ServiceSettings.read(settings.home), handlers=FAKES, lease=float(sys.argv[2]), grace=float(sys.argv[3]),
     parent=parent)
"""
PATIENCE = 60.0


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until something holds; what it is then."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)
    return found


@dataclass
class Office:
    """A home, its queue, and the workers that a test has started."""

    settings: Settings
    serving: ServiceSettings
    store: Store
    queue: Queue
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def diary(self) -> Path:
        return self.settings.home.parent / "diary"

    def entries(self, job: JobRecord, what: str) -> int:
        """How often a job was begun, or done."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return lines.count(f"{job.id} {what}")

    def submit(self, **params: object) -> JobRecord:
        extra = {name: params.pop(name) for name in ("upload", "key", "webhook") if name in params}
        params.setdefault("diary", str(self.diary))
        return self.queue.submit(NewJob("rest", "default", params, **extra))

    def start(self, lease: float = 60.0, grace: float = 10.0, parent: int | None = None) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-c",
            WORKER,
            self.settings.home,
            lease,
            grace,
            *([] if parent is None else [parent]),
        ]
        variables = {"SPK_SERVICE_WEBHOOK_HOSTS": ",".join(self.serving.webhook_hosts)}
        variables |= {"SPK_SERVICE_QUEUE": self.serving.queue} if self.serving.queue else {}
        worker = subprocess.Popen(
            list(map(str, command)), env=os.environ | variables, text=True, stderr=subprocess.PIPE
        )
        self.workers.append(worker)
        return worker

    def state(self, job: JobRecord) -> JobState:
        return self.store.job(job.id).state

    def wait(self, job: JobRecord, *states: JobState) -> JobRecord:
        until(lambda: self.state(job) in (states or (JobState.DONE,)))
        return self.store.job(job.id)

    def close(self) -> None:
        self.queue.close()
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.kill()
            worker.communicate(timeout=PATIENCE)


@contextmanager
def opened(home: Path, queue: str | None = None) -> Iterator[Office]:
    with Store.open(home) as store:
        store.gallery("default", create=True)
        serving = ServiceSettings(queue=queue, webhook_hosts=("localhost",))
        office = Office(Settings(home), serving, store, Queue(store, serving, FAKES))
        try:
            yield office
        finally:
            office.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """With the queue in a file of the home."""
    with opened(tmp_path / "home") as office:
        yield office


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def redis_at(port: int, folder: Path) -> Iterator[str]:
    """A Redis on a port of this machine; its URL."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no Redis: install redis-server")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: _answers(port))
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.send_signal(signal.SIGTERM)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
