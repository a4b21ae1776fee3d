"""Renaming, merging, deleting; and that what was erased or pruned is in no file of the home."""

from __future__ import annotations

import random

import numpy as np
import pytest

from spk.errors import ConflictError, NotFoundError
from spk.store import SpeakerState, Store
from spk.store.tables import to_bytes

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"  # whose vectors the `sample` fixture makes


def test_rename(store, gallery, sample, home, files_with):
    speaker = store.enroll(gallery, "Quintilia Xerxes", [sample("a")]).speaker
    store.enroll(gallery, "bob", [sample("b")])
    assert files_with(home, "Quintilia")
    renamed = store.rename(speaker, " carol ")
    assert (renamed.id, renamed.name) == (speaker.id, "carol")
    assert files_with(home, "Quintilia"), "it can be undone"
    prune_changes(store)
    assert files_with(home, "Quintilia") == []
    with pytest.raises(ConflictError, match='called "bob"'):
        store.rename(speaker, "bob")
    assert store.rename(speaker, "carol") == renamed
    with pytest.raises(NotFoundError):
        store.speaker(gallery, "Quintilia Xerxes")


def prune_changes(store):
    """Nothing can be undone any more."""
    store.prune(audio_days=1000, decision_days=1000, recording_days=1000, undo_days=0)


def test_a_new_name_costs_no_rebuilt_index(store, gallery, sample, home, monkeypatch):
    use_faiss(monkeypatch)
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    store.candidates(gallery, MODEL, sample("b").vectors[MODEL], 5)
    (snapshot,) = (home / "index").iterdir()
    store.rename(alice, "bob")
    assert snapshot.exists()


def test_a_name_enrolls_somebody_unknown(store, gallery, sample):
    stranger = store.enroll(gallery, None, [sample("a")]).speaker
    alice = store.rename(stranger, "alice")
    assert (alice.id, alice.state) == (stranger.id, SpeakerState.ENROLLED)
    assert store.speaker(gallery, stranger.label) == alice
    assert store.profile(alice, MODEL).speaker == alice


def test_merge_moves_everything_and_keeps_what_both_have_once(store, gallery, sample, vector, home, files_with):
    alice = store.enroll(gallery, "alice", [sample("a"), sample("both", clip=b"kept")]).speaker
    twin = store.enroll(
        gallery, "Quintilia", [sample("b", clip=b"moved"), sample("both", 1, 9, clip=b"doubled")], force=True
    ).speaker
    before = store.candidates(gallery, MODEL, vector(1), 5)
    assert {candidate.speaker for candidate in before} == {alice.id, twin.id}
    assert store.merge(twin, alice) == alice
    assert store.speakers(gallery) == [alice]
    assert [sample.recording.source for sample in store.samples(alice)] == ["a.wav", "both.wav", "b.wav"]
    assert [clip.read_bytes() for clip in store.clips(alice)] == [b"kept", b"moved"]
    assert [candidate.speaker for candidate in store.candidates(gallery, MODEL, vector(1), 5)] == [alice.id]
    entry = list(store.audit_log())[-1]
    assert (entry.action, len(entry.detail["moved"]), entry.detail["dropped"]) == ("merge", 1, 1)
    dropped = to_bytes(sample("both", 1, 9).vectors[MODEL])
    assert len(list((home / "clips").iterdir())) == 3, "it can be undone"
    assert files_with(home, dropped)
    prune_changes(store)
    assert len(list((home / "clips").iterdir())) == 2
    assert files_with(home, "Quintilia", dropped, b"doubled") == []


