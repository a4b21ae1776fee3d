"""Galleries over HTTP, and by the client."""

from __future__ import annotations


def test_galleries_are_made_and_listed(http):
    assert http.get("/v1/galleries").json() == [{"name": "default", "people": 0, "unknown": 0}]
    made = http.post("/v1/galleries", json={"name": "newsroom"})
    assert made.status_code == 201
    assert made.json() == {"name": "newsroom", "people": 0, "unknown": 0}
    assert http.post("/v1/galleries", json={"name": "newsroom"}).json() == made.json()
    assert [one["name"] for one in http.get("/v1/galleries").json()] == ["default", "newsroom"]


def test_a_field_that_does_not_exist_is_refused(http):
    assert http.post("/v1/galleries", json={"name": "newsroom", "consent": "calls"}).status_code == 422


def test_impossible_names_are_refused(http):
    answer = http.post("/v1/galleries", json={"name": "a/b"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/bad-input"
