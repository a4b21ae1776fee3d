"""Jobs over HTTP: work that goes on after it was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from spk.config import ServiceSettings, Settings
from spk.jobs.handlers import HANDLERS
from spk.jobs.runner import Runner
from spk.messages.identification import Identified
from spk.messages.jobs import JobInfo
from spk.parts import Parts
from spk.workbench import Workbench

LATER = {"Prefer": "respond-async"}


@pytest.fixture
def work(service_home: Path):
    """``work()`` does all that there is to do, as a worker does."""
    settings, parts = Settings(service_home), Parts()
    yield lambda: Runner("worker", settings, parts, HANDLERS).work()
    parts.close()


def test_from_a_request_to_a_result(known, http, work, service_home) -> None:
    job = known("identify", {"single": "true", "evidence": "true"}, LATER, audio="more").json()
    assert job["state"] == "queued"
    early = http.get(f"{job['url']}/result")
    assert (early.status_code, "no result yet" in early.json()["detail"]) == (409, True)
    work()
    done = JobInfo.model_validate(http.get(job["url"]).json())
    assert (done.state, done.cancel, done.attempts) == ("done", None, 1)
    found = Identified.model_validate(http.get(done.result).json())
    assert (found.recording, found.speakers[0].name) == ("more.wav", "bob")
    assert found.decision_id == done.id
    assert not list((service_home / "uploads").iterdir())
    assert [one["id"] for one in http.get("/v1/jobs", params={"state": "done"}).json()["items"]] == [str(done.id)]
    assert http.get("/v1/jobs", params={"state": "queued"}).json()["items"] == []


def test_who_is_erased_is_in_no_job(known, http, work) -> None:
    """A decision has the id of the job that made it: it is one of those that must be nowhere any more."""
    job = known("identify", {"single": "true"}, LATER, audio="more").json()
    work()
    bob = http.get("/v1/galleries/default/speakers/bob").json()["speaker_id"]
    asked = {"speakers": ["bob"], "confirm": [bob]}
    receipt = http.post("/v1/galleries/default/speakers/erase", json=asked).raise_for_status().json()
    assert next(one["found"] for one in receipt["checks"] if one["what"] == "ids in tables") == []
    assert http.get(job["url"]).status_code == 404


def test_a_job_that_is_done_twice_leaves_one_decision(known, http, work, service_home) -> None:
    known("identify", {"single": "true"}, LATER, audio="more")
    settings = Settings(service_home)
    with Workbench(settings) as bench:
        job = bench.store.claim_job("one that dies")
        assert job is not None
        from spk.jobs.context import JobContext, Pulse

        handler = HANDLERS[job.kind]
        parts = Parts()
        with Pulse(bench.store, job, 60) as pulse:
            handler.run(JobContext(job, settings, parts, pulse), handler.parse(job.params))
        parts.close()
        bench.store.give_back_job(job)
        work()
        assert [one.id for one in bench.store.decisions(bench.gallery)] == [job.id]
        assert len(bench.store.hearings(bench.gallery)) == 1


def test_enrolling_by_a_job(listen, http, work, demo_audio, demo_rttm) -> None:
    several = listen("enrollments", {"name": "bob"}, LATER, audio="bob+more").json()
    files = [("audio", ("talk.wav", demo_audio.read_bytes())), ("turns", ("t.rttm", demo_rttm.read_bytes()))]
    label = demo_rttm.read_text().split()[7]
    address = "/v1/galleries/default/enrollments/turns"
    turns = http.post(address, data={"map": f"{label}=ann"}, files=files, headers=LATER).json()
    assert (several["kind"], turns["kind"]) == ("enroll", "enroll_turns")
    work()
    assert http.get(f"{several['url']}/result").json()["added"] == 2
    assert "ann" in [person["name"] for person in http.get(f"{turns['url']}/result").json()["people"]]


def test_a_job_that_fails_says_why(listen, http, work, tmp_path, service_home) -> None:
    listen.recordings["text"] = tmp_path / "text.wav"
    listen.recordings["text"].write_text("This is text.\n" * 50)
    job = listen("identify", {}, LATER, audio="text").json()
    work()
    failed = http.get(job["url"]).json()
    assert (failed["state"], failed["problem"]["error"]) == ("failed", "AudioError")
    result = http.get(f"{job['url']}/result")
    assert result.status_code == 400
    assert result.json()["detail"].startswith("text.wav: is no recording")
    assert str(service_home) not in json.dumps(failed)


def test_page_by_page(known, http) -> None:
    asked = [known("identify", {"single": "true"}, LATER, audio="more").json()["id"] for _ in range(3)]
    first = http.get("/v1/jobs", params={"limit": 2}).json()
    [last] = (page := http.get("/v1/jobs", params={"limit": 2, "after": first["next"]}).json())["items"]
    assert [one["id"] for one in [*first["items"], last]] == asked[::-1]
    assert page["next"] is None
    assert http.get("/v1/jobs", params={"after": "WyJ4IiwgMV0"}).status_code == 400


def test_cancelling(listen, http, work, service_home) -> None:
    job = listen("diarize", {}, LATER, audio="both").json()
    assert http.post(job["cancel"]).json()["state"] == "cancelled"
    assert http.post(job["cancel"]).json()["state"] == "cancelled"
    work()
    assert http.get(f"{job['url']}/result").status_code == 409
    assert not list((service_home / "uploads").iterdir())
    assert http.get(f"/v1/jobs/{uuid4()}").status_code == 404
    assert http.get("/v1/jobs/nonsense").status_code == 422


def test_long_recordings_become_jobs(service_home, spoken) -> None:
    from fastapi.testclient import TestClient

    from spk.api.app import create_app

    from .conftest import Listener

    app = create_app(Settings(service_home), ServiceSettings(short_seconds=5, max_hours=0.005))
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as client:
        listen = Listener(client, dict(spoken))
        assert listen("enrollments", {"name": "ann"}, audio="ann").status_code == 202  # 6.8 s
        assert listen("identify", {"single": "true"}, audio="more").status_code == 200  # 2.9 s
        assert "longer than the 5 s" in listen("verify", {"speaker": "ann"}, audio="ann").json()["detail"]
        too_long = listen("diarize", audio="both")  # 20 s, and 18 are the most
        assert (too_long.status_code, "are the most" in too_long.json()["detail"]) == (400, True)


def test_keys_see_their_own_galleries_jobs(known, http, work, service_home) -> None:
    from spk.store.keys import Scope

    job = known("enrollments", {"name": "bob"}, LATER, audio="more").json()
    with Workbench(Settings(service_home)) as bench:
        other = bench.store.create_key("other", [Scope.ADMIN], galleries=[bench.store.gallery("x", create=True)]).token
        clerk = bench.store.create_key("clerk", [Scope.IDENTIFY], galleries=None).token
    asked = {name: {"Authorization": f"Bearer {key}"} for name, key in (("other", other), ("clerk", clerk))}
    assert http.get("/v1/jobs", headers=asked["other"]).json()["items"] == []
    theirs, nobodys = (http.get(url, headers=asked["other"]) for url in (job["url"], f"/v1/jobs/{UUID(int=0)}"))
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["detail"].replace(job["id"], str(UUID(int=0))) == nobodys.json()["detail"]
    assert http.post(job["cancel"], headers=asked["other"]).status_code == 404
    assert http.get("/v1/jobs", headers=asked["clerk"]).json()["items"] == []
    assert http.get(job["url"], headers=asked["clerk"]).status_code == 403
    assert http.get(f"{job['url']}/result", headers=asked["clerk"]).status_code == 403
    assert http.post(job["cancel"], headers=asked["clerk"]).status_code == 403


def test_a_page_of_jobs_is_full_of_those_that_may_be_known(known, http, service_home) -> None:
    from spk.store.keys import Scope

    heard = known("identify", {"single": "true"}, LATER, audio="more").json()
    for _ in range(2):
        known("enrollments", {"name": "bob"}, LATER, audio="more")
    with Workbench(Settings(service_home)) as bench:
        clerk = bench.store.create_key("clerk", [Scope.IDENTIFY], galleries=None).token
    listed = http.get("/v1/jobs", params={"limit": 1}, headers={"Authorization": f"Bearer {clerk}"}).json()
    assert [one["id"] for one in listed["items"]] == [heard["id"]]


def test_too_many_jobs(known, http) -> None:
    serving = http.app.state.service.serving
    http.app.state.service.serving = serving.model_copy(update={"most_jobs": 1})
    assert known("identify", {"single": "true"}, LATER, audio="more").status_code == 202
    more = known("identify", {"single": "true"}, LATER, audio="more")
    assert (more.status_code, more.json()["type"]) == (503, "/problems/overloaded")
    assert int(more.headers["Retry-After"]) > 0
    assert len(list(http.app.state.service.forms.folder.iterdir())) == 1


@pytest.mark.parametrize("kind", ["enrollments", "enrollments/turns"])
def test_who_withdraws_is_not_enrolled_by_a_job_from_before(listen, http, work, spoken, kind) -> None:
    """That they consent was said before they withdrew it."""
    eve = "/v1/galleries/default/speakers/eve"
    http.put("/v1/galleries/default/consents/required", json={"purpose": "calls"}).raise_for_status()
    http.post(f"{eve}/consents", json={}).raise_for_status()
    files = [("audio", ("ann.wav", spoken["ann"].read_bytes()))]
    if kind == "enrollments/turns":
        files.append(("turns", ("t.rttm", b"SPEAKER ann 1 0.0 6.8 <NA> <NA> eve <NA> <NA>\n")))
    fields = {"consent": '{"purpose": "calls"}'} | ({"name": "eve"} if kind == "enrollments" else {})
    job = http.post(f"/v1/galleries/default/{kind}", data=fields, files=files, headers=LATER).json()
    http.post(f"{eve}/consents/withdraw", json={}).raise_for_status()
    work()
    ended = http.get(job["url"]).json()
    if kind == "enrollments":
        assert (ended["state"], ended["problem"]["error"]) == ("failed", "ConflictError")
        why = ended["problem"]["detail"]
    else:
        [refused] = http.get(f"{job['url']}/result").json()["refused"]
        why = refused["detail"]
    assert why.startswith('eve withdrew consent to "calls" on ')
    assert [one["state"] for one in http.get(f"{eve}/consents").json()] == ["withdrawn"]
    assert http.get(eve).json()["samples"] == []
