"""Corrections that meet others: mergers, latecomers, slips of the pen, recordings that were heard meanwhile."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from spk.errors import ConflictError
from spk.identify import GalleryScorer
from spk.identify.scoring import AsNorm
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


def test_statistics_that_are_kept_give_the_same_numbers(world, monkeypatch):
    """Those of a recipe with a cohort."""
    recipe = AsNorm()
    recipe.background_, recipe.spread_ = np.zeros(conftest.DIM), np.eye(conftest.DIM) / 8
    normed = replace(conftest.calibration(), recipe=recipe, slope=4.0, offset=-10.0)
    monkeypatch.setattr(conftest, "calibration", lambda: normed)
    for number in range(6):
        world.enroll(f"person {number}", number)
    scorer = GalleryScorer(world.store, world.gallery, MODEL, normed)
    for profile in world.store.profiles(world.gallery, MODEL.fingerprint):
        scorer.keep_statistics(profile)
    for number in range(4):
        world.hear(f"talk {number}", number, number + 1, 20 + number % 2)
    assert world.corrections().again().change == 0


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


@pytest.mark.parametrize("seed", range(3))
def test_voices_that_are_not_heard_in_the_order_of_their_labels(world, monkeypatch, seed):
    """As where each has a channel: judged again, all numbers are the same."""
    turn = conftest.Turn
    monkeypatch.setattr(conftest, "Turn", lambda span, label: turn(span, f"SPEAKER_{9 - int(label[-2:]):02d}"))
    for number in range(3):
        world.enroll(f"person {number}", number)
    world.hear(f"talk {seed}", 0, 1, 2, 20, 21, seconds=4.0 + seed)
    assert world.corrections().again().change == 0


def test_unmerge_somebody_whose_recording_is_forgotten(world):
    """Nothing of theirs is lost by that."""
    for name, person in (("one", 20), ("two", 21)):
        world.hear(name, person)
    gone, other = (world.person(world.who(name)["SPEAKER_00"]) for name in ("one", "two"))
    world.corrections().merge(gone, other, force=True)
    world.corrections().forget(heard(world, "one"))
    before = world.picture()
    world.corrections().unmerge(other)
    world.corrections().undo()
    assert world.picture() == before


def test_a_stranger_of_a_forgotten_recording_is_gone(world):
    world.hear("one", 20)
    world.hear("two", (21, 22))
    [stranger] = world.strangers()
    corrections = world.corrections()
    corrections.say(heard(world, "two"), ["SPEAKER_00"], stranger.label)  # mixed, so that nothing is learnt from it
    corrections.say(heard(world, "one"), ["SPEAKER_00"], None)
    corrections.forget(heard(world, "two"))
    assert world.strangers() == []
    corrections.undo()
    assert world.strangers() == [stranger]
