"""Turns are corrected without the recording: what is still known of the voices, who learns, and the way back."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from spk.comparing import Kind
from spk.errors import AudioError, ConflictError, InputError
from spk.review import Learn
from spk.review.corrected import Corrected
from spk.review.redrawing import redraw
from spk.store import NewRecording
from spk.timeline import Segment, Timeline, Turn

from .conftest import PEOPLE, unchanged
from .test_applying import ALICE, BOB, CAROL, STRANGER, Talk, apply, learnt, relabelled, samples, shown


@pytest.fixture
def known(world):
    """Alice and Bob are enrolled."""
    world.enroll("alice", ALICE)
    world.enroll("bob", BOB)
    return world


def heard(world, audio):
    return world.store.heard(world.gallery, audio.sha256)


def correct(world, audio, turns, *, dry_run=False, **how):
    return redraw(world.corrections(dry_run=dry_run), heard(world, audio), Timeline(turns), **how)


def likest(voice):
    """Who a voice sounds most like, of all people."""
    return int((PEOPLE @ voice.vector).argmax())


def voices(world, audio):
    return {voice.label: voice for voice in heard(world, audio).voices}


def test_turns_that_nobody_changed(known):
    talk = Talk(known, ALICE)
    with unchanged(known):
        done = correct(known, talk.audio, talk.turns)
    assert done.changes.counts[Kind.UNCHANGED] == 3
    assert (done.taught, done.withdrawn, done.outcome.labels) == ((), 0, ())
    assert heard(known, talk.audio).corrected
    assert correct(known, talk.audio, talk.turns).outcome.change == 0


def test_a_voice_that_is_somebody_elses_as_a_whole(known):
    audio = known.hear("talk", ALICE, CAROL).audio
    [_, stranger] = [turn.label for turn in shown(known, audio)]
    with unchanged(known):
        preview = correct(known, audio, relabelled(shown(known, audio), t1="bob"), dry_run=True, force=True)
        done = correct(known, audio, relabelled(shown(known, audio), t1="bob"), force=True)
        assert learnt(done) == learnt(preview)
        assert samples(known, "bob") == [20, 12]  # what had been the stranger's
        assert stranger not in [person.label for person in known.store.speakers(known.gallery)]
        known.corrections().undo()


def test_what_sounds_otherwise_is_held(known):
    audio = known.hear("talk", ALICE, BOB, strangers=False).audio
    done = correct(known, audio, relabelled(shown(known, audio), t0="bob", t1="alice"))
    assert samples(known, "alice") == [20]
    assert done.taught == ()
    assert "does not sound like the rest of alice's speech" in done.outcome.held[0]
    forced = correct(known, audio, shown(known, audio), force=True)
    assert learnt(forced) == {"alice": 12, "bob": 12}
    assert correct(known, audio, shown(known, audio), everything=True).taught == ()


def test_pieces_make_the_voices_of_a_voice_that_was_two_peoples(known):
    talk = Talk(known)
    with unchanged(known):
        done = correct(known, talk.audio, relabelled(talk.turns, t1="carol"))
        assert (done.new, done.taught) == (("carol",), ())  # what changed teaches nobody without the recording
        found = voices(known, talk.audio)
        assert {likest(found[label]): person for label, person in known.who("talk").items()} == {
            ALICE: "alice",
            BOB: "bob",
            CAROL: "carol",
        }
        assert {round(voice.heard) for voice in found.values()} == {12}
        assert known.hear("later", CAROL).voices[0].name is None
        known.corrections().undo(last=2)
    correct(known, talk.audio, relabelled(talk.turns, t1="carol"))
    assert learnt(apply(known, talk.audio, talk.turns, everything=True)) == {"alice": 12, "bob": 12, "carol": 12}


def test_edges_move_a_little_or_much(known):
    audio = known.hear("talk", ALICE, STRANGER).audio
    first, second = shown(known, audio)
    before = voices(known, audio)["SPEAKER_01"]
    correct(known, audio, [first, replace(second, segment=Segment(12.5, 24.0))])
    after = voices(known, audio)["SPEAKER_01"]
    assert (after.vector.tobytes(), after.heard, after.sample) == (before.vector.tobytes(), 12, before.sample)
    assert after.net_seconds == 11.5
    assert known.store.clips(known.person(second.label))
    first, second = shown(known, audio)
    correct(known, audio, [first, replace(second, segment=Segment(18.0, 24.0))])
    after = voices(known, audio)["SPEAKER_01"]
    assert (likest(after), after.heard) == (STRANGER, 6)
    assert after.vector.tobytes() != before.vector.tobytes()


def test_nothing_is_known_of_a_turn_where_nobody_was_heard(known):
    audio = known.hear("talk", ALICE, BOB).audio
    first, _ = shown(known, audio)
    added = Turn(Segment(13.0, 14.0), "carol")
    done = correct(known, audio, [first, added])
    assert done.new == ("carol",)
    voice = next(voice for voice in heard(known, audio).voices if voice.net_seconds == 1.0)
    assert voice.vector is None
    assert known.who("talk")[voice.label] == "carol"
    assert known.corrections().again().labels == ()


@pytest.mark.parametrize(("overlap", "names"), [(0.5, {"alice", "bob"}), (2.0, {"bob"})])
def test_a_voice_that_lost_a_little_is_still_known(known, overlap, names):
    """Somebody else's turn begins earlier, within a voice that was embedded as one piece."""
    audio = known.hear("talk", ALICE, BOB, seconds=4.0).audio
    first, second = shown(known, audio)
    earlier = replace(second, segment=Segment(second.start - overlap, second.end))
    done = correct(known, audio, [first, earlier])
    voice = next(one for one in heard(known, audio).voices if one.net_seconds == 4.0 - overlap)
    assert (voice.vector is not None, voice.heard) == ((True, 3.5) if overlap == 0.5 else (False, 0.0))
    assert set(known.who("talk").values()) - {None} == names
    assert {one.name for one in done.taught} == {"bob"}  # from what may hold another's speech, nobody learns


