"""Calibrations, decisions and statistics: kept, found, pruned, and gone with the people they are about."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest

from spk.errors import InputError, NotFoundError
from spk.store import (
    CalibrationRecord,
    DecidedVoice,
    DecisionKind,
    Gallery,
    NewDecision,
    ProfileStatistics,
    Store,
    database,
    decisions,
    samples_key,
)
from spk.store.tables import to_bytes

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"


def calibration(text: str, **fields) -> CalibrationRecord:
    id_ = hashlib.sha256(text.encode()).hexdigest()[:16]
    return replace(CalibrationRecord(id_, MODEL, "ecapa", "as-norm", text), **fields)


@pytest.fixture
def decide(store, gallery, vector):
    """``decide(alice, None)``: a decision on a recording in which she and a stranger are heard."""

    def decide(*people, seed=0, keep_days=30, **fields):
        voices = tuple(
            DecidedVoice(f"SPEAKER_{number:02d}", person and person.id, vector(seed + number, dim=192))
            for number, person in enumerate(people)
        )
        new = NewDecision(
            DecisionKind.IDENTIFY, "5" * 64, "call.wav", '{"record": 1}', '{"centre": [0.25]}', voices,
            store.snapshot(gallery).audit_sequence,
        )  # fmt: skip
        return store.record_decision(gallery, replace(new, **fields), keep_days=keep_days)

    return decide


def aged(monkeypatch, days):
    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=days)

    monkeypatch.setattr(decisions, "datetime", Then)


@pytest.mark.parametrize("either_database", ["sqlite"], indirect=True)  # the others came later
def test_a_home_of_the_first_version_is_brought_up_to_date(home, sample, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(database, "HEAD", "0001")
        Store.open(home).close()
    gallery = Gallery(uuid4(), "default")
    with closing(sqlite3.connect(home / "spk.db")) as connection:
        connection.execute("INSERT INTO galleries (id, name) VALUES (?, ?)", (gallery.id.hex, gallery.name))
        connection.execute("INSERT INTO models (fingerprint, dim) VALUES ('a model', 16)")
        connection.commit()
    with Store.open(home) as store:
        assert store.gallery("default") == gallery
        assert (store.calibration(gallery), store.calibrations(gallery), store.decisions(gallery)) == (None, [], [])
        store.delete(store.enroll(gallery, "alice", [sample()]).speaker)
        store.verify_audit()
    with closing(sqlite3.connect(home / "spk.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(database.HEAD,)]


def test_calibrations_are_kept_by_content_and_one_is_used_at_most(store, gallery):
    one, other = calibration("one"), calibration("other")
    for record in (one, other, one):
        store.keep_calibration(gallery, record)
    assert store.calibrations(gallery) == [one, other]
    assert store.calibration(gallery) is None
    assert store.use_calibration(gallery, one.id) == one
    assert store.use_calibration(gallery, other.id[:6]) == other
    assert store.calibration(gallery).in_use
    assert [kept.in_use for kept in store.calibrations(gallery)] == [False, True]
    assert store.find_calibration(gallery, one.id[:5]).record == "one"
    assert store.use_calibration(gallery, None) is None
    assert store.calibration(gallery) is None
    elsewhere = store.gallery("elsewhere", create=True)
    assert store.calibrations(elsewhere) == []
    with pytest.raises(NotFoundError, match="no calibration"):
        store.use_calibration(elsewhere, one.id)
    entries = [entry.detail for entry in store.audit_log() if entry.action == "use calibration"]
    assert [(entry["was"], entry["calibration"]) for entry in entries] == [
        (None, one.id), (one.id, other.id), (other.id, None),
    ]  # fmt: skip


def test_what_is_no_calibrations_id(store, gallery):
    for wrong in ("", "xyz", "A" * 16, "../../../etc/pass"):
        with pytest.raises(InputError, match="sixteen hexadecimal digits"):
            store.keep_calibration(gallery, replace(calibration("one"), id=wrong))
        with pytest.raises(NotFoundError):
            store.use_calibration(gallery, wrong)
    assert store.calibrations(gallery) == []


def test_decisions_are_found_again(store, gallery, sample, decide, vector):
    alice = store.enroll(gallery, "alice", [sample()]).speaker
    first, second = decide(alice, None), decide(None, source="caf\udce9.wav", kind=DecisionKind.VERIFY)
    assert [one.id for one in store.decisions(gallery)] == [second.id, first.id]
    assert [one.id for one in store.decisions(gallery, limit=1)] == [second.id]
    found = store.decision(first.id.hex[:12])
    assert found == first == store.decision(first.id) == store.decision(str(first.id))
    assert np.array_equal(found.voices[1].vector, vector(1, dim=192))
    assert [voice.speaker for voice in found.voices] == [alice.id, None]
    assert store.decision(second.id).source == "caf?.wav"
    assert store.decisions(store.gallery("elsewhere", create=True)) == []


@pytest.mark.parametrize("which", ["", "0000", "no id", "f" * 40, "'; --"])
def test_no_such_decision(store, decide, which):
    decide(None)
    with pytest.raises(NotFoundError, match="spk explain") as error:
        store.decision(which)
    assert "\n" not in str(error.value)


def test_a_prefix_of_several_decisions(store, decide):
    ids = [decide(None).id.hex for _ in range(40)]
    first = next(digit for digit in "0123456789abcdef" if sum(id_.startswith(digit) for id_ in ids) > 1)
    with pytest.raises(NotFoundError, match="stands for several decisions: write"):
        store.decision(first)


def test_decisions_go_after_their_days(store, gallery, decide, monkeypatch):
    with monkeypatch.context() as past:
        aged(past, 31)
        old = decide(None)
    with monkeypatch.context() as past:
        aged(past, 29)
        younger = decide(None)
    new = decide(None)
    assert {one.id for one in store.decisions(gallery)} == {younger.id, new.id}
    with pytest.raises(NotFoundError):
        store.decision(old.id)
    assert store.prune_decisions(28) == 1
    assert store.prune_decisions(0) == 1
    assert store.prune_decisions(0) == 0
    assert store.decisions(gallery) == []
    with pytest.raises(InputError, match="keep_decisions"):
        decide(None, keep_days=0)


def test_nothing_of_an_erased_persons_voice_is_left(store, gallery, sample, decide, vector, files_with):
    alice, bob = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "bob"))
    hers = [decide(alice, seed=number * 10) for number in range(30)]
    both = decide(bob, alice, seed=500)
    his, strangers = decide(bob, seed=600), decide(None, seed=700)
    store.delete(alice)
    hers_alone = [*range(0, 300, 10), 500, 501]
    assert files_with(store.path, *(to_bytes(vector(seed, dim=192)) for seed in hers_alone)) == []
    assert files_with(store.path, to_bytes(vector(600, dim=192)))
    for gone in (*hers, both):
        with pytest.raises(NotFoundError):
            store.decision(gone.id)
    # The centre of the gallery was computed from her voiceprints, too.
    assert [store.decision(one.id).state for one in (his, strangers)] == [None, None]
    assert files_with(store.path, '{"centre": [0.25]}') == []
    assert list(store.audit_log())[-1].detail["decisions"] == 31


def test_merging_takes_decisions_along(store, gallery, sample, decide):
    alice, twin = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "twin"))
    decision = decide(twin, None)
    store.merge(twin, alice)
    assert [voice.speaker for voice in store.decision(decision.id).voices] == [alice.id, None]
    store.delete(alice)
    with pytest.raises(NotFoundError):
        store.decision(decision.id)


def test_somebody_is_erased_while_a_recording_is_heard(store, gallery, sample, decide):
    alice, bob = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "bob"))
    before = store.snapshot(gallery).audit_sequence
    store.delete(alice)
    with pytest.raises(NotFoundError, match="erased or merged just now"):
        decide(alice)
    with pytest.raises(NotFoundError, match="erased or merged just now"):
        decide(bob, as_of=before, record=f'{{"runner_up": "{alice.id}"}}')
    assert store.decisions(gallery) == []
    assert decide(bob, as_of=before).state is None
    assert decide(bob).state is not None


def test_a_snapshot_tells_samples_apart(store, gallery, sample):
    empty = store.snapshot(gallery)
    assert (empty.people, empty.samples) == (0, 0)
    alice = store.enroll(gallery, "alice", [sample("a"), sample("b")]).speaker
    then = store.snapshot(gallery)
    assert then == store.snapshot(gallery)
    assert (then.people, then.samples) == (1, 2)
    assert then.samples_sha256 == samples_key([one.id for one in store.samples(alice)], digits=64)
    assert (then.audit_sequence, then.audit_hash) == (store.verify_audit().entries, store.verify_audit().head)
    store.enroll(store.gallery("elsewhere", create=True), "carol", [sample("c")])
    later = store.snapshot(gallery)
    assert later.samples_sha256 == then.samples_sha256 != empty.samples_sha256
    assert later.audit_sequence > then.audit_sequence


def test_samples_are_found_by_id(store, gallery, sample, vector):
    alice = store.enroll(gallery, "alice", [sample("a", models=(MODEL, "another")), sample("b")]).speaker
    samples = store.samples(alice)
    ids = [one.id for one in samples]
    found = store.sample_prints(MODEL, ids)
    assert [found[id_].sample for id_ in ids] == samples
    assert np.allclose(found[ids[0]].vector, store.voiceprints(alice)[0].vector)
    assert list(store.sample_prints("another", ids)) == ids[:1]
    assert store.sample_prints(MODEL, []) == {}


def test_statistics_of_profiles(store, gallery, sample):
    alice, bob = (store.enroll(gallery, name, [sample(name)]).speaker for name in ("alice", "bob"))
    store.keep_statistics("c", [ProfileStatistics(alice.id, "old", 0.1, 0.2), ProfileStatistics(bob.id, "b", 1, 2)])
    store.keep_statistics("c", [ProfileStatistics(alice.id, "new", 0.3, 0.4)])
    store.keep_statistics("other", [ProfileStatistics(alice.id, "new", 0.5, 0.6)])
    both = [alice.id, bob.id]
    found = store.statistics("c", both)
    assert list(store.statistics("c", [bob.id])) == [bob.id]
    assert (found[alice.id], found[bob.id].mean) == (ProfileStatistics(alice.id, "new", 0.3, 0.4), 1)
    store.delete(alice)
    store.keep_statistics("c", [ProfileStatistics(alice.id, "new", 0.3, 0.4)])
    assert list(store.statistics("c", both)) == [bob.id]
    assert store.statistics("other", both) == {}


def test_decisions_of_a_newer_clock_stay(store, gallery, decide, monkeypatch):
    with monkeypatch.context() as future:
        aged(future, -2)
        ahead = decide(None)
    decide(None)
    assert store.decisions(gallery)[0].id == ahead.id
    assert store.decisions(gallery)[0].created > datetime.now(UTC)
