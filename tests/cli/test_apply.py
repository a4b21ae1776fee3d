"""`spk apply`: out to a program, corrected there, and back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from spk.formats.turns import TurnFormat, read_turns, write_turns
from spk.timeline import Timeline, Turn

from .conftest import Demo, Spk


@pytest.fixture
def met(spk: Spk, demo: Demo) -> Spk:
    """A home in which the dialogue's two people are strangers."""
    spk("identify", "--enroll-unknown", demo.recording, "--quiet")
    return spk


def written(spk: Spk, demo: Demo, form: TurnFormat = TurnFormat.TEXTGRID) -> Path:
    """The turns as they are now, for another program."""
    path = spk.folder / f"sample.{form}"
    spk("recordings", "show", demo.recording.name, "--format", form, "--output", path)
    return path


def rewritten(path: Path, turns: list[Turn]) -> Path:
    path.write_text(write_turns(Timeline(turns), TurnFormat.TEXTGRID, recording=path.stem))
    return path


def test_through_praat_and_back(met: Spk, demo: Demo) -> None:
    later = demo.cut(met.folder / "later.wav", (18.0, 30.0))
    met("identify", "--enroll-unknown", later, "--quiet")
    path = written(met, demo)
    strangers = sorted({*re.findall(r"unknown-[0-9a-f]{4,}", path.read_text())})
    text = path.read_text().replace(strangers[0], "alice").replace(strangers[1], "bob")
    path.write_text(text, encoding="utf-16")  # as Praat does where somebody is called Zoë

    preview = met("apply", path, "--recording", demo.recording, "--dry-run")
    assert "nothing was changed" in preview.out
    assert {*met.people()} == {*strangers}
    done = met("apply", path, "--recording", demo.recording)
    assert "alice is new\nbob is new\n" in done.out
    assert "-> alice" in done.out.partition("later.wav:")[2]  # where nobody corrected anything
    assert {*met.people()} == {"alice", "bob"}
    assert "[alice]" in met("identify", later, status=None).out

    again = met("apply", path, "--recording", demo.recording)
    assert "nothing new: all of it is stored already" in again.out
    number = re.search(r"spk undo (\d+)", done.out)
    assert number is not None
    met("undo", number[1])
    assert {*met.people()} == {*strangers}


def test_one_turn_and_what_spk_says_of_it(enrolled: Spk, demo: Demo, tmp_path: Path) -> None:
    spk = enrolled.copy(tmp_path / "home")
    spk("identify", demo.recording, "--quiet")
    path = written(spk, demo)
    turns = list(read_turns(path))
    number = max((n for n, turn in enumerate(turns) if turn.label == "ann"), key=lambda n: turns[n].duration)
    rewritten(path, [turn.relabel("An") if n == number else turn for n, turn in enumerate(turns)])
    done = spk("apply", path, "--recording", demo.recording, status=2)
    assert 'An is new; did you mean "ann"?' in done.lines
    assert "withdrawn: not the speaker's by these turns" in done.out
    *_, last = done.complaints
    assert last.endswith("the corrected turns are stored; nobody's profile learns from what is named above")
    record = spk("apply", path, "--recording", demo.recording, "--json").records[0]
    assert record["turns"]["unchanged"] == len(turns)
    assert (record["change"], record["taught"], record["new"], record["gone"]) == (None, [], [], [])

    heard = spk("identify", demo.recording, status=None)
    assert heard.status == 0
    assert heard.complaints == [
        f"spk: {demo.recording}: was corrected, and stays so: `spk recordings show sample.wav` shows its turns"
    ]
    spk("identify", demo.recording, "--quiet")
    assert "[An]" in spk("recordings", "show", "sample.wav", "--format", "text").out
    rewritten(path, turns)
    done = spk("apply", path, "--recording", demo.recording, status=None)
    assert "An is gone" in done.out
    assert {*spk.people()} == {"ann", "bob"}


def test_what_cannot_be_applied(enrolled: Spk, demo: Demo, tmp_path: Path) -> None:
    spk = enrolled.copy(tmp_path / "home")
    turns = tmp_path / "turns.rttm"
    turns.write_text("SPEAKER monday 1 0.5 2 <NA> <NA> ann <NA> <NA>\n")
    before = spk.stored()
    done = spk("apply", turns, "--recording", demo.recording, "--dry-run", status=None)
    assert f"spk: {turns}: says that it is about monday; it is taken for sample.wav" in done.complaints
    for text, said in (
        ("", "there are no turns: `spk recordings forget` forgets a recording"),
        ("SPEAKER sample 1 0.5 99 <NA> <NA> ann <NA> <NA>\n", "check that these are its turns"),
        ("SPEAKER sample 1 0.5 x <NA> <NA> ann <NA> <NA>\n", f"{turns}:1: "),
    ):
        turns.write_text(text)
        refused = spk("apply", turns, "--recording", demo.recording, status=2)
        assert said in refused.err
        assert len(refused.complaints) == 1
    assert "no-such.wav" in spk("apply", demo.turns, "--recording", "no-such.wav", status=2).err
    assert spk.stored() == before


def test_people_from_a_file_of_turns(spk: Spk, demo: Demo) -> None:
    """Of a recording that was never heard, in a home where nobody is."""
    turns = read_turns(demo.turns).rename({"speaker90": "ann", "speaker91": "bob"})
    path = spk.folder / "sample.csv"
    path.write_text(write_turns(turns, TurnFormat.CSV, recording="sample"))
    record = spk("apply", path, "--recording", demo.recording, "--json", status=None).records[0]
    assert record["new"] == ["ann", "bob"]
    assert {one["name"] for one in record["taught"]} == {"ann", "bob"}
    assert all(person["net_speech"] > 5 for person in spk.people().values())
    person = json.loads(spk("speakers", "show", "ann", "--json").out)
    assert {sample["origin"] for sample in person["samples"]} == {"corrected"}


def test_another_recordings_turns_are_refused(met: Spk, demo: Demo) -> None:
    later = demo.cut(met.folder / "later.wav", (18.0, 30.0))
    met("identify", later, "--quiet")
    path = met.folder / "turns.TextGrid"
    met("recordings", "show", later.name, "--format", "textgrid", "--output", path)
    result = met("apply", path, "--recording", demo.recording, status=2)
    assert re.search(r"these are turns of \S*later\.wav: name that recording", result.err)
