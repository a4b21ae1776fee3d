"""Looking at what was heard, putting it right, and the way back: on a real dialogue."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import ANN, BOB, COMMAND, Demo, Spk


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory, demo: Demo) -> Spk:
    """Ann is enrolled; Bob is heard in two recordings, a stranger."""
    folder = tmp_path_factory.mktemp("heard")
    spk = Spk(folder, folder / "home")
    spk("enroll", "ann", demo.cut(folder / "ann.wav", *ANN))
    demo.cut(folder / "one.wav", (14.7, 17.92))
    demo.cut(folder / "two.wav", BOB[1])
    demo.cut(folder / "three.wav", *BOB)
    spk("identify", "--single", "--enroll-unknown", "three.wav", "two.wav", "one.wav")
    return spk


@pytest.fixture
def spk(heard: Spk, tmp_path: Path) -> Spk:
    return heard.copy(tmp_path / "home")


def who(spk: Spk, *fields: str) -> dict[str, object]:
    return {
        row["recording"]: tuple(row["voices"][0][field] for field in fields or ("who",))
        for row in spk("recordings", "list", "--json").records
    }


def kept(spk: Spk) -> list[dict[str, object]]:
    """What is known and said, as it is exported."""
    people = spk("speakers", "list", "--json").records
    recordings = spk("recordings", "list", "--json").records
    return [*people, *recordings]


def stranger(spk: Spk) -> str:
    [one] = spk("unknowns", "list", "--json").records
    return one["name"]


def test_strangers_who_were_kept_are_undone_and_come_back(spk: Spk) -> None:
    before = kept(spk)
    spk("undo", "--last", "3")
    assert [one["name"] for one in kept(spk)] == ["ann"]
    undone = [line.split()[0] for line in spk("undo", "--list").out.splitlines() if " undo " in line]
    assert len(undone) == 3
    for number in undone:  # the newest first
        spk("undo", number)
    assert kept(spk) == before


def test_the_queue(spk: Spk) -> None:
    label = stranger(spk)
    [one] = spk("unknowns", "list", "--json").records
    assert one["kind"] == "unknown"
    assert one["recordings"] >= 2
    assert [person["name"] for person in one["nearest"]] == ["ann"]
    assert one["nearest"][0]["llr"] < 0
    assert (one["merge"], one["two_voices"]) == ([], None)
    assert all(Path(clip).is_file() for clip in one["clips"])
    header, row = spk("unknowns", "list", "--limit", 1).lines
    assert header.split()[:3] == ["NAME", "SPEECH", "RECORDINGS"]
    assert row.startswith(label)
    shown = spk("unknowns", "show", label)
    assert "nearest: ann (LLR -" in shown.out
    assert any(line.startswith("three.wav  SPEAKER_00  ") for line in shown.lines)
    [record] = spk("unknowns", "show", label, "--json").records
    assert {row["recording"] for row in record["heard"]} <= {"one.wav", "two.wav", "three.wav"}
    assert record["heard"][0]["turns"][0][0] >= 0


def test_a_name_and_the_way_back(spk: Spk) -> None:
    label = stranger(spk)
    before = kept(spk)
    would = spk("unknowns", "name", label, "bob", "--dry-run")
    assert would.lines[-1] == "nothing was changed: leave out --dry-run"
    assert kept(spk) == before
    [done] = spk("unknowns", "name", label, "bob", "--json").records
    assert done["dry_run"] is False
    assert done["speakers"][0]["name"] == "bob"
    assert {change["before"]["who"] for change in done["labels"]} == {label}
    assert {change["after"]["who"] for change in done["labels"]} == {"bob"}
    changed = [f"{change['recording']}:" for change in done["labels"]]
    assert [line for line in would.lines if line.endswith(".wav:")] == changed
    assert set(who(spk).values()) >= {("bob",)}
    listed = spk("undo", "--list", "--json").records
    assert listed[0]["change"] == done["change"]
    assert listed[0]["what"] == "name an unknown"
    back = spk("undo").lines
    assert back[0].startswith(f"change {done['change']} is undone: name an unknown, of ")
    assert f"bob -> {label}" in "\n".join(back)
    assert kept(spk) == before
    [complaint] = spk("undo", done["change"], status=2).complaints
    assert complaint == f"spk: change {done['change']} was undone already"
    assert "cannot be given together" in spk("undo", 1, "--last", 2, status=2).err


def test_never(spk: Spk, heard: Spk) -> None:
    label = stranger(spk)
    assert spk("unknowns", "never", label).lines[0] == f"{label} is not asked about any more"
    assert spk("unknowns", "list", "--json").out == ""
    assert spk("unknowns", "list").lines == ["no stranger awaits review in the gallery default"]
    assert label in spk("identify", "--single", heard.folder / "three.wav", "--enroll-unknown").out
    assert spk("unknowns", "list", "--json").out == ""
    spk("unknowns", "show", label)


def test_a_poisoned_profile(spk: Spk, demo: Demo, tmp_path: Path) -> None:
    """A profile that learnt from another's speech before recordings were heard, and is corrected afterwards."""
    poisoned = spk.copy(tmp_path / "poisoned")
    poison, meeting, call = (tmp_path / name for name in ("poison.wav", "meeting.wav", "call.wav"))
    poisoned("enroll", "ann", demo.cut(poison, (15.0, 17.9), (22.0, 27.5)), "--force")
    demo.cut(meeting, *BOB, *ANN)
    demo.cut(call, (22.5, 27.0))
    for home in (spk, poisoned):
        home("identify", meeting, "--enroll-unknown")
        home("identify", "--single", call, "--enroll-unknown")
    assert said(spk) != said(poisoned)
    [wrong] = [one["sample_id"] for one in shown(poisoned, "ann") if one["recording"] == str(poison)]
    preview = poisoned("speakers", "withdraw", wrong[:8])
    assert preview.lines[-1] == "nothing was changed: add --yes to do it"
    poisoned("speakers", "withdraw", wrong[:8], "--yes")
    assert said(spk) == said(poisoned)


