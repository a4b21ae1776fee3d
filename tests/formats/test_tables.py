"""Tables as spreadsheets write them, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from spk.errors import FormatError
from spk.formats.turns import read_recordings

from .conftest import read, refused


@pytest.mark.parametrize(
    "text",
    [
        "start,end,speaker\n0.5,2.75,ann\n2.5,3.25,Bo Ek\n",
        "Start;End;Label\n2,5;3,25;Bo Ek\n0,5;2,75;ann\n",
        "\r\nlabel\tBegin Time\tduration\r\nann\t0.5\t2.25\r\nBo Ek\t2.5\t0.75\r\n\r\n",
        'start,end,speaker,note\n"0,5","2,75",ann,"a ""b""\nc"\n2.5,3.25,"Bo Ek"\n,,,\n3,3,x,\n4,5,,\n',
        "start,end,speaker\n0:00.5,00:00:02.750,ann\nstart,end,speaker\n0:02.5,0:03.25,Bo Ek\n",
        "start,end,duration,label,speaker\n0.5,2.75,9,speech,ann\n2.5,3.25,9,speech,Bo Ek\n",
        "sep=;\nstart;end;speaker\n0.5;2.75;ann\n2.5;3.25;Bo Ek",
    ],
)
def test_tables(tmp_path: Path, text: str) -> None:
    for name, content in (
        ("t.csv", text),
        ("t.tsv", "\ufeff" + text),
        ("t.csv", b"\xff\xfe" + text.encode("utf-16-le")),
    ):
        assert read(tmp_path, name, content) == [(0.5, 2.75, "ann"), (2.5, 3.25, "Bo Ek")]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("begin,until,speaker\n", 1, "has no column end"),
        ("0.5,2.75,ann\n", 1, "no column end and no column speaker and no column start"),
        ("", 1, "no column"),
        ("start,end,speaker\n0.5,2.75,ann\n3,,bo\n", 3, '"" is no time'),
        ("start,end,speaker\n0.5,2.75,Lee, Ann\n", 2, "has 4 cells for 3 columns"),
        ("start,end,speaker\n0,5,2,75,ann\n", 2, "has 5 cells"),
        ("start,end,speaker\n5,4,ann\n", 2, "ends before it starts"),
        ("start,end,speaker\n1,2,ann\n5,6\n", 3, "ends after 2 cells, before the speaker"),
        ("start,end,speaker,file\n1,2,ann,a\n5,6,ann\n1,2,ann,b\n", 3, "names no recording, and the table is of 2"),
        ("start,duration,speaker\n5,-1,ann\n", 2, "ends before it starts"),
        ('start,end,speaker\n5,6,"ann\n' + "x\n" * 100_000, 65_537, "is no table"),
    ],
)
def test_no_table(tmp_path: Path, text: str, line: int, reason: str) -> None:
    if line > 9:
        with pytest.raises(FormatError, match=reason):
            read(tmp_path, "t.csv", text)
    else:
        refused(tmp_path, "t.csv", text, line, reason)


def test_rows_without_a_recording(tmp_path: Path) -> None:
    """A person adds a row and leaves out what all rows say."""
    path = tmp_path / "t.csv"
    path.write_text("start,end,speaker,id,recording\n9,10,Bo\n1,2,ann,t1,talk\n3,4,Bo,,\n5,6,,,\n")
    assert {name: len(turns) for name, turns in read_recordings(path).items()} == {"talk": 3}
    path.write_text("start,end,speaker,recording\n1,2,ann,\n")
    assert list(read_recordings(path)) == ["t"]
    path.write_text("start,end,speaker,recording\n1,2,ann,a\n1,2,ann,b\n3,4,,\n")  # nobody's needs none
    assert list(read_recordings(path)) == ["a", "b"]
