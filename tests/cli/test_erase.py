"""`spk speakers erase` and `spk audit receipt`."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from .conftest import Spk


@pytest.fixture
def there(enrolled: Spk, tmp_path) -> Spk:
    return enrolled.copy(tmp_path / "home")


def test_a_person_is_erased_and_the_receipt_is_genuine(there: Spk) -> None:
    there("speakers", "export", "-o", "all.jsonl")
    there("speakers", "export", "ann", "-o", "ann.jsonl")
    done = there("speakers", "erase", "ann", "--yes", "-o", "receipt.json")
    assert re.match(r"ann is erased: 1 sample, 1 voiceprint, 1 clip, \d decisions?, 2 exports", done.lines[0])
    assert all("nothing found" in line for line in done.lines[1:])
    assert list(there.people()) == ["bob"]
    assert [json.loads(line)["name"] for line in (there.folder / "all.jsonl").read_text().splitlines()] == ["bob"]
    assert not (there.folder / "ann.jsonl").exists()
    receipt = json.loads((there.folder / "receipt.json").read_text())
    assert (receipt["format"], receipt["proved"], receipt["engine"]) == ("spk-erasure/1", True, "done")
    checked = there("audit", "receipt", "receipt.json")
    assert "genuine, signed by the key of this home, whose audit log agrees" in checked.lines[0]
    key = ("--key", receipt["public_key"])
    elsewhere = ("--home", there.folder / "elsewhere")
    assert "the key given" in there("audit", "receipt", "receipt.json", *key, *elsewhere).lines[0]
    unknown = there("audit", "receipt", "receipt.json", *elsewhere, status=1)
    assert "unaltered since it was signed by " + receipt["public_key"] in unknown.lines[0]
    assert "genuine" not in unknown.out
    assert there("audit", "receipt", "receipt.json", *elsewhere, "--quiet", status=1).out == ""
    assert not there("audit", "receipt", "receipt.json", *elsewhere, "--json", status=1).records[0]["known"]
    assert "another key" in there("audit", "receipt", "receipt.json", "--key", "00", status=2).err
    [told] = there("audit", "receipt", "receipt.json", "--json").records
    assert told == {"known": True, **receipt}
    assert there("audit", "receipt", "receipt.json", "--quiet").out == ""


def test_a_receipt_that_was_altered_or_is_another_homes(there: Spk, enrolled: Spk, tmp_path) -> None:
    printed = there("speakers", "erase", "ann", "bob", "--yes", "--json")
    [receipt] = printed.records
    assert len(receipt["speakers"]) == 2
    path = there.folder / "receipt.json"
    path.write_text(printed.out)
    there("audit", "receipt", path)
    other = enrolled.copy(tmp_path / "other")
    assert "is it another home's" not in other("audit", "receipt", path, status=1).out  # it has no key yet
    other("speakers", "erase", "ann", "--yes")
    assert "was not signed by" in other("audit", "receipt", path, status=2).err
    path.write_text(printed.out.replace('"samples": 2', '"samples": 3'))
    assert "was altered since it was signed" in there("audit", "receipt", path, status=2).err
    path.write_text("{}")
    assert "no receipt of an erasure" in there("audit", "receipt", path, status=2).err
    assert "cannot be read" in there("audit", "receipt", "nothing.json", status=2).err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is always full")
def test_a_receipt_that_cannot_be_written_is_printed(there: Spk) -> None:
    done = there("speakers", "erase", "ann", "--yes", "-o", "/dev/full", status=2)
    assert "ann was erased, and the receipt was printed instead" in done.complaints[-1]
    (there.folder / "receipt.json").write_text(done.out)
    assert "genuine" in there("audit", "receipt", "receipt.json").lines[0]
    assert "no folder nowhere" in there("speakers", "erase", "bob", "--yes", "-o", "nowhere/x", status=2).err
    assert list(there.people()) == ["bob"], "what can be known before is found out before"


def test_asked_before(there: Spk) -> None:
    assert "ann and bob were not erased" in there("speakers", "erase", "ann", "bob", status=2).err
    for answer, people in (("n\n", 2), ("yes\n", 1)):
        ours, theirs = pty.openpty()
        process = there.start(
            "speakers", "erase", "ann", "--quiet", stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
        )
        os.close(theirs)
        shown = ""
        while "[y/N]" not in shown:
            shown += os.read(ours, 1000).decode()
        os.write(ours, answer.encode())
        assert process.communicate(timeout=60)[0] == ""
        os.close(ours)
        assert (process.returncode == 0) == (people == 1)
        assert len(there.people()) == people


def test_what_is_found_fails_the_command(there: Spk) -> None:
    (there.home / "notes.txt").write_text("call Ann, and bob")
    done = there("speakers", "erase", "ann", "--yes", "-o", "receipt.json", status=2)
    assert done.complaints == ["spk: ann: erased, but not proved: names in files: notes.txt, byte 5"]
    assert list(there.people()) == ["bob"]
    checked = there("audit", "receipt", "receipt.json")
    assert checked.lines[-1] == "not proved: names in files: notes.txt, byte 5"
