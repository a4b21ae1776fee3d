"""What was kept for long enough goes, and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from spk.store import DecidedVoice, DecisionKind, NewDecision, Store, tables
from spk.store.erasure import exports
from spk.store.upkeep import Pruned

pytestmark = pytest.mark.usefixtures("either_database")

_E = tables.exports.c
OLD, NEW, SHARED = b"fLaC of long ago", b"fLaC of today", b"fLaC of then and now"


YEARS = {"recording_days": 1000, "undo_days": 1000}


class Clock(datetime):
    """A clock that is set by ``days``."""

    days = 0.0

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=cls.days)


@pytest.fixture
def clock(monkeypatch):
    for module in ("enrolling", "decisions", "audit", "changing", "hearings", "retention", "upkeep"):
        monkeypatch.setattr(f"spk.store.{module}.datetime", Clock)
    monkeypatch.setattr(Clock, "days", 0.0)
    return Clock


@pytest.fixture
def kept(store, gallery, sample, clock):
    """Two samples of 100 days ago, two of today, one clip of both days; a decision of each day."""
    clock.days = -100.0
    speaker = store.enroll(gallery, "alice", [sample("a", clip=OLD), sample("b", clip=SHARED)]).speaker
    decided = NewDecision(DecisionKind.IDENTIFY, "0" * 64, "x.wav", "{}", None, (), 0)
    store.record_decision(gallery, decided, keep_days=1000)
    clock.days = 0.0
    store.enroll(gallery, "alice", [sample("c", clip=NEW), sample("d", clip=SHARED)])
    store.record_decision(gallery, replace(decided, source="y.wav"), keep_days=1000)
    return speaker


def clips(home):
    return sorted(path.read_bytes() for path in (home / "clips").iterdir())


def test_what_is_older_goes(kept, store, gallery, home):
    samples, prints = store.samples(gallery), store.voiceprints(kept)
    assert store.prune(audio_days=90, decision_days=90, **YEARS) == Pruned(2, 1, 1, len(OLD))
    assert clips(home) == sorted([NEW, SHARED]), "a clip of a younger sample stays"
    assert [path.read_bytes() for path in store.clips(kept)] == [NEW, SHARED]
    assert store.samples(gallery) == samples
    assert len(store.voiceprints(kept)) == len(prints) == 4
    assert [one.source for one in store.decisions(gallery)] == ["y.wav"]
    last = list(store.audit_log())[-1]
    assert last.action == "prune"
    assert {name: count for name, count in last.detail.items() if count} == {"clips": 2, "decisions": 1, "files": 1}


def test_a_dry_run_changes_nothing(kept, store, home):
    before = clips(home), store.verify_audit()
    assert store.prune(audio_days=90, decision_days=90, **YEARS, dry_run=True) == Pruned(2, 1, 1, len(OLD))
    assert (clips(home), store.verify_audit()) == before
    assert store.prune(audio_days=90, decision_days=90, **YEARS).clips == 2


def test_nothing_to_do_is_no_change(kept, store, home):
    store.prune(audio_days=90, decision_days=90, **YEARS)
    before = store.verify_audit()
    assert store.prune(audio_days=90, decision_days=90, **YEARS) == Pruned(0, 0, 0, 0)
    assert store.prune(audio_days=10_000, decision_days=10_000, **YEARS) == Pruned(0, 0, 0, 0)
    assert store.verify_audit() == before


def test_no_days_are_everything(kept, store, home):
    assert store.prune(audio_days=0, decision_days=0, **YEARS).clips == 4
    assert clips(home) == []
    assert store.clips(kept) == []


def test_audio_of_nobody_goes(kept, store, home):
    orphan, abandoned, staged = (home / "clips" / name for name in (f"{'0' * 64}.flac", ".x.tmp", ".y.tmp"))
    for path in (orphan, abandoned, staged):
        path.write_bytes(b"fLaC")
    os.utime(abandoned, (0, 0))
    assert store.prune(audio_days=1000, decision_days=1000, **YEARS) == Pruned(0, 0, 2, 8)
    assert staged.exists(), "somebody may be at work on it"
    assert not orphan.exists()
    assert not abandoned.exists()


def test_what_killed_processes_left_goes(store, gallery, home, tmp_path, start):
    """A bundle half written, one written anew and not put in its place, a key without its name."""
    store.export_bundle(gallery, tmp_path / "team.spk")
    whole = (tmp_path / "team.spk").read_bytes()
    with store._database.write() as tx:
        half, late = (exports.announce(tx, gallery.id, tmp_path / name) for name in ("half.spk", "late.spk"))
        long_ago = update(tables.exports).values(created=datetime(2020, 1, 1, tzinfo=UTC))
        tx.execute(long_ago.where(_E.path.endswith("half.spk")))
        id_ = tx.scalar(select(_E.id).where(_E.path.endswith("team.spk")))
    key, anew = home / ".key.tmp", tmp_path / f".{id_.hex}.tmp"
    for path in (half, late, key):
        path.write_bytes(b"some of it")
    os.utime(key, (0, 0))
    (tmp_path / "team.spk").rename(anew)
    store.prune(audio_days=1000, decision_days=1000, **YEARS, dry_run=True)
    assert half.exists()
    assert store.prune(audio_days=1000, decision_days=1000, **YEARS).files == 1
    assert (tmp_path / "team.spk").read_bytes() == whole
    assert not any(path.exists() for path in (half, key, anew))
    assert late.exists(), "somebody may be at work on it"


def test_a_clock_that_goes_backwards(kept, store, home, clock):
    """What seems to be of tomorrow is not older than anything; everything is still everything."""
    clock.days = -200.0
    assert store.prune(audio_days=90, decision_days=90, **YEARS) == Pruned(0, 0, 0, 0)
    assert len(clips(home)) == 3
    pruned = store.prune(audio_days=0, decision_days=0, **YEARS)
    assert (pruned.clips, pruned.decisions) == (4, 2)
    assert clips(home) == []
    assert store.verify_audit().entries == len(list(store.audit_log()))


@pytest.mark.parametrize("moment", ["_sweep", "end_erasing"])
def test_killed_while_it_prunes(home, start, moment):
    """What went from the database goes from the disk, at the latest when the home is next opened."""
    code = """
