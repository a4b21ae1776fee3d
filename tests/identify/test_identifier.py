import json
from dataclasses import replace

import numpy as np
import pytest

from spk.audio import Audio, load
from spk.diarize import SpeakerCount
from spk.embed import ModelId
from spk.enroll import Excerpt, excerpts_of_turns
from spk.errors import AudioError, FingerprintError, InputError
from spk.formats.rttm import read_rttm
from spk.identify import Decision, GalleryScorer, Identifier, OperatingPoint, Verdict, identifier, joint
from spk.identify.scoring import AsNorm
from spk.timeline import Segment, Timeline, Turn

ANN, BOB, CAROL = 300, 1500, 5000  # hertz
STRANGER = 2700
OF_A_VOICE = {"label", "net_speech", "probability", "false_alarm", "margin", "provisional", "candidate", "runner_up"}
OF_A_VOICE |= {"same_voice_as", "too_short", "stranger", "kept"}
OURS = {"speaker_id", "name", "verdict", "score", "cosine", "llr"}


@pytest.fixture
def known(toy, voice):
    """A gallery in which ann and bob are."""
    for name, hertz in {"ann": ANN, "bob": BOB}.items():
        assert toy.enroll(name, [Excerpt(voice(hertz)), Excerpt(voice(hertz, seed=1))]).enrollment
    return toy


@pytest.fixture
def recording(voice):
    """``recording((ANN, 4.0), (BOB, 2.0))``: people one after the other, and the turns that say so."""

    def recording(*spoken: tuple[int, float], source: str = "talk.wav") -> tuple[Audio, Timeline]:
        parts = [voice(hertz, seconds, seed=number + 5) for number, (hertz, seconds) in enumerate(spoken)]
        edges = np.cumsum([0, *(part.duration for part in parts)])
        labels = {hertz: f"SPEAKER_{number:02d}" for number, hertz in enumerate(dict(spoken))}
        turns = zip(edges, edges[1:], spoken, strict=False)
        timeline = Timeline(Turn(Segment(float(start), float(end)), labels[hertz]) for start, end, (hertz, _) in turns)
        return Audio(np.concatenate([part.samples for part in parts]), source), timeline

    return recording


def identified(room, recording):
    audio, turns = recording
    return replace(room, diarizer=type(room.diarizer)(turns)).identify.recording(audio)


def names(found) -> list[str | None]:
    return [voice.name for voice in found.voices]


def verdicts(found) -> list[Verdict]:
    return [voice.verdict for voice in found.voices]


def test_everybody_gets_their_name(known, recording):
    found = identified(known, recording((ANN, 4.0), (BOB, 3.0), (STRANGER, 3.0), (ANN, 2.0)))
    assert names(found) == ["ann", "bob", None]
    assert verdicts(found) == [Verdict.KNOWN, Verdict.KNOWN, Verdict.UNKNOWN]
    assert [turn.label for turn in found.named] == ["ann", "bob", "SPEAKER_02", "ann"]
    ann = found.voices[0]
    assert ann.net_seconds == 6
    assert ann.runner_up.name == "bob"
    assert ann.match.margin > 5
    assert ann.provisional


@pytest.fixture
def split(recording):
    """A recording in which the diarization takes ann for two."""
    audio, _ = recording((ANN, 4.0), (BOB, 3.0), (ANN, 3.0))
    turns = Timeline(Turn(Segment(start, end), f"SPEAKER_{start}") for start, end in ((0, 4), (4, 7), (7, 10)))
    return audio, turns


def test_voices_that_are_one_by_their_sound_share_a_name(known, split):
    found = identified(known, split)
    assert names(found) == ["ann", "bob", "ann"]
    assert [voice.same_voice_as for voice in found.voices] == [("SPEAKER_7",), (), ("SPEAKER_0",)]
    first, _, third = found.voices
    assert first.match == third.match
    assert (first.net_seconds, third.net_seconds) == (4, 3)
    assert not np.array_equal(first.vector, third.vector)
    assert [entry["same_voice_as"] for entry in found.to_json()["speakers"]] == [["SPEAKER_7"], [], ["SPEAKER_0"]]


def test_no_other_two_voices_get_one_name(known, split, monkeypatch):
    monkeypatch.setattr(joint, "SAME_VOICE", 100.0)
    found = identified(known, split)
    assert sorted(map(str, names(found))) in (["None", "None", "bob"], ["None", "ann", "bob"])
    assert Verdict.UNKNOWN not in verdicts(found)  # who loses a name is no stranger
    assert {voice.same_voice_as for voice in found.voices} == {()}


