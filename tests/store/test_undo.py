"""Changes that are undone: every row is as it was; what stands in the way is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, select, text

from spk.errors import ConflictError, InputError, NotFoundError
from spk.store import Store, tables
from spk.store.heard import Label, NewVoice, SaidBy
from spk.store.records import DecidedVoice, DecisionKind, NewDecision

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"  # whose vectors the `sample` fixture makes
LOGS = (tables.audit, tables.changes, tables.outbox)  # these only grow
NOTHING_KEPT = {"audio_days": 1000, "decision_days": 1000, "recording_days": 1000, "undo_days": 0}


def dump(store):
    """Every row of every table but the logs."""
    with store._database.read() as tx:
        return {
            table.name: sorted(map(repr, tx.execute(select(table)).all()))
            for table in tables.metadata.sorted_tables
            if table not in LOGS
        }


def searched(store, gallery, vector):
    """Who is found by the vector engine, and by exact comparison."""
    found = [one.speaker for one in store.candidates(gallery, MODEL, vector(1), 99)]
    assert sorted(found) == sorted(profile.speaker.id for profile in store.profiles(gallery, MODEL))
    return found


def hear(store, gallery, new, what="identify"):
    with store.change(gallery, what) as change:
        return change.hear(new)


def test_undo_a_new_name(store, gallery, sample, vector):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    before = dump(store)
    store.rename(alice, "carol")
    assert dump(store) != before
    [undone] = store.undo(gallery)
    assert undone.what == "rename"
    assert dump(store) == before
    assert store.speaker(gallery, "alice") == alice


def test_undo_a_stranger_who_got_a_name(store, gallery, sample):
    stranger = store.enroll(gallery, None, [sample("a")]).speaker
    before = dump(store)
    store.rename(stranger, "alice")
    store.undo(gallery)
    assert dump(store) == before


@pytest.mark.parametrize("named", [True, False])
def test_undo_a_merger(store, gallery, sample, vector, named, hearing):
    into = store.enroll(gallery, "alice" if named else None, [sample("a"), sample("both", clip=b"kept")]).speaker
    news = [sample("b", clip=b"moved"), sample("both", 1, 9, clip=b"doubled")]
    twin = store.enroll(gallery, "twin", news, force=True).speaker
    hear(store, gallery, hearing(said={"S0": Label(speaker=twin.id, verdict="known", candidate=twin.id)}))
    before, found = dump(store), searched(store, gallery, vector)
    store.merge(twin, into)
    assert searched(store, gallery, vector) == [into.id]
    assert store.hearing(gallery, "meeting.wav").voices[0].said.speaker == into.id
    store.undo(gallery)
    assert dump(store) == before
    assert searched(store, gallery, vector) == found
    assert [clip.read_bytes() for clip in store.clips(twin)] == [b"moved", b"doubled"]


def test_undo_an_enrollment(store, gallery, sample, vector):
    """What was enrolled is nobody's: found by nothing, and gone when it cannot come back any more."""
    store.enroll(gallery, "alice", [sample("a", clip=b"a")])
    before, snapshot, home = dump(store), store.snapshot(gallery), store.path
    bob = store.enroll(gallery, "bob", [sample("b", clip=b"b"), sample("c")]).speaker
    assert bob.id in searched(store, gallery, vector)
    store.undo(gallery)
    assert bob.id not in searched(store, gallery, vector)
    assert [one.name for one in store.speakers(gallery)] == ["alice"]
    assert len(store.samples(gallery)) == 1
    now = store.snapshot(gallery)
    assert (now.people, now.samples, now.samples_sha256) == (1, 1, snapshot.samples_sha256)
    [status] = store.engine_status()
    assert (status.voiceprints, status.behind) == (1, 0)
    assert store.check().whole
    exported = store.export_bundle(gallery, home.parent / "all.spk").bundle
    assert exported.counts() == {"speakers": 1, "samples": 1, "voiceprints": 1, "clips": 1}
    assert len(exported.recordings) == 1
    assert len(list((home / "clips").iterdir())) == 2, "it may come back"

    pruned = store.prune(**NOTHING_KEPT)
    assert (pruned.changes, pruned.samples, pruned.files) == (3, 2, 1)
    with store._database.write() as tx:
        tx.execute(text("DELETE FROM exports"))
    assert dump(store) == before
    assert [path.read_bytes() for path in (home / "clips").iterdir()] == [b"a"]
    with pytest.raises(NotFoundError, match="0 changes are kept that could be undone"):
        store.undo(gallery)


