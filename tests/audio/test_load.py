"""Recordings that just work."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio, load, load_channels
from spk.errors import AudioError
from spk.timeline import Segment

Samples = NDArray[np.float32]


def alike(one: Samples, other: Samples) -> float:
    """Correlation of two signals over the length they share."""
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


def aligned(one: Samples, other: Samples, reach: int = 2_500) -> float:
    """The best correlation when one may start up to ``reach`` samples later, as lossy encoders make it do."""
    middle = one[16_000:48_000]
    products = np.correlate(other[16_000 - reach : 48_000 + reach], middle, mode="valid")
    start = 16_000 - reach + int(products.argmax())
    return alike(middle, other[start : start + len(middle)])


def test_16_bit_mono_comes_out_bit_for_bit(wav: Path, voice: Samples) -> None:
    audio = load(wav)
    assert audio.samples.dtype == np.float32
    assert np.array_equal(audio.samples, voice)
    assert (audio.duration, audio.source) == (4.0, str(wav))
    assert audio.samples.flags.writeable


def test_real_speech_comes_out_bit_for_bit(corpus) -> None:
    for path in corpus.files("enroll")[:60:3]:
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE
        if abs(samples.mean()) < 1e-3:
            assert np.array_equal(load(path).samples, samples), path


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wav_of_all_kinds(tmp_path: Path, voice: Samples, subtype: str, form: str) -> None:
    path = tmp_path / "voice.wav"
    soundfile.write(path, voice, 16_000, subtype=subtype, format=form)
    exact = subtype not in ("PCM_U8", "ULAW", "ALAW")
    assert np.array_equal(load(path).samples, voice) if exact else alike(load(path).samples, voice) > 0.99


@pytest.mark.parametrize("name", ["voice.flac", "voice.aiff", "voice.au", "voice.w64", "voice.rf64", "voice.caf"])
def test_lossless_formats(tmp_path: Path, voice: Samples, name: str) -> None:
    form = "W64" if name.endswith("w64") else None
    soundfile.write(tmp_path / name, voice, 16_000, subtype="PCM_16", format=form)
    assert np.array_equal(load(tmp_path / name).samples, voice)


@pytest.mark.parametrize(("name", "subtype"), [("v.ogg", "VORBIS"), ("v.opus", "OPUS"), ("v.mp3", "MPEG_LAYER_III")])
def test_lossy_formats(tmp_path: Path, voice: Samples, name: str, subtype: str, capfd) -> None:
    form = "MP3" if name.endswith("mp3") else "OGG"
    soundfile.write(tmp_path / name, voice, 16_000, format=form, subtype=subtype)
    audio = load(tmp_path / name)
    assert audio.duration == pytest.approx(4.0, abs=0.1)
    assert aligned(voice, audio.samples) > 0.9
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["v.m4a", "v.aac", "v.webm", "v.mp4", "v.mka", "v.wma", "v.ts", "v.ac3", "v.flv"])
def test_formats_of_ffmpeg(convert, voice: Samples, name: str) -> None:
    audio = load(convert(name, *(["-ar", "44100"] if name == "v.flv" else [])))
    assert audio.duration == pytest.approx(4.0, abs=0.15)
    assert aligned(voice, audio.samples) > 0.9


def test_amr(convert, tmp_path: Path) -> None:
    path = tmp_path / "memo.amr"
    path.write_bytes(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 100)  # frames of 20 ms at 12.2 kbit/s
    assert load(path).duration == pytest.approx(2.0, abs=0.05)


def test_mp3s_in_threads_leave_standard_error_as_it_was(tmp_path: Path, voice: Samples, capfd) -> None:
    path = tmp_path / "v.mp3"
    soundfile.write(path, voice, 16_000)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the listing opens a descriptor the same way twice
    with ThreadPoolExecutor(4) as threads:
        durations = [audio.duration for audio in threads.map(load, [path] * 12)]
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"
    assert durations == [4.0] * 12
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


def test_content_decides_not_the_name(convert, tmp_path: Path, voice: Samples) -> None:
    assert aligned(voice, load(convert("v.m4a").rename(tmp_path / "voice.wav")).samples) > 0.9
    flac = tmp_path / "voice.flac"
    soundfile.write(flac, voice, 16_000)
    for name in ("voice.raw", "voice.txt", "voice.vox", "voice"):
        assert np.array_equal(load(flac.rename(flac.with_name(name))).samples, voice)
        flac = flac.with_name(name)


@pytest.mark.parametrize("rate", [6_000, 8_000, 11_025, 12_345, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_blockwise_resampling_is_resampling_at_once(tmp_path: Path, rate: int, channels: int) -> None:
    noise = np.random.default_rng(rate).normal(0, 0.1, (rate * 7 + 13, channels)).astype(np.float32)
    noise -= noise.mean(axis=0)
    soundfile.write(tmp_path / "noise.wav", noise, rate, subtype="FLOAT")
    once = soxr.resample(noise, rate, SAMPLE_RATE, quality="HQ")
    for track, wanted in zip(load_channels(tmp_path / "noise.wav"), once.T, strict=True):
        np.testing.assert_allclose(track.samples, wanted, atol=1e-6)
    np.testing.assert_allclose(load(tmp_path / "noise.wav").samples, once.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 12])
def test_channels_are_averaged_or_kept(tmp_path: Path, voice: Samples, channels: int) -> None:
    shares = np.linspace(1, 0.25, channels, dtype=np.float32)
    path = tmp_path / "many.wav"
    soundfile.write(path, voice[:, None] * shares, 16_000, subtype="FLOAT")
    tracks = load_channels(path)
    assert [track.source for track in tracks] == [f"{path} (channel {n + 1})" for n in range(channels)]
    for track, share in zip(tracks, shares, strict=True):
        assert np.array_equal(track.samples, voice * share)
    np.testing.assert_allclose(load(path).samples, voice * shares.mean(), atol=1e-6)


@pytest.mark.parametrize(
    "name", ["with space.wav", 'it\'s "quoted".wav', "😀 зву́к.wav", "-i.wav", "a:b.wav", "%d.wav", "~.wav"]
)
def test_names(wav: Path, convert, monkeypatch, voice: Samples, name: str) -> None:
    monkeypatch.chdir(wav.parent)
    assert np.array_equal(load(wav.rename(wav.with_name(name))).samples, voice)
    Path(name).rename(wav)
    assert aligned(voice, load(convert("v.m4a").rename(wav.with_name(name))).samples) > 0.9  # through ffmpeg
    assert aligned(voice, load(name).samples) > 0.9


def test_a_name_of_two_lines_is_shown_on_one(tmp_path: Path, wav: Path) -> None:
    audio = load(wav.rename(tmp_path / "a\nb\x1b[31m.wav"))
    assert audio.source.endswith(r"a\nb\x1b[31m.wav")
    with pytest.raises(AudioError, match=r"\\n\\u2028: no such file") as caught:
        load(tmp_path / "\n\u2028")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("offset", [0.002, -0.05, 0.3])
def test_an_offset_is_taken_off(tmp_path: Path, voice: Samples, offset: float) -> None:
    soundfile.write(tmp_path / "dc.wav", voice + np.float32(offset), 16_000, subtype="FLOAT")
    samples = load(tmp_path / "dc.wav").samples
    assert abs(samples.mean()) < 1e-6
    np.testing.assert_allclose(samples, voice - voice.mean(), atol=1e-6)


def test_what_only_looks_like_an_offset_stays(tmp_path: Path, voice: Samples) -> None:
    lopsided = np.abs(voice)  # its mean is far from 0, its pauses are not
    soundfile.write(tmp_path / "lopsided.wav", lopsided, 16_000)
    assert lopsided.mean() > 0.01
    assert np.array_equal(load(tmp_path / "lopsided.wav").samples, lopsided)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFDB])
@pytest.mark.parametrize("riff", [0, 8, 36, 0xFFFFFFFF])
def test_wav_from_a_pipe(wav: Path, voice: Samples, size: int, riff: int) -> None:
    data = bytearray(wav.read_bytes())
    data[4:8], data[40:44] = riff.to_bytes(4, "little"), size.to_bytes(4, "little")
    wav.write_bytes(data)
    assert np.array_equal(load(wav).samples, voice)
    assert np.array_equal(load(wav, segment=Segment(2, 3)).samples, voice[32_000:48_000])


def test_trailing_bytes_are_tolerated(wav: Path, voice: Samples) -> None:
    data = wav.read_bytes()
    wav.write_bytes(data + b"\1")
    assert np.array_equal(load(wav).samples, voice)
    wav.write_bytes(data[:-1])
    assert np.array_equal(load(wav).samples, voice[:-1])


def test_flac_and_webm_from_a_pipe(convert, wav: Path, tmp_path: Path, voice: Samples) -> None:
    for form in ("flac", "webm", "wav", "ogg"):
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(wav), "-f", form, "-"]
        (tmp_path / "piped").write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
        audio = load(tmp_path / "piped")
        assert audio.duration == pytest.approx(4.0, abs=0.1)
        assert aligned(voice, audio.samples) > 0.9


@pytest.mark.parametrize("quality", [["-q:a", "4"], ["-b:a", "32k"]])
def test_mp3_that_does_not_say_how_long_it_is(convert, tmp_path: Path, quality: list[str], capfd) -> None:
    quiet = convert("quiet.wav", "-af", "volume=enable='lt(t,3)':volume=0.001,aloop=loop=5:size=64000")
    path = tmp_path / "v.mp3"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(quiet), *quality, "-write_xing", "0", str(path)]
    subprocess.run(command, check=True)
    assert load(path).duration == pytest.approx(24, abs=0.2)
    assert load(path, segment=Segment(20, 22)).duration == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["v.wav", "v.flac", "v.mp3", "v.ogg", "v.opus", "v.m4a", "v.webm"])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_segment_is_what_a_crop_of_the_whole_is(convert, name: str, rate: int, capfd) -> None:
    path = convert(f"part.{name}", "-ar", str(rate), "-ac", "2")
    whole = load(path)
    for segment in (Segment(0, 0.5), Segment(1.2345, 3.1), Segment(2.5, 3.9), Segment(3.5, 60)):
        part = load(path, segment=segment)
        np.testing.assert_allclose(part.samples, whole.crop(segment).samples, atol=2e-4)
    assert capfd.readouterr() == ("", "")


def test_the_first_stream_with_sound(convert) -> None:
    film = convert("film.mp4", "-f", "lavfi", "-i", "testsrc=d=4:s=64x64:r=5", "-map", "1:v", "-map", "0:a")
    assert load(film).duration == pytest.approx(4.0, abs=0.1)


def test_hash_is_of_the_audio_not_the_file(tmp_path: Path, wav: Path, voice: Samples) -> None:
    audio = load(wav)
    pcm = (voice * 32768).astype("<i2")
    assert audio.sha256 == hashlib.sha256(pcm.tobytes()).hexdigest()
    for name, subtype in (("v.flac", "PCM_16"), ("v24.flac", "PCM_24"), ("v.wav", "FLOAT")):
        soundfile.write(tmp_path / name, voice, 16_000, subtype=subtype)
        assert load(tmp_path / name).sha256 == audio.sha256
    assert audio.crop(Segment(0, 3.9)).sha256 != audio.sha256
    assert Audio(np.float32([2.0, -2.0]), "loud").sha256 == Audio(np.float32([1.0, -1.0]), "loud").sha256


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 5))))
def test_take_joins_crops(parts: list[tuple[float, float]]) -> None:
    audio = Audio(np.arange(48_000, dtype=np.float32), "ramp")
    segments = [Segment(start, start + length) for start, length in parts]
    crops = [audio.crop(segment).samples for segment in segments]
    assert np.array_equal(audio.take(segments).samples, np.concatenate([*crops, np.zeros(0, np.float32)]))


def test_samples_of_another_shape_or_type() -> None:
    for samples in (np.zeros((2, 9), np.float32), np.zeros(9)):
        with pytest.raises(AudioError, match="one row of float32"):
            Audio(samples, "memory")  # type: ignore[arg-type]


def test_ten_minutes_lie_in_memory_once(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16") as sound:
        for _ in range(600):
            sound.write(np.full((48_000, 2), 0.25, np.float32))
    script = (
        "import resource, sys; from spk.audio import load\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak(); audio = load(sys.argv[1]); print(audio.duration, peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    duration, mebibytes = map(float, done.stdout.split())
    assert duration == 600
    assert mebibytes < 2 * 600 * SAMPLE_RATE * 4 / 2**20  # the result is half of that, the file decoded six times it