def test_who_counted_the_voices_is_believed(known, split):
    audio, turns = split
    identify = replace(known, diarizer=type(known.diarizer)(turns)).identify
    assert names(identify.recording(audio, count=SpeakerCount(least=2))) == ["ann", "bob", "ann"]
    assert names(identify.recording(audio, count=SpeakerCount.exactly(3))).count("ann") <= 1


def test_two_channels_are_two_people(known, voice):
    quiet = np.zeros(64_000, np.float32)
    left = Audio(np.concatenate([voice(ANN, 4.0, 8).samples, quiet]), "call.wav (channel 1)")
    right = Audio(np.concatenate([quiet, voice(ANN, 4.0, 9).samples]), "call.wav (channel 2)")
    by_channel = {id(left.samples): (Segment(0, 4),), id(right.samples): (Segment(4, 8),)}
    found = replace(known, vad=lambda audio: by_channel[id(audio.samples)]).identify.channels([left, right])
    assert names(found).count("ann") <= 1


def test_a_stranger_taken_for_two_is_kept_once(known, voice):
    turns = Timeline(Turn(Segment(start, start + 6), f"SPEAKER_{start}") for start in (0, 6))
    found = identified(known, (voice(STRANGER, 12.0, seed=9), turns))
    assert verdicts(found) == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    one, other = known.remember(found).voices
    assert one.kept_as.id == other.kept_as.id
    assert len(known.store.samples(one.kept_as)) == 2


def test_attendees_alone_are_compared(known, recording):
    heard = recording((ANN, 4.0), (BOB, 3.0))
    ann = known.store.speaker(known.gallery, "ann")
    scorer = GalleryScorer(known.store, known.gallery, known.embedder.model, known.calibration, [ann, ann])
    audio, turns = heard
    found = Identifier(scorer, known.embedder, known.vad, type(known.diarizer)(turns)).recording(audio)
    assert names(found) == ["ann", None]
    assert found.voices[0].runner_up is None
    assert (found.to_json()["people"], found.to_json()["attendees"]) == (2, ["ann"])
    assert np.array_equal(scorer.scorer.centre, known.scorer.scorer.centre)  # still of the whole gallery
    with pytest.raises(InputError, match="there are no attendees"):
        GalleryScorer(known.store, known.gallery, known.embedder.model, known.calibration, [])


def test_false_alarms_are_limited_only_where_they_are_known(known, recording):
    point = OperatingPoint.from_fpir(0.01)
    found = identified(known, recording((ANN, 4.0), (STRANGER, 3.0)))
    rates = [voice.match.false_alarm for voice in found.voices]
    assert rates[0] < 0.01 < rates[1]
    assert [entry["false_alarm"] for entry in found.to_json()["speakers"]] == [float(f"{rate:.3g}") for rate in rates]
    limited = replace(known.identify, point=point)
    assert names(limited.single(recording((ANN, 4.0))[0])) == ["ann"]
    ignorant = replace(known, calibration=replace(known.calibration, false_alarms=None))
    assert ignorant.identify.single(recording((ANN, 4.0))[0]).voices[0].match.false_alarm is None
    with pytest.raises(InputError, match="fit one with `spk calibrate`"):
        replace(ignorant.identify, point=point)


def test_overlapped_speech_is_not_embedded(known, voice):
    samples = np.concatenate([voice(ANN, 4.0).samples, voice(ANN, 4.0, 1).samples + voice(BOB, 4.0).samples])
    audio = Audio(np.concatenate([samples, voice(BOB, 2.0).samples]), "both.wav")
    turns = Timeline([Turn(Segment(0, 8), "SPEAKER_00"), Turn(Segment(4, 10), "SPEAKER_01")])
    found = identified(known, (audio, turns))
    assert [voice.speech.parts for voice in found.voices] == [(Segment(0, 4),), (Segment(8, 10),)]
    assert names(found) == ["ann", "bob"]


def test_who_never_speaks_alone_stays_unsure(known, voice):
    audio = Audio(voice(ANN, 8.0).samples + voice(BOB, 8.0).samples, "both.wav")
    turns = Timeline([Turn(Segment(0, 8), "SPEAKER_00"), Turn(Segment(2, 5), "SPEAKER_01")])
    found = identified(known, (audio, turns))
    bob = found.voices[1]
    assert (bob.verdict, bob.name, bob.net_seconds, bob.vector) == (Verdict.UNSURE, None, 0, None)


