"""One voice in every kind of file and under every kind of name: the verdict is the same."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from .conftest import Demo, Spk

RATE = 16_000
SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
NAMES = (
    "with spaces.wav",
    'it\'s a "quoted" name.wav',
    "back\\slash $HOME `x` *.wav",
    "喂 😀 Zoë.wav",
    "-starts-with-a-dash.wav",
    "no-ending",
    "LOUD.WAV",
    "#hash.wav",
)
BY_FFMPEG = {
    "v.m4a": (),
    "v.webm": ("-c:a", "libopus"),
    "v.mka": ("-c:a", "aac"),
    "v.ac3": (),
    "variable.mp3": ("-q:a", "4", "-write_xing", "0"),
    "low.mp3": ("-b:a", "32k", "-ar", "22050"),
}


def files(folder: Path, voice: np.ndarray) -> Iterator[str]:
    """Write the voice in every way; their names."""

    def write(name: str, samples: np.ndarray = voice, rate: int = RATE, **how: str) -> str:
        with (folder / name).open("wb") as file:
            soundfile.write(file, samples, rate, **{"format": "WAV", **how})
        return name

    for subtype in SUBTYPES:
        yield write(f"{subtype}.wav", subtype=subtype)
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000):
        yield write(f"{rate}.wav", soxr.resample(voice, RATE, rate), rate)
    for channels in (2, 5, 12):
        yield write(f"{channels} channels.wav", np.repeat(voice[:, None], channels, axis=1))
    left = np.zeros((len(voice), 2), np.float32)
    left[:, 0] = voice
    yield write("left alone.wav", left)
    yield write("offset.wav", voice * 0.8 + 0.15)
    yield write("quiet.wav", voice * 0.02, subtype="PCM_24")
    yield write("v.flac", format="FLAC", subtype="PCM_24")
    yield write("v.ogg", format="OGG", subtype="VORBIS")
    yield write("v.opus", soxr.resample(voice, RATE, 48_000), 48_000, format="OGG", subtype="OPUS")
    yield write("v.mp3", format="MP3", subtype="MPEG_LAYER_III")
    yield write("v.aiff", format="AIFF")
    for name in NAMES:
        yield write(name)
    if shutil.which("ffmpeg"):
        for name, options in BY_FFMPEG.items():
            command = ["ffmpeg", "-nostdin", "-v", "error", "-i", folder / "PCM_16.wav", *options, folder / name]
            if not subprocess.run(command, capture_output=True, check=False).returncode:
                yield name


@pytest.fixture(scope="module")
def heard(tmp_path_factory, enrolled_once: Spk, demo: Demo) -> Callable[..., tuple[Spk, list[str]]]:
    """A copy of the home with ann and bob, and bob's voice in every kind of file beside it."""
    folder = tmp_path_factory.mktemp("formats")
    spk = enrolled_once.copy(folder / "home")
    voice, rate = soundfile.read(demo.cut(folder / "bob.wav", (22, 27)), dtype="float32")
    assert rate == RATE
    return spk, list(files(folder, voice * (0.7 / np.abs(voice).max())))


def test_one_voice_in_every_kind_of_file(heard) -> None:
    spk, names = heard
    assert len(names) >= 30
    trials = "".join(f"{who} {shlex.quote(name)}\n" for name in names for who in ("bob", "ann"))
    (spk.folder / "trials.txt").write_text(trials, encoding="utf-8")
    records = spk("verify", "--trials", "trials.txt", "--json").records
    wrong = [
        (record["test"], record["llr"])
        for record in records
        if record["decision"] != ("same" if record["enroll"] == "bob" else "different")
    ]
    assert not wrong
    assert [record["test"] for record in records[::2]] == names


def test_every_name_on_the_command_line(heard) -> None:
    spk, _ = heard
    found = spk("identify", "--single", "--json", "--", *NAMES).records
    assert [record["recording"] for record in found] == list(NAMES)
    assert {record["speakers"][0]["name"] for record in found} == {"bob"}


def test_a_name_that_is_no_text(heard) -> None:
    """Bytes that are not UTF-8 are a file's name, too, and JSON stays JSON."""
    spk, _ = heard
    name = b"\xff\xfe.wav".decode(errors="surrogateescape")
    shutil.copy(spk.folder / "PCM_16.wav", spk.folder / name)
    [record] = spk("identify", "--single", "--json", name).records
    assert record["speakers"][0]["name"] == "bob"
    assert spk("enroll", "bob", name).out
    assert len(spk("speakers", "export", "bob").records) == 1
    spk("identify", "--single", name, NAMES[3], "--format", "rttm", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    records = spk("identify", "--single", name, NAMES[3], "--json", PYTHONIOENCODING="latin-1").records
    assert records[1]["recording"] == NAMES[3]
    assert spk("verify", "bob", "\udcff.wav", status=2).complaints == [r"spk: \udcff.wav: no such file: check the path"]


def test_copies_are_one_recording(heard) -> None:
    spk, _ = heard
    copies = ("PCM_16.wav", "2 channels.wav", NAMES[1])
    [record] = spk("enroll", "rob", *copies, "--gallery", "copies", "--json").records
    assert (record["added"], record["already"]) == (1, 0)


def test_without_ffmpeg(heard) -> None:
    spk, names = heard
    if "v.m4a" not in names:
        pytest.skip("the ffmpeg program is not installed")
    refused = spk("verify", "bob", "v.m4a", status=2, PATH="")
    assert "v.m4a" in refused.complaints[0]
    assert "install ffmpeg" in refused.complaints[0]
