"""What runs beside the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from spk.api import app as served
from spk.api import health
from spk.api.service import Service
from spk.config import Settings
from spk.embed import Embedder
from spk.errors import StoreError, WeightsError
from spk.workbench import Workbench


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_store_that_is_busy_is_tidied_later(service_home, monkeypatch) -> None:
    asked = []

    def busy(days: float) -> int:
        asked.append(days)
        raise StoreError("somebody else is writing")

    monkeypatch.setattr(served, "TIDY_SECONDS", 0.01)
    app = served.create_app(Settings(service_home))
    monkeypatch.setattr(app.state.service.store, "prune_decisions", busy)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:
        wait_for(lambda: len(asked) > 1)
        assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("error", [WeightsError("no hub answers"), RuntimeError("no memory")])
def test_models_that_cannot_be_loaded_are_tried_again(service_home, monkeypatch, error) -> None:
    load, tried = Workbench._load_embedder, []

    def fails_once(bench: Workbench, name: str) -> Embedder:
        tried.append(name)
        if len(tried) == 1:
            raise error
        return load(bench, name)

    monkeypatch.setattr(served, "LOAD_SECONDS", 0.01)
    monkeypatch.setattr(Workbench, "_load_embedder", fails_once)
    app = served.create_app(Settings(service_home))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:
        wait_for(lambda: http.get("/readyz").status_code == 200)


def test_a_fault_in_one_thing_ends_nothing_else(service_home, monkeypatch, caplog) -> None:
    renewed, expired = [], []

    def faulty() -> None:
        renewed.append(1)
        raise RuntimeError

    for name in ("RENEW_SECONDS", "FRESH"):
        monkeypatch.setattr(served, name, 0.01)
    app = served.create_app(Settings(service_home))
    service: Service = app.state.service
    monkeypatch.setattr(service, "renew", faulty)
    monkeypatch.setattr(service.parts, "expire", lambda: expired.append(len(renewed)))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)):
        wait_for(lambda: max(expired, default=0) > 1)
    assert "please report it" in caplog.text


def test_a_store_that_says_nothing_is_away(service_home, monkeypatch) -> None:
    app, spoken, asked = served.create_app(Settings(service_home)), threading.Event(), []
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:
        app.state.service.is_loaded = True
        assert http.get("/readyz").json()["status"] == "ok"
        monkeypatch.setattr(health, "STORE_SECONDS", 0.05)
        monkeypatch.setattr(app.state.service.store, "state", lambda: asked.append(1) or spoken.wait(30))
        answers = [http.get("/readyz") for _ in range(3)]
        spoken.set()
    for answer in answers:
        assert (answer.status_code, answer.json()) == (503, {"status": "failing", "problems": ["store"]})
    assert len(asked) <= 1, "one thread hangs, however many ask"


def test_load_balancers_may_ask_for_the_head_alone(http) -> None:
    assert http.head("/healthz").status_code == 200
    assert http.head("/readyz").status_code in (200, 503)
