"""Corrected turns come back: what is stored, what is learnt, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st
from servers import postgresql as servers

from spk.comparing import Kind
from spk.embed import ModelId
from spk.enroll import Enroller, Gates, KeptAudio
from spk.errors import AudioError, ConflictError, InputError, StoreError
from spk.identify import GalleryScorer, OperatingPoint
from spk.review import Learn
from spk.review.applying import Applier
from spk.store import NewRecording, NewSample, Origin, Store
from spk.store.changing import Change
from spk.store.heard import SaidBy
from spk.timeline import Segment, Timeline, Turn

from .conftest import MODEL, Ears, World, calibration, everything, unchanged

ALICE, BOB, CAROL, STRANGER, OTHER = range(5)
SILENT = Gates(snr_db=-100.0)  # made-up speech has no pauses


def diarizer(*_, **__):
    raise AssertionError("turns that a person drew are not diarized")


def apply(world, audio, turns, *, dry_run=False, keep=KeptAudio.CLIPS, gates=SILENT, embedder=None, **how):
    """What `spk apply` does."""
    scorer = GalleryScorer(world.store, world.gallery, MODEL, calibration())
    enroller = Enroller(scorer, embedder or Ears(), everything, diarizer, gates, keep)
    judge, corrections = world.judge, world.corrections(dry_run=dry_run)
    if embedder is not None:
        model = embedder.model
        theirs = replace(calibration(), model=model.name, fingerprint=model.fingerprint)
        judge = replace(judge, model=model, calibration=theirs)
        corrections = replace(corrections, judge_of=lambda model: judge if model == judge.model.fingerprint else None)
    return Applier(corrections, enroller, judge, OperatingPoint())(audio, Timeline(turns), **how)


def shown(world, audio):
    """The turns as they are labelled now, as `spk recordings show --format` writes them."""
    hearing = world.store.heard(world.gallery, audio.sha256)
    names = {person.id: person.label for person in world.store.speakers(world.gallery)}
    whose = {voice.label: names.get(voice.said.speaker, voice.label) for voice in hearing.voices}
    return [Turn(turn.segment, whose[turn.label], turn.id) for turn in world.store.turns(hearing)]


def relabelled(turns, **names):
    """``relabelled(turns, t2="bob")``: the same, but the third is Bob's."""
    return [turn.relabel(names.get(f"t{number}", turn.label)) for number, turn in enumerate(turns)]


def learnt(done):
    return {one.name: one.net_seconds for one in done.taught}


def samples(world, name):
    return [sample.net_seconds for sample in world.store.samples(world.person(name))]


@pytest.fixture
def known(world):
    """Alice and Bob are enrolled."""
    world.enroll("alice", ALICE)
    world.enroll("bob", BOB)
    return world


@dataclass
class Talk:
    """A recording in which Alice's voice holds a turn of somebody else: 12 s each of Alice, of them, and of Bob."""

    world: World
    other: int = CAROL

    def __post_init__(self):
        self.audio = self.world.hear("talk", (ALICE, self.other), BOB).audio

    @property
    def turns(self):
        return shown(self.world, self.audio)


def test_turns_that_nobody_changed(known):
    talk = Talk(known, ALICE)
    with unchanged(known):
        done = apply(known, talk.audio, talk.turns)
    assert done.changes.counts[Kind.UNCHANGED] == 3
    assert (done.taught, done.refused, done.withdrawn, done.outcome.labels) == ((), (), 0, ())
    assert known.store.heard(known.gallery, talk.audio.sha256).corrected
    assert apply(known, talk.audio, talk.turns).outcome.change == 0


def test_a_turn_of_somebody_who_is_known(known):
    talk = Talk(known, BOB)
    done = apply(known, talk.audio, relabelled(talk.turns, t1="bob"))
    assert learnt(done) == {"bob": 12}
    assert samples(known, "bob") == [20, 12]
    assert samples(known, "alice") == [20]
    assert [turn.label for turn in talk.turns] == ["alice", "bob", "bob"]


def test_a_turn_of_somebody_new(known):
    talk = Talk(known)
    done = apply(known, talk.audio, relabelled(talk.turns, t1=" carol "))
    assert (done.new, learnt(done)) == (("carol",), {"carol": 12})
    assert known.who("talk") == {"SPEAKER_00": "alice", "SPEAKER_01": "bob", "SPEAKER_02": "carol"}
    assert known.hear("later", CAROL).voices[0].name == "carol"


