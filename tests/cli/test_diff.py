"""`spk diff`, and `spk label-transcript`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Demo, Result, Spk

RTTM = "SPEAKER talk 1 {} {} <NA> <NA> {} <NA> <NA>\n"
SEGMENTS = {"segments": [{"id": 0, "start": 0.0, "end": 3.0, "text": " Who is there? Nobody \u00e9."}]}


def turns(path: Path, *each: tuple[float, float, str], recording: str = "talk") -> Path:
    lines = (RTTM.format(start, end - start, who).replace("talk", recording) for start, end, who in each)
    path.write_text("".join(lines))
    return path


def shown(result: Result) -> list[str]:
    """The lines that were printed, with a hyphen for the dash of a range."""
    return result.out.replace("\u2013", "-").splitlines()


@pytest.fixture
def before(spk: Spk) -> Path:
    return turns(spk.folder / "before.rttm", (0, 2, "S0"), (2, 3, "S1"), (4, 6, "S0"))


@pytest.fixture
def transcript(spk: Spk) -> Path:
    path = spk.folder / "talk.json"
    path.write_text(json.dumps(SEGMENTS))
    return path


def test_the_same(spk: Spk, before: Path, demo: Demo) -> None:
    assert spk("diff", before, before).lines == ["no difference: 3 turns"]
    assert spk("diff", before, before, "-q").out == ""
    (record,) = spk("diff", demo.turns, demo.turns, "--json").records
    assert (record["changes"], record["der"], record["identification_error"]) == ([], 0, 0)


def test_different(spk: Spk, before: Path) -> None:
    after = turns(spk.folder / "after.rttm", (0, 2.25, "ann"), (4, 6, "ann"), (8, 9, "S1"), (3600, 3661.5, "S1"))
    assert shown(spk("diff", before, after, status=1)) == [
        "moved and relabelled [S0] 00:00:00.0 - 00:00:02.0 -> [ann] 00:00:00.0 - 00:00:02.2  (end +0.25 s)",
        "removed     [S1] 00:00:02.0 - 00:00:03.0",
        "relabelled  [S0] 00:00:04.0 - 00:00:06.0 -> [ann] 00:00:04.0 - 00:00:06.0",
        "added       [S1] 00:00:08.0 - 00:00:09.0",
        "added       [S1] 01:00:00.0 - 01:01:01.5",
        "1 relabelled, 1 moved and relabelled, 2 added, 1 removed; DER 95.1 %, by names 101.1 %",
    ]
    assert len(spk("diff", before, after, "-q", status=1).lines) == 5
    (record,) = spk("diff", before, after, "--json", status=1).records
    assert record["renamed"] == {"S0": "ann"}
    assert record["changes"][1] == {
        "kind": "removed",
        "before": [{"start": 2.0, "end": 3.0, "label": "S1", "id": None}],
        "after": [],
    }
    assert record["counts"]["added"] == 2


def test_renamed_throughout_is_one_line(spk: Spk, before: Path) -> None:
    after = turns(spk.folder / "after.rttm", (0, 2, "ann"), (2, 3, "bob"), (4, 6, "ann"))
    assert shown(spk("diff", before, after, status=1)) == [
        "renamed     [S0] -> [ann], 2 turns",
        "relabelled  [S1] 00:00:02.0 - 00:00:03.0 -> [bob] 00:00:02.0 - 00:00:03.0",
        "3 relabelled; DER 0.0 %, by names 100.0 %",
    ]


def test_tolerance(spk: Spk, before: Path) -> None:
    after = turns(spk.folder / "after.rttm", (0, 2.1, "S0"), (2, 3, "S1"), (4, 6, "S0"))
    assert spk("diff", before, after, status=1).lines[0].endswith("(end +0.10 s)")
    assert spk("diff", before, after, "--tolerance", "0.2").lines == ["no difference: 3 turns"]
    after = turns(spk.folder / "after.rttm", (0, 2.003, "S0"), (2, 3, "S1"), (4, 6, "S0"))
    assert spk("diff", before, after, "--tolerance", "0", status=1).lines[0].endswith("(by less than 0.01 s)")


def test_several_recordings(spk: Spk, before: Path) -> None:
    both = spk.folder / "both.rttm"
    both.write_text(before.read_text() + RTTM.format(0, 1, "x").replace("talk", "other"))
    assert "say which one" in spk("diff", before, both, status=2).err
    assert spk("diff", before, both, "--recording", "talk").out == "no difference: 3 turns\n"
    assert spk("diff", before, both, "--recording", "other", status=1).out


def test_label_transcript(spk: Spk, transcript: Path) -> None:
    who = turns(spk.folder / "talk.rttm", (0, 1.7, "ann"), (1.7, 3, "Zo\u00eb"))
    command = ("label-transcript", transcript, who)
    segments = spk(*command).records[0]["segments"]
    assert [(one["id"], one["speaker"]) for one in segments] == [(0, "ann"), (1, "Zo\u00eb")]
    assert spk(*command, "--json").out == spk(*command, "--format", "json").out == spk(*command).out
    assert spk(*command, PYTHONIOENCODING="ascii").records == spk(*command).records
    assert shown(spk(*command, "--format", "text")) == [
        "[ann] 00:00:00.0 - 00:00:01.7  Who is there?",
        "[Zo\u00eb] 00:00:01.7 - 00:00:03.0  Nobody \u00e9.",
    ]
    assert spk(*command, "-o", "talk.vtt", "--format", "vtt").lines == [
        "talk.vtt: 5 of 5 words have a speaker; speakers: 2; lines: 1, now 2"
    ]
    assert "<v Zo\u00eb>Nobody \u00e9." in (spk.folder / "talk.vtt").read_text(encoding="utf-8")
    assert spk(*command, "-o", "talk.ctm", "--format", "ctm", "-q").out == ""
    assert (spk.folder / "talk.ctm").read_text(encoding="utf-8").splitlines()[0].split()[0] == "talk"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("diff", "before.rttm", "nowhere.rttm"), "nowhere.rttm: no such file"),
        (("diff", "before.rttm", "."), ": is not a file"),
        (("diff", "before.rttm", "--tolerance", "-1", "before.rttm"), "--tolerance"),
        (("label-transcript", "nowhere.json", "before.rttm"), "nowhere.json: no such file"),
        (("label-transcript", "talk.json", "nowhere.rttm"), "nowhere.rttm: no such file"),
        (("label-transcript", "before.rttm", "before.rttm"), "before.rttm: is no transcript"),
        (("label-transcript", "talk.json", "late.rttm"), "nobody of late.rttm speaks where it has words"),
        (("label-transcript", "talk.json", "before.rttm", "-o", "talk.json"), "talk.json: is the input itself"),
        (("label-transcript", "talk.json", "before.rttm", "--json", "--format", "vtt"), "contradict"),
        (("label-transcript", "talk.json", "before.rttm", "--format", "docx"), "docx"),
    ],
)
def test_bad_input(spk: Spk, before: Path, transcript: Path, arguments: tuple[str, ...], says: str) -> None:
    turns(spk.folder / "late.rttm", (100, 101, "ann"))
    files = sorted(spk.folder.iterdir())
    result = spk(*arguments, status=2)
    assert says in result.err
    assert len(result.complaints) == 1
    assert (result.out, sorted(spk.folder.iterdir())) == ("", files)
    assert json.loads(transcript.read_text()) == SEGMENTS


def test_neither_needs_a_home(spk: Spk, before: Path, transcript: Path) -> None:
    spk("diff", before, before)
    spk("label-transcript", transcript, before)
    assert not spk.home.exists()
