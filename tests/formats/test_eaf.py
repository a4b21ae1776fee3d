"""Documents as ELAN and others write them, and what is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spk.formats.turns import TurnFormat, read_turns, write_turns
from spk.timeline import Segment, Timeline, Turn

from .conftest import read, refused

EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts2"/><TIME_SLOT TIME_SLOT_ID="ts3"/>
<TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="3500"/><TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="-1000"/>
</TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="t" PARTICIPANT="Ann Lee" TIER_ID="A_utt">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>good &amp; morning</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE></ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE/></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
<TIER LINGUISTIC_TYPE_REF="w" PARENT_REF="A_utt" TIER_ID="words">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>good</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a1">
<ANNOTATION_VALUE>adj</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER>
<TIER LINGUISTIC_TYPE_REF="t" TIER_ID="bo">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a6" TIME_SLOT_REF1="ts5" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE>hm</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
<TIER LINGUISTIC_TYPE_REF="t" TIER_ID="empty"/>
</ANNOTATION_DOCUMENT>
"""


def test_elan(tmp_path: Path) -> None:
    path = tmp_path / "t.eaf"
    path.write_text(EAF)
    turns = read_turns(path)
    assert [(turn.start, turn.end, turn.label, turn.id) for turn in turns] == [
        (0.0, 3.5, "bo", "a6"),
        (0.5, 1.5, "Ann Lee", "a1"),  # slots without a time lie evenly between those with one
        (1.5, 2.5, "Ann Lee", "a2"),
        (2.5, 3.5, "Ann Lee", "a3"),
    ]
    assert len(read(tmp_path, "u.eaf", EAF.encode("utf-8-sig"))) == 4
    assert len(read(tmp_path, "u.eaf", EAF.replace("UTF-8", "ISO-8859-1").replace("Ann", "Zoë").encode("latin-1"))) == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('REF2="ts4"', 'REF2="ts9"', 13, 'no time slot "ts9"'),
        ('TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4"', 'TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts5"', 9, "ends before"),
        ('TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4"', 'TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts3"', 13, "has no time"),
        ('TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2"', 'TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts2"', 9, "has no time"),
        ('TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3"', 'TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3"', 9, "has no time"),
        ('"500"', '"0.5"', 5, "whole milliseconds"),
        ("</TIME_ORDER>", "", 27, "is no XML .*mismatched"),
        ("ANNOTATION_DOCUMENT", "html", 2, "no document of ELAN"),
        ("encoding='UTF-8'", "", 1, ""),
    ],
)
def test_no_elan(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    if not reason:
        return refused(tmp_path, "t.eaf", EAF.replace("UTF-8", "klingon"), line, "encoding|XML")
    return refused(tmp_path, "t.eaf", EAF.replace(old, new, 1), line, reason)


def test_elan_without_end(tmp_path: Path) -> None:
    refused(tmp_path, "t.eaf", EAF[: EAF.index("<TIER LING", 1500)], 26, "saved whole")
    refused(tmp_path, "t.eaf", "", 1, "saved whole")


def test_no_entities(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    text = EAF.replace("?>\n", f"?>\n<!DOCTYPE ANNOTATION_DOCUMENT [{laughs}]>\n", 1).replace("good &amp;", "&l9;")
    refused(tmp_path, "t.eaf", text, 2, 'defines the entity "l0"')
    outside = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    refused(tmp_path, "t.eaf", EAF.replace("?>\n", f"?>\n{outside}\n", 1), 2, "defines the entity")


def test_somebody_who_overlaps_himself(tmp_path: Path) -> None:
    talk = Timeline([Turn(Segment(0, 2), "ann"), Turn(Segment(1, 3), "ann"), Turn(Segment(2, 4), "ann (2)")])
    text = write_turns(talk, TurnFormat.EAF, recording="talk.wav")
    assert len(set(re.findall(r'TIER_ID="(.*?)"', text))) == 3
    assert read(tmp_path, "t.eaf", text) == [(0.0, 2.0, "ann"), (1.0, 3.0, "ann"), (2.0, 4.0, "ann (2)")]


@pytest.mark.parametrize(
    ("recording", "kind"), [("a.FLAC", "x-flac"), ("a.mp3", "mpeg"), ("a.wav", "x-wav"), ("a", "x-wav")]
)
def test_the_kind_of_recording(recording: str, kind: str) -> None:
    assert f'MIME_TYPE="audio/{kind}"' in write_turns(Timeline(), TurnFormat.EAF, recording=recording)