def test_a_stranger_is_named_everywhere(known):
    audio = known.hear("first", STRANGER, ALICE).audio
    known.hear("second", STRANGER)
    with unchanged(known):
        done = correct(known, audio, relabelled(shown(known, audio), t0="dora"))
        assert known.who("second") == {"SPEAKER_00": "dora"}
        assert {one.recording for one in done.outcome.labels} == {"first.wav", "second.wav"}
        assert samples(known, "dora") == [12, 12]
        known.corrections().undo()


def test_samples_that_are_somebody_elses_are_withdrawn(known):
    audio = known.hear("talk", ALICE, CAROL, strangers=False).audio
    hearing = heard(known, audio)
    known.corrections().say(hearing, ["SPEAKER_01"], "carol")
    assert samples(known, "carol") == [12]
    done = correct(known, audio, relabelled(shown(known, audio), t1="dan"))
    assert (done.withdrawn, done.gone, samples(known, "dan")) == (1, ("carol",), [12])


def test_learning_is_off(opened):
    world = opened("off", learn=Learn.NEVER)
    world.enroll("alice", ALICE)
    audio = world.hear("talk", ALICE, BOB, strangers=False).audio
    done = correct(world, audio, relabelled(shown(world, audio), t1="bob"))
    assert (done.new, done.taught) == (("bob",), ())


def test_what_is_refused(known):
    audio = known.hear("talk", ALICE, BOB).audio
    turns = shown(known, audio)
    with unchanged(known):
        with pytest.raises(InputError, match="there are no turns"):
            correct(known, audio, [])
        with pytest.raises(AudioError, match="ends at 24"):
            correct(known, audio, [Turn(Segment(0.0, 99.0), "alice")])
        other = known.hear("other", CAROL, seconds=30.0).audio
        with pytest.raises(InputError, match=r"turns of talk\.wav"):
            correct(known, other, turns)
        known.corrections().forget(heard(known, other))
    old = heard(known, audio)
    correct(known, audio, relabelled(turns, t1="alice"))
    with pytest.raises(ConflictError, match="anew"):
        redraw(known.corrections(), old, Timeline(turns))


def work(world, audio, many, people):
    """How many calls and SQL statements it takes to draw so many turns of so many new people."""
    done = Counter()
    edges = [24.0 * number / many for number in range(many + 1)]
    turns = [Turn(Segment(*edges[at : at + 2]), f"guest {at % people}") for at in range(many)]

    def called(_frame, what, _arg):
        done["calls"] += what in {"call", "c_call"}

    def stated(*_):
        done["statements"] += 1

    event.listen(Engine, "before_cursor_execute", stated)
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        assert len(correct(world, audio, turns, dry_run=True, everything=True).new) == people
    finally:
        sys.setprofile(before)
        event.remove(Engine, "before_cursor_execute", stated)
    return done


def test_the_work_grows_as_the_turns_and_the_names_do(known):
    audio = known.hear("talk", ALICE, BOB).audio
    work(known, audio, 5, 5)  # what is built once
    few, many = (work(known, audio, turns, 5) for turns in (200, 1600))
    assert few["statements"] == many["statements"]
    assert many["calls"] < 12 * few["calls"]
    few, many = (work(known, audio, names, names) for names in (20, 160))
    assert many["statements"] <= 8 * few["statements"]
    assert many["calls"] < 12 * few["calls"]


def test_what_is_asked_of_each_turn_is_found_once(known):
    audio = known.hear("talk", ALICE, BOB).audio
    recording = NewRecording(audio.sha256, audio.source, audio.duration)
    turns = Timeline(relabelled(shown(known, audio), t1="carol"))
    work = Corrected.of(known.corrections(), recording, turns, everything=True)
    assert work.touched is work.touched
    assert work.alone is work.alone
