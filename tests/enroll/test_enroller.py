"""What an enrollment does with what it is given: stand-ins for the models, so that every case can be made."""

from dataclasses import replace

import numpy as np
import pytest

from spk.audio import Audio
from spk.enroll import Excerpt, excerpts_of_turns
from spk.errors import AudioError, ConflictError, RefusedError
from spk.store import Origin
from spk.timeline import Segment, Timeline, Turn

ANN, BOB, CAROL = 300, 1500, 5000  # hertz


def said(*parts: Audio) -> Audio:
    return Audio(np.concatenate([part.samples for part in parts]), "joined.wav")


@pytest.fixture
def offered(voice):
    """``offered(ANN, BOB)``: an excerpt of four seconds each, all different."""

    def offered(*people: int, seconds: float = 4.0, first: int = 0) -> list[Excerpt]:
        return [Excerpt(voice(hertz, seconds, seed)) for seed, hertz in enumerate(people, start=first)]

    return offered


def reasons(report) -> list[str]:
    return [str(error) for error in report.refused]


def test_everything_is_stored(toy, offered):
    report = toy.enroll("ann", offered(ANN, ANN), origin=Origin.CONFIRMED)
    assert report.refused == ()
    assert report.net_seconds == 8
    speaker = toy.store.speaker(toy.gallery, "ann")
    assert report.enrollment.speaker == speaker
    samples = toy.store.samples(speaker)
    assert [sample.recording.source for sample in samples] == ["300-0.wav", "300-1.wav"]
    assert [sample.net_seconds for sample in samples] == [4, 4]
    assert {sample.origin for sample in samples} == {Origin.CONFIRMED}
    assert set(samples[0].quality) == {"net_seconds", "snr_db", "clipped", "level_db"}
    assert samples[0].forced == ()


def test_a_second_enrollment_adds(toy, offered):
    toy.enroll("ann", offered(ANN))
    report = toy.enroll(" ann ", offered(ANN, first=5))
    assert report.net_seconds == 8
    assert len(toy.store.speakers(toy.gallery)) == 1


def test_provisional_until_thirty_seconds(toy, offered):
    assert toy.enroll("ann", offered(*[ANN] * 7)).provisional
    assert not toy.enroll("ann", offered(ANN, first=7)).provisional


def test_the_good_files_go_on(toy, offered):
    silence = Excerpt(Audio(np.zeros(32_000, np.float32), "silence.wav"))
    quiet_end = Excerpt(replace(offered(ANN)[0].audio, source="short.wav").crop(Segment(0, 0.1)))
    report = toy.enroll("ann", [silence, quiet_end, *offered(ANN)])
    assert len(report.enrollment.added) == 1
    assert reasons(report) == [
        "silence.wav: holds no speech: check the recording and its level",
        "short.wav: 0.10 s of speech are too short for fake, which needs 0.25 s: record more",
    ]
    assert [type(error) for error in report.refused] == [RefusedError, AudioError]


def test_nothing_fit_stores_nobody(toy, offered):
    report = toy.enroll("ann", offered(ANN, seconds=0.4))
    assert report.enrollment is None
    assert report.provisional
    assert toy.store.speakers(toy.gallery) == []


# The same audio


def test_the_same_file_twice_counts_once(toy, offered):
    [excerpt] = offered(ANN)
    report = toy.enroll("ann", [excerpt, excerpt])
    assert len(report.enrollment.added) == 1
    assert report.net_seconds == 4
    again = toy.enroll("ann", [Excerpt(replace(excerpt.audio, source="copy.flac"))])
    assert (again.enrollment.added, len(again.enrollment.already)) == ((), 1)
    assert again.net_seconds == 4


def test_overlapping_parts_of_a_file_count_once(toy, voice):
    audio = voice(ANN, 20.0)
    report = toy.enroll("ann", [Excerpt(audio, Segment(2, 10)), Excerpt(audio, Segment(4, 11))])
    assert [sample.segment for sample in report.enrollment.added] == [Segment(2, 10)]
    later = toy.enroll("ann", [Excerpt(audio, Segment(10, 16))])
    assert later.net_seconds == 14


def test_the_same_short_file_twice_is_still_too_little(toy, offered):
    report = toy.enroll("ann", offered(ANN, seconds=1.5) * 2)
    assert report.enrollment is None
    assert "only 1.5 s of speech in all, 2 s are needed: give more recordings" in reasons(report)[0]


def test_somebody_elses_audio_is_refused(toy, offered):
    toy.enroll("ann", offered(ANN))
    report = toy.enroll("bob", offered(ANN), force=False)
    assert report.enrollment is None
    assert "enrolled as ann" in reasons(report)[0]


