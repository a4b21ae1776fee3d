"""Decisions over HTTP: listed, explained, computed again; of the gallery in the address alone."""

from __future__ import annotations

from fastapi.testclient import TestClient


def test_they_are_listed_and_explained(review: TestClient) -> None:
    page = review.get("decisions", params={"limit": 1}).raise_for_status().json()
    [newest] = page["items"]
    [older] = review.get("decisions", params={"after": page["next"]}).json()["items"]
    assert [newest["recording"], older["recording"]] == ["more.wav", "both.wav"]
    told = review.get(f"decisions/{older['decision_id'][:8]}").raise_for_status().json()
    assert (told["schema"], told["recording"], told["decision_id"]) == (
        "spk-evidence/1",
        "both.wav",
        older["decision_id"],
    )
    ann = next(voice for voice in older["voices"] if voice["name"] == "ann")
    one = review.get(f"decisions/{older['decision_id']}", params={"voice": ann["label"]}).json()
    assert [voice["label"] for voice in one["voices"]] == [ann["label"]]
    assert review.get(f"decisions/{older['decision_id']}", params={"voice": "nobody"}).status_code == 404


def test_one_is_computed_again(review: TestClient) -> None:
    [newest] = review.get("decisions", params={"limit": 1}).json()["items"]
    again = review.post(f"decisions/{newest['decision_id']}/replay").raise_for_status().json()
    assert (again["same"], again["differences"], again["today"]["problem"]) == (True, [], None)


def test_another_gallery_knows_nothing_of_them(review: TestClient) -> None:
    [newest] = review.get("decisions", params={"limit": 1}).json()["items"]
    review.post("http://localhost/v1/galleries", json={"name": "other"}).raise_for_status()
    for url in (f"http://localhost/v1/galleries/other/decisions/{newest['decision_id']}", "decisions/what"):
        assert review.get(url).status_code == 404
    assert review.get("http://localhost/v1/galleries/other/decisions").json() == {"items": [], "next": None}
