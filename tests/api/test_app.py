"""What runs beside the requests."""

from __future__ import annotations

import threading
import time

from fastapi.testclient import TestClient

from spk.api import app as served
from spk.api import health
from spk.config import Settings
from spk.errors import StoreError


def test_a_store_that_is_busy_is_tidied_later(service_home, monkeypatch) -> None:
    asked = []

    def busy(days: float) -> int:
        asked.append(days)
        raise StoreError("somebody else is writing")

    monkeypatch.setattr(served, "TIDY_SECONDS", 0.01)
    app = served.create_app(Settings(service_home))
    monkeypatch.setattr(app.state.service.store, "prune_decisions", busy)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:
        deadline = time.monotonic() + 30
        while len(asked) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert http.get("/healthz").status_code == 200


def test_a_store_that_says_nothing_is_away(service_home, monkeypatch) -> None:
    monkeypatch.setattr(health, "STORE_SECONDS", 0.05)
    app, spoken = served.create_app(Settings(service_home)), threading.Event()
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:
        app.state.service.is_loaded = True
        assert http.get("/readyz").json()["status"] == "ok"
        monkeypatch.setattr(app.state.service.store, "state", lambda: spoken.wait(30))
        answer = http.get("/readyz")
        spoken.set()
    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "problems": ["store"]})


def test_load_balancers_may_ask_for_the_head_alone(http) -> None:
    assert http.head("/healthz").status_code == 200
    assert http.head("/readyz").status_code in (200, 503)