def test_another_voiceprint_of_a_sample_is_not_made_again(store, gallery, sample):
    store.enroll(gallery, "alice", [sample("a")])
    before = dump(store)
    store.enroll(gallery, "alice", [sample("a", models=("another",))])
    store.undo(gallery)
    assert dump(store) | {"models": None} == before | {"models": None}
    with pytest.raises(ConflictError, match="enroll the recording again"):
        store.undo(gallery, [store.changes(gallery)[0].number])


def test_undo_where_a_sample_is_taken_twice_and_somebody_dropped(store, gallery, sample):
    """Each edit says what stood there, whatever was done before in the same change."""
    alice = store.enroll(gallery, "alice", [sample("a"), sample("b")]).speaker
    before, samples = dump(store), store.samples(alice)
    with store.change(gallery, "test") as change:
        change.give({samples[0].id: None})
        change.drop_speaker(alice.id)
        change.give(dict.fromkeys(one.id for one in samples))
    assert store.speakers(gallery) == []
    store.undo(gallery)
    assert dump(store) == before


def test_undo_an_undo(store, gallery, sample, vector):
    """As often as anybody likes: each is a change of its own."""
    store.enroll(gallery, "alice", [sample("a")])
    store.enroll(gallery, "bob", [sample("b", clip=b"b")])
    with_bob, found = dump(store), searched(store, gallery, vector)
    store.undo(gallery)
    without = dump(store)
    for _ in range(2):
        [undo] = store.undo(gallery, [store.changes(gallery)[0].number])
        assert undo.what.startswith("undo ")
        assert dump(store) == with_bob
        assert searched(store, gallery, vector) == found
        store.undo(gallery)
        assert dump(store) == without


def test_undo_several(store, gallery, sample):
    states = []
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    for name in ("b", "c", "d"):
        states.append(dump(store))
        store.rename(alice, name)
    undone = store.undo(gallery, last=2)
    assert [one.number for one in undone] == [4, 3]
    assert dump(store) == states[1]
    assert [one.undone is None for one in store.changes(gallery)] == [True, True, False, False, True, True]
    store.undo(gallery)
    assert dump(store) == states[0]
    with pytest.raises(NotFoundError, match="1 changes are kept"):
        store.undo(gallery, last=2)
    assert dump(store) == states[0]
    states.append(len(store.changes(gallery)))
    with pytest.raises(ConflictError, match="change 4 was undone already"):
        store.undo(gallery, [1, 4])
    assert len(store.changes(gallery)) == states[-1], "all or none"


