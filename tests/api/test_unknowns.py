"""Strangers over HTTP: asked about, listened to, named and put right, on a real dialogue."""

from __future__ import annotations

import io
from typing import Any

import soundfile
from fastapi.testclient import TestClient


def stranger(review: TestClient) -> dict[str, Any]:
    [one] = review.get("unknowns").json()["items"]
    return one


def test_the_queue(review: TestClient) -> None:
    queue = review.get("unknowns").json()
    assert (queue["gallery"], queue["people"], queue["held"], queue["next"]) == ("default", 1, [], None)
    [one] = queue["items"]
    assert one["kind"] == "unknown"
    assert one["recordings"] == 2
    assert [person["name"] for person in one["nearest"]] == ["ann"]
    shown = review.get(f"unknowns/{one['name']}").json()
    assert {heard["recording"] for heard in shown["heard"]} == {"both.wav", "more.wav"}
    assert {**one, "heard": shown["heard"]} == shown
    assert review.get("unknowns", params={"after": "nonsense"}).status_code == 400
    assert review.get("unknowns/ann").json()["detail"] == "ann is no stranger: use `spk speakers`"
    assert review.get("unknowns/unknown-00000000").status_code == 404


def test_pages_of_the_queue(review: TestClient) -> None:
    [ann] = review.get("speakers/ann").json()["samples"]
    review.post("samples/withdraw", json={"samples": [ann["sample_id"]]})  # whom nobody knows any more
    everybody = review.get("unknowns").json()
    first = review.get("unknowns", params={"limit": 1}).json()
    second = review.get("unknowns", params={"limit": 1, "after": first["next"]}).json()
    assert [*first["items"], *second["items"]] == everybody["items"]
    assert (first["people"], second["next"]) == (2, None)


def test_clips_are_played(review: TestClient) -> None:
    one = stranger(review)
    assert review.get(f"unknowns/{one['name']}/audio").json() == {
        "name": one["name"],
        "clips": [clip.replace(one["speaker_id"], one["name"]) for clip in one["clips"]],
    }
    whole = review.get(f"http://localhost{one['clips'][0]}")
    assert (whole.headers["content-type"], whole.headers["cache-control"]) == ("audio/flac", "no-store")
    samples, rate = soundfile.read(io.BytesIO(whole.content))
    assert (rate, len(samples) > rate) == (16_000, True)
    part = review.get(f"http://localhost{one['clips'][0]}", headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    assert "reviewed" not in review.get("unknowns").text  # where the home lies
    assert review.get(f"unknowns/{one['name']}/audio/{'0' * 64}").status_code == 404
    ann = review.get("speakers/ann").json()["samples"][0]["sample_id"]
    assert review.get(f"unknowns/{one['name']}/audio/{ann}").status_code == 404


def test_a_name_and_the_way_back(review: TestClient) -> None:
    one, before = stranger(review), review.get("recordings").json()
    asked = {"name": "bob", "dry_run": True}
    preview = review.post(f"unknowns/{one['name']}/name", json=asked).json()
    assert (preview["dry_run"], preview["change"]) == (True, None)
    assert review.get("recordings").json() == before
    done = review.post(f"unknowns/{one['name']}/name", json={"name": "bob"}).json()
    assert done["labels"] == preview["labels"]
    assert {label["after"]["who"] for label in done["labels"]} == {"bob"}
    assert {label["recording"] for label in done["labels"]} == {"both.wav", "more.wav"}

    [change, *_] = review.get("changes").json()["items"]
    assert (change["change"], change["what"], change["undone"]) == (done["change"], "name an unknown", None)
    assert review.get(f"changes/{done['change']}").json() == change
    looked = review.post("changes/undo", json={"numbers": [done["change"]], "dry_run": True}).json()
    assert review.get(f"changes/{done['change']}").json() == change
    back = review.post("changes/undo", json={"numbers": [done["change"]]}).json()
    assert back == looked
    assert review.get("recordings").json() == before
    again = review.post("changes/undo", json={"numbers": [done["change"]]})
    assert (again.status_code, again.json()["detail"]) == (409, f"change {done['change']} was undone already")


def test_merge_discard_never(review: TestClient) -> None:
    one = stranger(review)
    refused = review.post(f"unknowns/{one['name']}/split", json={})
    assert "does not seem to be two people" in refused.json()["detail"]
    unknown = {"samples": ["0123"]}
    assert "no sample begins" in review.post(f"unknowns/{one['name']}/split", json=unknown).json()["detail"]
    for what in ("discard", "never"):
        done = review.post(f"unknowns/{one['name']}/{what}", json={}).json()
        assert review.get("unknowns").json()["items"] == []
        review.post("changes/undo", json={"numbers": [done["change"]]})
    merged = review.post(f"unknowns/{one['name']}/merge", json={"into": "ann", "force": True}).json()
    assert [person["name"] for person in merged["speakers"]] == ["ann"]
    assert review.post(f"unknowns/{one['name']}/merge", json={"into": "nobody"}).status_code == 404


def test_what_a_request_may_not_say(review: TestClient) -> None:
    one = stranger(review)
    for asked in ({}, {"name": ""}, {"name": "bob", "when": "now"}, {"name": "x" * 201}):
        assert review.post(f"unknowns/{one['name']}/name", json=asked).status_code == 422
    assert review.get("unknowns", params={"limit": 0}).status_code == 422
