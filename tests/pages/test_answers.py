"""What the pages answer, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from spk.api.app import create_app
from spk.config import ServiceSettings, Settings
from spk.store import Store
from spk.store.keys import Scope


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "home") as store:
        store.gallery("staff", create=True)
        store.gallery("board", create=True)
    return tmp_path / "home"


@pytest.fixture
def http(home: Path) -> Iterator[TestClient]:
    app = create_app(Settings(home), ServiceSettings())
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000), follow_redirects=False) as client:
        yield client


def test_the_address_alone_leads_to_the_galleries(http):
    assert http.get("/").headers["location"] == "/review"
    page = http.get("/review").text
    assert 'href="/review/staff/unknowns"' in page
    assert 'href="/review/board/unknowns"' in page


def test_the_only_gallery_is_gone_to_at_once(tmp_path):
    app = create_app(Settings(tmp_path / "home"), ServiceSettings())
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000), follow_redirects=False) as http:
        assert http.get("/review").headers["location"] == "/review/default/unknowns"


@pytest.mark.parametrize(
    "word", ["unknowns", "recordings", "speakers", "map", "evaluation", "jobs", "changes", "service"]
)
def test_every_page_of_an_empty_gallery(http, word):
    answer = http.get(f"/review/staff/{word}")
    assert answer.status_code == 200
    assert '<html lang="en">' in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["nowhere/unknowns", "staff/unknowns/unknown-0000", "staff/recordings/x.wav", "staff/nothing", "staff/a/b"]
)
def test_what_is_not_there_is_a_page_that_says_so(http, path):
    answer = http.get(f"/review/{path}")
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text
    part = http.get(f"/review/{path}", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert part.status_code == 404
    assert "<html" not in part.text
    assert 'role="alert"' in part.text


def test_names_are_shown_as_text(home, http):
    with Store.open(home) as store:
        store.give_consent(store.gallery("staff"), "<script>alert(1)</script>", _consent())
    page = http.get("/review/staff/speakers").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def _consent():
    from spk.store import NewConsent

    return NewConsent("calls", None, None, None, None)


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "/v1/audit", "", "/review/../../etc"])
def test_an_undo_leads_nowhere_else(home, http, back):
    with Store.open(home) as store, store.change(store.gallery("staff"), "nothing much") as change:
        change.make_speaker("ann")
    answer = http.post("/review/staff/changes/1/undo", data={"back": back})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/review/")


def test_a_script_is_led_to_names_in_any_alphabet(home, http):
    with Store.open(home) as store, store.change(store.gallery("staff"), "nothing much") as change:
        change.make_speaker("ann")
    how = {"data": {"back": "/review/staff/中"}, "headers": {"HX-Request": "true"}}
    assert http.post("/review/staff/changes/1/undo", **how).headers["HX-Redirect"].startswith("/review/staff/%E4%B8%AD")


def test_figures_of_all_galleries_are_for_who_may_see_them_all(home, http):
    assert "Requests at work" in http.get("/review/staff/service").text
    with Store.open(home) as store:
        token = store.create_key("clerk", [Scope.REVIEW], galleries=[store.gallery("staff")]).token
    page = http.get("/review/staff/service", headers={"Authorization": f"Bearer {token}"})
    assert page.status_code == 200
    assert "Requests at work" not in page.text


def test_scripts_and_styles_are_asked_about_each_time(http):
    answer = http.get("/static/spk.css")
    assert answer.headers["cache-control"] == "no-cache"
    assert http.get("/static/spk.css", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert http.get("/static/../shell.py").status_code == 404


def test_an_evaluation_is_for_who_may_see_its_gallery(home, http):
    (home / "reports").mkdir()
    for name, gallery in (("ours", "staff"), ("theirs", "board"), ("lists", "made for this list")):
        record = {"schema": "spk-evaluation/1", "conditions": {"list": name, "gallery": gallery}, "notes": []}
        (home / "reports" / f"{name}.json").write_text(json.dumps(record))
    (home / "reports" / "damaged.json").write_text("{")
    page = http.get("/review/staff/evaluation").text
    assert "evaluation/ours" in page
    assert "evaluation/lists" in page
    assert "evaluation/theirs" not in page
    assert "damaged.json" in page
    assert http.get("/review/staff/evaluation/ours").status_code == 200
    assert http.get("/review/staff/evaluation/theirs").status_code == 404

    with Store.open(home) as store:
        token = store.create_key("clerk", [Scope.REVIEW], galleries=[store.gallery("staff")]).token
    http.headers["Authorization"] = f"Bearer {token}"
    page = http.get("/review/staff/evaluation").text
    assert "evaluation/ours" in page
    assert "evaluation/lists" not in page
    assert "damaged.json" not in page
    assert http.get("/review/board/evaluation").status_code == 404


def test_who_has_a_name_by_now_is_no_stranger(home, http):
    with Store.open(home) as store:
        store.give_consent(store.gallery("staff"), "ann", _consent())
        ann = store.speaker(store.gallery("staff"), "ann").id
    assert http.get("/review/staff/unknowns/ann").headers["location"] == f"/review/staff/speakers/{ann}"
    answer = http.post("/review/staff/unknowns/ann/discard")
    assert answer.status_code == 409
    assert "this stranger is ann by now" in answer.text
    answer = http.post("/review/staff/unknowns/unknown-0000/name", data={"name": "bob"})
    assert answer.status_code == 409
    assert "somebody has answered about this stranger meanwhile" in answer.text


def test_what_a_key_may_not_do_is_not_offered(home, http):
    with Store.open(home) as store:
        token = store.create_key("reader", [Scope.REVIEW]).token
        store.give_consent(store.gallery("staff"), "ann", _consent())
    http.headers["Authorization"] = f"Bearer {token}"
    assert "Erase…" not in http.get("/review/staff/speakers/ann").text
    assert http.get("/review/staff/speakers/ann/erase").status_code == 403
    jobs = http.get("/review/staff/jobs").text
    assert 'id="enroll"' not in jobs
    assert 'id="identify"' not in jobs
    assert "Uploading takes a key" in jobs
    assert "Upload…" not in http.get("/review/staff/recordings").text


def test_nobody_is_erased_by_a_slip(home, http):
    with Store.open(home) as store:
        ann = store.give_consent(store.gallery("staff"), "ann", _consent()).speaker
    here = f"/review/staff/speakers/{ann}"
    assert f'action="{here}/erase"' in http.get("/review/staff/speakers/ann/erase").text
    assert http.post(f"{here}/erase").status_code == 400
    assert http.post("/review/staff/speakers/ann/erase", data={"sure": "yes"}).status_code == 422
    assert "ann" in http.get("/review/staff/speakers").text


def test_uploads_are_refused_on_a_page_as_by_the_api(home, http):
    with Store.open(home) as store:
        token = store.create_key("listener", [Scope.IDENTIFY]).token
    http.headers["Authorization"] = f"Bearer {token}"
    asked = {"data": {"enroll_unknown": "true"}, "files": {"audio": ("talk.wav", b"")}}
    answer = http.post("/review/staff/jobs/identify", **asked)
    assert answer.status_code == 403
    said = http.post("/v1/galleries/staff/identify", **asked).json()["detail"]
    assert said in answer.text