def test_a_word_is_too_little_to_judge(known, recording):
    found = identified(known, recording((ANN, 4.0), (BOB, 0.4)))
    assert names(found) == ["ann", None]
    word = found.voices[1].to_json()
    assert word["verdict"] == "unsure"
    assert word["candidate"]["name"] == "bob"  # the scores are given, the verdict is not
    assert word["llr"] > 0
    assert word["net_speech"] == pytest.approx(0.4)


def test_a_score_that_is_no_cosine_is_not_called_one(known, recording):
    heard = recording((ANN, 4.0))
    voice = identified(known, heard).to_json()["turns"][0]
    assert voice["score"] == voice["cosine"] > 0.9
    recipe = AsNorm(top=2, size=4).fit(np.eye(known.embedder.dim), range(known.embedder.dim))
    other = replace(known, calibration=replace(known.calibration, recipe=recipe))
    voice = identified(other, heard).to_json()["turns"][0]
    assert (voice["score"] is None, voice["cosine"]) == (False, None)


def test_a_syllable_is_too_little_for_the_model(known, recording):
    found = identified(known, recording((ANN, 4.0), (BOB, 0.2)))
    syllable = found.voices[1].to_json()
    assert syllable["verdict"] == "unsure"
    unsaid = ("score", "cosine", "llr", "candidate", "runner_up", "margin", "false_alarm")
    assert {syllable[key] for key in unsaid} == {None}


def test_a_word_takes_nobodys_name(known, recording):
    audio, _ = recording((ANN, 4.0), (ANN, 0.4))
    turns = Timeline([Turn(Segment(0, 4), "SPEAKER_00"), Turn(Segment(4, 4.4), "SPEAKER_01")])
    found = identified(known, (audio, turns))
    assert verdicts(found) == [Verdict.KNOWN, Verdict.UNSURE]
    assert [voice.same_voice_as for voice in found.voices] == [(), ()]
    alone = identified(known, (audio, Timeline([turns[0]])))
    assert alone.voices[0].match.probability == pytest.approx(found.voices[0].match.probability)


def test_nobody_says_enough(known, recording):
    found = identified(known, recording((ANN, 0.3), (BOB, 0.2)))
    assert verdicts(found) == [Verdict.UNSURE, Verdict.UNSURE]


def test_scraps_are_left_out_unless_there_is_nothing_else(known, voice):
    scraps = [Segment(start, start + 0.2) for start in np.arange(10.0, 20.0).tolist()]
    turns = [Turn(part, label) for part in scraps for label in ("SPEAKER_00",)]
    found = identified(known, (voice(ANN, 20.0), Timeline(turns)))
    assert found.voices[0].speech.net_seconds == pytest.approx(2)
    found = identified(known, (voice(ANN, 20.0), Timeline([*turns, Turn(Segment(0, 3), "SPEAKER_00")])))
    assert found.voices[0].speech.parts == (Segment(0, 3),)
    assert found.voices[0].net_seconds == pytest.approx(5)


def test_endless_speech_is_embedded_in_part_and_reported_whole(known, voice, monkeypatch):
    monkeypatch.setattr(identifier, "LONGEST", 5.0)
    turns = Timeline(Turn(Segment(start, end), "SPEAKER_00") for start, end in ((0, 3), (4, 8), (9, 10), (11, 12)))
    found = identified(known, (voice(ANN, 20.0), turns))
    assert found.voices[0].speech.parts == (Segment(0, 3), Segment(4, 8))
    assert found.voices[0].net_seconds == 9
    assert found.to_json()["speakers"][0]["net_speech"] == 9


def test_silence_is_nobody(known):
    silence = Audio(np.zeros(48_000, np.float32), "silence.wav")
    for hear in (known.identify.single, lambda audio: known.identify.channels([audio, audio])):
        with pytest.raises(AudioError, match=r"silence\.wav: holds no speech"):
            hear(silence)
    nobody = replace(known, diarizer=lambda *_, **__: identifier.Diarization(Timeline(), ()))
    with pytest.raises(AudioError, match="holds no speech"):
        nobody.identify.recording(silence)


def test_an_empty_gallery_knows_nobody(toy, recording):
    found = identified(toy, recording((ANN, 4.0), (BOB, 3.0)))
    assert verdicts(found) == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    record = found.to_json()
    assert record["people"] == 0
    assert record["speakers"][0]["candidate"] is None


