import io

import numpy as np
import pytest
import soundfile

from spk.audio import Audio, load
from spk.embed import Speech
from spk.enroll import Excerpt
from spk.errors import NotFoundError
from spk.identify import Verdict
from spk.review import Corrections, Judge
from spk.store import Origin, SpeakerState

ANN, STRANGER, OTHER = 300, 2700, 6500  # hertz


@pytest.fixture
def known(toy, voice):
    assert toy.enroll("ann", [Excerpt(voice(ANN)), Excerpt(voice(ANN, seed=1))]).enrollment
    return toy


def keep(room, audio):
    return room.remember(room.identify.single(audio))


def strangers(room):
    return room.store.speakers(room.gallery, SpeakerState.UNKNOWN)


def test_a_stranger_is_kept_with_a_clip(known, voice):
    audio = voice(STRANGER, 12.0)
    [found] = keep(known, audio).voices
    [stranger] = strangers(known)
    assert found.kept_as == found.named == stranger
    assert (found.verdict, found.name) == (Verdict.UNKNOWN, None)
    [sample] = known.store.samples(stranger)
    assert (sample.origin, sample.net_seconds, sample.recording.sha256) == (Origin.ONLINE, 12, audio.sha256)
    assert set(sample.quality) == {"net_seconds", "snr_db", "clipped", "level_db"}
    [clip] = known.store.clips(stranger)
    samples, rate = soundfile.read(io.BytesIO(clip.read_bytes()), dtype="float32")
    assert (rate, len(samples)) == (16_000, 8 * 16_000)
    assert np.allclose(samples, audio.samples[: len(samples)], atol=1e-4)


def test_the_same_stranger_is_met_again(known, voice):
    [first] = keep(known, voice(STRANGER, 6.0)).voices
    [second] = keep(known, voice(STRANGER, 3.0, seed=1)).voices
    [third] = keep(known, voice(OTHER, 6.0)).voices
    assert second.named == first.kept_as
    assert second.kept_as is None
    assert third.kept_as not in (None, first.kept_as)
    assert len(strangers(known)) == 2


def test_who_looks_most_like_a_voice_is_erased_meanwhile(known, voice):
    found = known.identify.single(voice(STRANGER, 6.0))
    [one] = found.voices
    assert one.verdict is Verdict.UNKNOWN
    known.store.delete(known.store.speaker(known.gallery, "ann"))
    with pytest.raises(NotFoundError, match="erased or merged just now"):
        known.remember(found)
    assert known.store.hearings(known.gallery) == []


def test_the_same_recording_again_changes_nothing(known, voice):
    [first] = keep(known, voice(STRANGER, 6.0)).voices
    [again] = keep(known, voice(STRANGER, 6.0)).voices
    assert again.named == first.kept_as
    assert len(strangers(known)) == 1


@pytest.mark.parametrize(
    ("hertz", "seconds"),
    [
        (STRANGER, 4.9),  # too little
        (STRANGER, 0.4),  # not even heard
        (ANN, 6.0),  # known
    ],
)
def test_nobody_is_made_of(known, voice, hertz, seconds):
    [found] = keep(known, voice(hertz, seconds, seed=4)).voices
    assert found.kept_as is None
    assert strangers(known) == []


def test_nobody_is_made_of_a_doubt(known, voice):
    blend = Audio(voice(ANN, 6.0, 8).samples + 0.5 * voice(1200, 6.0, 8).samples, "like-ann.wav")
    [found] = keep(known, blend).voices
    assert found.match.verdict is Verdict.UNSURE
    assert strangers(known) == []


def test_audio_that_is_somebodys_makes_nobody_for_long(known, voice):
    """Another process has enrolled the voice in between: it is theirs as soon as recordings are judged again."""
    audio = voice(STRANGER, 6.0)
    heard = known.identify.single(audio)
    known.enroll("bob", [Excerpt(audio)])
    known.remember(heard)
    judge = Judge(known.embedder.model, known.calibration)
    Corrections(known.store, known.gallery, lambda _: judge).again()
    assert strangers(known) == []


def test_each_channel_has_its_own_stranger(known, voice):
    left, right = voice(STRANGER, 6.0), voice(OTHER, 6.0)
    silence = np.zeros(96_000, np.float32)
    channels = [
        Audio(np.concatenate((left.samples, silence)), "call.wav (channel 1)"),
        Audio(np.concatenate((silence, right.samples)), "call.wav (channel 2)"),
    ]
    known.remember(known.identify.channels(channels))
    samples = [sample for stranger in strangers(known) for sample in known.store.samples(stranger)]
    assert [sample.recording.source for sample in samples] == ["call.wav", "call.wav"]


def test_loud_clips_are_kept_within_full_scale(known, voice):
    audio = voice(STRANGER, 6.0)
    loud = Audio(audio.samples * np.float32(30), "loud.wav")
    keep(known, loud)
    [clip] = known.store.clips(strangers(known)[0])
    samples, _ = soundfile.read(io.BytesIO(clip.read_bytes()))
    assert 0.99 < np.abs(samples).max() <= 1


def test_real_strangers_are_met_again(room, corpus):
    """Two recordings of each stranger, joined from different utterances."""
    met = 0
    people = sorted({row["speaker"] for row in corpus.rows if row["role"] == "unknown-test"})[:4]
    recordings = {
        person: [joined(corpus.files("unknown-test", person)[half::2], f"{person}-{half}") for half in (0, 1)]
        for person in people
    }
    kept = {person: keep(room, first).voices[0].kept_as for person, (first, _) in recordings.items()}
    assert all(kept.values())
    for person, (_, second) in recordings.items():
        [voice] = keep(room, second).voices
        met += voice.named == kept[person]
    assert met == len(people)
    assert len(strangers(room)) == len(people)


def joined(files, name: str) -> Audio:
    return Audio(np.concatenate([load(file).samples for file in files]), name)


def test_a_real_dialogue_of_strangers(room, demo_audio):
    heard = room.remember(room.identify.recording(load(demo_audio)))
    assert len(strangers(room)) == 2
    again = room.identify.recording(load(demo_audio))
    assert [voice.named for voice in again.voices] == [voice.kept_as for voice in heard.voices]
    for stranger in strangers(room):
        [clip] = room.store.clips(stranger)
        assert Speech(load(clip), room.vad(load(clip))).net_seconds > 5
