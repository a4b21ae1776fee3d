"""Turns in files: every format that commands print, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spk.cli.turns import FORMATS, Format
from spk.formats.turns import TurnFormat, read_recordings, read_turns
from spk.timeline import Timeline, with_ids

from .conftest import Demo, Spk

FILES = [form for form in Format if form is not Format.TEXT]


def test_every_format_is_an_option() -> None:
    assert {*Format} == {*TurnFormat, "text"} == {*FORMATS.split(", ")}


def test_a_recording_in_every_format(enrolled: Spk, demo: Demo, tmp_path: Path) -> None:
    """What is diarized and identified is the same turns with the same ids, whatever they are written in."""
    spk = enrolled.copy(tmp_path / "home")
    clip = demo.cut(tmp_path / "clip.wav", (14.5, 28))
    record = spk("diarize", clip, "--json").records[0]
    ids = [turn["id"] for turn in record["turns"]]
    assert len({*ids}) == len(ids) > 1
    spans = [(turn["start"], turn["end"], turn["label"]) for turn in record["turns"]]
    (tmp_path / "diarized.json").write_text(json.dumps(record))
    for form in FILES:
        path = tmp_path / f"clip.{form}"
        spk("import", "diarized.json", "--format", form, "--recording", "clip", "--output", path)
        turns = read_turns(path)
        assert [(round(turn.start, 3), round(turn.end, 3), turn.label) for turn in turns] == spans
        assert [turn.id for turn in with_ids(turns)] == ids
    text = spk("diarize", clip, "--format", "textgrid").out
    assert f"xmax = {record['duration']:.6f}" in text
    assert all(f'text = "id={one}"' in text for one in ids)
    named = spk("identify", clip, "--json").records[0]
    assert [turn["id"] for turn in named["turns"]] == ids
    (tmp_path / "named.eaf").write_text(spk("identify", clip, "--format", "eaf").out)
    found = read_turns(tmp_path / "named.eaf")
    assert {*found.labels} <= {"ann", "bob", "SPEAKER_00", "SPEAKER_01"}
    assert {turn.id for turn in found} == {*ids}


def test_several_recordings(spk: Spk, demo: Demo) -> None:
    clips = [demo.cut(spk.folder / f"{name}.wav", (14.5, 18)) for name in ("one", "two")]
    for form in ("csv", "rttm", "json"):
        text = spk("diarize", *clips, "--format", form).out
        (spk.folder / f"both.{form}").write_text(text)
        assert list(read_recordings(spk.folder / f"both.{form}")) == ["one", "two"]
        assert text.count("start,end") == (form == "csv")
    assert spk("import", "both.rttm", "--format", "csv").out == (spk.folder / "both.csv").read_text()
    one = spk(
        "import", "both.json", "--recording", "two", "--format", "textgrid", "--duration", 3.5, "-o", "two.TextGrid"
    )
    assert one.out == ""
    assert "xmax = 3.500000" in (spk.folder / "two.TextGrid").read_text()
    for command, advice in (
        (("diarize", *clips), "write each to its own file"),
        (("identify", *clips), "write each to its own file"),
        (("import", "both.csv"), "say which with --recording NAME"),
    ):
        error = spk(*command, "--format", "textgrid", status=2).err
        assert error == f"spk: --format textgrid holds one recording, not 2: {advice}\n"
    error = spk("import", "both.csv", "--recording", "three", status=2).err
    assert error == "spk: both.csv: holds turns of 2 recordings (one, two): three is none of them\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.TextGrid", 'File type = "ooTextFile"\n', "a.TextGrid:1: ends where a text in quotes should come"),
        ("a.eaf", "<html>\n", "a.eaf:1: is no document of ELAN"),
        ("a.csv", "start,end,speaker\n1,2,ann\n4,3,ann\n", "a.csv:3: ends before it starts"),
        ("a.txt", "1.0\t2.0\tann\n5.0\tx\tann\n", 'a.txt:2: "x" is no time'),
        ("a.srt", "hello\n", "a.srt:1: is no file of captions"),
        ("a.json", "[5]", "a.json:1: "),
        (
            "a.json",
            '{"segments": [{"start": 1, "end": 2, "text": "hm"}]}',
            "a.json: is a transcript, not turns: spk label",
        ),
        ("a.json", '[{"start": 1, "end": 2, "text": "hm"}]', "a.json: is a transcript, not turns"),
        ("a.json", '{"transcription": [{"text": "hm", "offsets": {}}]}', "a.json: is a transcript, not turns"),
        ("a.doc", "hello\n", "a.doc: looks like no file of turns that spk knows"),
    ],
)
def test_what_is_wrong_in_a_file(spk: Spk, name: str, content: str, says: str) -> None:
    (spk.folder / name).write_text(content)
    result = spk("import", name, "-o", "out.rttm", status=2)
    assert len(result.complaints) == 1
    assert result.err.startswith(f"spk: {says}")
    assert not (spk.folder / "out.rttm").exists()


def test_a_result_that_cannot_be(spk: Spk) -> None:
    (spk.folder / "a.csv").write_text("start,end,speaker\n1,2,ann\n")
    assert (
        "a.csv: the last turn ends at 2.00 s, and --duration is 1.5"
        in spk("import", "a.csv", "--duration", 1.5, status=2).err
    )
    assert "is the input itself" in spk("import", "a.csv", "-o", "a.csv", status=2).err
    assert "no such file" in spk("import", "b.csv", status=2).err
    assert "no recording lasts for ever" in spk("import", "a.csv", "--duration", "inf", status=2).err
    (spk.folder / "a.json").write_text('{"turns": [{"start": 1, "end": 2, "label": "\\ud800"}]}')
    (spk.folder / "out.csv").write_text("kept")
    error = spk("import", "a.json", "--format", "csv", "-o", "out.csv", status=2).err
    assert error == "spk: out.csv: cannot hold half a letter, as a name here has: correct the name\n"
    assert (spk.folder / "out.csv").read_text() == "kept"


def test_nobody_speaks(spk: Spk) -> None:
    (spk.folder / "a.rttm").write_text("")
    spk("import", "a.rttm", "--format", "textgrid", "-o", "a.TextGrid")
    assert read_recordings(spk.folder / "a.TextGrid") == {"a": Timeline()}


def test_a_name_to_write(spk: Spk) -> None:
    (spk.folder / "a.csv").write_text("start,end,speaker\n1,2,ann\n")
    assert spk("import", "a.csv", "--duration", 1.95, "--recording", "x.wav").out.startswith("SPEAKER x 1 1.000 1.000")