def test_merge_keeps_a_voiceprint_that_only_one_has(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    twin = store.enroll(gallery, "twin", [sample("a", models=("another",))], force=True).speaker
    store.merge(twin, alice)
    assert store.profile(alice, "another").vectors.shape == (1, 16)
    assert store.profile(alice, MODEL).vectors.shape == (1, 16)


def test_merge_into_somebody_unknown_hands_on_the_name(store, gallery, sample):
    stranger = store.enroll(gallery, None, [sample("a")]).speaker
    alice = store.enroll(gallery, "alice", [sample("b")]).speaker
    merged = store.merge(alice, stranger)
    assert (merged.id, merged.name, merged.state) == (stranger.id, "alice", SpeakerState.ENROLLED)


def test_merge_with_oneself(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    with pytest.raises(ConflictError, match="itself"):
        store.merge(alice, alice)
    assert len(store.samples(alice)) == 1


def test_delete_leaves_the_others(store, gallery, sample, vector, home):
    alice = store.enroll(gallery, "alice", [sample("a", clip=b"alice"), sample("b", clip=b"shared")]).speaker
    bob = store.enroll(gallery, "bob", [sample("c", clip=b"shared"), sample("d")]).speaker
    store.delete(alice)
    assert store.speakers(gallery) == [bob]
    assert [sample.recording.source for sample in store.samples(gallery)] == ["c.wav", "d.wav"]
    assert [clip.read_bytes() for clip in store.clips(bob)] == [b"shared"]
    assert len(list((home / "clips").iterdir())) == 1
    assert [candidate.speaker for candidate in store.candidates(gallery, MODEL, vector(1), 5)] == [bob.id]
    assert store.enroll(gallery, "carol", [sample("a")]).added


@pytest.mark.parametrize("engine", ["exact", "faiss"])
def test_nothing_of_an_erased_person_is_left_in_any_file(
    home, sample, vector, monkeypatch, engine, files_with, either_database
):
    """Names, file names, vectors and clips; with two stores at work and snapshots on the disk."""
    if engine == "faiss":
        use_faiss(monkeypatch)
    dice = random.Random(7)  # noqa: S311 - dice, not secrets
    with Store.open(home) as store, Store.open(home) as other:
        gallery = store.gallery("default", create=True)
        people = {}
        for number in range(60):
            name = f"Person{number:03}{'ä' * dice.randrange(8)}"
            new = [
                sample(
                    f"{name} take {take}",
                    vectors={MODEL: vector(1000 * number + take, dim=192)},
                    clip=f"clip of {name} {take}".encode(),
                )
                for take in range(dice.randrange(1, 9))
            ]
            dice.choice([store, other]).enroll(gallery, name, new)
            people[name] = new
            if number % 10 == 0:
                assert store.candidates(gallery, MODEL, vector(1, dim=192), 5)
                assert other.candidates(gallery, MODEL, vector(1, dim=192), 5)
        if engine == "faiss":
            assert list((home / "index").iterdir())
        for name in dice.sample(sorted(people), 45 if either_database == "sqlite" else 15):
            gone = people.pop(name)
            assert files_with(home, name)
            dice.choice([store, other]).delete(store.speaker(gallery, name))
            needles = [name, *(to_bytes(new.vectors[MODEL]) for new in gone)]
            needles += [new.sha256 for new in gone]
            assert files_with(home, *needles) == []
            assert dice.choice([store, other]).candidates(gallery, MODEL, vector(1, dim=192), 5)
        store.verify_audit()
        left = {profile.speaker.name: profile for profile in store.profiles(gallery, MODEL)}
        assert left.keys() == people.keys()
        for name, profile in left.items():
            assert np.array_equal(profile.vectors, [new.vectors[MODEL] for new in people[name]])
        assert len(list((home / "clips").iterdir())) == len(store.samples(gallery))


def use_faiss(monkeypatch):
    monkeypatch.setattr("spk.store.inprocess.SMALL", 0)
    monkeypatch.setattr("spk.store.inprocess.SAVE_AFTER", 0)


@pytest.mark.parametrize("at", ["sweep", "scrub"])
def test_an_interrupted_erasure_is_finished_at_the_next_opening(home, sample, monkeypatch, at, files_with):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with Store.open(home) as store:
        gallery = store.gallery("default", create=True)
        gone = sample("a", clip=b"a clip")
        alice = store.enroll(gallery, "Quintilia", [gone]).speaker
        target = {
            "sweep": "spk.store.home.Home.sweep",
            "scrub": "spk.store.database.Database.scrub",
        }[at]
        with monkeypatch.context() as patch:
            patch.setattr(target, die)
            with pytest.raises(Killed):
                store.delete(alice)
        assert store.speakers(gallery) == []
        assert files_with(home, "Quintilia") or list((home / "clips").iterdir())
        with Store.open(home):
            assert files_with(home, "Quintilia") == []
            assert files_with(home, to_bytes(gone.vectors[MODEL])) == []
            assert list((home / "clips").iterdir()) == []
            assert not (home / ".erasing").exists()


def test_a_clip_that_a_killed_process_left_is_removed_with_the_next_erasure(store, gallery, sample, home):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    (home / "clips" / f"{'0' * 64}.flac").write_bytes(b"of an enrollment that was never stored")
    (home / "clips" / ".fresh.tmp").write_bytes(b"somebody is writing this")
    store.delete(alice)
    assert [path.name for path in (home / "clips").iterdir()] == [".fresh.tmp"]
