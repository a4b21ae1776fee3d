"""A POST that comes again with its key is answered as before, and nothing is done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep

import pytest
from httpx import Response

from spk.errors import StoreError
from spk.store import Gallery


def again(key: str = "4711") -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_an_upload_that_comes_again(known, http) -> None:
    first = known("identify", {"single": "true"}, again(), audio="more")
    assert "Idempotency-Replayed" not in first.headers
    second = known("identify", {"single": "true"}, again(), audio="more")  # with another boundary
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    other = known("identify", {"single": "true"}, again("4712"), audio="more")
    assert other.json()["decision_id"] != first.json()["decision_id"]

    for fields, name in (({}, "more"), ({"single": "true"}, "bob")):
        wrong = known("identify", fields, again(), audio=name)
        assert (wrong.status_code, wrong.json()["type"]) == (409, "/problems/conflict")
    assert known("diarize", {"single": "true"}, again(), audio="more").status_code == 409


def test_a_job_is_made_once(known, http) -> None:
    later = again() | {"Prefer": "respond-async"}
    jobs = [known("identify", {}, later, audio="more") for _ in range(2)]
    assert jobs[0].json()["id"] == jobs[1].json()["id"]
    assert jobs[1].headers["Location"] == jobs[0].headers["Location"]
    assert jobs[1].headers["Preference-Applied"] == "respond-async"
    assert len(http.get("/v1/jobs").json()["items"]) == 1


def test_json_that_comes_again(http) -> None:
    made = [http.post("/v1/galleries", json={"name": "calls"}, headers=again()) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[1].headers["Idempotency-Replayed"] == "true"
    assert made[0].json() == made[1].json()
    assert http.post("/v1/galleries", json={"name": "other"}, headers=again()).status_code == 409


def test_what_failed_may_come_again(known) -> None:
    for _ in range(2):
        refused = known("enrollments", {"name": "eve"}, again(), audio="more")
        assert refused.status_code == 422
        assert "Idempotency-Replayed" not in refused.headers
    assert known("enrollments", {"name": "bob"}, again(), audio="more").status_code == 201


def test_an_answer_that_cannot_be_kept_is_given(http, monkeypatch) -> None:
    def busy(*_: object) -> None:
        raise StoreError("somebody else is writing")

    monkeypatch.setattr(http.app.state.service.store, "finish_request", busy)
    made = http.post("/v1/galleries", json={"name": "calls"}, headers=again())
    assert (made.status_code, made.json()["name"]) == (201, "calls")
    assert http.post("/v1/galleries", json={"name": "calls"}, headers=again()).status_code == 409  # not done twice


def test_a_request_stays_with_a_server_that_lives(request, monkeypatch) -> None:
    monkeypatch.setattr("spk.store.requests.LEASE_SECONDS", 0.5)
    monkeypatch.setattr("spk.api.app.RENEW_SECONDS", 0.05)
    http = request.getfixturevalue("http")
    service = http.app.state.service
    let, gallery = Event(), service.store.gallery

    def slow(name: str, **how: bool) -> Gallery:
        assert name != "calls" or let.wait(30)
        return gallery(name, **how)

    def ask() -> Response:
        return http.post("/v1/galleries", json={"name": "calls"}, headers=again())

    monkeypatch.setattr(service.store, "gallery", slow)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(ask)
        sleep(1.5)  # longer than a lease
        assert ask().status_code == 409
        let.set()
        assert first.result().status_code == ask().status_code == 201
    assert not service.answering


@pytest.mark.parametrize("kind", ["a job", "at once"])
def test_a_server_that_died_before_it_answered(kind, known, http, monkeypatch) -> None:
    """What it had begun is not begun again by whoever repeats the request."""
    monkeypatch.setattr("spk.store.requests.LEASE_SECONDS", -1.0)
    store = http.app.state.service.store
    how = again() | ({"Prefer": "respond-async"} if kind == "a job" else {})
    with monkeypatch.context() as dying:
        dying.setattr(store, "finish_request", lambda *_: None)
        first = known("identify", {"single": "true"}, how, audio="more")
    second = known("identify", {"single": "true"}, how, audio="more")
    assert "Idempotency-Replayed" not in second.headers
    id_ = "id" if kind == "a job" else "decision_id"
    assert second.json()[id_] == first.json()[id_]
    assert len(http.get("/v1/jobs").json()["items"]) == (kind == "a job")
    assert len(http.get("/v1/galleries/default/decisions").json()["items"]) == (kind == "at once")
    assert http.app.state.service.store.prune_uploads() == 0


@pytest.mark.parametrize("key", ["", "x" * 201, "\x7f"])
def test_impossible_keys(http, key) -> None:
    answer = http.post("/v1/galleries", json={"name": "calls"}, headers=again(key))
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-input")


def test_at_once(known) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(known, "identify", {"single": "true"}, again(), audio="more") for _ in range(4)]
        answers = [one.result() for one in asked]
    assert {one.status_code for one in answers} <= {200, 409}
    assert len({one.content for one in answers if one.status_code == 200}) == 1
