"""WebVTT and SubRip as captioning programs write them, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from spk.formats.turns import read_turns

from .conftest import read, refused


def test_webvtt(tmp_path: Path) -> None:
    text = """WEBVTT - a talk
Kind: captions

NOTE
a comment --> with an arrow

STYLE
::cue { color: red }

t1
00:00.500 --> 00:02.750 align:start position:10%
<v.loud Ann Lee>Good <i>morning</i></v>
<v Bo &amp; Co>Hello

01:00:00.000 --> 01:00:01.000
ANN: hi there: you

2
00:05.000 --> 00:06.000
nobody says this at 10:30

NOTES
00:07.000 --> 00:08.000
[SPEAKER_00]: yes
"""
    path = tmp_path / "t.vtt"
    path.write_text(text)
    assert [(turn.start, turn.label, turn.id) for turn in read_turns(path)] == [
        *((0.5, "Ann Lee", "t1"), (0.5, "Bo & Co", None), (7.0, "SPEAKER_00", "NOTES"), (3600.0, "ANN", None))
    ]


def test_subrip(tmp_path: Path) -> None:
    text = """1
00:00:03,000 --> 00:00:04,500
- <b>ANN</b>: good morning
- BO EK: hello

2
-00:00:01,000 --> 00:00:00,500  X1:0 X2:9
{\\an8}>> Eve: what
was that?

and this after an empty line

3
00:00:09,000 --> 00:00:09,000
Eve: nothing

4
00:00:09,000 --> 00:00:10,000

"""
    assert read(tmp_path, "t.srt", text.replace("\n", "\r\n")) == [
        *((0.0, 0.5, "Eve"), (3.0, 4.5, "ANN"), (3.0, 4.5, "BO EK"))
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("1\n00:00:01,000 -> 00:00:02,000\nann: a\n", 1, "is no file of captions"),
        ("1\n00:00:01,000 --> soon\nann: a\n", 2, '"soon" is no time'),
        ("1\n00:00:01,000 -->\nann: a\n", 2, '"" is no time'),
        ("\n1\n00:00:02,000 --> 00:00:01,000\nann: a\n", 3, "ends before it starts"),
        ("1\n0:01 --> 0:02\nann: a\n2\n0:02 --> 0:03\nbo: b\n", 2, "an empty line is missing"),
        ("ann: a\n" * 20_000, 10_001, "no empty lines"),
    ],
)
def test_no_captions(tmp_path: Path, text: str, line: int, reason: str) -> None:
    refused(tmp_path, "t.srt", text, line, reason)
