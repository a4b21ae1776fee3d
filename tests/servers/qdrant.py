"""A real Qdrant: one server or the nodes of a cluster, each with its own folder and free ports."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

__all__ = ["Server", "UnavailableError", "binary", "cluster"]

FETCH = Path(__file__).resolve().parents[2] / "scripts" / "fetch-qdrant"
START_SECONDS = 60.0
NOBODY = 65534


class UnavailableError(Exception):
    """There is no Qdrant to run; says why."""


def binary() -> Path:
    """The program: what ``QDRANT_BIN`` names, else the one that ``scripts/fetch-qdrant`` fetches.

    Raises:
        UnavailableError: neither is there.
    """
    if named := os.environ.get("QDRANT_BIN"):
        if not os.access(named, os.X_OK):
            raise UnavailableError(f"QDRANT_BIN is {named}, which is no program")
        return Path(named)
    try:
        done = subprocess.run([FETCH], capture_output=True, text=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"scripts/fetch-qdrant: {error}") from error
    if done.returncode:
        raise UnavailableError((done.stderr.strip() or "scripts/fetch-qdrant failed").splitlines()[-1])
    return Path(done.stdout.strip())


class Server:
    """One Qdrant on 127.0.0.1, as nobody where we are root.

    Args:
        program: What to run.
        key: The API key it asks for.
        first: The first node of the cluster that it belongs to; itself for the first one.
    """

    def __init__(self, program: Path, *, key: str | None = None, clustered: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="qdrant-"))
        self.http, self.grpc, self.p2p = _free_ports(3)
        self._program = program
        self._key = key
        self._clustered = clustered
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:  # it runs as nobody, who cannot look into our cache
            self._program = shutil.copy2(program, self.folder / "qdrant")
            os.chown(self.folder, NOBODY, NOBODY)

    @property
    def storage(self) -> Path:
        """Where it keeps its collections."""
        return self.folder / "storage"

    @property
    def uri(self) -> str:
        """Where other nodes reach it."""
        return f"http://127.0.0.1:{self.p2p}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def address(self, transport: str = "http", **options: object) -> str:
        """As `spk.store.index.qdrant.QdrantAddress` reads it."""
        return address([self], transport, **options)

    def start(self, first: Self | None = None, *, wait: bool = True) -> None:
        """Run it; a node of a cluster other than the first one is told who that is."""
        settings = {
            "SERVICE__HOST": "127.0.0.1",
            "SERVICE__HTTP_PORT": self.http,
            "SERVICE__GRPC_PORT": self.grpc,
            "CLUSTER__ENABLED": str(self._clustered).lower(),
            "CLUSTER__P2P__PORT": self.p2p,
            "CLUSTER__CONSENSUS__TICK_PERIOD_MS": 50,
            "STORAGE__STORAGE_PATH": self.storage,
            "STORAGE__SNAPSHOTS_PATH": self.folder / "snapshots",
            "TELEMETRY_DISABLED": "true",
            "LOG_LEVEL": "WARN",
        } | ({"SERVICE__API_KEY": self._key} if self._key else {})
        # The kernel ends it when we are gone, however we went.
        command = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command += [str(self._program), "--disable-telemetry"]
        if self._clustered:
            command += ["--uri", self.uri, *(["--bootstrap", first.uri] if first else [])]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={f"QDRANT__{name}": str(value) for name, value in settings.items()} | {"PATH": os.environ["PATH"]},
                stdout=log,
                stderr=log,
                **({"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}),
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until it is ready."""
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether it says that it can be asked."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def remove(self, prefix: str) -> None:
        """Remove the collections whose names begin so."""
        listing = self.request("GET", "/collections")["result"]["collections"]
        for name in (one["name"] for one in listing if one["name"].startswith(prefix)):
            self.request("DELETE", f"/collections/{name}")

    def request(self, method: str, path: str) -> Any:
        """What it answers."""
        headers = {"api-key": self._key} if self._key else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
            return json.load(answer)

    def kill(self) -> None:
        """End it at once, as a failing machine would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    def wipe(self) -> None:
        """Remove everything it has stored; it must not run."""
        shutil.rmtree(self.storage)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def cluster(program: Path, nodes: int = 3) -> Iterator[list[Server]]:
    """So many nodes that know one another."""
    with ExitStack() as stack:
        servers = [Server(program, clustered=True) for _ in range(nodes)]
        for server in servers:
            stack.callback(server.__exit__)
        for server in servers:
            server.start(servers[0] if server is not servers[0] else None)
        yield servers


def address(servers: Sequence[Server], transport: str = "http", **options: object) -> str:
    """The address of a cluster's nodes."""
    hosts = ",".join(f"127.0.0.1:{server.http}" for server in servers)
    settings = {"transport": transport, "grpc_port": servers[0].grpc} | options
    return f"qdrant://{hosts}?" + "&".join(f"{name}={value}" for name, value in settings.items())


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