def test_undo_an_older_one(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    bob = store.enroll(gallery, "bob", [sample("b")]).speaker
    store.rename(bob, "carol")
    store.enroll(gallery, "dora", [sample("d")])
    store.undo(gallery, [1])
    assert [one.name for one in store.speakers(gallery)] == ["carol", "dora"]
    with pytest.raises(ConflictError, match=r"change 2 \(enroll\) cannot be undone .* changed again by change 3"):
        store.undo(gallery, [2])
    store.undo(gallery, [3])
    store.undo(gallery, [2])
    assert [one.name for one in store.speakers(gallery)] == ["dora"]
    with pytest.raises(NotFoundError, match="no change 99 is kept"):
        store.undo(gallery, [99])
    with pytest.raises(NotFoundError, match="no change 4 is kept"):
        store.undo(store.gallery("another", create=True), [4])
    assert alice.id not in {one.id for one in store.speakers(gallery)}


def test_what_is_in_the_way(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    store.enroll(gallery, "alice", [sample("more")])
    before = dump(store)
    with pytest.raises(ConflictError, match="alice has got more since"):
        store.undo(gallery, [1])
    assert dump(store) == before
    store.rename(alice, "carol")
    store.enroll(gallery, "alice", [sample("b")])
    with pytest.raises(ConflictError, match='another speaker is called "alice" now'):
        store.undo(gallery, [3])
    carol = store.speaker(gallery, "carol")
    store.merge(store.speaker(gallery, "alice"), carol)
    assert store.undo(gallery, [3])[0].what == "rename"


def test_decisions_are_in_nobodys_way(store, gallery, sample, vector):
    """What was decided stays, and is theirs again who come back; unless it is not kept any more."""
    for name in (None, "alice"):
        person = store.enroll(gallery, name, [sample(f"{name}")]).speaker
        voice = DecidedVoice("SPEAKER_00", person.id, vector(1))
        kept = store.record_decision(
            gallery, NewDecision(DecisionKind.IDENTIFY, "0" * 64, "a.wav", "{}", None, (voice,), 0), keep_days=9
        )
        before = dump(store)
        undo_the_last(store, gallery)
        assert store.speakers(gallery) == []
        assert store.decision(kept.id).voices[0].speaker is None
        undo_the_last(store, gallery)
        assert dump(store) == before
        assert [one.id for one in store.decisions_about(person)] == [kept.id]
        undo_the_last(store, gallery)
        with store._database.write() as tx:
            tx.execute(delete(tables.decisions))
        undo_the_last(store, gallery)
        assert store.erase([person]).proved


def undo_the_last(store, gallery):
    """Undone, or done again."""
    store.undo(gallery, [store.changes(gallery)[0].number])


def test_what_was_erased_does_not_come_back(store, gallery, sample, files_with, home):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    bob = store.enroll(gallery, "bob", [sample("b")]).speaker
    store.rename(bob, "Quintilia")
    store.rename(store.speaker(gallery, "Quintilia"), "bert")
    assert files_with(home, "Quintilia")
    store.delete(bob)
    assert files_with(home, "Quintilia", "bert") == []
    assert [one.number for one in store.changes(gallery)] == [1]
    assert store.speakers(gallery) == [alice]


def test_a_hearing_is_kept_as_it_was_heard(store, gallery, vector, hearing):
    new = hearing(clips=(b"fLaC 0", b"fLaC 1"))
    kept = hear(store, gallery, new)
    assert store.hearing(gallery, "meeting.wav").id == kept.id
    assert [(one.label, one.net_seconds, one.mixed) for one in kept.voices] == [("S0", 8.0, False), ("S1", 8.0, False)]
    assert all(np.array_equal(one.vector, given.vector) for one, given in zip(kept.voices, new.voices, strict=True))
    assert sorted(store.turns(kept), key=lambda turn: turn.id) == sorted(new.turns, key=lambda turn: turn.id)
    pieces = store.pieces([one.id for one in kept.voices])
    for one, given in zip(kept.voices, new.voices, strict=True):
        assert [piece.parts for piece in pieces[one.id]] == [piece.parts for piece in given.pieces]
        assert all(np.array_equal(a.vector, b.vector) for a, b in zip(pieces[one.id], given.pieces, strict=True))
    assert (kept.point, kept.attendees, kept.model) == ({"fpir": 0.01}, None, MODEL)
    # Their samples are nobody's, with something to listen to.
    assert all(one.sample for one in kept.voices)
    assert store.samples(gallery) == []
    assert store.profiles(gallery, MODEL) == []
    assert store.candidates(gallery, MODEL, vector(1), 5) == []
    assert len(list((store.path / "clips").iterdir())) == 2
    assert store.check().whole


def test_hear_again_and_undo(store, gallery, vector, hearing):
    first = hear(store, gallery, hearing())
    before = dump(store)
    second = hear(store, gallery, hearing(seed=80))
    assert [one.id for one in store.hearings(gallery)] == [second.id]
    store.undo(gallery)
    assert [one.id for one in store.hearings(gallery)] == [first.id]
    store.prune(**NOTHING_KEPT)
    assert dump(store) == before
    assert [one.id for one in store.hearings(gallery)] == [first.id]


def test_what_was_learnt_goes_with_its_hearing(store, gallery, sample, vector, hearing):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    known = Label(speaker=alice.id, verdict="known", candidate=alice.id, llr=9.0)
    with store.change(gallery, "identify") as change:
        first = change.hear(hearing(said={"S0": known}))
        taught = change.sample_of(first, first.voices[0])
        change.give({taught: alice.id})
        assert change.sample_of(store_voice(change, first.id), store_voice(change, first.id).voices[0]) == taught
    assert len(store.samples(alice)) == 2
    before, found = dump(store), searched(store, gallery, vector)
    hear(store, gallery, hearing(seed=80))
    assert len(store.samples(alice)) == 1
    store.undo(gallery)
    assert store.samples(alice)[-1].id == taught
    store.prune(**NOTHING_KEPT)
    assert dump(store) == before
    assert searched(store, gallery, vector) == found


def store_voice(change, hearing):
    [found] = [one for one in change.hearings() if one.id == hearing]
    return found


def test_a_label_that_a_person_gave_stays_with_what_was_learnt(store, gallery, sample, vector, hearing):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    first = hear(store, gallery, hearing())
    voice = first.voices[1]
    before = dump(store)
    said = Label(SaidBy.PERSON, alice.id, "known")
    with store.change(gallery, "name") as change:
        change.give({change.sample_of(first, voice): alice.id})
        change.label({voice.id: (voice.said, said)})
    assert store.hearing(gallery, "meeting.wav").voices[1].said == said
    with store.change(gallery, "aside") as change:
        change.put_aside([first.id])
    assert store.hearings(gallery) == []
    assert len(store.samples(alice)) == 2, "it is a person's word"
    store.undo(gallery, last=2)
    store.prune(**NOTHING_KEPT)
    assert dump(store) == before


def test_too_little_for_a_sample(store, gallery, vector, hearing):
    new = hearing()
    voices = (new.voices[0], NewVoice("S1", None, (), 0.5, 0.0, (), "", {}))
    kept = hear(store, gallery, replace(new, voices=voices))
    with store.change(gallery, "x") as change, pytest.raises(InputError, match="too little is heard of S1"):
        change.sample_of(kept, kept.voices[1])
    assert store.pieces([kept.voices[1].id]) == {}


def test_a_dry_run_and_a_failure_leave_everything(store, gallery, sample, vector, hearing):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    before = dump(store)
    with store.change(gallery, "rename", dry_run=True) as change:
        assert change.rename(alice, "carol").name == "carol"
        change.hear(hearing(clips=(b"0", b"1")))
    new = hearing(clips=(b"0", b"1"))
    with pytest.raises(ConflictError), store.change(gallery, "rename") as change:  # noqa: PT012 - all of it goes
        change.rename(alice, "carol")
        change.hear(new)
        change.merge(alice, alice)
    with store.change(gallery, "nothing") as change:
        change.rename(alice, "alice")
    assert change.number == 0
    assert dump(store) == before
    assert list((store.path / "clips").iterdir()) == []
    assert len(store.changes(gallery)) == 1


def test_the_changes_of_a_gallery(store, gallery, sample):
    other = store.gallery("another", create=True)
    store.enroll(other, "alice", [sample("a")])
    bob = store.enroll(gallery, "bob", [sample("b")]).speaker
    store.rename(bob, "carol")
    assert [(one.number, one.what) for one in store.changes(gallery)] == [(3, "rename"), (2, "enroll")]
    assert [one.number for one in store.changes(gallery, limit=1)] == [3]
    store.undo(gallery, last=2)
    assert [one.name for one in store.speakers(other)] == ["alice"]


def test_two_processes(home, sample):
    with Store.open(home) as one, Store.open(home) as two:
        gallery = one.gallery("default", create=True)
        alice = one.enroll(gallery, "alice", [sample("a")]).speaker
        two.rename(alice, "bob")
        assert one.undo(gallery)[0].what == "rename"
        assert two.speaker(gallery, "alice") == alice


def test_audio_of_nobody_stays_while_it_may_come_back(store, gallery, sample):
    bob = store.enroll(gallery, "bob", [sample("b")]).speaker
    alice = store.enroll(gallery, "alice", [sample("a", clip=b"a clip")]).speaker
    store.undo(gallery)
    store.delete(bob)
    assert store.check().whole
    store.undo(gallery, [store.changes(gallery)[0].number])
    assert [clip.read_bytes() for clip in store.clips(alice)] == [b"a clip"]


def test_a_bundle_of_what_was_undone(store, gallery, sample):
    store.enroll(gallery, "alice", [sample("a", clip=b"a")])
    path = store.path.parent / "all.spk"
    bundle = store.export_bundle(gallery, path).bundle
    store.undo(gallery)
    with pytest.raises(ConflictError, match="kept in this home still, of people who are not"):
        store.import_bundle(path, "another")
    store.prune(**NOTHING_KEPT)
    assert store.import_bundle(path, "another").bundle.counts() == bundle.counts()


def test_a_bundle_whose_recording_was_heard(store, gallery, sample, hearing):
    heard, path = hearing(), store.path.parent / "all.spk"
    store.enroll(gallery, "alice", [replace(sample("a"), recording=heard.recording)])
    store.export_bundle(gallery, path)
    store.undo(gallery)
    hear(store, gallery, heard)
    store.prune(**NOTHING_KEPT)
    with pytest.raises(ConflictError, match="kept in this home still"):
        store.import_bundle(path, "another")
    again = store.export_bundle(gallery, path).bundle
    assert (again.recordings, again.counts()["samples"]) == ((), 0), "nobody is known by it"
