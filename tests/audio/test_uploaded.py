"""Files of strangers: they open no other file and no address, and are told by what is in them, not by their names."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spk.audio import load, probe
from spk.errors import AudioError

NAMING = {
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{it}\n#EXT-X-ENDLIST\n",
    "master playlist": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{it}\n",
    "key of a playlist": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{it}"\n#EXTINF:4,\n{it}\n#EXT-X-ENDLIST\n',
    "list to join": "ffconcat version 1.0\nfile '{it}'\n",
    "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "picture": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{it}" width="9" height="9"/></svg>',
    "manifest": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation id="0">'
    "<BaseURL>{it}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "reference": "[Reference]\nRef1={it}\n",
    "xml": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{it}">]><asx><ref href="{it}"/>&e;</asx>',
}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.mark.parametrize("what", NAMING)
@pytest.mark.parametrize("suffix", ["", ".m3u8"])
def test_a_file_that_names_another_opens_neither_files_nor_addresses(wav, tmp_path, listener, what, suffix):
    port = listener.getsockname()[1]
    for it in (wav.name, f"file:{wav}", f"http://127.0.0.1:{port}/a.wav"):
        path = tmp_path / f"upload{suffix}"
        path.write_text(NAMING[what].format(it=it, port=port))
        with pytest.raises(AudioError) as error:
            load(path)
        assert "\n" not in str(error.value)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_ffmpeg_itself_would_open_them(wav, tmp_path, convert):
    convert("voice.m4a")
    path = tmp_path / "upload"
    path.write_text(NAMING["list to join"].format(it=wav.name))
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.m4a", ()),
        ("v.aac", ()),
        ("v.webm", ("-c:a", "libopus")),
        ("v.ogg", ()),
        ("v.mp3", ()),
        ("v.amr", ("-ar", "8000")),
        ("v.wma", ()),
        ("v.gsm", ("-ar", "8000")),
        ("v.flac", ()),
        ("v.mov", ()),
    ],
)
def test_a_file_is_known_without_its_name(convert, tmp_path, name, options):
    path = convert(name, *options)
    whole, length = load(path), probe(path, most=60)
    bare = path.rename(tmp_path / "0f3a5c")
    again = load(bare, name="talk")
    assert np.array_equal(again.samples, whole.samples)
    assert again.source == "talk"
    assert probe(bare, most=60) == length == pytest.approx(whole.duration, abs=0.01)


def test_a_length_is_told_by_the_header_or_up_to_what_matters(convert, wav):
    assert probe(wav, most=1) == 4.0
    clip = convert("v.m4a")
    assert probe(clip, most=60) == pytest.approx(4, abs=0.1)
    assert 1 < probe(clip, most=1) < 3, "no more is decoded than shows that it is longer"


def test_a_header_that_promises_years_is_believed_at_once(tmp_path):
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(160_000, np.float32), 16_000)
    content = bytearray(path.read_bytes())
    # The count of samples: the last 36 bits before the checksum of the stream's description.
    content[21:26] = bytes([content[21] & 0xF0 | 0x0F]) + b"\xff\xff\xff\xf0"
    path.write_bytes(content)
    assert probe(path, most=3600) > 1_000_000


def test_what_cannot_be_read_has_no_length(tmp_path: Path):
    path = tmp_path / "upload"
    path.write_bytes(b"nothing" * 100)
    with pytest.raises(AudioError, match=r"^talk\.wav: "):
        probe(path, most=60, name="talk.wav")
