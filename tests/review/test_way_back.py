"""The way back: what was wrong is put right, and everything is as if it had never been wrong."""

from __future__ import annotations

from itertools import pairwise

import pytest

from spk.errors import ConflictError, NotFoundError
from spk.review import Learn
from spk.store import SpeakerState

from .conftest import unchanged

TEN = range(10)
STRANGERS = range(20, 26)
RECORDINGS = {
    f"meeting {number}": (number % 10, (3 * number + 1) % 10, 20 + number % 6, 20 + (2 * number + 3) % 6)
    for number in range(12)
}


def enroll_ten(world):
    for person in TEN:
        world.enroll(f"person {person}", person, 0)
        world.enroll(f"person {person}", person, 1)


def hear_all(world, **how):
    for name, people in RECORDINGS.items():
        world.hear(name, *dict.fromkeys(people), **how)


@pytest.mark.parametrize("learn", Learn)
@pytest.mark.parametrize("poison", [7, 22, 30], ids=["somebody enrolled", "a stranger who is heard", "nobody heard"])
def test_a_poisoned_profile(opened, learn, poison):
    """Ten are enrolled, one profile is poisoned with another's speech, which is withdrawn after all is heard."""
    control = opened("control", learn=learn)
    enroll_ten(control)
    poisoned = opened("poisoned", of=control, learn=learn)
    wrong = poisoned.enroll("person 3", poison, 99, seconds=60.0)
    hear_all(control)
    hear_all(poisoned)
    if poison != 30:
        assert poisoned.picture()["voices"] != control.picture()["voices"]
    outcome = poisoned.corrections().withdraw([wrong.id])
    assert outcome.change
    assert poisoned.picture() == control.picture()
    again = poisoned.corrections().again()
    assert (again.change, again.labels) == (0, ())


def test_a_poisoned_profile_whose_sample_is_moved(opened):
    """To whom it belongs: as if that person had been enrolled with it."""
    control = opened("control")
    enroll_ten(control)
    poisoned = opened("poisoned", of=control)
    wrong = poisoned.enroll("person 3", 7, 99)
    control.enroll("person 7", 7, 99)
    hear_all(control)
    hear_all(poisoned)
    poisoned.corrections().move([wrong.id], "person 7")
    theirs, ours = poisoned.picture(), control.picture()
    assert {key: said for key, (said, *_) in theirs["voices"].items()} == {
        key: said for key, (said, *_) in ours["voices"].items()
    }
    assert theirs["people"] == ours["people"]


def test_poisoned_while_things_go_on(opened):
    """Strangers get names, and recordings come in, before the mistake is noticed."""
    control = opened("control")
    enroll_ten(control)
    poisoned = opened("poisoned", of=control)
    wrong = poisoned.enroll("person 3", 7, 99, seconds=60.0)
    names = list(RECORDINGS)
    for world in (control, poisoned):
        for name in names[:6]:
            world.hear(name, *dict.fromkeys(RECORDINGS[name]))
        world.corrections().name(world.person(world.who("meeting 0")["SPEAKER_02"]), "zoe")
        for name in names[6:]:
            world.hear(name, *dict.fromkeys(RECORDINGS[name]))
    poisoned.corrections().withdraw([wrong.id])
    assert poisoned.picture() == control.picture()


def test_a_name_labels_old_recordings(world):
    world.enroll("ann", 0)
    for number in range(3):
        world.hear(f"talk {number}", 0, 20)
    [stranger] = world.strangers()
    assert world.who("talk 1") == {"SPEAKER_00": "ann", "SPEAKER_01": stranger.label}
    outcome = world.corrections().name(stranger, "bob")
    assert [(one.recording, one.voice, one.before, one.after) for one in outcome.labels] == [
        (f"talk {number}.wav", "SPEAKER_01", stranger.label, "bob") for number in range(3)
    ]
    assert {one.verdict_after for one in outcome.labels} == {"known"}
    assert all(world.who(f"talk {number}")["SPEAKER_01"] == "bob" for number in range(3))
    assert world.hear("talk 3", 20, 0).voices[0].name == "bob"


def test_a_name_that_is_known_merges(world):
    world.hear("talk", 20)
    world.enroll("bob", 20)
    [stranger] = world.strangers()
    [bob] = world.corrections().name(stranger, "bob").speakers
    assert bob.id == world.person("bob").id
    assert world.strangers() == []
    assert world.who("talk") == {"SPEAKER_00": "bob"}
    assert len(world.store.samples(bob)) == 2