def test_nothing_is_learnt_from_what_nobody_touched(known):
    talk = Talk(known)
    apply(known, talk.audio, relabelled(talk.turns, t1="carol"))
    assert samples(known, "alice") == samples(known, "bob") == [20]
    done = apply(known, talk.audio, talk.turns, everything=True)
    assert learnt(done) == {"alice": 12, "bob": 12}
    assert apply(known, talk.audio, talk.turns, everything=True).outcome.change == 0


def test_twice_is_once(known):
    talk = Talk(known)
    corrected = relabelled(talk.turns, t1="carol")
    apply(known, talk.audio, corrected)
    with unchanged(known):
        assert apply(known, talk.audio, corrected).outcome.change == 0
        assert apply(known, talk.audio, corrected, force=True).taught == ()
        assert apply(known, talk.audio, corrected, everything=True, dry_run=True).taught


def test_a_turn_of_somebody_by_their_id(known):
    talk = Talk(known, BOB)
    done = apply(known, talk.audio, relabelled(talk.turns, t1=str(known.person("bob").id)))
    assert (done.new, learnt(done)) == ((), {"bob": 12})


def test_a_recording_that_was_never_heard(world):
    audio = Talk(world).audio
    world.corrections().forget(world.store.heard(world.gallery, audio.sha256))
    drawn = [Turn(Segment(12 * n, 12 * n + 12), who) for n, who in enumerate(("alice", "carol", "bob"))]
    done = apply(world, audio, drawn)
    assert done.new == ("alice", "bob", "carol")
    assert learnt(done) == {"alice": 12, "bob": 12, "carol": 12}
    assert world.hear("later", CAROL, BOB).turns.labels == ("SPEAKER_00", "SPEAKER_01")
    assert world.who("later") == {"SPEAKER_00": "carol", "SPEAKER_01": "bob"}


def test_a_stranger_is_named_everywhere(known):
    first, second = known.hear("first", STRANGER, ALICE), known.hear("second", STRANGER)
    [stranger] = known.strangers()
    done = apply(known, first.audio, relabelled(shown(known, first.audio), t0="sam"))
    assert done.new == ("sam",)
    assert {change.recording for change in done.outcome.labels} == {"first.wav", "second.wav"}
    assert known.person("sam").id == stranger.id
    assert samples(known, "sam") == [12, 12]  # of each recording once
    assert shown(known, second.audio)[0].label == "sam"
    assert known.strangers() == []


def test_half_of_a_stranger_is_named_here_alone(known):
    first, _ = known.hear("first", (STRANGER, STRANGER)), known.hear("second", STRANGER)
    [stranger] = known.strangers()
    done = apply(known, first.audio, relabelled(shown(known, first.audio), t1="sam"))
    assert f"`spk unknowns name {stranger.label} sam` names it" in str(done.refused[0])
    assert known.who("first") == {"SPEAKER_00": stranger.label, "SPEAKER_01": "sam"}
    assert known.who("second") == {"SPEAKER_00": stranger.label}
    assert samples(known, "sam") == []


def test_two_strangers_get_one_name(known):
    found = known.hear("first", STRANGER, OTHER)
    turns = shown(known, found.audio)
    done = apply(known, found.audio, relabelled(turns, t0="sam", t1="sam"))
    assert known.who("first") == {"SPEAKER_00": "sam"}
    assert len(done.outcome.held) == 1
    assert samples(known, "sam") == [12]
    assert len(done.refused) == 1


def test_given_to_a_stranger(known):
    known.hear("first", STRANGER)
    talk = Talk(known, STRANGER)
    [stranger] = known.strangers()
    corrected = relabelled(talk.turns, t1=stranger.label)
    apply(known, talk.audio, corrected)
    assert samples(known, stranger.label) == [12, 12]
    moved = [*corrected[:1], Turn(Segment(13.0, 23.5), stranger.label), *corrected[2:]]
    apply(known, talk.audio, moved)
    assert samples(known, stranger.label) == [12, 10.5]  # in place of what was taken of that voice before
    assert [turn.label for turn in talk.turns] == ["alice", stranger.label, "bob"]


