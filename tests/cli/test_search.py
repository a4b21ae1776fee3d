"""`spk find`, `who-is` and `same`: search by voice."""

from __future__ import annotations

import re

import soundfile

from .conftest import ANN, BOB, Demo, Spk


def test_find_where_somebody_speaks(enrolled: Spk, tmp_path, demo: Demo) -> None:
    lines = enrolled("find", "bob", demo.recording).lines
    assert len(lines) >= 2
    assert all(re.fullmatch(r".*sample\.wav  \d+\.\d\d  \d+\.\d\d  LLR \+\d+\.\d  known", line) for line in lines)
    records = enrolled("find", "ann", demo.recording, "--clips", tmp_path / "cut", "--json").records
    assert any(record["start"] < (ANN[0][0] + ANN[0][1]) / 2 < record["end"] for record in records)
    assert not any(record["start"] < 25 < record["end"] for record in records)  # where bob speaks
    for record in records:
        clip = soundfile.info(record["clip"])
        assert abs(clip.duration - (record["end"] - record["start"])) < 0.01
        assert (record["name"], record["verdict"]) == ("ann", "known")
    again = enrolled("find", "ann", demo.recording, "--clips", tmp_path / "cut", status=2)
    assert "is there already: choose another folder" in again.err
    long = demo.cut(tmp_path / f"{'x' * 245}.wav", *BOB)
    error = enrolled("find", "bob", long, "--clips", tmp_path / "cut", status=2).err
    assert "cannot be written (File name too long): choose another folder for clips" in error


def test_find_nothing(enrolled: Spk, tmp_path, demo: Demo) -> None:
    clip = demo.cut(tmp_path / "bob alone.wav", *BOB)
    nowhere = enrolled("find", "ann", clip, status=None)
    assert (nowhere.status, nowhere.out, nowhere.err) == (0, "", "spk: ann was not found in this recording\n")
    assert enrolled("find", "bob", clip, "--min-llr", "99", "--quiet").out == ""
    assert enrolled("find", "bob", clip, "--min-llr", "-5").lines
    assert "--min-llr nan: is no number" in enrolled("find", "bob", clip, "--min-llr", "nan", status=2).err
    assert enrolled("find", "nobody", clip, status=2).err.startswith("spk: no speaker")
    result = enrolled("find", "bob", tmp_path / "gone.wav", clip, status=2)
    assert "known" in result.out
    assert "gone.wav" in result.err


def test_who_it_is(enrolled: Spk, spk: Spk, tmp_path, demo: Demo) -> None:
    clip = demo.cut(tmp_path / "clip.wav", BOB[1])
    lines = enrolled("who-is", clip).lines
    assert re.fullmatch(r"known: bob \(\d\.\d s of speech\)", lines[0])
    assert [line.split()[0] for line in lines[2:]] == ["PERSON", "bob", "ann"]
    assert enrolled("who-is", clip, "-q").lines == lines[:1]
    (record,) = enrolled("who-is", clip, "--json", "--top", "1").records
    assert record["verdict"] == "known"
    assert [(one["name"], one["verdict"]) for one in record["candidates"]] == [("bob", "known")]
    assert record["people"] == 2
    word = demo.cut(tmp_path / "word.wav", (7.55, 8.0))
    assert enrolled("who-is", word).out.startswith("unsure: ")
    assert spk("who-is", clip).out.startswith("unknown: nobody is enrolled")


def test_a_stranger_who_was_met_before(spk: Spk, demo: Demo) -> None:
    """Nobody has said who it is, so it is nobody who is known."""
    first = demo.cut(spk.folder / "first.wav", BOB[1])
    spk("identify", "--enroll-unknown", first)
    (label,) = spk.people()
    assert spk("who-is", first).lines[0].startswith(f"unknown: met before as {label} (")
    (record,) = spk("who-is", first, "--json").records
    assert (record["verdict"], record["candidates"][0]["verdict"]) == ("unknown", "unknown")
    assert {record["verdict"] for record in spk("find", label, first, "--json").records} == {"unknown"}


def test_one_voice_or_two(spk: Spk, demo: Demo) -> None:
    one, same, other = (
        demo.cut(spk.folder / name, part) for name, part in (("b.wav", BOB[0]), ("b2.wav", BOB[1]), ("a.wav", ANN[0]))
    )
    assert spk("same", one, same).out.startswith("same (LLR +")
    assert not spk("same", one, other, status=1).out.startswith("same")
    word = demo.cut(spk.folder / "w.wav", (7.55, 8.0))
    pattern = r"unsure \(LLR .*, 0\.\d s and 3\.\d s of speech, too short to say\)"
    assert re.fullmatch(pattern, spk("same", word, one, status=1).lines[0])
    (record,) = spk("same", one, same, "--json").records
    assert record["decision"] == "same"
    assert record["files"] == [str(one), str(same)]
    assert "gone.wav" in spk("same", one, "gone.wav", status=2).err
