"""Every command that takes a server says the same there as on a home of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .conftest import Both, still

NAMES = ("--map", "speaker90=ann", "--map", "speaker91=bob")
AS_JSON = "--json"


@pytest.fixture
def known(both: Both) -> Both:
    """ann is known; bob is a stranger of two recordings."""
    both("enroll", "ann", "ann.wav", "--quiet")
    both("identify", "sample.wav", "--enroll-unknown", "--quiet")
    both("identify", "bob2.wav", "--single", "--enroll-unknown", AS_JSON)
    return both


def strangers(both: Both) -> tuple[str, str]:
    """The label of the only stranger, here and there."""
    both("unknowns", "list", AS_JSON)
    [here], [there] = ([one for one in some if one["kind"] == "unknown"] for some in both.records())
    return here["name"], there["name"]


def test_people_become_known(both: Both) -> None:
    both("speakers", "list")
    both("enroll", "ann", "ann.wav")
    both("enroll", "bob", "sample.wav", "--from", "21.78", "--to", "27.85", AS_JSON)
    both("enroll", "cleo", "broken.wav", status=2)
    both("enroll", "ann", "silent.wav", "bob.wav", status=2)
    both("enroll", "ann", "ann.wav", "broken.wav", status=2)
    both("enroll", "a\nb", "bob.wav", status=2)
    both("speakers", "list")
    both("speakers", "show", "ann")
    both("speakers", "show", "ann", AS_JSON)
    both("speakers", "show", "nobody", status=2)


def test_people_become_known_by_turns_and_tables(both: Both) -> None:
    both("enroll", "--turns", "sample.rttm", "sample.wav", *NAMES, AS_JSON)
    both("enroll", "--turns", "sample.rttm", "sample.wav", "--map", "nobody=ann", status=2)
    both("enroll", "--turns", "sample.wav", "sample.wav", status=2)
    rows = ("speaker,file,start,end", "dora,ann.wav,,", "dora,sample.wav,18.6,21.49", "emil,broken.wav,,")
    both.here.folder.joinpath("people.csv").write_text("\n".join([*rows, "fay,bob2.wav,,"]))
    both("enroll", "--manifest", "people.csv", "--force", status=2)
    both("speakers", "list", AS_JSON)


def test_recordings_are_heard(known: Both) -> None:
    both = known
    both("identify", "sample.wav")
    both("identify", "sample.wav", "broken.wav", "ann.wav", AS_JSON, status=2)
    both("identify", "sample.wav", "--format", "rttm", "--attendees", "ann")
    both("identify", "ann.wav", "--single", "--fpir", "0.05", "--speakers", "2", status=2)
    both("identify", "bob2.wav", "--single", "--fpir", "0.05", "--evidence", ("here.jsonl", "there.jsonl"))
    here, there = (json.loads((both.here.folder / f"{one}.jsonl").read_text()) for one in ("here", "there"))
    assert here.keys() == there.keys()
    assert here["operating_point"] == there["operating_point"]
    both("diarize", "sample.wav")
    both("diarize", "sample.wav", AS_JSON)
    both("verify", "ann", "ann.wav")
    both("verify", "ann", "bob2.wav", AS_JSON, status=1)
    both("verify", "nobody", "bob2.wav", status=2)
    both("same", "bob.wav", "bob2.wav")
    both("same", "bob.wav", "ann.wav", AS_JSON, status=1)
    both("who-is", "ann.wav")
    both("who-is", "bob2.wav", "--top", "1", "--cost", "miss=1,false=10,prior=0.3", AS_JSON)


def test_decisions_are_explained(known: Both) -> None:
    both = known
    both("explain")
    both("explain", AS_JSON)
    which = tuple(some[0]["decision_id"][:8] for some in both.records())
    both("explain", which)
    both("explain", which, AS_JSON, change=unordered)
    both("replay", which)
    both("replay", which, AS_JSON)
    both("explain", "00000000", status=2)


def test_strangers_are_reviewed(known: Both) -> None:
    both = known
    label = strangers(both)
    both("unknowns", "list")
    both("unknowns", "show", label)
    both("unknowns", "show", label, AS_JSON)
    both("unknowns", "play", label, AS_JSON)
    both("unknowns", "name", label, "bob", "--dry-run")
    both("unknowns", "split", label, status=2)
    both("unknowns", "never", label)
    both("unknowns", "name", label, "bob", AS_JSON)
    both("unknowns", "discard", "ann", status=2)
    both("speakers", "merge", "bob", "ann", "--dry-run")
    both("undo", "--list", change=without_numbers)
    both("undo", "--dry-run", AS_JSON)
    both("undo")
    both("undo", "--last", "0", status=2)
    both("unknowns", "merge", label, "ann", "--dry-run")
    both("unknowns", "discard", label)
    both("recordings", "list")


def test_recordings_are_corrected(known: Both) -> None:
    both = known
    both("recordings", "list", AS_JSON)
    both("recordings", "show", "sample.wav")
    both("recordings", "show", "sample.wav", AS_JSON)
    both("recordings", "show", "sample.wav", "--format", "textgrid", "-o", ("here.TextGrid", "there.TextGrid"))
    both("recordings", "label", "sample.wav", "SPEAKER_00", "cleo")
    both("recordings", "relabel", "--yes")
    text = (both.here.folder / "sample.rttm").read_text()
    (both.here.folder / "corrected.rttm").write_text(text.replace("speaker90", "ann").replace("speaker91", "bob"))
    both("apply", "corrected.rttm", "--recording", "sample.wav", "--dry-run", status=2)
    both("apply", "corrected.rttm", "--recording", "sample.wav", "--force", AS_JSON)
    both("apply", "broken.wav", "--recording", "sample.wav", status=2)
    both("recordings", "forget", "sample.wav")
    both("recordings", "show", "sample.wav", status=2)


def test_people_are_looked_after(both: Both) -> None:
    both("enroll", "--turns", "sample.rttm", "sample.wav", *NAMES)
    both("doctor")
    both("doctor", "ann", AS_JSON)
    both("doctor", "ann", "--fpir", "0.2")
    both("speakers", "rename", "ann", "anna")
    both("speakers", "show", "bob", AS_JSON)
    sample = tuple(some[0]["samples"][0]["sample_id"] for some in both.records())
    both("speakers", "move", sample, "anna", "--yes", AS_JSON)
    both("undo")
    both("speakers", "withdraw", sample)
    both("speakers", "unmerge", "anna", status=2)
    both("speakers", "delete", "anna", status=2)
    both("speakers", "erase", "anna", "--yes", "-o", ("here.json", "there.json"), change=without_counts)
    both("speakers", "disclose", "bob", ("here.zip", "there.zip"), change=without_sizes)
    both("speakers", "disclose", "bob", ("here.zip", "there.zip"), change=without_sizes)  # in place of the first
    both("speakers", "disclose", "bob", ("none/here.zip", "none/there.zip"), status=2, change=without_sizes)
    both("speakers", "delete", "bob", "--yes", AS_JSON)
    both("speakers", "list")


def test_the_rest(both: Both) -> None:
    both("consent", "give", "ann", "--purpose", "calls", "--until", "2099-12-31", change=by_whom)
    both("consent", "list", change=by_whom)
    both("consent", "require", "calls", AS_JSON)
    both("consent", "list", "--within", "30")
    both("consent", "withdraw", "ann")
    both("consent", "withdraw", "ann", status=2)
    both("consent", "require", "--nothing")
    both("models", "list")
    both("models", "show", "ecapa", change=without_paths)
    both("calibrate", "--show")
    both("calibrate", "--use", "default", AS_JSON)
    both("calibrate", "--show", "default", AS_JSON)
    both("galleries", "create", "a/b", status=2)
    both.there("galleries", "list")
    both.there("audit", "verify")
    shown = both.there("audit", "show", "--speaker", "ann", AS_JSON)
    assert {one["user"] for one in shown.records} == {"key:ops"}
    both("speakers", "list", "--gallery", "nowhere", status=2)


@pytest.mark.parametrize("option", [("--home", "home"), ("--model", "ecapa"), ("--threads", "1"), ("--device", "cpu")])
def test_what_the_server_decides_is_not_for_commands_to_say(both: Both, option: tuple[str, str]) -> None:
    done = both.there("identify", "ann.wav", *option)
    assert (done.status, len(done.complaints)) == (2, 1)
    assert option[0] in done.err


def test_what_is_done_on_this_machine_says_so(both: Both) -> None:
    Path(both.here.folder, "trials.txt").write_text("ann ann.wav\n")
    done = both.there("verify", "--trials", "trials.txt")
    assert (done.status, len(done.complaints)) == (2, 1)
    assert "--server" in done.err


def without_numbers(text: str) -> str:
    """Of a table of changes: their numbers, and who made them, with whatever wide they make it."""
    lines = [line.split() for line in text.splitlines()]
    return "\n".join(" ".join(words[1:3] + words[4:]) for words in lines)


def without_paths(text: str) -> str:
    """Of files: where they lie, which a server does not tell."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("  cached"))


def without_sizes(text: str) -> str:
    """Of what is written to files: how large they are."""
    return "\n".join(line.partition(" (")[0].replace("there.", "here.") for line in text.splitlines())


def unordered(text: str) -> str:
    """Of evidence: what stands in the order of ids."""
    return "\n".join(sorted(re.split(r"[][{}, ]+", still(text))))


def without_counts(text: str) -> str:
    """Of an erasure: what went, for one home may keep a clip that another gallery has, too."""
    return text.partition(":")[0]


def by_whom(text: str) -> str:
    """Of a table: who noted it."""
    return "\n".join(" ".join(line.split()[:-1]) for line in text.splitlines())