def test_moved_removed_added_split(known):
    talk = Talk(known, BOB)
    first, second, third = relabelled(talk.turns, t1="bob")
    apply(known, talk.audio, [first, second, third])
    assert samples(known, "bob") == [20, 12]
    edited = [
        replace(first, segment=Segment(0.5, 12.0)),
        replace(third, segment=Segment(24.0, 30.0)),
        Turn(Segment(30.0, 36.0), "bob"),
        Turn(Segment(20.0, 23.0), "bob"),
    ]
    done = apply(known, talk.audio, edited)
    counts = {kind.value: count for kind, count in done.changes.counts.items() if count}
    assert counts == {"moved": 2, "split": 1}
    assert done.withdrawn == 1  # most of it is nobody's now
    assert sum(samples(known, "bob")) == 20 + 3 + 12
    assert samples(known, "alice") == [20, 11.5]


def test_a_part_of_a_sample_is_somebody_elses(known):
    """However little: the rest is learnt anew, without it."""
    talk = Talk(known, BOB)
    apply(known, talk.audio, relabelled(talk.turns, t1="bob"))
    first, second, third = talk.turns
    cut = [first, replace(second, segment=Segment(12.0, 23.0)), Turn(Segment(23.0, 24.0), "carol"), third]
    done = apply(known, talk.audio, cut)
    assert (done.withdrawn, done.refused[1:]) == (1, ())  # a second of Carol is too little in all
    assert samples(known, "bob") == [20, 11, 12]


def test_machine_turns_take_nothing_away(known):
    """A sample that a person gave, of a voice that spk takes for another's."""
    talk = Talk(known, BOB)
    audio = talk.audio
    given = NewSample(
        recording=NewRecording(audio.sha256, audio.source, audio.duration),
        segment=Segment(12.0, 36.0),
        sha256=audio.crop(Segment(12.0, 36.0)).sha256,
        net_seconds=24.0,
        quality={},
        origin=Origin.ENROLLED,
        vectors={MODEL.fingerprint: Ears()([audio.crop(Segment(12.0, 36.0)).samples])[0]},
    )
    known.store.enroll(known.gallery, "bob", [given])
    first, *others = talk.turns
    done = apply(known, audio, [replace(first, segment=Segment(1.0, 12.0)), *others])
    assert (done.withdrawn, samples(known, "bob")) == (0, [20, 24])


def exchanged(turns):
    return [turn.relabel({"alice": "bob", "bob": "alice"}.get(turn.label, turn.label)) for turn in turns]


@pytest.mark.parametrize("learn", [Learn.CONFIRMED, Learn.CONFIDENT])
def test_exchanged_and_back(opened, learn):
    """Two people were mixed up; others' labels followed. Put right, all is as if it had been right at first."""
    control = opened("control", learn=learn)
    control.enroll("alice", ALICE)
    control.enroll("bob", BOB)
    first = control.hear("first", ALICE, BOB)
    right = shown(control, first.audio)
    assert [turn.label for turn in right] == ["alice", "bob"]
    wrong = opened("wrong", of=control, learn=learn)
    apply(control, first.audio, right, everything=True)
    done = apply(wrong, first.audio, exchanged(right), force=True)
    assert learnt(done) == {"alice": 12, "bob": 12}
    for world in (control, wrong):
        world.hear("second", ALICE, BOB, STRANGER)
        world.hear("third", (ALICE, BOB), STRANGER, seconds=6)
    assert wrong.picture()["voices"] != control.picture()["voices"]
    done = apply(wrong, first.audio, right, everything=True)
    assert done.withdrawn == 2
    is_, was_to_be = wrong.picture(), control.picture()
    if learn is Learn.CONFIDENT:  # what was learnt meanwhile is older
        del is_["profiles"], was_to_be["profiles"]
    assert is_ == was_to_be


def test_people_who_were_enrolled_from_these_turns_are_exchanged(world):
    found = world.hear("first", ALICE, BOB, strangers=False)
    apply(world, found.audio, relabelled(shown(world, found.audio), t0="bob", t1="alice"))
    world.hear("second", ALICE, BOB)
    assert world.who("second") == {"SPEAKER_00": "bob", "SPEAKER_01": "alice"}
    done = apply(world, found.audio, exchanged(shown(world, found.audio)))
    assert (done.new, done.gone, done.withdrawn) == ((), (), 2)
    assert learnt(done) == {"alice": 12, "bob": 12}
    assert world.who("second") == {"SPEAKER_00": "alice", "SPEAKER_01": "bob"}
    assert {change.recording for change in done.outcome.labels} == {"second.wav"}
    assert [turn.label for turn in shown(world, found.audio)] == ["alice", "bob"]