def corrected(world):
    """Every kind of correction, one after the other."""
    one, other, third = (world.person(world.who(f"talk {number}")["SPEAKER_01"]) for number in range(3))
    corrections = world.corrections()
    yield "name", lambda: corrections.name(one, "carl")
    yield "name as somebody else", lambda: corrections.name(other, "ann")
    yield "merge", lambda: corrections.merge(third, world.person("carl"))
    yield "unmerge", lambda: corrections.unmerge(world.person("carl"))
    yield "never", lambda: corrections.never(world.person(third.label))
    yield "rename", lambda: corrections.rename(world.person("carl"), "Carl")
    yield "say", lambda: corrections.say(world.store.hearing(world.gallery, "talk 0.wav"), ["SPEAKER_00"], "bob")
    yield "nobody", lambda: corrections.say(world.store.hearing(world.gallery, "talk 1.wav"), ["SPEAKER_00"], None)
    ann = world.person("ann")
    yield "withdraw", lambda: corrections.withdraw([world.store.samples(ann)[0].id.hex[:8]])
    yield "move", lambda: corrections.move([world.store.samples(world.person("bob"))[0].id], "ann")
    yield "forget", lambda: corrections.forget(world.store.hearing(world.gallery, "talk 2.wav"))
    yield "discard", lambda: corrections.discard(world.person(world.who("talk 3")["SPEAKER_01"]))


def test_undo_puts_everything_back(world):
    world.enroll("ann", 0)
    world.enroll("ann", 0, 1)
    world.enroll("bob", 1)
    for number in range(4):
        world.hear(f"talk {number}", number % 2, 20 + number)
    pictures = [world.picture()]
    numbers = []
    for what, do in corrected(world):
        outcome = do()
        assert outcome.change, what
        numbers.append(outcome.change)
        pictures.append(world.picture())
        again = world.corrections().again()
        assert (again.change, again.labels) == (0, ()), what
    assert all(one != other for one, other in pairwise(pictures))
    for number, picture in zip(reversed(numbers), reversed(pictures[:-1]), strict=True):
        [undone] = world.corrections().undo().changes
        assert undone.number == number
        assert world.picture() == picture, undone.what


def test_a_preview_changes_nothing_and_says_what_would(world):
    world.enroll("ann", 0)
    world.enroll("bob", 1)
    for number in range(4):
        world.hear(f"talk {number}", number % 2, 20 + number)
    stranger = world.strangers()[0]
    with unchanged(world):
        preview = world.corrections(dry_run=True).name(stranger, "zoe")
    assert preview.change == 0
    assert preview.labels
    assert world.corrections().name(stranger, "zoe").labels == preview.labels


def test_undo_by_number_out_of_order(world):
    for number in range(2):
        world.hear(f"talk {number}", 20 + number)
    first, second = (world.person(world.who(f"talk {number}")["SPEAKER_00"]) for number in range(2))
    one = world.corrections().name(first, "ann").change
    world.corrections().name(second, "bob")
    undone = world.corrections().undo([one])
    assert [(change.before, change.after) for change in undone.labels] == [("ann", first.label)]
    assert world.who("talk 0") == {"SPEAKER_00": first.label}
    assert world.who("talk 1") == {"SPEAKER_00": "bob"}
    with pytest.raises(ConflictError, match=f"change {one} was undone already"):
        world.corrections().undo([one])
    with pytest.raises(NotFoundError, match="no change 999"):
        world.corrections().undo([999])


def test_merge_and_unmerge_though_others_came_after(world):
    world.enroll("ann", 0)
    world.enroll("annie", 0, 1)
    world.enroll("bob", 1)
    world.hear("talk", 0, 20)
    before = world.picture()
    annie = world.person("annie")
    world.corrections().merge(annie, world.person("ann"))
    assert len(world.store.samples(world.person("ann"))) == 2
    [stranger] = world.strangers()
    world.corrections().name(stranger, "zoe")
    world.hear("later", 0, 1)
    outcome = world.corrections().unmerge(world.person("ann"))
    assert [one.name for one in outcome.speakers] == ["ann", "annie"]
    assert outcome.speakers[1].id == annie.id
    assert len(world.store.samples(world.person("ann"))) == 1
    after = world.picture()
    assert after["samples"] == before["samples"] or "zoe" in str(after["people"])
    with pytest.raises(NotFoundError, match="no merger into ann is kept"):
        world.corrections().unmerge(world.person("ann"))


@pytest.mark.parametrize("force", [False, True])
def test_unmerge_a_stranger_who_was_named_wrongly(world, force):
    world.enroll("bob", 1)
    world.enroll("bob", 1, 1)
    for number in range(2):
        world.hear(f"talk {number}", 20, 1)
    before = world.picture()
    [stranger] = world.strangers()
    world.corrections().name(stranger, "bob", force=force)
    world.corrections().rename(world.person("bob"), "Bob")
    outcome = world.corrections().unmerge(world.person("Bob"))
    assert outcome.speakers[1].label == stranger.label
    world.corrections().rename(world.person("Bob"), "bob")
    assert world.picture() == before


