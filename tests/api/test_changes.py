"""Changes over HTTP, a page at a time."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient


def test_pages_of_changes(review: TestClient) -> None:
    for number in range(3):
        review.post("recordings/more.wav/label", json={"voices": ["SPEAKER_00"], "name": f"one{number}"})
    everything = review.get("changes").json()["items"]
    assert [change["what"] for change in everything[:3]] == ["say whose voice"] * 3
    found, after = [], None
    while after is not None or not found:
        page = review.get("changes", params={"limit": 2, **({"after": after} if after else {})}).json()
        found += page["items"]
        after = page["next"]
    assert found == everything
    back = review.post("changes/undo", json={"last": 2}).json()
    assert [change["change"] for change in back["undone"]] == [change["change"] for change in everything[:2]]
    assert review.get("recordings/more.wav").json()["voices"][0]["who"] == "one0"


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"numbers": [999]}, 404), ({"last": 99}, 404), ({"last": 0}, 422), ({"numbers": [-1]}, 422), ({"n": 1}, 422)],
)
def test_what_cannot_be_undone(review: TestClient, asked: dict[str, object], status: int) -> None:
    assert review.post("changes/undo", json=asked).status_code == status


def test_no_such_change(review: TestClient) -> None:
    assert review.get("changes/999").status_code == 404
    assert review.get("changes", params={"after": "WzFd", "limit": 1}).json()["items"] == []
    assert review.get("changes", params={"after": "bm8"}).status_code == 400