def shown(spk: Spk, name: str) -> list[dict[str, str]]:
    return spk("speakers", "show", name, "--json").records[0]["samples"]


def said(spk: Spk) -> list[dict[str, object]]:
    """All that is said of recordings, but for the ids of rows."""
    found = []
    for row in spk("recordings", "list", "--json").records:
        voices = [{key: value for key, value in voice.items() if key != "sample_id"} for voice in row["voices"]]
        found.append({"recording": row["recording"], "voices": voices})
    return found


def test_samples_move_and_mergers_come_apart(spk: Spk) -> None:
    label = stranger(spk)
    spk("unknowns", "name", label, "bob")
    samples = shown(spk, "bob")
    text = spk("speakers", "show", "bob").out
    assert all(sample["sample_id"].replace("-", "")[:8] in text for sample in samples)
    moved = spk("speakers", "move", samples[0]["sample_id"], "carl", "--yes").lines
    assert moved[0].startswith("1 sample moved to carl")
    assert len(shown(spk, "carl")) == 1
    assert spk("speakers", "merge", "carl", "bob").lines[0] == "carl is merged into bob"
    assert spk("speakers", "rename", "bob", "Bob").lines[0] == "bob is now Bob"
    assert spk("speakers", "unmerge", "Bob").lines[0] == "carl is not Bob"
    assert "carl" not in spk.people()
    spk("speakers", "unmerge", "Bob", "--yes")
    assert len(shown(spk, "carl")) == 1
    [complaint] = spk("speakers", "unmerge", "Bob", status=2).complaints
    assert complaint.startswith("spk: no merger into Bob is kept")


def test_split(spk: Spk) -> None:
    label = stranger(spk)
    refused = spk("unknowns", "split", label, status=2).complaints
    assert refused == [f"spk: {label} does not seem to be two people: say which --samples are another's"]
    [record] = spk("unknowns", "show", label, "--json").records
    ids = [row["sample_id"] for row in record["heard"] if row["sample_id"]]
    assert "no sample begins with" in spk("unknowns", "split", label, "--samples", "zzzz", status=2).err
    preview = spk("unknowns", "split", label, "--samples", ids[0][:8])
    assert preview.lines[0] == f"1 sample of {label} would be somebody else's"
    [done] = spk("unknowns", "split", label, "--samples", ids[0][:8], "--yes", "--json").records
    assert len({one["label"] for one in done["speakers"]}) == 2
    assert len(spk("unknowns", "list", "--json").records) == 2


