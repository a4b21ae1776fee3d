"""Models over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient

from spk.embed.manifests import MANIFESTS


def test_they_are_listed_and_shown_without_the_paths_of_the_server(http: TestClient) -> None:
    found = http.get("/v1/models").raise_for_status().json()
    assert [one["name"] for one in found] == list(MANIFESTS)
    shown = http.get("/v1/models/ecapa").raise_for_status().json()
    assert {name: value for name, value in shown.items() if name != "files"} == found[0]
    assert [file["file"] for file in shown["files"]] == [one.file for one in MANIFESTS["ecapa"].artefacts]
    assert all(file["path"] is None for file in shown["files"])
    assert http.get("/v1/models/nothing").status_code == 404
