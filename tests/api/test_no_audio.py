"""Where nothing is to be kept to listen to, neither requests nor jobs leave audio anywhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from servers.traces import audio_in

from spk.api.app import create_app
from spk.config import ServiceSettings, Settings
from spk.jobs.handlers import HANDLERS
from spk.jobs.runner import Runner
from spk.parts import Parts

LATER = {"Prefer": "respond-async"}


def test_uploads_are_gone_when_they_are_answered(
    tmp_path: Path, spoken: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    settings = Settings(home, keep_audio="none")
    (tmp_path / "broken.wav").write_bytes(spoken["both"].read_bytes()[:20_000])
    recordings = {**spoken, "broken": tmp_path / "broken.wav"}
    app = create_app(settings, ServiceSettings())
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as http:

        def send(what: str, recording: str, later: dict[str, str] | None = None, **fields: str) -> int:
            file = recordings[recording].read_bytes()
            place = f"/v1/galleries/default/{what}"
            return http.post(place, data=fields, files={"audio": (f"{recording}.wav", file)}, headers=later).status_code

        assert send("enrollments", "ann", name="ann") == 201
        assert send("identify", "both", enroll_unknown="true") == 200
        assert send("identify", "more", LATER, single="true") == 202
        assert send("enrollments", "bob", LATER, name="bob", force="true") == 202
        assert send("identify", "both", LATER) == 202
        assert send("identify", "broken") == 400
        assert send("verify", "ann", speaker="nobody") == 404
        waiting = audio_in([home], *spoken.values())
        assert len(waiting) == 3  # those of the jobs: this test would see what is left
        cancelled = http.get("/v1/jobs", params={"limit": 1}).json()["items"][0]
        assert http.post(cancelled["cancel"]).json()["state"] == "cancelled"
        parts = Parts()
        Runner("worker", settings, parts, HANDLERS).work()
        parts.close()
        done = [one["state"] for one in http.get("/v1/jobs").json()["items"]]
        assert sorted(done) == ["cancelled", "done", "done"]
    assert audio_in([home, temporary], *spoken.values()) == []