def test_a_clip_of_one_voice(known, voice):
    found = known.identify.single(voice(BOB, 3.0, seed=9))
    assert (names(found), verdicts(found)) == (["bob"], [Verdict.KNOWN])
    assert [turn.label for turn in found.named] == ["bob"]
    assert known.identify.single(voice(BOB, 0.4, seed=9)).voices[0].verdict is Verdict.UNSURE


def test_one_person_a_channel(known, voice):
    quiet = np.zeros(64_000, np.float32)
    left = Audio(np.concatenate([voice(BOB, 4.0, 8).samples, quiet]), "call.wav (channel 1)")
    right = Audio(np.concatenate([quiet, voice(ANN, 4.0, 8).samples]), "call.wav (channel 2)")
    by_channel = {id(left.samples): (Segment(0, 4),), id(right.samples): (Segment(4, 8),)}
    found = replace(known, vad=lambda audio: by_channel[id(audio.samples)]).identify.channels([left, right])
    assert names(found) == ["bob", "ann"]
    assert [turn.label for turn in found.turns] == ["SPEAKER_00", "SPEAKER_01"]
    assert found.to_json()["recording"] == "call.wav"


def test_the_count_is_passed_on(known, voice):
    asked = []

    def diarizer(audio, *, count, progress):
        asked.append((count, progress))
        return known.diarizer(audio)

    known_by = replace(known, diarizer=diarizer).identify
    known_by.recording(voice(ANN), count=SpeakerCount.exactly(1))
    known_by.recording(voice(ANN), progress=print)
    assert asked == [(SpeakerCount(1, 1), None), (SpeakerCount(), print)]


def test_json_has_what_is_documented(known, recording):
    found = identified(known, recording((ANN, 4.0), (STRANGER, 3.0)))
    record = json.loads(json.dumps(found.to_json(), allow_nan=False))
    described = type(found).to_json.__doc__
    assert record["schema"] == "spk-identification/1"
    assert set(record) == {
        "schema",
        "recording",
        "duration",
        "gallery",
        "people",
        "attendees",
        "model",
        "turns",
        "speakers",
    }
    assert (record["recording"], record["duration"], record["gallery"]) == ("talk.wav", 7.0, "default")
    assert record["people"] == 2
    assert record["model"] == {"name": "fake", "fingerprint": known.embedder.model.fingerprint}
    assert all(set(turn) == {"start", "end", "label", "id"} | OURS for turn in record["turns"])
    for entry in record["speakers"]:
        assert set(entry) == OF_A_VOICE | OURS
    for field in {*record, *record["turns"][0], *record["speakers"][0], *record["model"]}:
        assert f"``{field}``" in described, f"{field} is not documented"
    ann, stranger = record["speakers"]
    assert (ann["name"], ann["candidate"]["name"], ann["runner_up"]["name"]) == ("ann", "ann", "bob")
    assert ann["speaker_id"] == ann["candidate"]["speaker_id"]
    assert (stranger["name"], stranger["speaker_id"], stranger["verdict"]) == (None, None, "unknown")
    assert stranger["candidate"] is not None


def test_another_models_gallery_is_an_error(known):
    other = ModelId("other", "f" * 64)
    stranger = replace(
        known,
        embedder=replace(known.embedder, model=other),
        calibration=replace(known.calibration, model=other.name, fingerprint=other.fingerprint),
    )
    with pytest.raises(FingerprintError, match=r"nobody in the gallery .* is enrolled by the model other") as caught:
        _ = stranger.identify
    assert "\n" not in str(caught.value)


def test_a_stranger_who_is_kept_has_an_id_and_no_name(known, recording):
    kept = known.remember(identified(known, recording((STRANGER, 6.0))))
    [first] = kept.to_json()["speakers"]
    again = identified(known, recording((STRANGER, 3.0), source="later.wav"))
    [second] = again.to_json()["speakers"]
    assert first["speaker_id"] == second["speaker_id"] is not None
    assert (second["verdict"], second["name"]) == ("unknown", None)
    assert [turn.label for turn in again.named] == [again.voices[0].named.label]


