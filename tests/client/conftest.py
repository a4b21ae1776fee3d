"""A real server, and the commands on it and on a home of their own."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from itertools import count
from pathlib import Path

import httpx
import pytest
import soundfile
from cli.conftest import ANN, BOB, COMMAND, Demo, Result, Spk, demo  # noqa: F401 - `demo` is a fixture

from spk.cli import main
from spk.client import Client


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: Where.
        home: What it serves.
        key: A key to everything.
        log: Where it writes what it does.
    """

    url: str
    home: Spk
    key: str
    log: Path

    def client(self, gallery: str = "default", **how: object) -> Client:
        """Somebody who may do everything."""
        return Client(self.url, self.key, gallery=gallery, **{"retries": 0, **how})


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``spk serve`` as a process, with a home and a key of its own; tests have galleries of their own in it."""
    folder = tmp_path_factory.mktemp("served")
    home = Spk(folder, folder / "home")
    key = home("keys", "create", "ops", "--scopes", "admin", "--json").records[0]["key"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("w") as written:
        environment = {"SPK_SERVICE_RATE": "100000"}
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port)], cwd=folder, env=home.environment(**environment), stderr=written
        )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").is_success:
                    break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield Server(url, home, key, log)
    finally:
        process.terminate()
        process.wait(60)


_galleries = count(1)


@pytest.fixture
def gallery(server: Server) -> str:
    """A gallery of the test's own."""
    name = f"room-{next(_galleries)}"
    with server.client() as client:
        client.galleries.create(name)
    return name


@pytest.fixture
def scratch(tmp_path: Path, demo: Demo) -> Path:  # noqa: F811 - the fixture
    """A folder with the dialogue, its turns, and pieces of it."""
    for file in (demo.recording, demo.turns):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    demo.cut(tmp_path / "ann.wav", *ANN)
    demo.cut(tmp_path / "bob.wav", *BOB)
    demo.cut(tmp_path / "bob2.wav", BOB[1])
    demo.cut(tmp_path / "word.wav", (7.55, 8.0))
    soundfile.write(tmp_path / "silent.wav", [0.0] * 16_000, 16_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF of nothing")
    return tmp_path


MOVING = (  # what differs between two homes in which the same was done
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?(\+\d\d:\d\d)?)?", "<time>"),
    (r"unknown-[0-9a-f]{4,}", "<stranger>"),
    (r"(?<![.\w])(?=[0-9a-f]*[0-9])[0-9a-f]{8,64}\b", "<hex>"),
    (r'("change": |change |undo |row |"audit_sequence": )\d+', r"\1<number>"),
    (r'"[A-Za-z0-9+/]{20,}={0,2}"', '"<bytes>"'),
    (r'"user": "[^"]*"', '"user": <user>'),
    (r'"clips": (\[[^]]*\]|\{[^}]*\})', '"clips": <clips>'),
)


def still(text: str) -> str:
    """What does not differ."""
    for pattern, instead in MOVING:
        text = re.sub(pattern, instead, text)
    return re.sub(r"-?\d+\.\d{6,}(e-?\d+)?", lambda found: f"{float(found[0]):.4g}", text)  # processors round


def run(spk: Spk, *arguments: object, **environment: str) -> Result:
    """As the command does it, in this process, where everything is loaded."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    log = logging.getLogger("spk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(spk.folder)
        known = spk.environment(**environment)
        for name in [name for name in os.environ if name not in known]:
            patch.delenv(name)
        for name, value in known.items():
            patch.setenv(name, value)
        patch.setattr(log, "handlers", [])
        for name, value in {"argv": ["spk", *map(str, arguments)], "stdin": None, "stdout": out, "stderr": err}.items():
            patch.setattr(sys, name, value)
        with pytest.raises(SystemExit) as left:
            main()
        sys.stdin.close()  # it opened one
    result = Result(left.value.code, *(one.buffer.getvalue().decode() for one in (out, err)))
    assert "Traceback" not in result.err, result.err
    return result


@dataclass
class Both:
    """Runs a command on a local home and through a server, and compares what both say.

    Attributes:
        here: On a home of its own.
        server: Whom the other one asks.
        gallery: Which of its galleries; both have the same name.
        labels: The strangers of the two, as they were met.
    """

    here: Spk
    server: Server
    gallery: str
    last: tuple[Result, Result] = field(init=False)

    def there(self, *arguments: object, **environment: str) -> Result:
        """On the server alone."""
        known = {"SPK_KEY": self.server.key, "SPK_SERVER": self.server.url, "SPK_GALLERY": self.gallery}
        away = Spk(self.here.folder, self.here.folder / "no home")
        return run(away, *arguments, **{**known, **environment})

    def __call__(
        self, *arguments: object, status: int = 0, change: Callable[[str], str] = str, each: bool = False
    ) -> Result:
        """On both; what the server answered.

        Args:
            arguments: Of the command. Where one has to be another for each, it is a pair.
            status: With which both have to leave.
            change: Of what they print, before it is compared.
            each: Compare lines in any order.
        """
        given = [[one[which] if isinstance(one, tuple) else one for one in arguments] for which in (0, 1)]
        here = run(self.here, *given[0], SPK_GALLERY=self.gallery)
        there = self.there(*given[1])
        self.last = (here, there)
        order = sorted if each else list
        for text in ("out", "err"):
            mine, theirs = (order(still(change(getattr(one, text))).splitlines()) for one in (here, there))
            different = [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]
            assert theirs == mine, (given[0], different, here, there)
        assert (here.status, there.status) == (status, status), (given[0], here, there)
        return there

    def records(self, which: str = "out") -> tuple[list, list]:
        """The JSON that both printed last."""
        one, other = ([json.loads(line) for line in getattr(done, which).splitlines()] for done in self.last)
        return one, other


@pytest.fixture
def both(scratch: Path, server: Server, gallery: str) -> Both:
    here = Spk(scratch, scratch / "home")
    here("galleries", "create", gallery)
    return Both(here, server, gallery)
