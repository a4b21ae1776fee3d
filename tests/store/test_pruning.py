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


class Clock(datetime):
    """A clock that is set by ``days``."""

    days = 0.0

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=cls.days)


@pytest.fixture
def clock(monkeypatch):
    for module in ("enrolling", "decisions", "audit", "upkeep"):
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
    assert store.prune(audio_days=90, decision_days=90) == Pruned(2, 1, 1, len(OLD))
    assert clips(home) == sorted([NEW, SHARED]), "a clip of a younger sample stays"
    assert [path.read_bytes() for path in store.clips(kept)] == [NEW, SHARED]
    assert store.samples(gallery) == samples
    assert len(store.voiceprints(kept)) == len(prints) == 4
    assert [one.source for one in store.decisions(gallery)] == ["y.wav"]
    last = list(store.audit_log())[-1]
    assert (last.action, dict(last.detail)) == ("prune", {"clips": 2, "decisions": 1, "files": 1})


def test_a_dry_run_changes_nothing(kept, store, home):
    before = clips(home), store.verify_audit()
    assert store.prune(audio_days=90, decision_days=90, dry_run=True) == Pruned(2, 1, 1, len(OLD))
    assert (clips(home), store.verify_audit()) == before
    assert store.prune(audio_days=90, decision_days=90).clips == 2


def test_nothing_to_do_is_no_change(kept, store, home):
    store.prune(audio_days=90, decision_days=90)
    before = store.verify_audit()
    assert store.prune(audio_days=90, decision_days=90) == Pruned(0, 0, 0, 0)
    assert store.prune(audio_days=10_000, decision_days=10_000) == Pruned(0, 0, 0, 0)
    assert store.verify_audit() == before


def test_no_days_are_everything(kept, store, home):
    assert store.prune(audio_days=0, decision_days=0).clips == 4
    assert clips(home) == []
    assert store.clips(kept) == []


def test_audio_of_nobody_goes(kept, store, home):
    orphan, abandoned, staged = (home / "clips" / name for name in (f"{'0' * 64}.flac", ".x.tmp", ".y.tmp"))
    for path in (orphan, abandoned, staged):
        path.write_bytes(b"fLaC")
    os.utime(abandoned, (0, 0))
    assert store.prune(audio_days=1000, decision_days=1000) == Pruned(0, 0, 2, 8)
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
    store.prune(audio_days=1000, decision_days=1000, dry_run=True)
    assert half.exists()
    assert store.prune(audio_days=1000, decision_days=1000).files == 1
    assert (tmp_path / "team.spk").read_bytes() == whole
    assert not any(path.exists() for path in (half, key, anew))
    assert late.exists(), "somebody may be at work on it"


def test_a_clock_that_goes_backwards(kept, store, home, clock):
    """What seems to be of tomorrow is not older than anything; everything is still everything."""
    clock.days = -200.0
    assert store.prune(audio_days=90, decision_days=90) == Pruned(0, 0, 0, 0)
    assert len(clips(home)) == 3
    pruned = store.prune(audio_days=0, decision_days=0)
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
store.prune(audio_days=0, decision_days=0)
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
store.prune(audio_days=0, decision_days=0)
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
    assert store.prune(audio_days=90, decision_days=5).decisions == 1
    assert store.decisions_about(alice) == []
