"""What is kept of people's speech to be listened to, by the setting."""

import io

import numpy as np
import pytest
import soundfile

from spk.audio import load
from spk.embed import Speech
from spk.enroll import Enroller, Excerpt, KeptAudio
from spk.timeline import Segment

PARTS = (Segment(0.5, 4.5), Segment(5.0, 11.0))


def read(flac: bytes) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(flac), dtype="float32")
    assert rate == 16_000
    assert samples.ndim == 1
    return samples


@pytest.mark.parametrize(("keep", "seconds"), [(KeptAudio.CLIPS, 8.0), (KeptAudio.SAMPLES, 10.0)])
def test_how_much_is_kept(voice, keep, seconds):
    audio = voice(300, 12.0)
    kept = read(keep.of(Speech(audio, PARTS)))
    assert len(kept) == seconds * 16_000
    assert np.allclose(kept, audio.take(PARTS).samples[: len(kept)], atol=1e-4)


def test_a_short_sample_is_kept_as_it_was_embedded(voice):
    audio = voice(300, 6.0)
    speech = Speech(audio, (Segment(1.0, 3.0),), alone=True)
    assert len(read(KeptAudio.SAMPLES.of(speech))) == 6 * 16_000
    assert len(read(KeptAudio.CLIPS.of(speech))) == 2 * 16_000


def test_nothing_is_kept(voice):
    assert KeptAudio.NONE.of(Speech(voice(300), (Segment(0.0, 2.0),))) is None


def test_the_same_speech_is_the_same_file(voice):
    speech = Speech(voice(300), (Segment(0.0, 2.0),))
    assert KeptAudio.CLIPS.of(speech) == KeptAudio.CLIPS.of(speech)


def enroller(room, keep):
    return Enroller(room.scorer, room.embedder, room.vad, room.diarizer, keep=keep)


@pytest.mark.parametrize(("keep", "seconds"), [("none", []), ("clips", [8.0, 2.0]), ("samples", [12.0, 2.0])])
def test_of_whom_is_enrolled(toy, voice, keep, seconds):
    excerpts = [Excerpt(voice(300, 12.0)), Excerpt(voice(300, 2.0, seed=1))]
    enrollment = enroller(toy, KeptAudio(keep))("ann", excerpts).enrollment
    clips = [len(read(clip.read_bytes())) / 16_000 for clip in toy.store.clips(enrollment.speaker)]
    assert clips == seconds


@pytest.mark.parametrize(("keep", "seconds"), [("none", []), ("clips", [8.0]), ("samples", [12.0])])
def test_of_a_stranger(toy, voice, keep, seconds):
    found = toy.remember(toy.identify.single(voice(2700, 12.0)), keep)
    [heard] = found.voices
    clips = [len(read(clip.read_bytes())) / 16_000 for clip in toy.store.clips(heard.kept_as)]
    assert clips == seconds


def test_what_is_refused_is_not_kept(toy, voice):
    report = enroller(toy, KeptAudio.SAMPLES)("ann", [Excerpt(voice(300, 0.5))])
    assert report.enrollment is None
    assert not list((toy.store.path / "clips").iterdir())


def test_real_speech_is_heard_again_in_what_is_kept(room, demo_audio):
    """From what is kept of a sample, the same person is known."""
    turns = ((10.57, 14.49), (18.6, 21.49))
    excerpt = Excerpt(load(demo_audio), Segment(10.57, 21.49), tuple(Segment(*turn) for turn in turns))
    for keep in (KeptAudio.CLIPS, KeptAudio.SAMPLES):
        enrollment = enroller(room, keep)(f"ann {keep}", [excerpt], force=True).enrollment
        [clip] = room.store.clips(enrollment.speaker)
        vector = room.embedder([load(clip).samples])[0]
        [mine] = room.store.voiceprints(enrollment.speaker)
        assert float(vector @ mine.vector) > (0.999 if keep is KeptAudio.SAMPLES else 0.9)
