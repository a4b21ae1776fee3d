"""Tables of people to enroll."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import FormatError
from spk.formats.manifest import ManifestRow, read_manifest
from spk.timeline import Segment

NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1).filter(
    lambda name: name == name.strip()
)
SEGMENTS = st.none() | st.builds(
    lambda start, length: Segment(start, start + length), st.floats(0, 1e4), st.floats(0.01, 99)
)


def read(tmp_path: Path, content: str | bytes) -> list[ManifestRow]:
    path = tmp_path / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_manifest(path))


@given(st.lists(st.tuples(NAMES, NAMES, SEGMENTS)), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_writes_is_read(tmp_path_factory, rows, delimiter: str) -> None:
    path = tmp_path_factory.mktemp("manifest") / "people.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as table:
        writer = csv.writer(table, delimiter=delimiter)
        writer.writerow(["speaker", "file", "start", "end"])
        for speaker, file, segment in rows:
            writer.writerow([speaker, file, *((segment.start, segment.end) if segment else ("", ""))])
    wanted = [ManifestRow(speaker, path.parent / file, segment) for speaker, file, segment in rows]
    assert list(read_manifest(path)) == wanted


@given(st.text() | st.text('speaker,file\n"\r0123456789.;\t').map("speaker,file,start,end\n".__add__))
def test_any_text_is_read_or_a_format_error(tmp_path_factory, content: str) -> None:
    path = tmp_path_factory.mktemp("manifest") / "people.csv"
    path.write_bytes(content.encode())
    try:
        list(read_manifest(path))
    except FormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some texts are tables


def test_columns_by_name(tmp_path: Path) -> None:
    rows = read(tmp_path, "\n note, File ,SPEAKER\r\n\r\nold,a b.wav,Ann Lee\n,,\nnew,/abs/c.wav,Bo\n")
    assert rows == [ManifestRow("Ann Lee", tmp_path / "a b.wav"), ManifestRow("Bo", Path("/abs/c.wav"))]


def test_short_rows_and_empty_trailing_cells(tmp_path: Path) -> None:
    rows = read(tmp_path, "speaker,file,start,end\nann,a.wav\nbo,b.wav,1,2,,\n")
    assert rows == [
        ManifestRow("ann", tmp_path / "a.wav"),
        ManifestRow("bo", tmp_path / "b.wav", Segment(1, 2)),
    ]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "no column file and no column speaker"),
        ("speaker,path\nann,a.wav\n", 1, "no column file"),
        ("\n\nfile\n", 3, "no column speaker"),
        ("speaker,file\nann,a.wav\n ,b.wav\n", 3, "no speaker or no file"),
        ("speaker,file\nann,\n", 2, "no speaker or no file"),
        ("speaker,file\nann\n", 2, "no speaker or no file"),
        ("speaker,file\nann,a, b.wav\n", 2, "3 cells for 2 columns"),
        ("speaker,file,start,end\nann,a.wav,1,\n", 2, "without an end"),
        ("speaker,file,end\nann,a.wav,1\n", 2, "without an end"),
        ("speaker,file,start,end\nann,a.wav,2,1\n", 2, "end after it starts"),
        ("speaker,file,start,end\nann,a.wav,-2,1\n", 2, "before the recording"),
        ("speaker,file,start,end\nann,a.wav,0,nan\n", 2, "finite"),
        ('speaker;file;start;end\nann;a.wav;"1,5";2\n', 2, "no times"),
        ('speaker,file\n"ann,a.wav\n', 2, "check its quotes"),
        ('speaker,file\n"ann"x,a.wav\n', 2, "check its quotes"),
    ],
)
def test_wrong_tables(tmp_path: Path, content: str, line: int, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, content)
    assert reason in str(caught.value)
    assert caught.value.line == line
    assert len(str(caught.value).splitlines()) == 1


def test_rows_before_a_wrong_one_are_there_already(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("speaker,file\nann,a.wav\nbo,\n", encoding="utf-8")
    rows = read_manifest(path)
    assert next(rows).speaker == "ann"
    with pytest.raises(FormatError):
        next(rows)
