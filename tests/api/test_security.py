"""What crosses the parts of the service: no route is forgotten, and what one part leaves open another closes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from spk.api.access import Scope
from spk.api.app import create_app
from spk.api.bodies import MOST_BYTES
from spk.config import ServiceSettings, Settings
from spk.desk.paging import word
from spk.store import Store
from spk.store.job_records import NewJob

OPEN = {"/healthz", "/readyz", "/login", "/static"}


class Keys(dict[str, str]):
    """Makes keys of a home, and the header that shows one."""

    store: Store

    def __call__(self, *scopes: Scope, gallery: str | None = None) -> dict[str, str]:
        name = f"key-{len(self)}"
        galleries = gallery and [self.store.gallery(gallery, create=True)]
        self[name] = self.store.create_key(name, scopes, galleries=galleries or None).token
        return {"Authorization": f"Bearer {self[name]}"}


@pytest.fixture
def served(service_home: Path) -> Iterator[TestClient]:
    """A client of a service; errors that nobody expects are answered, as they are in life."""
    app = create_app(Settings(service_home), ServiceSettings(rate=1_000_000))
    with TestClient(
        app,
        base_url="http://localhost",
        client=("127.0.0.1", 50_000),
        follow_redirects=False,
        raise_server_exceptions=False,
    ) as client:
        yield client


@pytest.fixture
def key(served: TestClient) -> Keys:
    found = Keys()
    found.store = served.app.state.service.store
    return found


def routes(found: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The methods and addresses of everything that is answered."""
    for one in found:
        if (router := getattr(one, "original_router", None)) is not None:
            yield from routes(router.routes)
        else:
            for method in getattr(one, "methods", None) or {"GET"}:
                yield method, one.path


def address(path: str, gallery: str) -> str:
    job = "3f9a01c2-7b4e-8d60-3f9a-01c27b4e8d60"
    known = path.replace("{gallery}", gallery).replace("{number}", "1").replace("{job}", job)
    return re.sub(r"\{[^}]*\}", "abcd", known)


def test_no_route_is_open_and_none_knows_of_other_galleries(served, key):
    staff = [key(scope, gallery="staff") for scope in Scope]
    key.store.gallery("board", create=True)
    found = sorted(set(routes(served.app.routes)))
    assert len(found) > 100
    for method, path in found:
        body = {} if method in {"GET", "HEAD", "DELETE"} else {"json": {}}
        if path not in OPEN:
            assert served.request(method, address(path, "staff"), **body).status_code == 401, path
        if "{gallery}" in path:
            told = {served.request(method, address(path, "board"), headers=one, **body).status_code for one in staff}
            assert told == {404}, path


def test_a_body_that_only_calls_itself_a_form_is_not_read_whole(served, key):
    """What is read into memory, or to a folder that nobody sweeps, is bounded, whoever asks."""
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="key"; filename="x"\r\n\r\n'
    for path, who in (("/login", {}), ("/v1/galleries", key(Scope.ADMIN))):
        for content in (head + bytes(MOST_BYTES), (some for some in (head, *[bytes(1 << 20)] * 9))):
            answer = served.post(path, content=content, headers=kind | who)
            assert answer.status_code == 413, path


