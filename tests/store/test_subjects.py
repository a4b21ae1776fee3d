"""What a person is told of what is kept about them: all of it, and nothing of anybody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from safetensors.numpy import load

from spk.errors import NotFoundError
from spk.store import (
    DecidedVoice,
    DecisionKind,
    Gallery,
    NewConsent,
    NewDecision,
    Speaker,
    Store,
)
from spk.store.heard import Label, SaidBy

pytestmark = pytest.mark.usefixtures("either_database")

CLIP = b"fLaC of what alice says"


@pytest.fixture
def alice(store: Store, gallery: Gallery, sample: Callable, hearing: Callable, vector: Callable) -> Speaker:
    """Somebody of whom everything is kept, beside bob."""
    alice = store.enroll(
        gallery, "alice", [sample("Monday with Bob", clip=CLIP, models=("a model", "another"))]
    ).speaker
    bob = store.enroll(gallery, "Bob", [sample("his", clip=b"fLaC of what bob says")]).speaker
    store.add_consent(alice, NewConsent("calls", given_by="her mother", reference="folder 12"))
    said = {
        "S0": Label(SaidBy.MACHINE, alice.id, "known", candidate=alice.id, runner_up=bob.id, llr=7.5),
        "S1": Label(SaidBy.PERSON, bob.id, "known"),
    }
    with store.change(gallery, "identify") as change:
        change.hear(hearing(said=said))
    voices = tuple(
        DecidedVoice(label, who.id, vector(7 + at)) for at, (label, who) in enumerate([("S0", alice), ("S1", bob)])
    )
    found = {"label": "S0", "verdict": "known", "net_speech": 8.0, "speech": [[0, 8]]}
    found["candidate"] = {"speaker": str(alice.id), "llr": 7.5}
    found["shortlist"] = [{"speaker": str(bob.id), "llr": -3.0}]
    record = json.dumps({"voices": [found, {"label": "S1", "verdict": "known"}]})
    decision = NewDecision(DecisionKind.IDENTIFY, "f" * 64, "meeting.wav", record, None, voices, 0)
    store.record_decision(gallery, decision, keep_days=30)
    return alice


def read(path: Path) -> dict[str, object]:
    with ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return {name: json.loads(content) if name.endswith(".json") else content for name, content in files.items()}


def test_everything_is_told(store: Store, alice: Speaker, tmp_path: Path, vector: Callable) -> None:
    done = store.export_subject(alice, tmp_path / "alice.zip")
    files = read(done.path)
    assert done.files == len(files) == 10
    assert (files["person.json"]["name"], files["person.json"]["format"]) == ("alice", "spk-subject/1")
    [consent] = files["consents.json"]
    assert (consent["purpose"], consent["given_by"], consent["state"]) == ("calls", "her mother", "valid")
    tensors = load(files["voiceprints.safetensors"])
    [sample] = files["samples.json"]
    assert files[sample["clip"]] == CLIP
    assert {one["model"] for one in sample["voiceprints"]} == {"a model", "another"}
    [print_] = [one for one in store.voiceprints(alice) if one.model == "another"]
    [told] = [one for one in sample["voiceprints"] if one["model"] == "another"]
    np.testing.assert_array_equal(tensors[told["tensor"]], print_.vector[None])
    [recording] = files["recordings.json"]
    assert (recording["turns"], recording["llr"], recording["said_by"]) == ([[0.0, 4.0], [5.0, 9.0]], 7.5, "machine")
    assert tensors[recording["tensor"]].shape == (3, 16)  # the voice, and its two pieces
    [decision] = files["decisions.json"]
    assert (decision["recording"], decision["verdict"], decision["llr"]) == ("meeting.wav", "known", 7.5)
    np.testing.assert_array_equal(tensors[decision["tensor"]], vector(7)[None])
    assert [entry["action"] for entry in files["audit.json"]] == ["enroll", "consent"]
    assert [change["what"] for change in files["changes.json"]] == ["enroll"]
    assert all(name in files["README.txt"].decode() for name in files if name != "README.txt" and "/" not in name)


def test_nobody_else_is_told_of(store: Store, gallery: Gallery, alice: Speaker, tmp_path: Path) -> None:
    store.export_subject(alice, tmp_path / "alice.zip")
    bob = store.speaker(gallery, "Bob")
    with ZipFile(tmp_path / "alice.zip") as archive:
        content = b"\n".join(archive.read(name) for name in archive.namelist())
    assert b"bob" not in content.lower()
    assert str(bob.id).encode() not in content
    assert bob.id.hex.encode() not in content
    for one in store.voiceprints(bob):
        assert one.vector.tobytes() not in content


def test_what_is_told_is_noted(store: Store, alice: Speaker, tmp_path: Path) -> None:
    done = store.export_subject(alice, tmp_path / "alice.zip")
    entry = list(store.audit_log(about=alice.id))[-1]
    assert (entry.action, entry.detail["sha256"]) == ("disclose", done.sha256)
    assert "alice" not in json.dumps(dict(entry.detail))


@pytest.mark.parametrize("who", ["alice", "Bob"])
def test_an_erasure_removes_what_was_written(
    store: Store, gallery: Gallery, alice: Speaker, tmp_path: Path, who: str
) -> None:
    place = tmp_path / "answer.zip"
    store.export_subject(alice, place)
    receipt = store.erase([store.speaker(gallery, who)])
    assert receipt.proved, receipt.checks
    assert place.exists() is (who == "Bob")
    assert receipt.left == ()


def test_a_stranger_can_be_told_too(store: Store, gallery: Gallery, sample: Callable, tmp_path: Path) -> None:
    stranger = store.enroll(gallery, None, [sample()]).speaker
    files = read(store.export_subject(stranger, tmp_path / "somebody.zip").path)
    assert files["person.json"]["name"] is None
    assert len(files["samples.json"]) == 1


def test_nothing_is_left_where_it_fails(store: Store, alice: Speaker, tmp_path: Path) -> None:
    store.delete(alice)
    with pytest.raises(NotFoundError):
        store.export_subject(alice, tmp_path / "alice.zip")
    assert list(tmp_path.glob("*.zip")) == list(tmp_path.glob(".*.tmp")) == []