def test_the_store_has_a_say_too(toy, offered, monkeypatch):
    toy.enroll("ann", offered(ANN))
    monkeypatch.setattr("spk.enroll.enroller.Enroller._somebody_else", lambda _, _name, fit, _existing: fit)
    report = toy.enroll("bob", offered(ANN))
    assert isinstance(report.refused[0], ConflictError)
    assert report.enrollment is None


# Too little


def test_too_little_in_all(toy, offered):
    report = toy.enroll("ann", offered(ANN, seconds=1.5))
    assert report.enrollment is None
    assert reasons(report) == [
        "300-0.wav: only 1.5 s of speech in all, 2 s are needed: give more recordings",
    ]
    assert toy.enroll("ann", offered(ANN, ANN, seconds=1.5)).net_seconds == 3


def test_what_is_known_already_counts(toy, offered):
    toy.enroll("ann", offered(ANN))
    assert toy.enroll("ann", offered(ANN, seconds=1.0, first=5)).net_seconds == 5


# Other voices


def test_a_file_unlike_the_rest_is_refused_alone(toy, offered):
    report = toy.enroll("ann", offered(ANN, ANN, BOB, ANN))
    assert len(report.enrollment.added) == 3
    assert len(report.refused) == 1
    assert "1500-2.wav: does not sound like the rest of ann's speech (LLR -" in reasons(report)[0]


def test_of_two_that_disagree_neither_is_taken(toy, offered):
    report = toy.enroll("ann", offered(ANN, BOB))
    assert report.enrollment is None
    assert len(report.refused) == 2
    assert all("of two voices nobody knows which is right" in reason for reason in reasons(report))


def test_the_profile_decides_where_there_is_one(toy, offered):
    toy.enroll("ann", offered(ANN))
    report = toy.enroll("ann", offered(BOB, ANN, BOB, first=5))
    assert [sample.recording.source for sample in report.enrollment.added] == ["300-6.wav"]
    assert all("does not sound like the rest" in reason for reason in reasons(report))
    alone = toy.enroll("ann", offered(BOB, first=9))
    assert alone.enrollment is None


def test_known_under_another_name(toy, offered):
    toy.enroll("ann", offered(ANN, ANN))
    report = toy.enroll("anna", offered(ANN, ANN, first=5))
    assert report.enrollment is None
    assert "this voice is enrolled as ann (LLR " in reasons(report)[0]
    assert "check whose it is, or use that name" in reasons(report)[0]


def test_kept_as_a_stranger(toy, offered):
    toy.enroll("ann", offered(ANN, ANN))
    [person] = toy.store.speakers(toy.gallery)
    sample = replace_origin(toy, voice_of=offered(BOB)[0])
    stranger = toy.store.enroll(toy.gallery, None, [sample]).speaker
    report = toy.enroll("bob", offered(BOB, first=5))
    assert f"this voice is kept as {stranger.label}" in reasons(report)[0]
    assert f"`spk unknowns name {stranger.label} bob` names it" in reasons(report)[0]
    assert person.name == "ann"
    assert toy.enroll(stranger.label, offered(BOB, first=5)).refused == ()


def replace_origin(toy, voice_of: Excerpt):
    """The excerpt as a sample that came by itself."""
    candidate = toy.enroll._hear(voice_of, Origin.ONLINE)
    return candidate.sample


def test_several_voices_are_refused(toy, voice):
    conversation = said(voice(ANN, 8.0), voice(BOB, 3.0))
    turns = Timeline([Turn(Segment(0, 8), "SPEAKER_00"), Turn(Segment(8, 11), "SPEAKER_01")])
    report = replace(toy, diarizer=script(toy, turns)).enroll("ann", [Excerpt(conversation)])
    assert report.enrollment is None
    assert reasons(report) == [
        "joined.wav: more than one voice: somebody else speaks for 3.0 s: "
        "cut the recording, or correct its turns and enroll those"
    ]


def test_one_voice_that_the_diarizer_takes_for_two_is_not(toy, voice):
    turns = Timeline([Turn(Segment(0, 8), "SPEAKER_00"), Turn(Segment(8, 11), "SPEAKER_01")])
    report = replace(toy, diarizer=script(toy, turns)).enroll("ann", [Excerpt(voice(ANN, 11.0))])
    assert report.refused == ()


def test_corrected_turns_are_not_doubted(toy, voice):
    conversation = said(voice(ANN, 8.0), voice(BOB, 3.0))
    turns = Timeline([Turn(Segment(0, 8), "SPEAKER_00"), Turn(Segment(8, 11), "SPEAKER_01")])
    excerpt = Excerpt(conversation, Segment(0, 11), (Segment(0, 8), Segment(8, 11)))
    assert replace(toy, diarizer=script(toy, turns)).enroll("ann", [excerpt]).refused == ()


