"""The log of changes over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient

from spk.desk.paging import word


def test_it_is_listed_page_by_page_the_newest_first(review: TestClient) -> None:
    whole = review.get("http://localhost/v1/audit", params={"limit": 500}).raise_for_status().json()
    assert whole["next"] is None
    sequences = [row["sequence"] for row in whole["items"]]
    assert sequences == list(range(len(sequences), 0, -1))
    rows, after = [], None
    while True:
        page = review.get(
            "http://localhost/v1/audit", params={"limit": 2, **({"after": after} if after else {})}
        ).json()
        rows += page["items"]
        after = page["next"]
        if after is None:
            break
    assert rows == whole["items"]


def test_some_of_it_is_listed(review: TestClient) -> None:
    ann = review.get("speakers/ann").json()["speaker_id"]
    review.post("speakers/ann/rename", json={"name": "anna"}).raise_for_status()
    [row] = review.get("http://localhost/v1/audit", params={"action": "rename"}).raise_for_status().json()["items"]
    assert row["detail"]["speaker"] == ann
    assert row in review.get("http://localhost/v1/audit", params={"speaker": ann}).json()["items"]
    assert [row] == review.get("http://localhost/v1/audit", params={"since": row["at"]}).json()["items"]
    assert review.get("http://localhost/v1/audit", params={"since": "tomorrow"}).status_code == 422
    assert review.get("http://localhost/v1/audit", params={"after": "zz"}).status_code == 400
    assert review.get("http://localhost/v1/audit", params={"after": word(2**40)}).status_code == 400  # of no column


def test_it_is_verified(review: TestClient) -> None:
    checked = review.get("http://localhost/v1/audit/verify").raise_for_status().json()
    [newest] = review.get("http://localhost/v1/audit", params={"limit": 1}).json()["items"]
    assert checked == {"entries": newest["sequence"], "head": newest["hash"]}
    assert review.get("http://localhost/v1/audit/verify", params={"head": checked["head"]}).json() == checked
    assert review.get("http://localhost/v1/audit/verify", params={"head": "0" * 63 + "1"}).status_code == 409
    assert review.get("http://localhost/v1/audit/verify", params={"head": "here"}).status_code == 422
