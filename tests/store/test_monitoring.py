"""What an operator is told of a store."""

from __future__ import annotations

import time

import pytest

from spk.enroll import Excerpt
from spk.identify.explaining import Collector
from spk.store import SpeakerState
from spk.store.heard import Label, SaidBy
from spk.store.job_records import NewJob
from spk.store.monitoring import Judged

pytestmark = pytest.mark.usefixtures("either_database")


@pytest.fixture
def hear(toy, voice):
    """``hear(hertz, seed)``: a recording of one voice is identified, the decision kept, and what was heard."""

    def hear(hertz, seed=7, seconds=4.0):
        identifier = toy.identify
        found = identifier.single(voice(hertz, seconds=seconds, seed=seed))
        toy.store.record_decision(toy.gallery, Collector(identifier.scorer).identification(found).kept, keep_days=30)
        toy.remember(found)
        return found.voices[0]

    return hear


def say(toy, hearing, speaker):
    """A person says whose the one voice of a hearing is."""
    with toy.store.change(toy.gallery, "test") as change:
        one = hearing.voices[0]
        change.label({one.id: (one.said, Label(SaidBy.PERSON, speaker=speaker, verdict="unknown"))})


def test_an_empty_store(store):
    load = store.load()
    assert (load.jobs, load.waited, load.speakers) == ({}, 0.0, {})
    assert store.judged_lately(least=1.0) == {}


def test_what_there_is_to_do(toy, hear, voice):
    toy.enroll("ann", [Excerpt(voice(300, seconds=12))])
    hear(5000, seconds=8.0)
    first = toy.store.submit_job(NewJob("identify", toy.gallery.name, {}, upload=None, key="", webhook=None))
    time.sleep(0.01)
    toy.store.submit_job(NewJob("identify", toy.gallery.name, {}, upload=None, key="", webhook=None))
    load = toy.store.load()
    assert load.jobs == {"queued": 2}
    assert load.waited > 0
    assert load.speakers == {SpeakerState.ENROLLED: 1, SpeakerState.UNKNOWN: 1}
    toy.store.cancel_job(first.id)
    after = toy.store.load()
    assert after.jobs == {"queued": 1, "cancelled": 1}
    assert after.waited < load.waited + 60


def test_what_was_said_of_voices(toy, hear, voice):
    toy.enroll("ann", [Excerpt(voice(300, seconds=12))])
    ann, stranger, _ = hear(300), hear(5000), hear(5000, seed=8, seconds=1.0)
    assert (ann.match.verdict, stranger.match.verdict) == ("known", "unknown")
    lately = toy.store.judged_lately(least=1.5)
    assert list(lately) == ["default"]
    assert sorted(lately["default"].false_alarms) == sorted([ann.match.false_alarm, stranger.match.false_alarm])
    assert (lately["default"].strangers, lately["default"].reviewed, lately["default"].wrong) == (1, 0, 0)
    assert toy.store.judged_lately(least=99.0) == {}


def test_names_that_people_have_confirmed_and_put_right(toy, hear, voice):
    ann = toy.enroll("ann", [Excerpt(voice(300, seconds=12))]).enrollment.speaker
    bob = toy.enroll("bob", [Excerpt(voice(1500, seconds=12))]).enrollment.speaker
    for seed in (7, 8, 9):
        assert hear(300, seed).match.speaker == ann.id
    right, wrong, nobodys = toy.store.hearings(toy.gallery)
    say(toy, right, ann.id)
    say(toy, wrong, bob.id)
    say(toy, nobodys, None)
    assert toy.store.judged_lately(least=1.0) == {"default": Judged([], 0, reviewed=3, wrong=2)}
    toy.store.merge(toy.store.speaker(toy.gallery, "ann"), bob)  # the name that was given is another's now
    assert toy.store.judged_lately(least=1.0) == {}
