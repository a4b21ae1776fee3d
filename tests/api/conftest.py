"""A served home: in this process, as its only user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import soundfile
from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.testclient import TestClient

from spk.api.access import Principal, Scope, needs
from spk.api.app import create_app
from spk.api.gate import log_in, log_out
from spk.api.headers import page_nonce
from spk.api.protection import protect
from spk.config import ServiceSettings, Settings
from spk.desk import Desk
from spk.store import Store
from spk.store.audit import user
from spk.workbench import Workbench


@pytest.fixture(autouse=True)
def models(loaded_once: None) -> None:
    """Those of all services here."""


@pytest.fixture
def service_home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def http(service_home: Path) -> Iterator[TestClient]:
    """A client of the service of a home without keys: it may do everything."""
    app = create_app(Settings(service_home), ServiceSettings())
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as client:
        yield client


@dataclass(frozen=True)
class Guarded:
    """A few routes behind everything that stands before the service's own."""

    store: Store
    app: FastAPI
    browser: TestClient

    def key(self, name: str = "ops", *scopes: Scope, galleries: tuple[str, ...] | None = None, **how: Any) -> str:
        """Make a key, of everything unless told otherwise."""
        which = galleries and [self.store.gallery(one, create=True) for one in galleries]
        return self.store.create_key(name, scopes or [Scope.ADMIN], galleries=which, **how).token

    def ask(self, address: str, key: str | None = None, method: str = "GET", **how: Any) -> httpx.Response:
        """Ask once, without any cookies."""
        headers = how.pop("headers", {}) | ({"Authorization": f"Bearer {key}"} if key else {})
        with TestClient(self.app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as client:
            return client.request(method, address, headers=headers, follow_redirects=False, **how)


@pytest.fixture
def guarded(store: Store) -> Iterator[Guarded]:
    app = FastAPI()
    answers = {
        "/v1/any": needs(),
        "/v1/galleries/{gallery}/people": needs(Scope.REVIEW, Scope.ENROLL),
        "/v1/galleries/{gallery}/heard": needs(Scope.IDENTIFY),
        "/v1/audit": needs(Scope.ADMIN, everywhere=True),
    }

    def answer(request: Request) -> dict[str, str]:
        who: Principal = request.state.principal
        return {"name": who.name, "who": who.who, "acting": user()}

    for path, need in answers.items():
        app.add_api_route(path, answer, methods=["GET", "POST"], dependencies=[Depends(need)])

    @app.get("/login")
    def login() -> dict[str, str]:
        return {}

    @app.post("/login")
    async def enter(request: Request, key: Annotated[str, Form()]) -> Response:
        response = Response()
        await log_in(request, response, key)
        return response

    @app.post("/logout")
    def leave(request: Request) -> Response:
        response = Response()
        log_out(request, response)
        return response

    @app.get("/page")
    def page(request: Request) -> dict[str, str]:
        return {"csrf": request.state.csrf, "nonce": page_nonce(request)}

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, str]:
        return {"body": (await request.body()).decode()}

    protect(app, home=store.path, store=lambda: store, answering=set(), cors_origins=["https://app.example.org"])
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000), follow_redirects=False) as browser:
        yield Guarded(store, app, browser)


@dataclass(frozen=True)
class Listener:
    """Sends recordings to the service."""

    http: TestClient
    recordings: dict[str, Path]

    def __call__(
        self, what: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None, **parts: str
    ) -> httpx.Response:
        """``listen("identify", {"single": "true"}, audio="bob")``; several recordings with "+" between."""
        files = [
            (part, (path.name, path.read_bytes()))
            for part, names in parts.items()
            for path in map(self.recordings.__getitem__, names.split("+"))
        ]
        return self.http.post(f"/v1/galleries/default/{what}", data=fields or {}, files=files, headers=headers or {})


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory, demo_audio: Path) -> dict[str, Path]:
    """The demo dialogue: ``both``, ``ann`` and ``bob`` to enroll from, and ``more`` of bob."""
    folder = tmp_path_factory.mktemp("spoken")
    samples, rate = soundfile.read(demo_audio, dtype="float32")
    cuts = {"ann": ((10.57, 14.49), (18.6, 21.49)), "bob": ((14.7, 17.92), (21.78, 25.0)), "more": ((25.0, 27.85),)}
    for name, parts in {**cuts, "both": ((10.0, 30.0),)}.items():
        joined = [value for start, end in parts for value in samples[round(start * rate) : round(end * rate)]]
        soundfile.write(folder / f"{name}.wav", joined, rate)
    return {path.stem: path for path in folder.glob("*.wav")}


@pytest.fixture
def listen(http: TestClient, spoken: dict[str, Path]) -> Listener:
    """Sends the demo dialogue to the service."""
    return Listener(http, dict(spoken))


@pytest.fixture
def known(listen: Listener) -> Listener:
    """The same, once ann and bob are enrolled."""
    for name in ("ann", "bob"):
        assert listen("enrollments", {"name": name}, audio=name).status_code == 201
    return listen


@pytest.fixture(scope="session")
def heard_home(tmp_path_factory: pytest.TempPathFactory, spoken: dict[str, Path]) -> Path:
    """A home in which ann is enrolled, and was heard in ``both.wav`` beside a stranger, who is in ``more.wav``, too."""
    home = tmp_path_factory.mktemp("heard") / "home"
    with Workbench(Settings(home)) as bench:
        desk = Desk(bench)
        desk.enroll("ann", [spoken["ann"]])
        desk.identify(spoken["both"], name="both.wav", enroll_unknown=True)
        desk.identify(spoken["more"], name="more.wav", single=True, enroll_unknown=True)
    return home


@pytest.fixture
def review(heard_home: Path, tmp_path: Path) -> Iterator[TestClient]:
    """A client of the service of a copy of that home; addresses are within the gallery."""
    shutil.copytree(heard_home, tmp_path / "reviewed")
    app = create_app(Settings(tmp_path / "reviewed"), ServiceSettings())
    with TestClient(app, base_url="http://localhost/v1/galleries/default/", client=("127.0.0.1", 50_000)) as client:
        yield client
