"""People over HTTP: listed, shown, put right, listened to, disclosed, erased."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from sqlalchemy import update

from spk.store import NewRecording, NewSample, Origin, Store, tables
from spk.store.erasure.receipts import ErasureReceipt
from spk.timeline import Segment

PEOPLE = "/v1/galleries/default/speakers"
NAMES = ["Ann Élan", "anna", "bob_1", "bob%", *(f"person {number:02}" for number in range(20))]


def sample(seed: int) -> NewSample:
    """Speech of somebody, by a model that nobody has."""
    vector = np.random.default_rng(seed).normal(size=8).astype(np.float32)
    recording = NewRecording(f"{seed:064x}", f"{seed}.wav", 20.0)
    vectors = {"f" * 64: vector / np.linalg.norm(vector)}
    return NewSample(recording, Segment(0, 20), f"{seed:064x}", 15.0 + seed, {"snr_db": 20.0}, Origin.ENROLLED, vectors)


@pytest.fixture
def many(http: TestClient, service_home: Path) -> list[str]:
    """The labels of two dozen people and three strangers in the served home, as they are to be listed."""
    with Store.open(service_home) as store:
        gallery = store.gallery("default", create=True)
        for seed, name in enumerate([*NAMES, None, None, None]):
            store.enroll(gallery, name, [sample(seed)])
        return [one.label for one in store.speakers(gallery)]


def pages(http: TestClient, url: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found, after = [], None
    while True:
        page = http.get(url, params={**query, **({"after": after} if after else {})}).raise_for_status().json()
        assert len(page["items"]) <= query.get("limit", 100)
        found += page["items"]
        after = page["next"]
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 27, 100])
def test_people_are_listed_page_by_page(http: TestClient, many: list[str], limit: int) -> None:
    found = pages(http, PEOPLE, limit=limit)
    assert [one["name"] for one in found] == many
    first = next(one for one in found if one["name"] == "Ann Élan")
    assert (first["samples"], first["recordings"], first["net_speech"], first["provisional"]) == (1, 1, 15.0, True)


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("ANN", ["Ann Élan", "anna"]),
        ("éL", ["Ann Élan"]),
        ("E\u0301l", ["Ann Élan"]),
        ("b_1", ["bob_1"]),
        ("%", ["bob%"]),
        ("/", []),
        ("son 1", [f"person {number}" for number in range(10, 20)]),
    ],
)
def test_people_are_found_by_a_part_of_the_name(http: TestClient, many: list[str], q: str, names: list[str]) -> None:
    assert [one["name"] for one in pages(http, PEOPLE, q=q, limit=4)] == names


def test_strangers_are_found_by_their_labels(http: TestClient, many: list[str]) -> None:
    assert [one["name"] for one in pages(http, PEOPLE, q="unknown-", limit=2)] == many[-3:]
    assert [one["name"] for one in pages(http, PEOPLE, state="unknown")] == many[-3:]
    assert many[-1] in [one["name"] for one in pages(http, PEOPLE, q=many[-1])]


def test_what_is_no_place_in_a_list_is_refused(http: TestClient, many: list[str]) -> None:
    for wrong in ("zz", "WzEsIDIsIDNd", "WyJhIiwgImIiLCAiYyJd"):
        refused = http.get(PEOPLE, params={"after": wrong})
        assert (refused.status_code, refused.json()["title"]) == (400, "This cannot be used")
    assert http.get(PEOPLE, params={"limit": 501}).status_code == 422


def show(review: TestClient, who: str) -> dict[str, Any]:
    return review.get(f"speakers/{who}").raise_for_status().json()


def test_one_person_is_shown_with_samples_to_listen_to(review: TestClient) -> None:
    ann = show(review, "ann")
    assert (ann["name"], ann["state"], ann["held"]) == ("ann", "enrolled", [])
    assert show(review, ann["speaker_id"]) == ann
    [sample] = ann["samples"]
    assert sample["audio"]
    clip = review.get(f"samples/{sample['sample_id']}/audio")
    assert (clip.headers["content-type"], clip.headers["cache-control"]) == ("audio/flac", "no-store")
    samples, rate = soundfile.read(io.BytesIO(clip.content))
    assert len(samples) / rate == pytest.approx(sample["net_speech"], abs=3)
    part = review.get(f"samples/{sample['sample_id'][:8]}/audio", headers={"Range": "bytes=4-99"})
    assert (part.status_code, part.content) == (206, clip.content[4:100])
    for wrong in ("ffffffff", "what", "..%2F..%2Fspk.db"):
        assert review.get(f"samples/{wrong}/audio").status_code == 404


def test_somebody_is_there_before_the_first_sample(http: TestClient, service_home: Path) -> None:
    made = http.post(PEOPLE, json={"name": "  zoë  "})
    assert (made.status_code, made.json()["name"], made.json()["samples"]) == (201, "zoë", 0)
    assert [http.get(PEOPLE).json()["items"]] == [[made.json()]]
    assert http.get(f"{PEOPLE}/zoë").json()["speaker_id"] == made.json()["speaker_id"]
    assert http.post(PEOPLE, json={"name": "Zoë"}).status_code == 201
    for name, status in (("zoë", 409), ("unknown-7f3a", 400), ("a\nb", 400), ("", 422)):
        assert http.post(PEOPLE, json={"name": name}).status_code == status, name
    with Store.open(service_home) as store:
        gallery = store.gallery("default")
        store.enroll(gallery, "zoë", [sample(1)])
        store.verify_audit()
    assert http.get(f"{PEOPLE}/zoë").json()["speaker_id"] == made.json()["speaker_id"]

    http.put("/v1/galleries/default/consents/required", json={"purpose": "calls"}).raise_for_status()
    refused = http.post(PEOPLE, json={"name": "ida"})
    assert (refused.status_code, "consent" in refused.json()["detail"]) == (409, True)
    http.post(f"{PEOPLE}/ida/consents", json={}).raise_for_status()
    assert http.get(f"{PEOPLE}/ida").json()["samples"] == []


def test_a_correction_is_previewed_done_and_told(review: TestClient) -> None:
    looked = review.post("speakers/ann/rename", json={"name": "anna", "dry_run": True}).raise_for_status().json()
    assert (looked["dry_run"], looked["change"]) == (True, None)
    assert {one["after"]["who"] for one in looked["labels"]} == {"anna"}
    assert show(review, "ann")["name"] == "ann"
    done = review.post("speakers/ann/rename", json={"name": "anna"}).raise_for_status().json()
    assert done["labels"] == looked["labels"]
    assert done["change"]
    assert review.get("speakers/ann").status_code == 404
    assert review.post("speakers/anna/rename", json={"name": "unknown-1234"}).status_code == 400
    assert review.post("speakers/anna/rename", json={"name": "anna", "force": True}).status_code == 422


def test_people_are_merged_and_taken_apart(review: TestClient) -> None:
    [stranger] = pages(review, "speakers", state="unknown")
    merged = review.post(f"speakers/{stranger['name']}/merge", json={"into": "ann", "force": True}).raise_for_status()
    assert [one["label"] for one in merged.json()["speakers"]] == ["ann"]
    assert len(show(review, "ann")["samples"]) > 1
    apart = review.post("speakers/ann/unmerge", json={}).raise_for_status().json()
    assert len(apart["speakers"]) == 2
    assert len(show(review, "ann")["samples"]) == 1


def test_samples_are_moved_and_withdrawn(review: TestClient) -> None:
    [sample] = show(review, "ann")["samples"]
    moved = review.post("samples/move", json={"samples": [sample["sample_id"]], "to": "carol"}).raise_for_status()
    assert moved.json()["speakers"][-1]["name"] == "carol"
    again = review.post("samples/move", json={"samples": [sample["sample_id"]], "to": "carol"})
    assert again.status_code == 409
    review.post("samples/withdraw", json={"samples": [sample["sample_id"][:8]]}).raise_for_status()
    assert review.get("speakers/carol").status_code == 404
    assert review.post("samples/withdraw", json={"samples": []}).status_code == 422


def test_look_alikes_health_and_a_map(review: TestClient) -> None:
    [stranger] = pages(review, "speakers", state="unknown")
    [other] = review.get("speakers/ann/alike").raise_for_status().json()
    assert other["name"] == stranger["name"]
    assert not other["named"]
    checkup = review.get("speakers/ann/health").raise_for_status().json()
    assert (checkup["schema"], checkup["name"]) == ("spk-checkup/1", "ann")
    assert (checkup["nearest"]["llr"], checkup["nearest"]["llr_back"]) == (other["llr"], other["llr_back"])
    assert pages(review, "health", limit=1) == [checkup]
    strict = (
        review.get("speakers/ann/health", params={"cost": "miss=1,false=100000,prior=0.3"}).raise_for_status().json()
    )
    assert strict["needed_llr"] > checkup["needed_llr"]
    assert review.get("health", params={"cost": "free"}).status_code == 400
    assert review.get("speakers/ann/health", params={"seconds": -1}).status_code == 422
    found = review.get("map").raise_for_status().json()
    assert {one["name"] for one in found["points"]} == {"ann", stranger["name"]}
    assert (found["people"], found["explained"]) == (2, [1.0, 0.0])
    assert review.get("map").json() == found


def test_an_erasure_needs_the_right_ids_and_answers_a_receipt(review: TestClient) -> None:
    ann = show(review, "ann")["speaker_id"]
    [stranger] = pages(review, "speakers", state="unknown")
    for confirm in ([stranger["speaker_id"]], [ann, stranger["speaker_id"]]):
        refused = review.post("speakers/erase", json={"speakers": ["ann"], "confirm": confirm})
        assert (refused.status_code, "nobody was erased" in refused.json()["detail"]) == (409, True)
    assert review.post("speakers/erase", json={"speakers": ["ann"], "confirm": []}).status_code == 422
    answer = review.post("speakers/erase", json={"speakers": ["ann"], "confirm": [ann]}).raise_for_status()
    receipt = ErasureReceipt.parse(answer.text)  # which sees that it is as it was signed
    assert receipt.proved
    assert [str(one) for one in receipt.speakers] == [ann]
    assert review.get("speakers/ann").status_code == 404
    gone = review.delete(f"speakers/{stranger['name']}").raise_for_status().json()
    assert gone == {"deleted": stranger["name"], "speaker_id": stranger["speaker_id"]}
    assert not pages(review, "speakers")


def test_an_id_is_nobody_elses(http: TestClient, many: list[str], service_home: Path) -> None:
    one, other = (http.get(f"{PEOPLE}/{name}").json()["speaker_id"] for name in ("anna", "bob_1"))
    nobody = "3f0c7a9e-58b7-4d51-9d0e-2b0f6f1f7a10"
    for id_ in (one, nobody, nobody.upper()):
        assert http.post(PEOPLE, json={"name": id_}).status_code == 400, id_
        assert http.post(f"{PEOPLE}/anna/rename", json={"name": id_}).status_code == 400, id_
    assert http.post(f"{PEOPLE}/{nobody}/consents", json={"purpose": "calls"}).status_code == 404
    assert [one["name"] for one in pages(http, PEOPLE)] == many

    with Store.open(service_home) as store, store._database.write() as tx:  # a name from a time when it was one
        tx.execute(update(tables.speakers).where(tables.speakers.c.id == UUID(other)).values(name=one))
    assert http.get(f"{PEOPLE}/{one}").json()["name"] == "anna"
    asked = {"speakers": ["anna"], "confirm": [one]}
    receipt = ErasureReceipt.parse(http.post(f"{PEOPLE}/erase", json=asked).raise_for_status().text)
    assert [str(id_) for id_ in receipt.speakers] == [one]
    assert http.get(f"{PEOPLE}/{other}").json()["name"] == one


def test_a_person_is_told_what_is_kept(review: TestClient, tmp_path: Path) -> None:
    answer = review.get("speakers/ann/disclosure").raise_for_status()
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert any(name.endswith(".flac") for name in archive.namelist())
    assert not list((tmp_path / "reviewed" / "uploads").iterdir())
    whom = review.get("speakers/ann").json()["speaker_id"]
    receipt = review.post("speakers/erase", json={"speakers": ["ann"], "confirm": [whom]}).raise_for_status()
    assert "uploads" not in receipt.text  # nobody is sent to look for a file that was never left there


def test_consent_is_given_required_and_withdrawn(review: TestClient) -> None:
    given = review.post("speakers/ann/consents", json={"purpose": "calls", "until": "2099-01-01T00:00:00"})
    assert given.status_code == 201
    assert datetime.fromisoformat(given.json()["until"]) == datetime(2099, 1, 1, tzinfo=UTC)
    assert review.post("speakers/ann/consents", json={}).status_code == 400
    required = review.put("consents/required", json={"purpose": "calls"}).raise_for_status().json()
    assert [one["name"][:8] for one in required["without"]] == ["unknown-"]
    assert review.get("consents/required").json() == required
    assert review.get("speakers/ann/consents").json() == pages(review, "consents", limit=1) == [given.json()]
    assert review.get("consents/expiring", params={"days": 36_500}).json() == [given.json()]
    [ended] = review.post("speakers/ann/consents/withdraw", json={}).raise_for_status().json()
    assert ended["state"] == "withdrawn"
    assert review.get("speakers/ann/alike").status_code in (404, 409)
