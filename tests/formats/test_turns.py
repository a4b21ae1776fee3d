"""Turns in every format: what is written is read back, whatever else is there is read or refused in one line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spk import timeline
from spk.errors import FormatError
from spk.formats.fields import clock, escaped, seconds, unescaped
from spk.formats.turns import PRECISION, TurnFormat, guess, read_recordings, read_turns, recording_name, write_turns
from spk.timeline import Segment, Timeline, Turn, with_ids

WITH_IDS = {*TurnFormat} - {TurnFormat.RTTM, TurnFormat.AUDACITY, TurnFormat.SRT}
ENDINGS = {TurnFormat.AUDACITY: "txt", TurnFormat.LABEL_STUDIO: "json"}
HARD = [
    "<NA>",
    "100%",
    "%20",
    ";;",
    "Ann Lee",
    " a\u2028b\t",
    "Ægir 😀",
    '"a" ""',
    "a: b",
    "<v x>&amp;",
    "id=7",
    "x id=",
    "]]>",
]
NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(HARD)
TURNS = st.lists(
    st.builds(
        lambda start, length, label, known: Turn(Segment(start, start + length), label, known),
        st.floats(0, 1e5),
        st.floats(1e-4, 1e4) | st.just(1.0),
        NAMES,
        st.none() | NAMES,
    ),
    max_size=12,
    unique_by=lambda turn: turn.id if turn.id is not None else object(),
)
FORMS = pytest.mark.parametrize("form", TurnFormat)
TALK = with_ids(
    Timeline(
        [
            Turn(Segment(0.5, 2.75), "ann"),
            Turn(Segment(2.5, 3.25), "Bo Ek"),
            Turn(Segment(3.25, 4), "Bo Ek"),
            Turn(Segment(3.5, 5), "Bo Ek"),
        ]
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("turns")


def put(folder: Path, form: TurnFormat, content: bytes | str) -> Path:
    path = folder / f"talk.{ENDINGS.get(form, form.value)}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def ids(turns: Timeline) -> list[tuple[Turn, str | None]]:
    return sorted(((turn, turn.id) for turn in turns), key=str)


@FORMS
@given(turns=TURNS)
@example(turns=[])
@example(turns=[Turn(Segment(1, 1.0001), "ann"), Turn(Segment(1.0001, 1.0002), "ann")])
def test_what_is_written_is_read_back(folder: Path, form: TurnFormat, turns: list[Turn]) -> None:
    text = write_turns(Timeline(turns), form, recording="talk", duration=2e5)
    path = put(folder, form, text)
    found = read_recordings(path, form)
    assert set(found) <= {"talk"}
    again = read_turns(path, form, recording="talk")
    put(folder, form, write_turns(again, form, recording="talk", duration=2e5))
    assert ids(read_turns(path, form)) == ids(again)  # nothing more is lost
    tick = PRECISION[form]

    def near(turn: Turn) -> tuple[int, int]:
        return round(turn.start / tick), round(turn.end / tick)

    assert len(again) == len(turns)
    unmatched = list(again)
    for turn in turns:
        at = next(
            at
            for at, one in enumerate(unmatched)
            if one.label == turn.label
            and (form not in WITH_IDS or one.id == turn.id)
            and max(abs(a - b) for a, b in zip(near(one), near(turn), strict=True)) <= 1
        )
        del unmatched[at]


@FORMS
def test_a_talk_survives_whole(tmp_path: Path, form: TurnFormat) -> None:
    path = put(tmp_path, form, write_turns(TALK, form, recording="talk.wav", duration=6.0))
    found = read_turns(path)
    assert found == TALK
    assert [turn.id for turn in found] == [turn.id if form in WITH_IDS else None for turn in TALK]
    assert read_recordings(path) == {"talk": TALK}
    assert with_ids(found).turns[0].id == TALK[0].id


@FORMS
def test_it_is_known_by_how_it_begins(tmp_path: Path, form: TurnFormat) -> None:
    text = write_turns(TALK, form, recording="talk.wav", duration=6.0)
    for name in ("some.txt", "some", "some.json" if form is TurnFormat.JSON else "some.lab"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert guess(tmp_path / name) is form
        assert read_turns(tmp_path / name) == TALK


@FORMS
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_marks_and_line_ends(tmp_path: Path, form: TurnFormat, newline: str, mark: bytes, encoding: str) -> None:
    text = write_turns(TALK, form, recording="talk", duration=6.0).replace("\n", newline)
    if form is TurnFormat.EAF:
        text = text.replace("UTF-8", "UTF-16" if "16" in encoding else "UTF-8")
    path = put(tmp_path, form, mark + text.encode(encoding))
    assert read_turns(path) == read_turns(path, form) == TALK


@FORMS
def test_nobody_speaks(tmp_path: Path, form: TurnFormat) -> None:
    path = put(tmp_path, form, write_turns(Timeline(), form, recording="talk"))
    assert read_turns(path, form) == Timeline()


@FORMS
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_a_format_error(folder: Path, form: TurnFormat, content: bytes) -> None:
    path = put(folder, form, content)
    try:
        read_recordings(path, form)
    except FormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some bytes are a file without turns
        assert str(error).startswith(str(path))  # noqa: PT017 - as above


@FORMS
@given(st.data())
def test_any_damage_is_read_or_a_format_error(folder: Path, form: TurnFormat, data: st.DataObject) -> None:
    text = write_turns(TALK, form, recording="talk", duration=6.0)
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 30))
    text = (
        text[:at] + data.draw(st.text(max_size=5) | st.sampled_from(["-", "1e999", "\n", '"', "<"])) + text[at + cut :]
    )
    path = put(folder, form, text)
    try:
        read_recordings(path, form)
    except FormatError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some damage is none


@FORMS
def test_an_empty_name_is_refused(form: TurnFormat) -> None:
    with pytest.raises(FormatError, match="one of the names is empty"):
        write_turns(Timeline([Turn(Segment(0, 1), "")]), form, recording="talk")
    with pytest.raises(FormatError, match="one of the names is empty"):
        write_turns(TALK, form, recording="")


def test_one_recording_of_several(tmp_path: Path) -> None:
    other = Timeline([Turn(Segment(0, 1), "eve")])
    texts = (write_turns(TALK, TurnFormat.CSV, recording=f) for f in ("talk", "/calls/other.wav"))
    path = put(tmp_path, TurnFormat.CSV, "".join(texts).replace("talk\n", "talk.wav\n"))
    assert set(read_recordings(path)) == {"talk", "other"}
    assert read_turns(path, recording="x/talk.flac") == TALK
    with pytest.raises(FormatError, match=r"2 recordings \(talk, other\): say which one"):
        read_turns(path)
    with pytest.raises(FormatError, match=r"none\.wav is none of them"):
        read_turns(path, recording="none.wav")
    single = put(tmp_path, TurnFormat.RTTM, write_turns(other, TurnFormat.RTTM, recording="other"))
    assert read_turns(single, recording="another") == other


def test_a_copied_id_stays_with_the_first(tmp_path: Path) -> None:
    text = "start,end,speaker,id\n5,6,bo,x\n1,2,ann,x\n"
    assert [turn.id for turn in read_turns(put(tmp_path, TurnFormat.CSV, text))] == ["x", None]


@pytest.mark.parametrize("name", ["some.txt", "some.json", "some"])
def test_what_is_nothing_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Dear Ann,\nhow are you?\n")
    with pytest.raises(FormatError, match="looks like no file of turns"):
        read_turns(tmp_path / name)
    with pytest.raises(FormatError, match="no such file"):
        guess(tmp_path / "nowhere.txt")


def test_recordings_by_name() -> None:
    assert [recording_name(name) for name in ("a/b.WAV", "a.b", ".wav", "talk.eaf", "x\\y.mp3")] == [
        *("b", "a.b", ".wav", "talk.eaf", "y")
    ]


@pytest.mark.parametrize(
    ("text", "time"),
    [("3", 3), (" 3,5 ", 3.5), (".5", 0.5), ("-1", -1), ("1e2", 100), ("01:02", 62), ("1:00:00,25", 3600.25)],
)
def test_times(text: str, time: float) -> None:
    assert seconds(text) == time


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1,234.5", "nan", "inf", "1_0", "1:2:3:4", "٣", "1e9999"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds(text)


@given(st.integers(0, 10**9))
def test_clocks(milliseconds: int) -> None:
    assert round(seconds(clock(milliseconds / 1000)) * 1000) == milliseconds


@given(NAMES)
def test_names_that_lines_can_hold(name: str) -> None:
    line = escaped(name, r"[:\s]")
    assert unescaped(f" {line}\r\n") == name
    assert not any(c in line for c in ": \t\n\r\0")


@given(TURNS)
def test_every_turn_gets_an_id_of_its_own(turns: list[Turn]) -> None:
    named = with_ids(Timeline([*turns, *turns]))
    assert len({turn.id for turn in named}) == len(named) == 2 * len(turns)
    assert named == Timeline([*turns, *turns])
    assert [turn.id for turn in with_ids(named)] == [turn.id for turn in named]


def test_turns_that_are_the_same_get_ids_without_trying_all_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    digest, asked = timeline._digest, []
    monkeypatch.setattr(timeline, "_digest", lambda text: asked.append(text) or digest(text))
    named = with_ids(Timeline([Turn(Segment(0.0, 1.0), "ann")] * 50))
    assert len({turn.id for turn in named}) == len(asked) == 50


@FORMS
def test_long_files_take_no_longer_a_line(tmp_path: Path, form: TurnFormat) -> None:
    """Nothing here is quadratic: 20,000 turns, most of which overlap others of the same person, come back."""
    talk = Timeline(Turn(Segment(n, n + 1.5 + n % 7), f"speaker {n % 3}", f"t{n}") for n in range(20_000))
    path = tmp_path / f"t.{form.value}"
    path.write_text(write_turns(talk, form, recording="t"))
    assert read_turns(path, form) == talk
