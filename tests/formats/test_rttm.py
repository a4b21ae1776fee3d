"""RTTM in and out."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import FormatError, TimelineError
from spk.formats.rttm import RttmLine, read_rttm, write_rttm
from spk.timeline import Segment, Timeline, Turn

GOOD = "SPEAKER talk 1 0.50 2.25 <NA> <NA> ann <NA> <NA>"
NAMES = st.text(min_size=1, max_size=20) | st.sampled_from(
    ["<NA>", "100%", "%20", ";;", "Ann Lee", "a\u2028b", "Ægir 😀"]
)
TIMES = st.floats(0, 1e6)
LENGTHS = st.floats(1e-4, 1e5)
TURNS = st.lists(
    st.builds(lambda start, length, label: Turn(Segment(start, start + length), label), TIMES, LENGTHS, NAMES)
)


def read(tmp_path: Path, content: bytes | str) -> dict[str, Timeline]:
    path = tmp_path / "turns.rttm"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rttm(path)


@given(st.builds(RttmLine, NAMES, TIMES, LENGTHS, NAMES, st.integers(0, 99), st.none() | st.floats(0, 1)))
def test_a_line_survives_to_the_millisecond(line: RttmLine) -> None:
    text = line.serialize()
    assert len(text.split()) == 10
    again = RttmLine.parse(text)
    assert (again.file, again.label, again.channel) == (line.file, line.label, line.channel)
    assert again.start == pytest.approx(line.start, abs=0.00051)
    assert again.duration == pytest.approx(line.duration, abs=0.00091)
    assert again.confidence == (None if line.confidence is None else pytest.approx(line.confidence, abs=0.00051))
    assert again.serialize() == text
    assert RttmLine.parse(again.serialize()) == again


@given(TURNS, NAMES)
def test_a_timeline_survives_to_the_millisecond(tmp_path_factory, turns: list[Turn], file_id: str) -> None:
    path = tmp_path_factory.mktemp("rttm") / "turns.rttm"
    path.write_bytes(write_rttm(Timeline(turns), file_id).encode())
    again = read_rttm(path)
    assert sorted(again) == ([file_id] if turns else [])
    found = again.get(file_id, Timeline())
    assert sorted(turn.label for turn in found) == sorted(turn.label for turn in turns)
    ends = [sorted(turn.end for turn in talk) for talk in (found, Timeline(turns))]
    assert ends[0] == pytest.approx(ends[1], abs=0.0016)


@given(st.text(max_size=200) | st.text("SPEAKR 0123456789.-<>NA\t", max_size=80).map("SPEAKER ".__add__))
def test_any_other_line_is_a_format_error(text: str) -> None:
    try:
        line = RttmLine.parse(text, source="x.rttm", line=7)
    except FormatError as error:
        assert str(error).startswith("x.rttm:7: ")  # noqa: PT017 - most lines are wrong, not all
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - as above
    else:
        assert RttmLine.parse(line.serialize()).label == line.label


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_a_format_error(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("rttm") / "turns.rttm"
    path.write_bytes(content)
    try:
        read_rttm(path)
    except FormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some bytes are blank lines


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, newline: str, mark: bytes, encoding: str) -> None:
    lines = [
        ";; a comment",
        "",
        GOOD,
        " \t",
        "  SPEAKER\ttalk 1 3  1.5 <NA> <NA> Jürgen <NA>",
        "SPKR-INFO talk 1 x",
    ]
    turns = read(tmp_path, mark + newline.join(lines).encode(encoding))
    assert turns == {"talk": Timeline([Turn(Segment(0.5, 2.75), "ann"), Turn(Segment(3, 4.5), "Jürgen")])}


def test_several_recordings(tmp_path: Path) -> None:
    second = GOOD.replace("talk", "other")
    turns = read(tmp_path, f"{second}\n{GOOD}\n{GOOD.replace('ann', 'bo')}\n")
    assert {file: timeline.labels for file, timeline in turns.items()} == {
        "other": ("ann",),
        "talk": ("ann", "bo"),
    }


def test_nobody_speaks(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, ";; nothing\n") == {}
    assert write_rttm(Timeline(), "talk") == ""


def test_real_references(corpus) -> None:
    found = 0
    for role in ("diarization", "diarization-mix"):
        for audio in corpus.files(role):
            path = audio.with_suffix(".rttm")
            if path.is_file():
                for file, timeline in read_rttm(path).items():
                    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("SPEAKER")]
                    assert len(lines) >= len(timeline) > 0
                    assert len(write_rttm(timeline, file).splitlines()) == len(timeline)
                    found += 1
    assert found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace("0.50", "-0.50"), "before the recording"),
        (GOOD.replace("2.25", "-2.25"), "end after it starts"),
        (GOOD.replace("2.25", "1e300"), "no time of a recording"),
        (GOOD.replace("2.25", "nan"), "no number"),
        (GOOD.replace("0.50", "inf"), "no number"),
        (GOOD.replace("0.50", "9" * 400), "finite"),
        (GOOD.replace("0.50", "0,50"), "no number"),
        (GOOD.replace("0.50", "1_0"), "no number"),
        (GOOD.replace("0.50", "<NA>"), "no number"),
        (GOOD.replace(" 1 ", " left "), "no channel"),
        (GOOD.replace(" ann ", " Ann Lee "), "has 10 fields, this one 11"),
        (GOOD.replace(" <NA> <NA>", ""), "has 10 fields, this one 6"),
        (GOOD.replace(" ann ", " <NA> "), "names no speaker"),
        (GOOD.replace("SPEAKER", "speaker"), "no type"),
        ("0.0\t1.5\tann", "no type"),
        ("SPEAKER", "fields"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, f"{GOOD}\n\n{line}\n")
    assert reason in str(caught.value)
    assert caught.value.line == 3
    assert str(caught.value).startswith(f"{tmp_path / 'turns.rttm'}:3: ")


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("ann", "Jürgen").encode("latin-1"),
        b"\xff\xfe\x00",
        bytes(100),
        b"RIFF\x24\0\0\0WAVE",
        b"A" * 200_000,
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FormatError, match=r"save it as UTF-8|is not a text file"):
        read(tmp_path, content)


def test_a_turn_without_duration_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, f"{GOOD.replace('2.25', '0.000')}\n{GOOD}\n{GOOD.replace('2.25', '0')}\n")
    assert [len(turns) for turns in found.values()] == [1]


def test_names_must_not_be_empty() -> None:
    for file, label in (("", "ann"), ("talk", "")):
        with pytest.raises(FormatError, match="empty"):
            RttmLine(file, 0, 1, label)
    with pytest.raises(TimelineError):
        RttmLine("talk", 0, 0, "ann")


def test_other_tools_percent_signs_are_names() -> None:
    assert RttmLine.parse(GOOD.replace("ann", "100%")).label == "100%"
    assert RttmLine.parse(GOOD.replace("ann", "a%ffb")).label == "a%ffb"
