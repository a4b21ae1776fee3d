"""A real `spk serve` on a free port of this machine: its processes, what they hold, and how to kill them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

__all__ = ["Held", "Served"]

READY_SECONDS = 120.0
STOP_SECONDS = 60.0
_ENVIRONMENT = {"SPK_SERVICE_RATE": "1000000"}  # requests a minute: it is not the limits that are measured
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Held:
    """What the processes of a service hold at one moment.

    Attributes:
        server_mib: Resident memory of the server.
        worker_mib: Of all workers together.
        files: Open file descriptors of the server.
        uploads: Files in the folder of uploads.
    """

    server_mib: float
    worker_mib: float
    files: int
    uploads: int


class Served:
    """A service on a home; a context manager that ends it, and whatever it has started.

    Args:
        home: Which is made where it is missing.
        workers: How many of them.
        log: What it says goes there.
    """

    def __init__(self, home: Path, log: Path, *, workers: int = 1) -> None:
        self.home = home
        self.workers = workers
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.authorization = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._process is not None  # noqa: S101 - it was started
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready.

        Raises:
            RuntimeError: it ended, or is not ready in time.
        """
        spk = [sys.executable, "-m", "spk"]
        if not self.authorization:
            create = [*spk, "keys", "create", "bench", "--scopes", "admin", "--json", "--home", str(self.home)]
            self.authorization = f"Bearer {json.loads(subprocess.check_output(create))['key']}"
        command = [*spk, "serve", "--port", str(self.port), "--workers", str(self.workers), "--home", str(self.home)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **_ENVIRONMENT})
        until = time.monotonic() + READY_SECONDS
        while not self._answers("/readyz"):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"spk serve does not answer; its last words: {self.last_words()}")
            time.sleep(0.1)

    def client(self, seconds: float = 120) -> httpx.Client:
        """Somebody with a key who waits so long for an answer."""
        return httpx.Client(base_url=self.url, timeout=seconds, headers={"Authorization": self.authorization})

    def signed(self, request: bytes) -> bytes:
        """A request as it goes over the wire, with the key."""
        first, _, rest = request.partition(b"\r\n")
        return b"%b\r\nAuthorization: %b\r\n%b" % (first, self.authorization.encode(), rest)

    def stop(self) -> None:
        """End it as an operator does; what does not end by itself is killed."""
        if self._process is None:
            return
        pids = self.worker_pids()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _gone(pids, STOP_SECONDS)
        for pid in pids:
            _kill(pid)
        self._process = None

    def kill(self) -> None:
        """Kill the server, as a machine that loses its power would; workers leave by themselves."""
        assert self._process is not None  # noqa: S101 - it was started
        pids = self.worker_pids()
        self._process.kill()
        self._process.wait()
        _gone(pids, STOP_SECONDS)

    def kill_worker(self) -> bool:
        """Kill a worker; whether there was one."""
        pids = self.worker_pids()
        if pids:
            _kill(pids[0])
        return bool(pids)

    def worker_pids(self) -> list[int]:
        """The children of the server that run."""
        if self._process is None:
            return []
        children = Path(f"/proc/{self.pid}/task").glob("*/children")
        pids: list[int] = []
        for one in children:
            with suppress(OSError):
                pids += map(int, one.read_text().split())
        return [pid for pid in pids if _memory(pid)]

    def held(self) -> Held:
        """What its processes hold now."""
        uploads = self.home / "uploads"
        return Held(
            _memory(self.pid),
            sum(map(_memory, self.worker_pids())),
            len(list(Path(f"/proc/{self.pid}/fd").iterdir())),
            sum(path.is_file() for path in uploads.rglob("*")) if uploads.is_dir() else 0,
        )

    def processor_seconds(self) -> float:
        """What its processes have used of processors, in all."""
        return sum(map(_processor, (self.pid, *self.worker_pids())))

    def is_alive(self) -> bool:
        """Whether the server's process runs and answers."""
        return self._process is not None and self._process.poll() is None and self._answers("/healthz")

    def last_words(self) -> str:
        """The end of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-3:])

    def tracebacks(self) -> int:
        """How often the log shows an error that nobody expected."""
        return self._log.read_text(encoding="utf-8", errors="replace").count("Traceback (most recent call last)")

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(self.url + path, timeout=10).status_code == 200
        except httpx.HTTPError:
            return False


def _memory(pid: int) -> float:
    """Resident memory in MiB; 0 of a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20
    except (OSError, IndexError):
        return 0.0


def _processor(pid: int) -> float:
    """Seconds of processors that a process has used; 0 of one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _gone(pids: list[int], seconds: float) -> None:
    """Wait until processes are gone, or for so long."""
    until = time.monotonic() + seconds
    while any(map(_memory, pids)) and time.monotonic() < until:
        time.sleep(0.05)
