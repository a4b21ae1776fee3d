"""`spk serve` as a process: it is told to stop, and told nonsense."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from spk.api.serving import run
from spk.config import ServiceSettings, Settings
from spk.errors import InputError, NotFoundError


def workers(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    children = [child for task in tasks for child in task.read_text().split()]
    return [int(child) for child in children if b"worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_for(condition, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_leaves_after_its_workers(stop: signal.Signals, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "spk", "serve", "--port", str(port), "--home", tmp_path / "home"],
            env={**os.environ, "SPK_SERVICE_LOG": "text"},
            stderr=file,
        )
    try:

        def answers() -> bool:
            assert server.poll() is None, log.read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
            except httpx.TransportError:
                return False

        wait_for(answers)
        wait_for(lambda: "the worker waits for jobs" in log.read_text())
        [worker] = workers(server.pid)
        server.send_signal(stop)
        ignored = signal.getsignal(stop) is signal.SIG_IGN  # as SIGINT is in the background of a shell
        assert server.wait(90) == (130 if stop is signal.SIGINT and not ignored else 0)
        assert not Path(f"/proc/{worker}").exists()
        assert "the worker leaves" in log.read_text()
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"queue": "nowhere"}, "no URL of a Redis"),
        ({"certificate": Path("a.pem"), "private_key": Path("a.key")}, r"a\.pem, a\.key: are no certificate"),
        ({"host": "0.0.0.0"}, "spk keys create"),  # noqa: S104 - which is refused
    ],
)
def test_nonsense_is_refused_before_anything_is_served(wrong: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        run(Settings(tmp_path / "home"), ServiceSettings(port=0, workers=0).model_copy(update=wrong))


def test_a_misspelt_gallery_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match='no gallery "newsrom"'):
        run(Settings(tmp_path / "home", gallery="newsrom"), ServiceSettings(port=0, workers=0))
