"""The review pages in a real browser: Chromium of the system, driven by Playwright, on a service of this process."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
import soundfile
import uvicorn

from spk.api.app import create_app
from spk.api.pages.shell import STATIC
from spk.config import ServiceSettings, Settings
from spk.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = Path(__file__).resolve().parents[2] / "spk" / "api" / "pages"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Served:
    """A service that listens.

    Attributes:
        url: Where.
        store: Its store.
        http: Asks it without a browser.
    """

    url: str
    store: Store
    http: httpx.Client

    def post(self, what: str, audio: Path, /, **fields: str) -> httpx.Response:
        """Send a recording."""
        with audio.open("rb") as file:
            address = f"/v1/galleries/default/{what}"
            return self.http.post(address, data=fields, files={"audio": (audio.name, file)}).raise_for_status()

    def recording(self) -> str:
        """The address of the page of the only recording."""
        [one] = self.http.get("/v1/galleries/default/recordings").json()["items"]
        return f"/review/default/recordings/{one['sha256'][:16]}"

    def who(self) -> list[str]:
        """Who is said to speak in the only recording."""
        [one] = self.http.get("/v1/galleries/default/recordings").json()["items"]
        return [voice["who"] for voice in one["voices"]]


@contextmanager
def serving(home: Path) -> Iterator[Served]:
    """Serve a home on a free port."""
    app = create_app(Settings(home, threads=1), ServiceSettings(rate=100_000))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            thread.join(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://localhost:{port}"
        with httpx.Client(base_url=url, timeout=120) as http:
            yield Served(url, app.state.service.store, http)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(autouse=True)
def models(loaded_once: None) -> None:
    """Those of all services here."""


@pytest.fixture(scope="session")
def dialogue(tmp_path_factory: pytest.TempPathFactory, demo_audio: Path) -> dict[str, Path]:
    """The demo recording: ``talk``, in which two people speak, and one of them alone, ``ann``."""
    folder = tmp_path_factory.mktemp("dialogue")
    samples, rate = soundfile.read(demo_audio, dtype="float32")
    for name, parts in {"talk": ((6.0, 30.0),), "ann": ((10.57, 14.49), (18.6, 21.49))}.items():
        joined = [value for start, end in parts for value in samples[round(start * rate) : round(end * rate)]]
        soundfile.write(folder / f"{name}.wav", joined, rate)
    return {path.stem: path for path in folder.glob("*.wav")}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    """A service with an empty gallery."""
    with serving(tmp_path / "home") as served:
        served.store.gallery("default", create=True)
        yield served


@pytest.fixture(scope="session")
def talked(tmp_path_factory: pytest.TempPathFactory, dialogue: dict[str, Path]) -> Path:
    """A home where ann is known, and a recording of her and a stranger was heard; to be copied."""
    home = tmp_path_factory.mktemp("talked") / "home"
    with serving(home) as served:
        served.store.gallery("default", create=True)
        served.post("enrollments", dialogue["ann"], name="ann")
        served.post("identify", dialogue["talk"], enroll_unknown="true")
    return home


@pytest.fixture
def heard(talked: Path, tmp_path: Path) -> Iterator[Served]:
    """A service of such a home."""
    with serving(shutil.copytree(talked, tmp_path / "home")) as served:
        yield served


@pytest.fixture(scope="module")
def full(talked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same, to be looked at alone."""
    with serving(shutil.copytree(talked, tmp_path_factory.mktemp("full") / "home")) as served:
        yield served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; tests are skipped where there is none, or where its libraries were not fetched.

    Its event loop is that of the thread for as long as it is there, so that no test of another file could have one.
    """
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("no chromium: sudo apt install chromium")
    if not (STATIC / "vendor" / "htmx.js").is_file():
        pytest.skip("what the pages load is not there: scripts/fetch-web")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., "Page"]


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Open]:
    """``tab(served)`` is a page on a service; its scripts may neither fail nor break the policy."""
    complaints: list[str] = []
    contexts = []

    def new(served: Served, **options: object) -> Page:
        context = chromium.new_context(base_url=served.url, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None
        )
        return page

    yield new
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="session")
def axe() -> str:
    """The axe checker, which npm fetches by its hash."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which fetches axe: sudo apt install npm")
    lock = (PAGES / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("SPK_CACHE") or Path.home() / ".cache" / "spk")
    folder = cache / f"axe-{hashlib.sha256(lock).hexdigest()[:16]}"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PAGES / name, folder)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=folder, check=False)
        if done.returncode:
            pytest.skip("npm cannot fetch axe")
    return script.read_text(encoding="utf-8")
