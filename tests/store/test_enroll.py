"""Enrolling: what is added, what is known already, what belongs to somebody else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from spk.errors import ConflictError, FingerprintError, InputError, NotFoundError
from spk.store import Origin, SpeakerState
from spk.timeline import Segment

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"  # whose vectors the `sample` fixture makes


def test_a_new_name_makes_a_speaker(store, gallery, sample):
    enrollment = store.enroll(gallery, "alice", [sample("a"), sample("b")])
    alice = enrollment.speaker
    assert (alice.name, alice.label, alice.state) == ("alice", "alice", SpeakerState.ENROLLED)
    assert store.speakers(gallery) == [alice]
    assert store.samples(alice) == list(enrollment.added)
    assert enrollment.already == ()


def test_what_comes_back_is_what_went_in(store, gallery, sample):
    new = sample(
        "talk",
        2.5,
        9.75,
        origin=Origin.CORRECTED,
        quality={"snr": 17.25, "clipped": 0.0},
        forced=("only 2.1 s of net speech",),
        parts=(Segment(2.5, 4.0), Segment(6.0, 9.75)),
        net_seconds=5.25,
    )
    store.enroll(gallery, "alice", [new])
    (stored,) = store.samples(gallery)
    for field in ("segment", "parts", "sha256", "net_seconds", "quality", "origin", "forced"):
        assert getattr(stored, field) == getattr(new, field), field
    assert (stored.recording.sha256, stored.recording.source, stored.recording.duration) == (
        new.recording.sha256,
        "talk.wav",
        600.0,
    )
    alice = store.speaker(gallery, "alice")
    profile = store.profile(alice, MODEL)
    assert (profile.vectors == new.vectors[MODEL]).all()
    assert profile.vectors.dtype == np.float32
    assert profile.samples == (stored,)
    assert (profile.speaker, profile.model, profile.total_net_seconds) == (alice, MODEL, 5.25)
    (voiceprint,) = store.voiceprints(alice)
    assert (voiceprint.sample, voiceprint.model) == (stored.id, MODEL)


def test_a_second_enrollment_adds(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a", end=20.0)]).speaker
    assert store.profile(alice, MODEL).provisional
    assert store.enroll(gallery, "alice", [sample("b")]).speaker == alice
    assert store.enroll(gallery, alice, [sample("c")]).speaker == alice
    profile = store.profile(alice, MODEL)
    assert profile.vectors.shape == (3, 16)
    assert profile.net_seconds.tolist() == [20.0, 10.0, 10.0]
    assert not profile.provisional


def test_the_same_audio_is_not_counted_twice(store, gallery, sample):
    first = store.enroll(gallery, "alice", [sample("a"), sample("a")])
    assert (len(first.added), len(first.already)) == (1, 0)
    renamed = sample("another file", content="a 0.0 10.0")
    again = store.enroll(gallery, "alice", [sample("a"), renamed, sample("b")])
    assert [new.recording.source for new in again.added] == ["b.wav"]
    assert again.already == first.added
    assert len(store.samples(gallery)) == 2


@pytest.mark.parametrize(
    ("segment", "same"),
    [
        ((0, 10), True),
        ((4, 14), True),
        ((2, 3), True),
        ((4.9, 40), True),
        ((6, 14), False),
        ((10, 20), False),
    ],
)
def test_overlapping_segments_of_one_recording(store, gallery, sample, segment, same):
    store.enroll(gallery, "alice", [sample("talk", 0.0, 10.0)])
    enrollment = store.enroll(gallery, "alice", [sample("talk", *segment)])
    assert (len(enrollment.added), len(enrollment.already)) == ((0, 1) if same else (1, 0))


def test_interleaved_turns_of_one_recording_are_different_audio(store, gallery, sample):
    """Two people of one meeting: the spans overlap, what was said does not."""
    alice = sample("talk", 0, 60, content="a", parts=(Segment(0, 10), Segment(50, 60)))
    bob = sample("talk", 5, 55, content="b", parts=(Segment(10, 30), Segment(35, 50)))
    store.enroll(gallery, "alice", [alice])
    assert len(store.enroll(gallery, "bob", [bob]).added) == 1


def test_audio_of_another_speaker_is_refused_whole(store, gallery, sample, home):
    store.enroll(gallery, "alice", [sample("a", clip=b"alice")])
    before = sorted(home.rglob("*")), len(list(store.audit_log()))
    with pytest.raises(ConflictError, match="already belongs to alice") as refusal:
        store.enroll(gallery, "bob", [sample("b", clip=b"new"), sample("a", 1, 9, clip=b"another")])
    assert "--force" in str(refusal.value)
    assert [speaker.name for speaker in store.speakers(gallery)] == ["alice"]
    assert len(store.samples(gallery)) == 1
    assert (sorted(home.rglob("*")), len(list(store.audit_log()))) == before


def test_force_stores_it_and_says_so(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    forced = store.enroll(gallery, "bob", [sample("a", forced=("clipped 3 %",))], force=True)
    reasons = ("clipped 3 %", f"the same audio belongs to speaker {alice.id}")
    assert forced.added[0].forced == reasons
    entry = list(store.audit_log())[-1]
    assert entry.action == "force"
    assert entry.detail["reasons"] == list(reasons)
    assert entry.detail["speaker"] == str(forced.speaker.id)
    assert len(store.enroll(gallery, "bob", [sample("a")]).already) == 1


def test_another_gallery_is_another_world(store, gallery, sample):
    other = store.gallery("other", create=True)
    here = store.enroll(gallery, "alice", [sample("a")]).speaker
    there = store.enroll(other, "bob", [sample("a")]).speaker
    store.enroll(other, "alice", [sample("b")])
    assert [found.name for found in store.galleries()] == ["default", "other"]
    assert store.speakers(gallery) == [here]
    with pytest.raises(NotFoundError):
        store.speaker(other, here.id)
    with pytest.raises(NotFoundError):
        store.enroll(other, here, [sample("c")])
    with pytest.raises(ConflictError, match="two galleries"):
        store.merge(here, there)


def test_a_second_model_adds_voiceprints_to_the_same_samples(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a"), sample("b")]).speaker
    with pytest.raises(FingerprintError, match="enroll again"):
        store.profile(alice, "another")
    again = store.enroll(gallery, "alice", [sample("a", models=("another",)), sample("b", models=("another", MODEL))])
    assert (len(again.added), len(again.already)) == (2, 0)
    assert len(store.samples(alice)) == 2
    assert store.profile(alice, "another").vectors.shape == (2, 16)
    assert store.profile(alice, MODEL).vectors.shape == (2, 16)
    assert store.models(gallery) == sorted([MODEL, "another"])
    assert len(store.enroll(gallery, "alice", [sample("a", models=("another", MODEL))]).already) == 1


def test_vectors_of_another_length_are_another_model(store, gallery, sample, vector):
    store.enroll(gallery, "alice", [sample("a")])
    with pytest.raises(FingerprintError, match="have 16"):
        store.enroll(gallery, "alice", [sample("b", vectors={MODEL: vector(1, dim=8)})])
    with pytest.raises(FingerprintError):
        store.candidates(gallery, MODEL, vector(1, dim=8), 5)
    assert len(store.samples(gallery)) == 1


@pytest.mark.parametrize(
    "broken",
    [np.full(16, np.nan), np.zeros(16), np.full(16, np.inf), np.ones(16), np.ones((1, 16)), np.array(1.0)],
)
def test_vectors_that_no_embedder_made_are_refused(store, gallery, sample, broken):
    with pytest.raises(InputError, match=r"talk\.wav"):
        store.enroll(gallery, "alice", [sample("fine"), sample(vectors={MODEL: broken.astype(np.float32)})])
    with pytest.raises(InputError):
        store.enroll(gallery, "alice", [sample(vectors={})])
    with pytest.raises(InputError):
        store.enroll(gallery, "alice", [])
    assert store.speakers(gallery) == []


def test_somebody_unknown(store, gallery, sample):
    stranger = store.enroll(gallery, None, [sample("a")]).speaker
    another = store.enroll(gallery, None, [sample("b")]).speaker
    assert stranger != another
    assert (stranger.name, stranger.state) == (None, SpeakerState.UNKNOWN)
    assert stranger.label == f"unknown-{stranger.id.hex[:4]}"
    for who in (stranger.label, f"unknown-{stranger.id.hex}", stranger.id, str(stranger.id)):
        assert store.speaker(gallery, who) == stranger
    assert store.enroll(gallery, stranger.label, [sample("c")]).speaker == stranger
    store.enroll(gallery, "alice", [sample("d")])
    assert store.speakers(gallery, SpeakerState.UNKNOWN) == [stranger, another]
    assert [speaker.label for speaker in store.speakers(gallery)] == ["alice", stranger.label, another.label]


def test_a_label_that_stands_for_several_asks_for_more(store, gallery, sample, monkeypatch):
    monkeypatch.setattr("spk.store.enrolling.uuid4", colliding_ids())
    one, two = (store.enroll(gallery, None, [sample(content)]).speaker for content in "ab")
    assert one.label == two.label == "unknown-7f3a"
    with pytest.raises(NotFoundError, match="stands for 2 people: write unknown-7f3a0"):
        store.speaker(gallery, "unknown-7f3a")
    assert store.speaker(gallery, f"unknown-{one.id.hex[:12]}") == one
    named = store.rename(one, "alice")
    assert store.speaker(gallery, "unknown-7f3a") == two, "whoever is still unknown comes first"
    store.delete(two)
    assert store.speaker(gallery, "unknown-7f3a") == named, "an older label still finds the person"


def colliding_ids():
    count = iter(range(1, 10**6))
    return lambda: UUID(f"7f3a{next(count):08x}{0:020x}")


def test_unknown_labels_differ_where_they_can(store, gallery, sample):
    labels = {store.enroll(gallery, None, [sample(f"{number}")]).speaker.label for number in range(60)}
    assert len(labels) == 60


def test_a_deleted_speaker_cannot_be_enrolled(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    store.delete(alice)
    for action in (
        lambda: store.enroll(gallery, alice, [sample("b")]),
        lambda: store.rename(alice, "bob"),
        lambda: store.delete(alice),
        lambda: store.profile(alice, "a model"),
        lambda: store.merge(alice, alice),
    ):
        with pytest.raises(NotFoundError):
            action()
    assert store.samples(gallery) == []


def test_clips_are_kept_by_their_content(store, gallery, sample, home):
    alice = store.enroll(gallery, "alice", [sample("a", clip=b"one"), sample("b", clip=b"two"), sample("c")]).speaker
    store.enroll(gallery, "bob", [sample("d", clip=b"one")])
    clips = store.clips(alice)
    assert [clip.read_bytes() for clip in clips] == [b"one", b"two"]
    assert clips[0] == home / "clips" / f"{hashlib.sha256(b'one').hexdigest()}.flac"
    assert len(list((home / "clips").iterdir())) == 2
    assert clips[0].stat().st_mode & 0o077 == 0


def test_a_source_that_is_no_text(store, gallery, sample):
    new = sample()
    recording = replace(new.recording, source="caf\udce9.wav")
    store.enroll(gallery, "alice", [replace(new, recording=recording)])
    assert store.samples(gallery)[0].recording.source == "caf?.wav"


def test_profiles(store, gallery, sample):
    everyone = [
        store.enroll(gallery, f"p{number}", [sample(f"{number} {take}") for take in range(3)]).speaker
        for number in range(8)
    ]
    store.enroll(gallery, "other model", [sample("z", models=("another",))])
    store.enroll(store.gallery("elsewhere", create=True), "x", [sample("y")])
    found = store.profiles(gallery, MODEL)
    assert {profile.speaker for profile in found} == set(everyone)
    assert all(profile.vectors.shape == (3, 16) and len(profile.samples) == 3 for profile in found)
    some = store.profiles(gallery, MODEL, [everyone[5].id, everyone[2].id])
    assert {profile.speaker.name for profile in some} == {"p2", "p5"}
    assert store.profiles(gallery, MODEL, []) == []
    assert store.profiles(gallery, "nobody's model") == []


def test_candidates(store, gallery, sample, vector):
    everyone = [store.enroll(gallery, f"p{number}", [sample(f"{number}", seed=number)]).speaker for number in range(8)]
    found = store.candidates(gallery, MODEL, 3 * vector(5), 3)
    assert len(found) == 3
    assert found[0].speaker == everyone[5].id
    assert found[0].cosine == pytest.approx(1.0)
    assert store.candidates(gallery, "nobody's model", vector(5), 3) == []
    assert store.candidates(gallery, MODEL, vector(5), 0) == []
    for broken in (np.zeros(16), np.full(16, np.nan), np.ones((2, 16))):
        with pytest.raises(InputError):
            store.candidates(gallery, MODEL, broken.astype(np.float32), 3)
