"""Recordings that cannot be used: one clear line each, and nothing on standard error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from spk.audio import load, load_channels
from spk.errors import AudioError
from spk.timeline import Segment

Refused = Callable[..., str]


@pytest.fixture
def refused(capfd) -> Refused:
    """``refused(path)``: the reason, after checking that it is all there is to see."""

    def reason(path: Path, segment: Segment | None = None) -> str:
        with pytest.raises(AudioError) as caught:
            load(path, segment=segment)
        assert str(caught.value) == f"{caught.value.source}: {caught.value.reason}"
        assert len(str(caught.value).splitlines()) == 1
        assert capfd.readouterr() == ("", "")
        return caught.value.reason

    return reason


def test_no_file(tmp_path: Path, refused: Refused) -> None:
    assert "no such file" in refused(tmp_path / "nobody.wav")
    assert "directory" in refused(tmp_path)
    (tmp_path / "empty.wav").touch()
    assert "is empty (0 bytes)" in refused(tmp_path / "empty.wav")
    assert "cannot be opened" in refused(tmp_path / "empty.wav" / "below")
    assert "cannot be opened" in refused(tmp_path / ("long" * 100))
    assert "cannot be opened" in refused(Path("nul\0.wav"))
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be opened" in refused(tmp_path / "loop")


def test_special_files(tmp_path: Path, refused: Refused) -> None:
    os.mkfifo(tmp_path / "fifo.wav")
    assert "not a regular file" in refused(tmp_path / "fifo.wav")
    assert "not a regular file" in refused(Path("/dev/zero"))


def test_no_permission(wav: Path, refused: Refused) -> None:
    wav.chmod(0)
    root = os.geteuid() == 0
    if root:
        wav.parent.chmod(0o777)
        os.seteuid(65534)  # root may read everything
    try:
        assert "may not be read" in refused(wav)
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("name", ["v.wav", "v.flac", "v.aiff", "v.ogg"])
def test_zero_length(tmp_path: Path, refused: Refused, name: str) -> None:
    soundfile.write(tmp_path / name, np.zeros(0, np.float32), 16_000)
    assert refused(tmp_path / name)
    if name in ("v.wav", "v.aiff"):
        assert "holds no audio" in refused(tmp_path / name)


def test_a_part_past_the_end(wav: Path, refused: Refused) -> None:
    for start in (4, 4.5, 7, 1e6):
        assert "holds no audio from" in refused(wav, Segment(start, start + 1))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["v.wav", "v.flac", "v.aiff", "v.au", "v.w64", "v.rf64", "v.ogg", "v.opus", "v.mp3"])
def test_cut_off(tmp_path: Path, voice, refused: Refused, name: str, share: float) -> None:
    path = tmp_path / name
    if name == "v.opus":
        soundfile.write(path, voice, 16_000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, voice, 16_000, format="W64" if name == "v.w64" else None)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    reason = refused(path)
    assert "cut off" in reason or "holds no audio" in reason


@pytest.mark.parametrize("name", ["v.m4a", "v.webm", "v.mka", "v.wma"])
def test_cut_off_in_formats_of_ffmpeg(convert, refused: Refused, name: str) -> None:
    path = convert(name)
    data = path.read_bytes()
    for share in (0.3, 0.6):
        path.write_bytes(data[: int(len(data) * share)])
        assert "cut off or damaged (ffmpeg: " in refused(path)


def test_cut_off_although_the_index_comes_first(convert, refused: Refused) -> None:
    path = convert("v.m4a", "-movflags", "faststart")
    path.write_bytes(path.read_bytes()[:-9000])
    assert "cut off or damaged (ffmpeg: " in refused(path)


@pytest.mark.parametrize("name", ["v.flac", "v.ogg", "v.opus", "v.mp3", "v.m4a", "v.webm"])
def test_garbage_inside(convert, refused: Refused, name: str) -> None:
    path = convert(name)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(7).bytes(3000)
    path.write_bytes(data)
    assert "damaged" in refused(path)


def test_damage_is_found_in_the_middle_of_a_long_file(tmp_path: Path, voice, refused: Refused) -> None:
    path = tmp_path / "long.ogg"
    soundfile.write(path, np.tile(voice, 30), 16_000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 9000] = bytes(9000)
    path.write_bytes(data)
    assert "damaged" in refused(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (22, b"\0\0"),  # no channels
        (22, b"\xff\xff"),  # 65535 of them
        (24, b"\0\0\0\0"),  # no samples a second
        (24, b"\5\0\0\0"),  # 5
        (24, b"\0\x94\x35\x77"),  # 2 billion
        (34, b"\0\0"),  # no bits a sample
        (20, b"\x77\x77"),  # an encoding nobody knows
        (8, b"EVAW"),
    ],
)
def test_absurd_headers(wav: Path, refused: Refused, place: int, value: bytes) -> None:
    data = bytearray(wav.read_bytes())
    data[place : place + len(value)] = value
    wav.write_bytes(data)
    assert refused(wav)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, voice, refused: Refused, value: float) -> None:
    broken = voice.copy()
    broken[40_000] = value
    soundfile.write(tmp_path / "nan.wav", broken, 16_000, subtype="FLOAT")
    assert "NaN" in refused(tmp_path / "nan.wav")
    with pytest.raises(AudioError, match="NaN"):
        load_channels(tmp_path / "nan.wav")


def test_floats_on_another_scale(tmp_path: Path, voice, refused: Refused) -> None:
    soundfile.write(tmp_path / "scale.wav", voice * 32768, 16_000, subtype="FLOAT")
    assert "full scale is 1" in refused(tmp_path / "scale.wav")
    soundfile.write(tmp_path / "hot.wav", voice * 4, 16_000, subtype="FLOAT")  # headroom of floats is no mistake
    assert np.array_equal(load(tmp_path / "hot.wav").samples, voice * 4)


@pytest.mark.parametrize(
    "content",
    [
        b"This is text.\n" * 100,
        b"#EXTM3U\n#EXTINF:4,\nvoice.wav\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile voice.wav\n",
        b"\0" * 3000,
        b"\xff" * 3000,
        b"\xff\xfb\x90\0" * 999,
        b"ID3" + bytes(3000),
        b"RIFF\x00\x00\x00\x00WAVE",
        b"OggS",
        b"fLaC",
        b"x",
        np.random.default_rng(1).bytes(20_000),
    ],
)
@pytest.mark.parametrize("with_ffmpeg", [True, False])
def test_what_is_no_recording(wav: Path, refused: Refused, monkeypatch, content: bytes, with_ffmpeg: bool) -> None:
    if not with_ffmpeg:
        monkeypatch.setenv("PATH", "")
    for name in ("text.wav", "list.m3u8", "note.txt"):
        path = wav.with_name(name)
        path.write_bytes(content)
        assert refused(path)


def test_no_sound(convert, refused: Refused) -> None:
    film = convert("mute.mp4", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=5", "-map", "1:v")
    assert "holds no sound" in refused(film)


def test_without_ffmpeg_the_hint_says_how_to_get_it(convert, wav: Path, refused: Refused, monkeypatch, voice) -> None:
    clip = convert("v.m4a")
    monkeypatch.setenv("PATH", "")
    reason = refused(clip)
    assert "ffmpeg" in reason
    assert "install" in reason
    assert np.array_equal(load(wav).samples, voice)


def test_an_ffmpeg_that_does_not_start(convert, tmp_path: Path, refused: Refused, monkeypatch) -> None:
    clip = convert("v.m4a")
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert "does not start" in refused(clip)


def test_stopping_early_leaves_no_ffmpeg_behind(convert) -> None:
    clip = convert("v.m4a", "-af", "aloop=loop=100:size=64000")
    load(clip, segment=Segment(1, 2))
    if not shutil.which("ps"):
        pytest.skip("the ps program is not installed")
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "comm="], capture_output=True, text=True, check=False
    )
    assert "ffmpeg" not in children.stdout


@settings(max_examples=60)
@given(st.data())
def test_damaged_headers_never_end_in_anything_else(tmp_path_factory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "v.wav"
    soundfile.write(path, np.zeros(400, np.float32), 16_000)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, 43), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(AudioError):
        load(path)
