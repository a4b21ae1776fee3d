"""Corrections that meet others: mergers, latecomers, slips of the pen, recordings that were heard meanwhile."""

from __future__ import annotations

from uuid import UUID

import pytest

from spk.errors import ConflictError
from spk.review import Learn
from spk.store import NewRecording, NewSample, Origin
from spk.store.changing import Change
from spk.timeline import Segment

from . import conftest
from .conftest import MODEL, unchanged


def heard(world, name="talk"):
    return world.store.hearing(world.gallery, f"{name}.wav")


@pytest.mark.parametrize("names", [["annie", "bob", "carl"], ["carl", "bob", "annie"]])
def test_attendees_are_judged_alike_again(world, names):
    for number, name in enumerate(("annie", "bob", "carl")):
        world.enroll(name, number)
    world.hear("talk", 0, 1, 2, 20, attendees=names, strangers=False)
    assert world.corrections().again().change == 0


def test_an_attendee_who_is_merged_attends_as_the_other(world):
    world.enroll("ann", 0)
    world.enroll("annie", 0, 1)
    world.enroll("bob", 1)
    world.hear("talk", 0, 1, attendees=["annie", "bob"], strangers=False)
    before = world.picture()
    world.corrections().merge(world.person("annie"), world.person("ann"))
    assert world.who("talk") == {"SPEAKER_00": "ann", "SPEAKER_01": "bob"}
    world.corrections().unmerge(world.person("ann"))
    assert world.picture() == before


def test_unmerge_where_the_name_is_somebody_elses(world):
    world.enroll("ann", 0)
    world.enroll("annie", 0, 1)
    world.corrections().merge(world.person("annie"), world.person("ann"))
    world.enroll("annie", 5)
    with unchanged(world), pytest.raises(ConflictError, match='another speaker is called "annie" now'):
        world.corrections().unmerge(world.person("ann"))


def test_say_goes_by_what_is_said_now(world):
    """Whoever looked before somebody else said something."""
    world.enroll("ann", 0)
    world.enroll("bob", 1)
    world.hear("talk", 20)
    seen = heard(world)
    world.corrections().say(seen, ["SPEAKER_00"], "ann", force=True)
    before = world.picture()
    world.corrections().say(seen, ["SPEAKER_00"], "bob", force=True)
    assert world.who("talk") == {"SPEAKER_00": "bob"}
    assert [len(world.store.samples(world.person(name))) for name in ("ann", "bob")] == [1, 2]
    world.corrections().undo()
    assert world.picture() == before


def test_what_was_heard_anew_meanwhile(world):
    world.hear("talk", 20)
    seen = heard(world)
    world.hear("talk", 20)
    corrections = world.corrections()
    for late in (lambda: corrections.say(seen, ["SPEAKER_00"], "ann"), lambda: corrections.forget(seen)):
        with unchanged(world), pytest.raises(ConflictError, match=r"talk.wav was heard anew, or forgotten, meanwhile"):
            late()


@pytest.mark.parametrize("learn", Learn)
def test_what_is_withdrawn_is_not_learnt_again(opened, learn):
    world = opened("home", learn=learn)
    world.enroll("ann", 0)
    world.hear("talk", 0)
    world.corrections().say(heard(world), ["SPEAKER_00"], "ann")
    for sample in world.store.samples(world.person("ann"))[1:]:
        world.corrections().withdraw([sample.id])
    assert len(world.store.samples(world.person("ann"))) == 1
    assert world.corrections().again().labels == ()


def test_a_slip_of_the_pen_leaves_nobody_behind(world):
    world.enroll("ann", 0)
    world.hear("talk", 20)
    world.corrections().say(heard(world), ["SPEAKER_00"], "zoee")
    world.corrections().say(heard(world), ["SPEAKER_00"], "zoe")
    assert [person.label for person in world.store.speakers(world.gallery)] == ["ann", "zoe"]


def test_two_processes_meet_the_same_stranger(world, monkeypatch):
    """Both compared with the gallery before the other one kept the stranger."""
    later = []
    with monkeypatch.context() as patch:
        patch.setattr(conftest, "remember", lambda *args, **how: later.append((args, how)))
        for name in ("one", "two"):
            world.hear(name, 20)
    for args, how in later:
        conftest.remember(*args, **how)
    [stranger] = world.strangers()
    assert world.who("one") == world.who("two") == {"SPEAKER_00": stranger.label}


def test_labels_do_not_depend_on_strangers_who_are_gone(opened, monkeypatch):
    """Two voices that would have the same label: whoever is heard first gets it, whatever was wrong meanwhile."""
    ids = Change.stranger_ids

    def alike(change, seed):
        return [UUID(f"7f3a{id_.hex[4:]}") if place == 0 else id_ for place, id_ in enumerate(ids(change, seed))]

    monkeypatch.setattr(Change, "stranger_ids", alike)
    control = opened("control")
    control.enroll("ann", 0)
    poisoned = opened("poisoned", of=control)
    wrong = poisoned.enroll("ann", 20, 1, seconds=60.0)
    for world in (control, poisoned):
        world.hear("one", 20)
        world.hear("two", 21)
    assert poisoned.who("two") == control.who("one") == {"SPEAKER_00": "unknown-7f3a"}
    poisoned.corrections().withdraw([wrong.id])
    assert poisoned.picture() == control.picture()


def test_what_nothing_depends_on_is_heard_anew_alone(world, monkeypatch):
    """All recordings are not judged again for it."""
    world.enroll("ann", 0)
    world.hear("talk", 0, 20, strangers=False)
    monkeypatch.delattr("spk.review.remembering.relabel")
    world.hear("talk", 0, 20, strangers=False)
    with pytest.raises(NameError):
        world.hear("talk", 0, 20)


def test_strangers_of_another_model_count(world):
    """As they did when the recording was heard."""
    audio = NewRecording("0" * 64, "elsewhere.wav", 20.0)
    vector = conftest.PEOPLE[5].astype("float32")
    new = NewSample(
        audio, Segment(0, 20), "1" * 64, 20.0, {}, Origin.ENROLLED, {"another": vector / (vector @ vector) ** 0.5}
    )
    world.store.enroll(world.gallery, "eve", [new])
    world.enroll("ann", 0)
    world.hear("talk", 0, 20)
    assert sorted(world.store.models(world.gallery)) == sorted(["another", MODEL.fingerprint])
    assert world.corrections().again().change == 0
