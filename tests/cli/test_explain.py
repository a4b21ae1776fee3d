"""Decisions that commands leave behind: listed, explained, computed again, and gone with the people in them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from .conftest import ANN, BOB, Demo, Spk

NEWEST = "decision 00000000 (spk explain 00000000)"


@pytest.fixture
def there(tmp_path, enrolled: Spk, demo: Demo) -> Spk:
    """A home in which ann and bob are enrolled, and a clip of ann beside it."""
    spk = enrolled.copy(tmp_path / "home")
    with closing(sqlite3.connect(spk.home / "spk.db")) as database, database:  # other tests have left decisions there
        database.execute("DELETE FROM decided_voices")
        database.execute("DELETE FROM decisions")
    demo.cut(tmp_path / "ann.wav", *ANN)
    return spk


def test_a_decision_from_its_making_to_its_replay(there: Spk, demo: Demo) -> None:
    text = there("identify", demo.recording)
    *_, blank, last = text.lines
    first = last.split()[1]
    assert (blank, last) == ("", NEWEST.replace("00000000", first))
    assert "decision" not in there("identify", demo.recording, "--quiet").out

    told = there("explain", first)
    assert told.lines[0].startswith(f"identify {demo.recording}, 30.0 s  (decision {first}")
    for what in (
        "model",
        "calibration",
        "gallery",
        "a name needs",
        "candidate",
        "runner-up",
        "false alarm",
        "agreement",
    ):
        assert any(line.strip().startswith(what) for line in told.lines), what
    assert "sample.wav" in told.out
    one = there("explain", f"{first}:SPEAKER_01")
    assert "SPEAKER_01: known" in one.out
    assert "SPEAKER_00: " not in one.out
    [record] = there("explain", first, "--json").records
    assert record["schema"] == "spk-evidence/1"
    assert sorted(record["names"].values()) == ["ann", "bob"]
    assert {voice["verdict"] for voice in record["voices"]} == {"known"}

    again = there("replay", first)
    assert "numbers and verdicts computed again: the same to 1e-06" in again.lines[0]
    assert sorted(line.split()[2] for line in again.lines[2:]) == ["ann", "bob"]
    assert len(there("replay", first, "--quiet").lines) == 1
    [record] = there("replay", first, "--json").records
    assert (record["same"], record["differences"], record["lost"]) == (True, [], [])
    assert {voice["verdict"] for voice in record["today"]["voices"]} == {"known"}

    listed = there("explain", "--json").records
    assert [one["kind"] for one in listed] == ["identify", "identify"]
    assert listed[1]["decision_id"].startswith(first)
    assert {voice["name"] for voice in listed[1]["voices"]} == {"ann", "bob"}
    assert len(there("explain").lines) == 3


def test_evidence_in_a_file(there: Spk, demo: Demo) -> None:
    records = there("identify", "ann.wav", demo.recording, "--json", "--evidence", "why.json").records
    text = (there.folder / "why.json").read_text()
    written = [json.loads(line) for line in text.splitlines()]
    assert [one["recording"] for one in written] == ["ann.wav", str(demo.recording)]
    assert [one["decision_id"] for one in written] == [one["decision_id"] for one in records]
    told = there("explain", "why.json")
    assert sum(line.startswith("identify ") for line in told.lines) == 2
    assert there("explain", "why.json", "--json").records == written
    (there.folder / "indented.json").write_text(json.dumps(written[0], indent=4))
    assert there("explain", "indented.json").lines[0] == told.lines[0]
    assert not {"vector", "centre"} & {key for one in written for key in one}


def test_a_claim(there: Spk) -> None:
    [record] = there("verify", "ann", "ann.wav", "--json").records
    assert record["decision_id"] is not None
    *_, last = there("verify", "bob", "ann.wav", status=1).lines
    assert last.startswith("decision ")
    told = there("explain", last.split()[1])
    assert "SPEAKER_00: different" in told.out
    assert "claimed" in told.out
    again = there("replay", record["decision_id"])
    assert again.lines[-1].split()[:3] == ["SPEAKER_00", "same", "ann"]
    (there.folder / "trials.txt").write_text("ann ann.wav\n")
    there("verify", "--trials", "trials.txt")
    assert len(there("explain", "--json").records) == 2


def test_none_are_kept_unless_wanted(there: Spk) -> None:
    there("identify", "ann.wav", "--single")
    assert len(there("explain", "--json").records) == 1
    text = there("identify", "ann.wav", "--single", SPK_KEEP_DECISIONS="0")
    assert "decision" not in text.out
    assert there("explain").out == "no decisions are kept of the gallery default\n"
    [record] = there("identify", "ann.wav", "--single", "--json", SPK_KEEP_DECISIONS="0").records
    assert record["decision_id"] is None
    there("identify", "ann.wav", "--single", "--evidence", "why.json", SPK_KEEP_DECISIONS="0")
    assert json.loads((there.folder / "why.json").read_text())["decision_id"] is None
    assert there("explain", "--json").records == []
    there("identify", "ann.wav", "--single")
    there("speakers", "list", SPK_KEEP_DECISIONS="0.000001")  # whatever opens the home next
    assert there("explain", "--json").records == []
    for wrong in ("-1", "often", "nan", "1e9"):
        assert "keep" in there("identify", "ann.wav", "--single", status=2, SPK_KEEP_DECISIONS=wrong).err


def test_it_goes_with_the_person(there: Spk, demo: Demo) -> None:
    [hers] = there("identify", "ann.wav", "--single", "--json").records
    there("verify", "bob", "ann.wav", status=1)  # her voice, too: whoever was claimed or invited
    there("identify", "ann.wav", "--single", "--attendees", "bob")
    demo.cut(there.folder / "bob.wav", *BOB)
    there("verify", "ann", "bob.wav", status=1)
    [ann] = there("speakers", "export", "ann").records
    assert [(one["kind"], one["recording"]) for one in ann["decisions"]] == [
        ("identify", "ann.wav"), ("verify", "ann.wav"), ("identify", "ann.wav"),
    ]  # fmt: skip
    assert {len(one["vector"]) for one in ann["decisions"]} == {192}
    there("speakers", "delete", "ann", "--yes")
    assert "no decision" in there("explain", hers["decision_id"], status=2).err
    [left] = there("explain", "--json").records
    assert (left["kind"], left["recording"]) == ("verify", "bob.wav")
    told = there("explain", left["decision_id"])
    assert "erased)" in told.out
    assert "ann " not in told.out.replace("ann.wav", "")
    again = there("replay", left["decision_id"])
    assert any("centre was erased" in line for line in again.lines)


def test_a_person_who_was_renamed_or_merged(there: Spk) -> None:
    [record] = there("identify", "ann.wav", "--single", "--json").records
    there("speakers", "rename", "ann", "anna")
    assert "SPEAKER_00: known anna" in there("explain", record["decision_id"]).out
    there("speakers", "merge", "anna", "bob", "--force")
    assert "SPEAKER_00: known bob" in there("explain", record["decision_id"]).out
    assert "the same" in there("replay", record["decision_id"]).out
    [claim] = there("verify", "bob", "ann.wav", "--json").records
    there("speakers", "rename", "bob", "ann")
    assert there("replay", claim["decision_id"]).lines[-1].split()[:3] == ["SPEAKER_00", "same", "ann"]


def test_a_claim_of_somebody_who_was_merged_since(there: Spk) -> None:
    [claim] = there("verify", "ann", "ann.wav", "--fpir", "0.03", "--json").records
    there("speakers", "merge", "ann", "bob", "--force")
    told = there("explain", claim["decision_id"]).out
    assert "SPEAKER_00: same bob" in told
    assert "at most 3 % of false claims" in told
    assert there("replay", claim["decision_id"]).lines[-1].split()[:3] == ["SPEAKER_00", "same", "bob"]


def test_why_a_short_clip_stays_unsure(there: Spk, demo: Demo) -> None:
    demo.cut(there.folder / "short.wav", (11.0, 11.3))
    [record] = there("identify", "short.wav", "--single", "--json").records
    assert record["speakers"][0]["verdict"] == "unsure"
    assert "unsure whatever the numbers say: a verdict needs 0.5 s" in there("explain", record["decision_id"]).out


def test_what_differs_is_status_1(there: Spk) -> None:
    import sqlite3
    from contextlib import closing

    [record] = there("identify", "ann.wav", "--single", "--json").records
    with closing(sqlite3.connect(there.home / "spk.db")) as database, database:
        [(text,)] = database.execute("SELECT record FROM decisions").fetchall()
        changed = json.loads(text)
        changed["voices"][0]["candidate"]["llr"] += 1
        changed["voices"][0]["shortlist"][0]["llr"] += 1
        database.execute("UPDATE decisions SET record = ?", [json.dumps(changed)])
    again = there("replay", record["decision_id"], status=1)
    assert "1 of them differ" in again.out
    assert "LLR of ann: recorded" in again.out
    with closing(sqlite3.connect(there.home / "spk.db")) as database, database:
        database.execute("UPDATE decisions SET record = ?", ['{"schema": "spk-evidence/1"}'])
    for command in ("replay", "explain"):
        [line] = there(command, record["decision_id"], status=2).complaints
        assert "damaged evidence" in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no evidence"),
        ("not json", "not evidence"),
        ('{"schema": "spk-identification/1"}', "not evidence of spk-evidence/1"),
        ('{"schema": "spk-evidence/1", "kind": "identify"}', "damaged evidence (evidence has no recording)"),
    ],
)
def test_files_that_are_no_evidence(spk: Spk, content: str, said: str) -> None:
    (spk.folder / "why.json").write_text(content)
    [line] = spk("explain", "why.json", status=2).complaints
    assert line.startswith("spk: why.json: ")
    assert said in line


def test_bad_arguments(there: Spk) -> None:
    for arguments, said in (
        (("explain", "nowhere.json"), "there is no such file"),
        (("explain", "ffffffff"), "no decision ffffffff"),
        (("explain", ""), "no decision"),
        (("explain", "what?"), "is no decision's id"),
        (("replay", "ffffffff"), "no decision"),
        (("identify", "ann.wav", "--evidence", "no/where.json"), "there is no folder"),
        (("identify", "ann.wav", "--evidence", "ann.wav"), "is the input itself"),
    ):
        [line] = there(*arguments, status=2).complaints
        assert said in line
    [record] = there("identify", "ann.wav", "--single", "--json").records
    [line] = there("explain", f"{record['decision_id']}:SPEAKER_07", status=2).complaints
    assert line.endswith("has no voice SPEAKER_07; it has: SPEAKER_00")