def test_the_dialogue_is_named(room, demo_audio, demo_rttm):
    """Enrolled from its first half, two real people are told apart in the second; without them they are strangers."""
    audio = load(demo_audio)
    [turns] = read_rttm(demo_rttm).values()
    first, second = (turns.crop(Segment(*edges)) for edges in ((0, 18.2), (18.2, audio.duration)))
    rest = Audio(audio.samples[round(18.2 * 16_000) :], "rest.wav")
    assert {voice.verdict for voice in room.identify.recording(rest).voices} == {Verdict.UNKNOWN}
    for label, excerpts in excerpts_of_turns(audio, first):
        assert room.enroll(label, excerpts).refused == ()
    found = room.identify.recording(rest)
    assert sorted(voice.name for voice in found.voices) == sorted(turns.labels)
    assert {voice.verdict for voice in found.voices} == {Verdict.KNOWN}
    for voice in found.voices:
        shared = sum(
            both.duration
            for mine in found.turns.of(voice.label)
            for theirs in second.of(voice.name)
            if (both := (mine + 18.2) & theirs)
        )
        assert shared > 0.7 * sum(part.duration for part in second.of(voice.name))


def test_people_of_the_corpus_are_named_and_strangers_are_not(room, corpus):
    speakers = sorted({row["speaker"] for row in corpus.rows if row["role"] == "enroll"})[::4]
    for speaker in speakers:
        assert room.enroll(speaker, [Excerpt(load(file)) for file in corpus.files("enroll", speaker)]).enrollment
    identify = room.identify
    right, wrong, probes = 0, 0, 0
    for speaker in speakers:
        for file in corpus.files("test", speaker)[:3]:
            [voice] = identify.single(load(file)).voices
            probes += 1
            right += voice.name == speaker
            wrong += voice.name not in (None, speaker)
    assert wrong == 0
    assert right > 0.75 * probes
    strangers = [identify.single(load(file)).voices[0] for file in corpus.files("unknown-test")[::4]]
    assert sum(voice.name is not None for voice in strangers) <= 1


def test_one_real_person_taken_for_two_gets_one_name(room, demo_audio, demo_rttm, monkeypatch):
    """Turns of the dialogue's two people, dealt out to two labels each."""
    audio = load(demo_audio)
    [turns] = read_rttm(demo_rttm).values()
    for label, excerpts in excerpts_of_turns(audio, turns.crop(Segment(0, 18.2))):
        assert room.enroll(label, excerpts).enrollment
    dealt = []
    for turn in turns.crop(Segment(18.2, audio.duration)):
        middle = (turn.start + turn.end) / 2
        dealt.append(Turn(Segment(turn.start, middle), f"{turn.label}-first"))
        dealt.append(Turn(Segment(middle, turn.end), f"{turn.label}-second"))
    deal = replace(room, diarizer=lambda *_, **__: identifier.Diarization(Timeline(dealt), ()))
    found = deal.identify.recording(audio)
    judged = [voice for voice in found.voices if voice.speech.net_seconds >= 1]
    assert len(judged) >= 3
    for voice in judged:
        assert voice.name in (voice.label.split("-")[0], None)
        assert all(label.split("-")[0] == voice.label.split("-")[0] for label in voice.same_voice_as)
    shared = [voice.name for voice in judged if voice.same_voice_as]
    assert len(shared) > len(set(shared)) >= 1  # one name twice
    monkeypatch.setattr(joint, "SAME_VOICE", np.inf)
    apart = [voice.name for voice in deal.identify.recording(audio).voices if voice.name]
    assert len(apart) == len(set(apart))


def test_attendees_and_short_clips_of_the_corpus(room, corpus):
    speakers = sorted({row["speaker"] for row in corpus.rows if row["role"] == "enroll"})[::8]
    for speaker in speakers:
        assert room.enroll(speaker, [Excerpt(load(file)) for file in corpus.files("enroll", speaker)[:4]]).enrollment
    invited = [room.store.speaker(room.gallery, speaker) for speaker in speakers[:2]]
    scorer = GalleryScorer(room.store, room.gallery, room.embedder.model, room.calibration, invited)
    few = Identifier(scorer, room.embedder, room.vad, room.diarizer)
    for speaker in speakers:
        [file] = corpus.files("test", speaker)[:1]
        audio = load(file)
        [voice] = few.single(audio).voices
        assert voice.name in (speaker if speaker in speakers[:2] else None, None)
        assert {voice.speaker.name, voice.runner_up.name} == set(speakers[:2])
        loud = int(np.argmax(np.convolve(audio.samples**2, np.ones(6400), "valid")))
        word = replace(audio, samples=audio.samples[loud : loud + 6400])  # the loudest 0.4 s
        [short] = room.identify.single(word).voices
        assert short.verdict is Verdict.UNSURE
        assert short.match.llr is not None
        assert room.verify.claim(invited[0], room.verify.hear(word)).decision is Decision.UNSURE
