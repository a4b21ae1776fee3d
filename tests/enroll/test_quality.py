import numpy as np
import pytest
import soxr

from spk.audio import SAMPLE_RATE, Audio, load
from spk.diarize import load_vad
from spk.embed import Speech
from spk.enroll import Gates, Quality, measure
from spk.formats.rttm import read_rttm
from spk.timeline import Segment

GOOD = Quality(net_seconds=8.0, snr_db=30.0, clipped=0.0, level_db=-25.0)


@pytest.fixture(scope="module")
def speech(demo_audio, demo_rttm) -> Speech:
    """Real speech of one person of the dialogue."""
    audio = load(demo_audio)
    [turns] = read_rttm(demo_rttm).values()
    return Speech(audio, turns.alone(turns.labels[0]))


def changed(speech: Speech, samples: np.ndarray) -> Speech:
    return Speech(Audio(samples.astype(np.float32), "changed.wav"), speech.parts)


def driven(speech: Speech, decibels: float) -> np.ndarray:
    """The recording with the speech's peak that much over full scale, before anything is cut off."""
    peak = np.abs(speech.audio.take(speech.parts).samples).max()
    return speech.audio.samples / peak * 10 ** (decibels / 20)


def gates(quality: Quality) -> list[str]:
    return [reason.gate for reason in Gates().reasons(quality)]


def test_real_speech_passes(speech):
    quality = measure(speech)
    assert gates(quality) == []
    assert quality.clipped == 0
    assert quality.net_seconds == pytest.approx(sum(part.duration for part in speech.parts))


@pytest.mark.parametrize("snr", [0, 5, 10, 15])
def test_added_noise_is_measured(speech, snr):
    spoken = speech.audio.take(speech.parts).samples
    noise = np.random.default_rng(0).normal(size=len(speech.audio.samples))
    noise *= np.sqrt(np.mean(spoken**2) / 10 ** (snr / 10))
    quality = measure(changed(speech, speech.audio.samples + noise))
    assert quality.snr_db == pytest.approx(snr, abs=1)
    assert gates(quality) == (["noise"] if snr == 0 else [])


def test_somebody_else_in_the_pauses_is_no_noise(speech, demo_rttm):
    [turns] = read_rttm(demo_rttm).values()
    for label in turns.labels:
        assert measure(Speech(speech.audio, turns.alone(label))).snr_db > 20


def test_padding_with_digital_silence_changes_nothing(speech):
    padded = np.concatenate((np.zeros(160_000, np.float32), speech.audio.samples, np.zeros(160_000, np.float32)))
    later = Speech(Audio(padded, "padded.wav"), tuple(part + 10 for part in speech.parts))
    assert measure(later).snr_db == pytest.approx(measure(speech).snr_db, abs=0.1)


def test_level_is_that_of_the_speech(speech):
    quieter = measure(changed(speech, speech.audio.samples / 10))
    assert quieter.level_db == pytest.approx(measure(speech).level_db - 20, abs=0.01)


@pytest.mark.parametrize("as_integers", [False, True])
@pytest.mark.parametrize("gain", [14, 20, 30])
def test_clipping_is_measured(speech, gain, as_integers):
    loud = driven(speech, gain)
    cut = np.clip(loud, -1, 1)
    if as_integers:
        cut = np.rint(cut * 32767) / 32768
    clipped = changed(speech, cut * 0.5)  # turning it down afterwards hides nothing
    truth = np.mean(np.abs(clipped.audio.take(speech.parts).samples) >= 0.499)
    quality = measure(clipped)
    assert quality.clipped == pytest.approx(truth, rel=0.4)
    assert gates(quality)[:1] == ["clipping"]


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_clipping_at_another_sampling_rate_is_found(speech, rate):
    there = soxr.resample(driven(speech, 20), SAMPLE_RATE, rate)
    back = soxr.resample(np.clip(there, -1, 1), rate, SAMPLE_RATE)
    assert "clipping" in gates(measure(changed(speech, np.pad(back, (0, 99)))))


@pytest.mark.parametrize("peak", [3, 12, 60, 1000, 32767])
def test_a_quiet_recording_is_not_clipped(speech, peak):
    loudest = np.abs(speech.audio.take(speech.parts).samples).max()
    quiet = np.rint(speech.audio.samples / loudest * peak) / 32768
    assert measure(changed(speech, quiet)).clipped < 0.01


def test_a_little_clipping_is_borne(speech):
    assert "clipping" not in gates(measure(changed(speech, np.clip(driven(speech, 3), -1, 1))))


@pytest.mark.parametrize(
    ("field", "value", "gate", "said"),
    [
        ("net_seconds", 0.4, "net speech", "only 0.4 s of speech, 0.6 s are needed"),
        ("clipped", 0.123, "clipping", "12.3% of it is clipped, at most 3% may be"),
        ("snr_db", 1.2, "noise", "speech is only 1 dB above the noise, 4 dB are needed"),
    ],
)
def test_a_reason_has_its_numbers_and_says_what_to_do(field, value, gate, said):
    [reason] = Gates().reasons(Quality(**{**GOOD.as_mapping(), field: value}))
    assert reason.gate == gate
    assert said in reason.text
    assert ": record " in reason.text


def test_good_speech_has_no_reasons():
    assert Gates().reasons(GOOD) == ()


def test_ordinary_recordings_are_not_refused(corpus):
    """Of the corpus's speech, only what is too short is; noise and music hold no speech, or next to none."""
    vad = load_vad(threads=2)
    refused = {"speech": set(), "other": []}
    for role in ("enroll", "test", "unknown-test", "cohort"):
        for path in corpus.files(role)[::6]:
            audio = load(path)
            refused["speech"].update(gates(measure(Speech(audio, vad(audio), alone=True))))
    for role in ("noise", "music"):
        for path in corpus.files(role)[::3]:
            audio = load(path)
            heard = vad(audio)
            refused["other"].append(not heard or bool(gates(measure(Speech(audio, heard, alone=True)))))
    assert refused["speech"] <= {"net speech"}
    assert all(refused["other"])


def test_a_part_is_measured_by_itself():
    silence, noise = np.zeros(SAMPLE_RATE), np.random.default_rng(0).normal(size=SAMPLE_RATE)
    audio = Audio(np.concatenate((silence, 0.1 * noise)).astype(np.float32), "half.wav")
    quality = measure(Speech(audio, (Segment(1.0, 2.0),)))
    assert quality.level_db == pytest.approx(-20, abs=0.1)
    assert quality.snr_db < 0
