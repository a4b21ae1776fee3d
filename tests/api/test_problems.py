"""Whatever goes wrong is a problem document that says what to do, and nothing of the machine."""

from __future__ import annotations

import inspect
import json
import logging
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import FastAPI, HTTPException, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel

from spk import errors
from spk.api.app import create_app
from spk.api.logs import RequestLog
from spk.api.problems import KINDS, ProblemError, Problems
from spk.config import Settings

HOME = Path("/srv/spk/home")
RAISED = {
    "input": errors.InputError("fpir cannot be 2: set 0.01, say"),
    "audio": errors.AudioError(HOME / "uploads/0f3a", "is empty (0 bytes): record or copy it again"),
    "refused": errors.RefusedError("talk.wav", ("too short", "too noisy")),
    "missing": errors.NotFoundError('no speaker "alcie" in the gallery "staff"'),
    "conflict": errors.ConflictError("the name is taken"),
    "models": errors.FingerprintError("two models"),
    "access": errors.AccessError("not for this"),
    "store": errors.StoreError(f"{HOME}/spk.db: another process is writing"),
    "engine": errors.EngineError("http://10.0.0.7:6333 does not answer"),
    "weights": errors.WeightsError("/root/.cache/spk/weights/ab: fails its checksum"),
    "problem": ProblemError("overloaded", "too many wait already", {"Retry-After": "7"}),
    "fault": RuntimeError("the password is hunter2"),
    "http": HTTPException(418, "a teapot"),
}


class Body(BaseModel):
    name: str
    parts: list[float]


@pytest.fixture
def client():
    app, problems = FastAPI(), Problems(HOME)
    problems.install(app)
    app.add_middleware(RequestLog, problems=problems)

    @app.get("/raise/{what}")
    def fail(what: str) -> None:
        raise RAISED[what]

    @app.post("/ask")
    def ask(body: Body, limit: Annotated[int, Query(ge=1)] = 1) -> int:
        return limit

    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("what", "status", "slug", "detail"),
    [
        ("input", 400, "bad-input", "fpir cannot be 2: set 0.01, say"),
        ("audio", 400, "bad-input", "uploads/0f3a: is empty (0 bytes): record or copy it again"),
        ("refused", 422, "refused", "talk.wav: too short; too noisy"),
        ("missing", 404, "not-found", 'no speaker "alcie" in the gallery "staff"'),
        ("conflict", 409, "conflict", "the name is taken"),
        ("models", 409, "other-model", "two models"),
        ("access", 403, "not-allowed", "not for this"),
        ("store", 503, "unavailable", None),
        ("engine", 503, "unavailable", None),
        ("weights", 500, "fault", None),
        ("problem", 503, "overloaded", "too many wait already"),
        ("fault", 500, "fault", None),
        ("http", 418, "bad-input", "a teapot"),
    ],
)
def test_what_is_raised_is_answered(client, what, status, slug, detail):
    answer = client.get(f"/raise/{what}", headers={"X-Request-ID": "a-1"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert (problem["title"], problem["status"], problem["request_id"]) == (KINDS[slug].title, status, "a-1")
    if detail is not None:
        assert problem["detail"] == detail
    for secret in ("/srv", "/root", "10.0.0.7", "hunter2"):
        assert secret not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_the_reasons_of_the_gates_are_told(client):
    assert client.get("/raise/refused").json()["reasons"] == ["too short", "too noisy"]
    assert "reasons" not in client.get("/raise/input").json()
    assert client.get("/raise/problem").headers["Retry-After"] == "7"


def test_a_request_that_breaks_the_rules_is_told_where(client):
    answer = client.post("/ask?limit=0", json={"name": 5, "parts": [1, "the secret"]})
    assert answer.status_code == 422
    problem = answer.json()
    assert {one["field"] for one in problem["errors"]} == {"query.limit", "body.name", "body.parts.1"}
    assert "query.limit: " in problem["detail"]
    assert "the secret" not in answer.text, "what was sent is not repeated"
    undeclared = client.post("/ask", content=b'{"name": "ann", "parts": []}', headers={"Content-Type": "text/plain"})
    assert (undeclared.status_code, "application/json" in undeclared.json()["detail"]) == (415, True)
    answer = client.post("/ask", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_addresses_and_methods_that_are_not_there(client):
    assert client.get("/nowhere").json()["type"] == "/problems/not-found"
    answer = client.get("/ask")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "POST" in answer.json()["detail"]


def test_a_fault_is_logged_with_the_id_of_its_request(client, caplog):
    caplog.set_level(logging.INFO)
    client.get("/raise/fault", headers={"X-Request-ID": "b-2"})
    client.get("/raise/store")
    fault, store = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert fault.exc_info[1] is RAISED["fault"]
    assert str(HOME) in store.getMessage()
    assert store.exc_info is None


@pytest.mark.parametrize("address", ["/v1/galleries/default/changes", "/review/default/changes"])
def test_what_fails_on_a_page_is_logged_too(tmp_path, monkeypatch, caplog, address):
    def fails(*_: object, **__: object) -> None:
        raise RAISED["store"]

    app = create_app(Settings(tmp_path / "home"))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:
        monkeypatch.setattr(app.state.service.store, "changes", fails)
        answer = http.get(address)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "another process is writing" not in answer.text
    assert [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR] == [str(RAISED["store"])]


def test_every_error_of_spk_has_an_answer():
    problems = Problems(HOME)
    given = {"AudioError": ("a", "b"), "FormatError": ("a", "b"), "RefusedError": ("a", ("b",))}
    ours = inspect.getmembers(errors, lambda one: inspect.isclass(one) and issubclass(one, errors.SpkError))
    for name, kind in ours:
        problem = problems.problem(kind(*given.get(name, ("a",))), "")
        assert 400 <= problem.status < 600
        json.loads(problem.model_dump_json())