def test_a_slip_of_the_pen_leaves_nobody_behind(world):
    found = world.hear("first", ALICE, BOB, strangers=False)
    slip = relabelled(shown(world, found.audio), t0="alcie")
    assert apply(world, found.audio, slip).new == ("alcie",)
    done = apply(world, found.audio, relabelled(slip, t0="alice"))
    assert (done.new, done.gone, done.withdrawn) == (("alice",), ("alcie",), 1)
    assert [person.name for person in world.store.speakers(world.gallery)] == ["alice"]
    assert samples(world, "alice") == [12]


def test_whoever_is_known_from_elsewhere_stays(known):
    talk = Talk(known, ALICE)
    apply(known, talk.audio, talk.turns, everything=True)
    done = apply(known, talk.audio, relabelled(talk.turns, t0="carol", t1="carol"), force=True)
    assert (done.gone, done.withdrawn) == ((), 1)
    assert samples(known, "alice") == [20]


@pytest.mark.parametrize("written", ["?", "??", "unknown", "Unknown"])
def test_nobody_whom_the_person_knows(known, written):
    talk = Talk(known, ALICE)
    apply(known, talk.audio, talk.turns, everything=True)
    corrected = relabelled(talk.turns, t0=written, t1=written)
    done = apply(known, talk.audio, corrected)
    assert (done.new, done.withdrawn, samples(known, "alice")) == ((), 1, [20])
    assert known.who("talk") == {"SPEAKER_00": None, "SPEAKER_01": "bob"}  # the machine is not asked again
    assert apply(known, talk.audio, corrected).outcome.change == 0
    known.corrections().again()
    assert known.who("talk")["SPEAKER_00"] is None


@pytest.mark.parametrize(("one", "other"), [("SPEAKER_01", "SPEAKER_00"), (str(UUID(int=7)), str(UUID(int=8)))])
def test_another_diarization_says_nothing_of_people(known, one, other):
    """Its labels are numbers or ids of its own: voices are judged anew, and nothing that was learnt is lost."""
    talk = Talk(known, ALICE)
    apply(known, talk.audio, talk.turns, everything=True)
    done = apply(known, talk.audio, relabelled(talk.turns, t0=one, t1=one, t2=other))
    assert (done.withdrawn, done.new) == (0, ())
    assert [turn.label for turn in talk.turns] == ["alice", "alice", "bob"]


def test_labels_of_the_diarization_mean_whose_the_voices_are(known):
    talk = Talk(known)
    numbers = relabelled(talk.turns, t0="SPEAKER_00", t1="SPEAKER_00", t2="SPEAKER_01")
    with unchanged(known):
        assert not apply(known, talk.audio, numbers).changes.touched


def test_a_stranger_who_is_somebody_by_now(known):
    """The file is older than that."""
    found = known.hear("first", STRANGER, ALICE)
    older = shown(known, found.audio)
    [stranger] = known.strangers()
    known.enroll("sam", STRANGER)
    known.corrections().merge(stranger, known.person("sam"))
    assert not apply(known, found.audio, older).changes.touched
    assert known.who("first") == {"SPEAKER_00": "sam", "SPEAKER_01": "alice"}


def test_what_is_unlike_the_person_is_stored_and_not_learnt(known):
    talk = Talk(known)
    corrected = relabelled(talk.turns, t1="bob")
    done = apply(known, talk.audio, corrected)
    assert "does not sound like the rest of bob's speech" in str(done.refused[0])
    assert (learnt(done), samples(known, "bob")) == ({}, [20])
    assert [turn.label for turn in talk.turns] == ["alice", "bob", "bob"]
    assert learnt(apply(known, talk.audio, corrected, force=True)) == {"bob": 12}


def test_gates_refuse(known):
    talk = Talk(known)
    done = apply(known, talk.audio, relabelled(talk.turns, t1="carol"), gates=Gates())
    assert "dB above the noise" in str(done.refused[0])
    assert known.who("talk")["SPEAKER_02"] == "carol"
    assert samples(known, "carol") == []


def test_the_same_audio_elsewhere(known):
    """Whom it was enrolled for, from a clip that was cut out, keeps it."""
    talk = Talk(known)
    sample = known.enroll("dave", CAROL)
    with known.store._database.write() as tx:
        tx.exec_driver_sql(
            "UPDATE samples SET sha256 = ? WHERE id = ?",
            (talk.audio.crop(Segment(12.0, 24.0)).sha256, sample.id.hex),
        )
    done = apply(known, talk.audio, relabelled(talk.turns, t1="dave"), everything=True)
    assert learnt(done) == {"bob": 12}
    done = apply(known, talk.audio, relabelled(talk.turns, t1="carol"), gates=replace(SILENT, total_seconds=0))
    assert len(done.refused) == 1
    assert samples(known, "carol") == []