@pytest.mark.parametrize("target", ["///evil.example", "//evil.example", "/\\evil.example", "https://evil.example"])
def test_the_login_leads_to_no_other_site(served, key, target):
    key(Scope.REVIEW)
    answer = served.post("/login", data={"key": key["key-0"], "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "evil" not in served.get("/login", params={"next": target}).text


def test_answers_of_pages_are_not_kept(served, key):
    key(Scope.REVIEW)
    answers = [
        served.post("/login", data={"key": key["key-0"]}, headers={"Idempotency-Key": "again"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert "Idempotency-Replayed" not in answers[1].headers


def test_what_came_of_a_job_is_for_keys_that_could_have_asked(served, key):
    enroll, identify = key(Scope.ENROLL, gallery="staff"), key(Scope.IDENTIFY, gallery="staff")
    job = key.store.submit_job(NewJob("enroll", "staff", {"name": "anna", "files": [{"name": "anna.wav"}]}))
    for way in (f"/v1/jobs/{job.id}", f"/review/staff/jobs/{job.id}"):
        assert served.get(way, headers=enroll).status_code == 200
        for answer in (served.get(way, headers=identify), served.post(f"{way}/cancel", headers=identify)):
            assert answer.status_code == 403
            assert "anna" not in answer.text
    assert served.get("/v1/jobs", headers=identify).json()["items"] == []
    assert "anna" not in served.get("/review/staff/jobs", headers=identify).text
    assert len(served.get("/v1/jobs", headers=enroll).json()["items"]) == 1


@pytest.mark.parametrize(
    "values",
    [
        ("\ud800", "2026-01-01T00:00:00+00:00", "0" * 32),
        (None, "0001-01-01T00:00:00+14:00", "0" * 32),
        ("0001-01-01T00:00:00+14:00", "0" * 32),
        (True,),
        (10**30,),
        (-1,),
    ],
)
def test_where_a_page_ended_may_be_anything(served, values):
    lists = [f"/v1/galleries/default/{what}" for what in ("speakers", "unknowns", "recordings", "decisions", "changes")]
    for path in [*lists, "/v1/galleries/default/consents", "/v1/galleries/default/health", "/v1/audit"]:
        answer = served.get(path, params={"after": word(*values)})
        assert answer.status_code in {200, 400, 404}, path


def test_numbers_in_addresses_of_pages_may_be_anything(served):
    for said in ("9" * 30, "9" * 5000, "\u0661", "-1", "x"):
        answer = served.get("/review/default/changes", params={"done": said, "held": said})
        assert answer.status_code == 200
        assert served.post(f"/review/default/changes/{said[:50]}/undo").status_code in {404, 422}


def test_consent_is_of_a_day_that_there_is(served):
    for field, moment in (("until", "9999-12-31T23:59:59-14:00"), ("given", "0001-01-01T00:00:00+14:00")):
        answer = served.post("/v1/galleries/default/speakers/anna/consents", json={"purpose": "x", field: moment})
        assert answer.status_code == 400, field


def test_turns_are_no_way_to_fill_the_memory(http, spoken):
    turns = b"0\t1\ta\n" * (MOST_BYTES // 6 + 1)
    files = {"audio": ("both.wav", spoken["both"].read_bytes()), "turns": ("both.txt", turns)}
    for path in ("enrollments/turns", "recordings/turns"):
        answer = http.post(f"/v1/galleries/default/{path}", files=files)
        assert (answer.status_code, "8 MiB" in answer.json()["detail"]) == (413, True)


def test_channels_that_are_kept_apart_count_each(http, tmp_path):
    """Of a recording with hundreds of them each would be kept in memory at 16 kHz, however small the file is."""
    path = tmp_path / "many.wav"
    soundfile.write(path, np.zeros((2000, 100), np.int16), 1000)
    files = {"audio": ("many.wav", path.read_bytes())}
    said = {
        channels: http.post("/v1/galleries/default/diarize", data={"channels": channels}, files=files).status_code
        for channels in ("mix", "split")
    }
    assert said == {"mix": 400, "split": 202}, "nobody speaks; and that is for a job to find out"


def test_what_is_of_another_gallery_is_not_had_by_its_id(review):
    """Ids are no secrets: everything is looked for in the gallery of the address alone."""
    assert review.post("http://localhost/v1/galleries", json={"name": "board"}).status_code == 201
    ann = review.get("speakers/ann").json()
    [stranger] = review.get("unknowns").json()["items"]
    recording = review.get("recordings").json()["items"][0]
    voice, sample = recording["voices"][0]["label"], ann["samples"][0]["sample_id"]
    clip = stranger["clips"][0].rpartition("/")[2]
    change = review.get("changes").json()["items"][0]["change"]
    decision = review.get("decisions").json()["items"][0]["decision_id"]
    for path in (
        f"speakers/{ann['speaker_id']}",
        f"speakers/{ann['speaker_id']}/consents",
        f"speakers/{ann['speaker_id']}/disclosure",
        f"speakers/{ann['speaker_id']}/alike",
        f"samples/{sample}/audio",
        f"unknowns/{stranger['speaker_id']}",
        f"unknowns/{stranger['speaker_id']}/audio/{clip}",
        f"recordings/{recording['sha256']}",
        f"recordings/{recording['sha256']}/turns",
        f"recordings/{recording['sha256']}/waveform",
        f"recordings/{recording['sha256']}/voices/{voice}/audio",
        f"changes/{change}",
        f"decisions/{decision}",
    ):
        assert review.get(path).status_code == 200, path
        assert review.get(f"http://localhost/v1/galleries/board/{path}").status_code == 404, path
    for path, body in (
        ("samples/withdraw", {"samples": [sample]}),
        ("samples/move", {"samples": [sample], "to": "bea"}),
        ("changes/undo", {"numbers": [change]}),
        ("speakers/erase", {"speakers": [ann["speaker_id"]], "confirm": [ann["speaker_id"]]}),
        (f"speakers/{ann['speaker_id']}/rename", {"name": "bea"}),
        (f"unknowns/{stranger['speaker_id']}/name", {"name": "bea"}),
        (f"recordings/{recording['sha256']}/forget", {}),
        (f"recordings/{recording['sha256']}/label", {"voices": [voice], "name": "bea"}),
        (f"decisions/{decision}/replay", {}),
    ):
        assert review.post(f"http://localhost/v1/galleries/board/{path}", json=body).status_code == 404, path
    assert review.delete(f"http://localhost/v1/galleries/board/speakers/{ann['speaker_id']}").status_code == 404
    assert review.get("speakers/ann").json() == ann