def test_recordings(spk: Spk) -> None:
    assert spk("recordings", "list").lines[0].split()[:3] == ["RECORDING", "ID", "HEARD"]
    label = stranger(spk)
    shown = spk("recordings", "show", "three.wav")
    assert label in shown.out
    assert spk("recordings", "show", "three.wav", "--format", "rttm").out.split()[7] == label
    [record] = spk("recordings", "show", "three.wav", "--json").records
    assert record["turns"][0]["who"] == label
    assert re.fullmatch(r"t[0-9a-f]{8}", record["turns"][0]["id"])
    spk("recordings", "show", "three.wav", "--format", "textgrid", "-o", "three.TextGrid")
    assert label in (spk.folder / "three.TextGrid").read_text()
    assert spk("recordings", "show", record["hearing"][:8], "--json").records == [record]
    preview = spk("recordings", "label", "three.wav", "SPEAKER_00", "bob")
    assert "three.wav:" in preview.lines
    assert "bob" not in spk.people()
    spk("recordings", "label", "three.wav", "SPEAKER_00", "bob", "--yes")
    assert who(spk, "who", "said_by")["three.wav"] == ("bob", "person")
    spk("recordings", "label", "three.wav", "SPEAKER_00", "--nobody", "--yes")
    assert who(spk)["three.wav"] == (None,)
    assert spk("recordings", "relabel").lines[0].startswith("3 recordings judged again: 0 labels would change")
    assert spk("recordings", "forget", "three.wav").lines[0] == "three.wav is forgotten"
    assert "three.wav" not in who(spk)
    spk("undo")
    assert who(spk)["three.wav"] == (None,)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("recordings", "show", "nowhere.wav"), 'nothing is kept of a recording "nowhere.wav"'),
        (("recordings", "label", "three.wav", "SPEAKER_09", "bob"), "three.wav has no voice SPEAKER_09"),
        (("recordings", "label", "three.wav", "SPEAKER_00"), "give one NAME, or --nobody"),
        (("recordings", "label", "three.wav", "SPEAKER_00", "bob", "--nobody"), "give one NAME, or --nobody"),
        (("recordings", "show", "three.wav", "-o", "x.rttm"), "--output needs --format"),
        (("speakers", "withdraw", "123456"), "123456: nobody has such a sample"),
        (("speakers", "move", "xyz", "bob"), "xyz is no sample's id"),
        (("unknowns", "never", "ann"), "ann is no stranger"),
        (("undo", "999"), "no change 999 is kept"),
        (("undo", "--last", "999"), "changes are kept that could be undone"),
    ],
)
def test_what_cannot_be(heard: Spk, arguments: tuple[str, ...], complaint: str) -> None:
    [line] = heard(*arguments, status=2).complaints
    assert complaint in line


def test_two_processes_name_one_stranger(spk: Spk) -> None:
    label = stranger(spk)
    names = ("bob", "carl")
    processes = [
        spk.start("unknowns", "name", label, name, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for name in names
    ]
    ends = [(process.communicate(timeout=120), process.returncode) for process in processes]
    won = [name for name, (_, status) in zip(names, ends, strict=True) if status == 0]
    lost = [errors for (_, errors), status in ends if status != 0]
    assert len(won) == 1
    assert re.fullmatch(rf"spk: .*({label}|{won[0]}).*\n", lost[0])
    assert won[0] in spk.people()
    assert len(spk.people()) == 2


def test_clips_are_played(spk: Spk, tmp_path: Path) -> None:
    """In a terminal, by the player that there is."""
    label = stranger(spk)
    clips = spk("unknowns", "play", label).lines
    assert clips
    if not shutil.which("script"):
        pytest.skip("no terminal to be had: the program `script` is missing")
    (tmp_path / "paplay").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/played\n')
    (tmp_path / "paplay").chmod(0o755)
    environment = spk.environment(PATH=f"{tmp_path}:/usr/bin:/bin")
    line = " ".join([*COMMAND, "unknowns", "play", label])
    if shutil.which("ffplay", path=environment["PATH"]):
        pytest.skip("a real player would play")
    subprocess.run(["script", "-qec", line, "/dev/null"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "played").read_text().splitlines() == clips