def test_split(world):
    """One stranger who is two people by mistake."""
    world.hear("talk 0", 20)
    world.hear("talk 1", 21)
    one, other = world.strangers()
    world.corrections().merge(one, other, force=True)
    [both] = world.strangers()
    [suspect] = world.queue().unknowns
    assert suspect.suspicion is not None
    assert len(suspect.suspicion.samples) == 1
    outcome = world.corrections().split(both, suspect.suspicion.samples)
    assert {person.label for person in outcome.speakers} == {person.label for person in world.strangers()}
    assert world.who("talk 0") != world.who("talk 1")
    assert [unknown.suspicion for unknown in world.queue().unknowns] == [None, None]


def test_discarded_voices_stay_nobodys(world):
    world.hear("talk 0", 20)
    [stranger] = world.strangers()
    world.corrections().discard(stranger)
    assert world.strangers() == []
    assert world.who("talk 0") == {"SPEAKER_00": None}
    assert world.corrections().again().labels == ()
    world.hear("talk 1", 20)
    assert len(world.strangers()) == 1, "somebody who is heard again may be asked about again"


def test_never_is_recognised_and_quiet(world):
    world.hear("talk 0", 20)
    [stranger] = world.strangers()
    world.corrections().never(stranger)
    assert world.queue().unknowns == ()
    [voice] = world.hear("talk 1", 20).voices
    assert voice.named is not None
    assert voice.named.id == stranger.id
    assert voice.name is None
    assert world.strangers() == []
    assert world.person(stranger.label).state is SpeakerState.NEVER
    world.corrections().name(world.person(stranger.label), "bob")
    assert world.who("talk 1") == {"SPEAKER_00": "bob"}


def test_a_voice_unlike_the_profile_is_held(world):
    world.enroll("ann", 0)
    world.hear("talk", 20)
    hearing = world.store.hearing(world.gallery, "talk.wav")
    outcome = world.corrections().say(hearing, ["SPEAKER_00"], "ann")
    assert "does not sound like the rest of ann's speech" in outcome.held[0]
    assert len(world.store.samples(world.person("ann"))) == 1
    assert world.who("talk") == {"SPEAKER_00": "ann"}
    [held] = world.queue().held
    assert (held.recording, held.voice, held.speaker.name) == ("talk.wav", "SPEAKER_00", "ann")
    assert held.llr is not None
    assert held.llr < -3
    hearing = world.store.hearing(world.gallery, "talk.wav")
    forced = world.corrections().say(hearing, ["SPEAKER_00"], "ann", force=True)
    assert forced.held == ()
    assert len(world.store.samples(world.person("ann"))) == 2
    assert world.queue().held == ()


@pytest.mark.parametrize(("learn", "samples"), [(Learn.NEVER, 1), (Learn.CONFIRMED, 1), (Learn.CONFIDENT, 2)])
def test_what_profiles_learn_by_themselves(opened, learn, samples):
    world = opened("home", learn=learn)
    world.enroll("ann", 0)
    world.hear("talk", 0)
    ann = world.person("ann")
    assert len(world.store.samples(ann)) == samples
    hearing = world.store.hearing(world.gallery, "talk.wav")
    world.corrections().say(hearing, ["SPEAKER_00"], "ann")
    assert len(world.store.samples(ann)) == (1 if learn is Learn.NEVER else 2)
    assert world.queue().held == ()


def test_attendees_are_kept_to(world):
    world.enroll("ann", 0)
    world.enroll("bob", 1)
    world.hear("talk", 0, 1, attendees=["bob"], strangers=False)
    assert world.who("talk") == {"SPEAKER_00": None, "SPEAKER_01": "bob"}
    assert world.corrections().again().labels == ()
    world.enroll("bob", 1, 1)
    world.corrections().again()
    assert world.who("talk") == {"SPEAKER_00": None, "SPEAKER_01": "bob"}


def test_one_person_as_two_voices_of_a_recording(opened):
    """Samples of one recording are in the same order in every home."""
    pictures = []
    first = opened("home")
    worlds = [first, *(opened(f"copy {number}", of=first) for number in range(4))]
    for world in worlds:
        for number in range(3):
            world.hear(f"talk {number}", 20, 20, 20, 21, least=1)
        world.corrections().again()
        pictures.append(world.picture())
    assert len(worlds[0].strangers()) == 2
    assert all(picture == pictures[0] for picture in pictures)


def test_who_comes_too_late(world):
    """Two people look at the same stranger, and answer."""
    world.hear("talk", 20)
    world.enroll("carl", 3)
    [stranger] = world.strangers()
    world.corrections().name(stranger, "ann")
    for late in (
        lambda: world.corrections().name(stranger, "bob"),
        lambda: world.corrections().never(stranger),
        lambda: world.corrections().discard(stranger),
        lambda: world.corrections().merge(stranger, world.person("carl")),
    ):
        with unchanged(world), pytest.raises(ConflictError, match="was called ann meanwhile"):
            late()
    world.corrections().merge(world.person("ann"), world.person("carl"))
    with unchanged(world), pytest.raises(NotFoundError, match="deleted or merged meanwhile"):
        world.corrections().name(stranger, "bob")
