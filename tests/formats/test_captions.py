"""WebVTT and SubRip as captioning programs write them, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from spk.formats.captions import read_cues
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


def test_what_follows_an_empty_line_is_of_the_caption_before(tmp_path: Path) -> None:
    path = tmp_path / "t.vtt"
    path.write_text(
        "WEBVTT\n00:01.000 --> 00:02.000\n \n<v ann>so<00:01.500><c> it</c>\n\nNOTE\nno\n\n0:02.0 --> 0:03.0\nx\n"
    )
    first, second = read_cues(path)
    assert (first.id, first.text, first.speakers) == (None, ("<v ann>so<00:01.500><c> it</c>",), ("ann",))
    assert second.text == ("x",)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("1\n00:00:01,000 -> 00:00:02,000\nann: a\n", 1, "is no file of captions"),
        ("1\n00:00:01,000 --> soon\nann: a\n", 2, '"soon" is no time'),
        ("1\n00:00:01,000 -->\nann: a\n", 2, '"" is no time'),
        ("\n1\n00:00:02,000 --> 00:00:01,000\nann: a\n", 3, "ends before it starts"),
        ("1\n0:01 --> 0:02\nann: a\n2\n0:02 --> 0:03\nbo: b\n", 2, "an empty line is missing"),
        ("ann: a\n" * 20_000, 10_001, "no empty lines"),
        ("1\n0:01 --> 0:02\nann: a\n\n2\n00:00:03,0", 6, '"00:00:03,0" is no caption\'s times'),
        ("1\n0:01 --> 0:02\nann: a\n\n0:03.000 -> 0:04.000\nbo: b\n", 5, "is no caption's times"),
        ("1\n0:01 --> 0:02\n" + "ann: a\n\n" * 10_001, 20_003, "have no times"),
    ],
)
def test_no_captions(tmp_path: Path, text: str, line: int, reason: str) -> None:
    refused(tmp_path, "t.srt", text, line, reason)