def test_never_learns_where_that_is_wished(opened):
    world = opened("home", learn=Learn.NEVER)
    talk = Talk(world)
    done = apply(world, talk.audio, relabelled(talk.turns, t0="alice", t1="carol", t2="bob"), everything=True)
    assert done.taught == ()
    assert [turn.label for turn in talk.turns] == ["alice", "carol", "bob"]


def test_a_preview(known):
    talk = Talk(known)
    files = sorted(known.store.path.rglob("*.flac"))
    with unchanged(known):
        done = apply(known, talk.audio, relabelled(talk.turns, t1="carol"), dry_run=True)
    assert (done.new, learnt(done), done.outcome.change) == (("carol",), {"carol": 12}, 0)
    assert sorted(known.store.path.rglob("*.flac")) == files
    assert not known.store.heard(known.gallery, talk.audio.sha256).corrected


@pytest.mark.parametrize("keep", KeptAudio)
def test_clips(known, keep):
    talk = Talk(known)
    apply(known, talk.audio, relabelled(talk.turns, t1="carol"), keep=keep)
    assert len(known.store.clips(known.person("carol"))) == (keep is not KeptAudio.NONE)


def test_nothing_is_half_done(known, monkeypatch):
    talk = Talk(known)

    def fails(*_, **__):
        raise StoreError("the disk is full")

    corrected = relabelled(talk.turns, t1="carol")
    files = sorted(known.store.path.rglob("*.flac"))
    with monkeypatch.context() as patched, unchanged(known):
        patched.setattr(Change, "audit", fails)
        with pytest.raises(StoreError):
            apply(known, talk.audio, corrected)
    assert sorted(known.store.path.rglob("*.flac")) == files
    assert known.store.heard(known.gallery, talk.audio.sha256).corrected is False


def test_two_people_correct_it_at_once(known, monkeypatch):
    talk = Talk(known)
    corrected = relabelled(talk.turns, t1="carol")
    listen = Enroller.listen

    def slowly(self, *some):
        monkeypatch.setattr(Enroller, "listen", listen)
        apply(known, talk.audio, relabelled(corrected, t1="dave"))
        return listen(self, *some)

    monkeypatch.setattr(Enroller, "listen", slowly)
    with pytest.raises(ConflictError, match="meanwhile"):
        apply(known, talk.audio, corrected)
    assert talk.turns[1].label == "dave"


def test_not_these_turns(known):
    talk = Talk(known)
    with unchanged(known):
        with pytest.raises(InputError, match="there are no turns"):
            apply(known, talk.audio, [])
        with pytest.raises(InputError, match="there are no turns"):
            apply(known, talk.audio, [Turn(Segment(36.1, 36.4), "bob")])
        with pytest.raises(AudioError, match="check that these are its turns"):
            apply(known, talk.audio, [*talk.turns, Turn(Segment(36.0, 37.0), "bob")])
        with pytest.raises(InputError, match="200 characters"):
            apply(known, talk.audio, relabelled(talk.turns, t1="a" * 201))


def test_overlapping_turns_of_one_person_and_ends_beyond_the_end(known):
    talk = Talk(known)
    turns = [*talk.turns, Turn(Segment(30.0, 36.4), "bob"), Turn(Segment(1.0, 2.0), "alice", talk.turns[0].id)]
    apply(known, talk.audio, turns)
    assert len(talk.turns) == 5
    assert len({turn.id for turn in talk.turns}) == 5
    assert max(turn.end for turn in talk.turns) == talk.audio.duration


def test_what_is_identified_again_stays_corrected(known):
    talk = Talk(known)
    apply(known, talk.audio, relabelled(talk.turns, t1="carol"))
    with unchanged(known):
        assert known.hear("talk", (ALICE, CAROL), BOB).corrected
    assert not known.hear("another", BOB).corrected
    assert len(talk.turns) == 3


class OtherEars(Ears):
    model = ModelId("other", "0" * 64)


def test_by_another_model(known):
    """What was learnt by the one stays, and the same turns teach the other."""
    talk = Talk(known)
    corrected = relabelled(talk.turns, t1="carol")
    apply(known, talk.audio, corrected)
    profile = known.store.profile(known.person("carol"), MODEL.fingerprint)
    done = apply(known, talk.audio, corrected, embedder=OtherEars(), everything=True)
    assert learnt(done)["carol"] == 12
    carol = known.person("carol")
    assert samples(known, "carol") == [12]
    assert (known.store.profile(carol, MODEL.fingerprint).vectors == profile.vectors).all()
    assert len(known.store.profile(carol, OtherEars.model.fingerprint).vectors) == 1
    assert [turn.label for turn in talk.turns] == ["alice", "carol", "bob"]


