"""What runs beside the requests."""

from __future__ import annotations

import time

from fastapi.testclient import TestClient

from spk.api import app as served
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


def test_load_balancers_may_ask_for_the_head_alone(http) -> None:
    assert http.head("/healthz").status_code == 200
    assert http.head("/readyz").status_code in (200, 503)
