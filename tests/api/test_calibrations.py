"""Calibrations over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient


def test_one_is_kept_shown_and_used(review: TestClient) -> None:
    [kept] = review.get("calibrations").raise_for_status().json()  # that by which the recordings were judged
    assert (kept["in_use"], kept["generic"], kept["model"]) == (False, True, "ecapa")
    assert review.get("calibrations/default").json() == kept
    used = review.post(f"calibrations/{kept['id'][:6]}/use").raise_for_status().json()
    assert used == {**kept, "in_use": True}
    assert review.get(f"calibrations/{kept['id']}").json() == used
    assert review.post("calibrations/default/use").json() == {"id": None, "in_use": True}
    assert not review.get("calibrations").json()[0]["in_use"]


def test_what_is_none_is_not_found(review: TestClient) -> None:
    assert review.get("calibrations/0123abcd").status_code == 404
    for wrong in ("fitted.json", "..%2Fspk.toml", "what"):
        assert review.get(f"calibrations/{wrong}").status_code in (404, 422)
        assert review.post(f"calibrations/{wrong}/use").status_code in (404, 422)