def test_erased_after_that(known):
    talk = Talk(known)
    apply(known, talk.audio, relabelled(talk.turns, t1="carol"))
    assert known.store.erase([known.person("carol")]).proved
    assert known.who("talk")["SPEAKER_02"] is None
    assert "carol" not in [turn.label for turn in talk.turns]


def test_a_voice_drawn_without_a_name_stays_the_machines_word(known):
    talk = Talk(known)
    nameless = relabelled(talk.turns, t1="SPEAKER_07")
    apply(known, talk.audio, nameless)
    apply(known, talk.audio, relabelled(nameless, t2="carol"))
    voices = known.store.heard(known.gallery, talk.audio.sha256).voices
    assert {voice.label: voice.said.said_by for voice in voices}["SPEAKER_07"] is SaidBy.MACHINE


LABELS = st.sampled_from(
    ["as it is"] * 4 + ["alice", "bob", "carol", "stranger", "?", "SPEAKER_00", "SPEAKER_07", "removed"]
)
EDITS = st.lists(st.tuples(LABELS, st.integers(-4, 4), st.integers(-4, 4)), min_size=6, max_size=6)


@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
@example(  # a new voice, written as one that is somebody's now
    edits=[
        ("stranger", 4, 1),
        ("removed", 0, 0),
        ("removed", 0, 0),
        ("SPEAKER_00", 1, 2),
        ("as it is", 1, 2),
        ("alice", -1, -2),
    ],
    everything=False,
    force=False,
)
@given(edits=EDITS, everything=st.booleans(), force=st.booleans())
def test_whatever_is_corrected_can_be_undone(edits, everything, force):
    """And done twice it is done once; a preview says the same as the deed."""
    with TemporaryDirectory() as home, Store.open(Path(home)) as store:
        world = World(store, store.gallery("default", create=True))
        world.enroll("alice", ALICE, seconds=4.0)
        world.enroll("bob", BOB, seconds=4.0)
        world.hear("elsewhere", STRANGER, CAROL, seconds=6.0)
        audio = world.hear("talk", (ALICE, CAROL, STRANGER), (BOB, STRANGER), OTHER, seconds=6.0).audio
        stranger = world.strangers()[0].label
        corrected = []
        for turn, (label, early, late) in zip(shown(world, audio), edits, strict=True):
            start, end = max(0.0, turn.start + early / 4), min(audio.duration, turn.end + late / 4)
            who = {"as it is": turn.label, "stranger": stranger}.get(label, label)
            if label != "removed":
                corrected.append(Turn(Segment(start, end), who, turn.id))
        assume(corrected)
        how = {"everything": everything, "force": force}
        before = world.picture()
        preview = apply(world, audio, corrected, dry_run=True, **how)
        assert world.picture() == before
        done = apply(world, audio, corrected, **how)
        assert replace(done, outcome=preview.outcome, refused=preview.refused) == preview
        after = world.picture()
        again = apply(world, audio, corrected, everything=everything)
        assert (again.taught, again.new, again.gone, again.withdrawn) == ((), (), (), 0)
        assert without_numbers(world.picture()) == without_numbers(after)
        world.corrections().undo(last=2 if again.outcome.change else 1)
        assert world.picture() == before


def without_numbers(picture):
    """Whose everything is, and by whose word."""
    said = {key: (label.said_by, label.speaker, whose) for key, (label, whose, _) in picture["voices"].items()}
    return picture["people"], picture["samples"], said


def test_in_postgresql(tmp_path, postgresql):
    url = servers.database(postgresql.administrator, "test")
    try:
        with Store.open(tmp_path / "home", database=url) as store:
            world = World(store, store.gallery("default", create=True))
            world.enroll("alice", ALICE)
            world.enroll("bob", BOB)
            talk = Talk(world)
            before = world.picture()
            done = apply(world, talk.audio, relabelled(talk.turns, t1="carol"))
            assert learnt(done) == {"carol": 12}
            assert [turn.label for turn in talk.turns] == ["alice", "carol", "bob"]
            world.corrections().undo()
            assert world.picture() == before
    finally:
        postgresql.drop_databases()