store = Store.open(home)
store.enroll(store.gallery("default", create=True), "alice", [sample("a", b"fLaC of a")])
whose = store if sys.argv[2] == "_sweep" else store._home
setattr(type(whose), sys.argv[2], lambda self: os.kill(os.getpid(), 9))
store.prune(audio_days=0, decision_days=0, recording_days=1000, undo_days=1000)
"""
    process = start(code, home, moment)
    assert process.wait() == -9, process.communicate()
    process.communicate()
    with Store.open(home) as store:
        [alice] = store.speakers(store.gallery("default"))
        assert store.clips(alice) == []
        assert len(store.samples(alice)) == 1
        assert list(store.audit_log())[-1].action == "prune"
    assert clips(home) == []


def test_killed_before_it_prunes(home, start):
    code = """
from spk.store import audit
store = Store.open(home)
store.enroll(store.gallery("default", create=True), "alice", [sample("a", b"fLaC of a")])
append = audit.append
audit.append = lambda tx, action, **detail: os.kill(os.getpid(), 9)
store.prune(audio_days=0, decision_days=0, recording_days=1000, undo_days=1000)
"""
    process = start(code, home)
    assert process.wait() == -9, process.communicate()
    process.communicate()
    with Store.open(home) as store:
        [alice] = store.speakers(store.gallery("default"))
        assert [path.read_bytes() for path in store.clips(alice)] == [b"fLaC of a"]
        assert list(store.audit_log())[-1].action == "enroll"


def test_decisions_go_with_their_voices(store, gallery, sample, clock, vector):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    voice = DecidedVoice("S1", alice.id, vector(1))
    clock.days = -10.0
    store.record_decision(
        gallery, NewDecision(DecisionKind.IDENTIFY, "0" * 64, "x.wav", "{}", None, (voice,), 99), keep_days=1000
    )
    clock.days = 0.0
    assert store.prune(audio_days=90, decision_days=5, **YEARS).decisions == 1
    assert store.decisions_about(alice) == []


@pytest.fixture
def heard(store, gallery, hearing, clock):
    """A recording that was listened to 100 days ago and now, another one 100 days ago; the changes are as old."""
    clock.days = -100.0
    for recording in ("old", "meeting"):
        hear(store, gallery, hearing(recording, clips=(recording.encode(), b"both")))
    clock.days = 0.0
    kept = hear(store, gallery, hearing("meeting", seed=200, clips=(b"0", b"1")))
    with store._database.write() as tx:
        ago = datetime.now(UTC) - timedelta(days=100)
        tx.execute(update(tables.changes).where(tables.changes.c.number <= 2).values(created=ago))
    return kept


def hear(store, gallery, new):
    with store.change(gallery, "identify") as change:
        return change.hear(new)


def rows(store, *of):
    with store._database.read() as tx:
        return [len(tx.execute(select(table)).all()) for table in of]


def test_what_was_heard_long_ago(heard, store, gallery, home):
    tables_of_it = (tables.hearings, tables.voices, tables.turns, tables.samples, tables.recordings, tables.changes)
    assert rows(store, *tables_of_it) == [3, 6, 12, 6, 2, 3]
    days = {"audio_days": 1000, "decision_days": 1000}
    before = clips(home), rows(store, *tables_of_it), store.verify_audit()
    would = store.prune(**days, recording_days=50, undo_days=1000, dry_run=True)
    assert (would.hearings, would.changes, would.samples, would.files) == (1, 0, 0, 0)
    assert (clips(home), rows(store, *tables_of_it), store.verify_audit()) == before
    assert store.prune(**days, recording_days=50, undo_days=1000) == would
    assert [one.id for one in store.hearings(gallery)] == [heard.id]
    store.undo(gallery, [3])
    assert [one.recording.source for one in store.hearings(gallery)] == ["meeting.wav"], "what was put aside is back"
    store.undo(gallery, [4])
    assert [one.id for one in store.hearings(gallery)] == [heard.id]


def test_what_cannot_be_put_back_any_more(heard, store, gallery, home):
    days = {"audio_days": 1000, "decision_days": 1000, "recording_days": 1000}
    assert store.prune(**days, undo_days=50).changes == 2
    assert rows(store, tables.hearings, tables.samples) == [3, 6], "the last change can put the second one back"
    pruned = store.prune(**days, undo_days=0)
    assert (pruned.changes, pruned.hearings, pruned.samples, pruned.files) == (1, 1, 2, 1)
    assert [one.recording.source for one in store.hearings(gallery)] == ["old.wav", "meeting.wav"]
    assert clips(home) == [b"0", b"1", b"both", b"old"]
    last = list(store.audit_log())[-1]
    assert last.detail == {"clips": 0, "decisions": 0, "files": 1, "hearings": 1, "changes": 1, "samples": 2}


def test_nothing_that_was_heard_is_kept(heard, store, gallery, home, files_with):
    pruned = store.prune(audio_days=1000, decision_days=1000, recording_days=0, undo_days=0)
    assert (pruned.hearings, pruned.changes, pruned.samples) == (3, 3, 6)
    assert rows(store, tables.hearings, tables.voices, tables.turns, tables.samples, tables.recordings) == [0] * 5
    assert clips(home) == []
    assert files_with(home, *(one.vector.tobytes() for one in heard.voices)) == []


def test_any_command_removes_what_is_due(heard, store, gallery, home):
    kept = {"recording_days": 99.5, "undo_days": 99.5}
    before = rows(store, tables.hearings, tables.changes)
    store.prune_heard(**kept)
    assert rows(store, tables.hearings, tables.changes) == before, "not a little at every command"
    store.prune_heard(**kept | {"undo_days": 98.0})
    assert rows(store, tables.hearings, tables.changes) == [before[0] - 1, 1]
    assert clips(home) == [b"0", b"1", b"both", b"meeting"]
    store.prune_heard(recording_days=0, undo_days=0)
    assert rows(store, tables.hearings, tables.changes, tables.samples) == [0, 0, 0]
    assert clips(home) == []


def test_whoever_is_known_stays_known(heard, store, gallery, home):
    """What a profile learnt from a recording stays when it is forgotten what was heard there."""
    with store.change(gallery, "name") as change:
        alice = change.make_speaker("alice")
        change.give({heard.voices[0].sample: alice.id})
    store.prune(audio_days=1000, decision_days=1000, recording_days=0, undo_days=0)
    assert [one.id for one in store.samples(alice)] == [heard.voices[0].sample]
    assert len(store.voiceprints(alice)) == 1
    assert clips(home) == [b"0"]