def script(toy, turns: Timeline):
    return type(toy.diarizer)(turns)


# Force


def test_force_stores_and_records_the_gates(toy, offered):
    toy.enroll("bob", offered(BOB, BOB))
    report = toy.enroll("ann", offered(BOB, ANN, first=5), force=True)
    assert report.refused == ()
    assert {sample.forced for sample in report.enrollment.added} == {("unlike", "known otherwise")}
    report = toy.enroll("robert", offered(BOB, seconds=0.5, first=9), force=True)
    [sample] = report.enrollment.added
    assert sample.forced == ("net speech", "known otherwise", "total")
    assert "bob" not in repr(sample.forced)


def test_force_does_not_make_speech(toy):
    silence = Excerpt(Audio(np.zeros(32_000, np.float32), "silence.wav"))
    report = toy.enroll("ann", [silence], force=True)
    assert report.enrollment is None
    assert len(report.refused) == 1


# Parts of recordings


def test_only_the_part_is_heard(toy, voice):
    conversation = said(voice(BOB, 6.0), voice(ANN, 6.0))
    toy.enroll("ann", [Excerpt(conversation, Segment(6, 12))])
    [profile] = toy.store.profiles(toy.gallery, toy.embedder.model.fingerprint)
    [expected] = toy.embedder([voice(ANN, 6.0).samples])
    assert profile.vectors[0] @ expected > 0.999
    [sample] = toy.store.samples(profile.speaker)
    assert (sample.segment, sample.parts) == (Segment(6, 12), (Segment(6, 12),))


def test_silence_within_corrected_turns_is_no_speech(toy, voice):
    pause = Audio(np.zeros(48_000, np.float32), "pause.wav")
    audio = said(voice(ANN, 5.0), pause, voice(ANN, 4.0, seed=1))
    halves = replace(toy, vad=lambda _: (Segment(0.0, 5.0), Segment(8.0, 12.0)))
    report = halves.enroll("ann", [Excerpt(audio, Segment(0, 12), (Segment(0, 12),))])
    assert report.net_seconds == 9


def test_turns_are_pooled_without_overlap(voice):
    audio = voice(ANN, 60.0)
    turns = Timeline(
        [
            *(Turn(Segment(start, start + 3), "ann") for start in range(0, 40, 4)),  # 30 s
            Turn(Segment(2, 5), "bob"),  # 1 s over ann's first turn and 1 s over her second
            Turn(Segment(50, 50.2), "carol"),
            Turn(Segment(41, 42), "dave"),
            Turn(Segment(41, 42), "erin"),
        ]
    )
    people = dict(excerpts_of_turns(audio, turns))
    assert list(people) == ["ann", "bob", "dave", "erin", "carol"]
    assert people["carol"] == people["dave"] == people["erin"] == []
    ann = [part for excerpt in people["ann"] for part in excerpt.parts]
    assert ann[:2] == [Segment(0, 2), Segment(5, 7)]
    assert [sum(part.duration for part in excerpt.parts) for excerpt in people["ann"]] == [10, 12, 6]
    assert people["ann"][0].segment == Segment(0, 15)
    [bob] = people["bob"]
    assert bob.parts == (Segment(3, 4),)


@pytest.mark.parametrize("seconds", [0.4, 9.9, 10.4, 14.9, 15.1, 31.0])
def test_no_sample_of_turns_is_a_leftover(voice, seconds):
    turns = Timeline(Turn(Segment(start, min(start + 0.9, seconds)), "ann") for start in np.arange(0, seconds, 1.0))
    [(_, excerpts)] = excerpts_of_turns(voice(ANN, seconds), turns)
    pooled = [sum(part.duration for part in excerpt.parts) for excerpt in excerpts]
    assert max(pooled) < 16
    assert min(pooled) >= min(5, sum(turn.duration for turn in turns) - 0.3)


def test_parts_are_named_by_their_times(voice):
    audio = voice(ANN)
    assert Excerpt(audio).source == "300-0.wav"
    assert Excerpt(audio, Segment(1.25, 3.5)).source == "300-0.wav (1.2-3.5 s)"


# Models


def test_another_model_may_enroll_the_same_person(toy, offered):
    toy.enroll("ann", offered(ANN))
    model = replace(toy.embedder.model, name="other", fingerprint="f" * 64)
    other = replace(
        toy,
        embedder=replace(toy.embedder, model=model),
        calibration=replace(toy.calibration, model="other", fingerprint=model.fingerprint),
    )
    report = other.enroll("ann", offered(ANN))
    assert report.refused == ()
    assert report.net_seconds == 4
    [speaker] = toy.store.speakers(toy.gallery)
    assert {len(toy.store.voiceprints(speaker)), len(toy.store.samples(speaker))} == {2, 1}
