"""`spk sort`, as a user meets it."""

from __future__ import annotations

import csv

from .conftest import ANN, BOB, Demo, Spk


def test_a_folder_is_sorted(enrolled: Spk, tmp_path, demo: Demo) -> None:
    spk = enrolled.copy(tmp_path / "home")
    clips = tmp_path / "clips"
    (clips / "b").mkdir(parents=True)
    demo.cut(clips / "1.wav", ANN[0])
    demo.cut(clips / "2.wav", BOB[0])
    demo.cut(clips / "b/2.flac", BOB[1])
    demo.cut(clips / "word.wav", (7.55, 8.0))
    for name in ("1.txt", "b/2.TextGrid", "stray.lab"):
        (clips / name).write_text(name)
    before = sorted(clips.rglob("*"))
    result = spk("sort", "clips", "sorted")
    assert [line.split()[:3] for line in result.lines[:3]] == [
        ["FOLDER", "VERDICT", "CLIPS"],
        ["bob", "known", "2"],
        ["ann", "known", "1"],
    ]
    assert "4 clips, 6 files placed" in result.out
    assert "2 clips have no side-car: 2.wav, word.wav" in result.out
    assert "1 file lies beside no clip: stray.lab" in result.out
    assert (tmp_path / "sorted/bob/b/2.TextGrid").read_text() == "b/2.TextGrid"
    with (tmp_path / "sorted/labels.csv").open(newline="") as table:
        assert {row["file"]: row["speaker"] for row in csv.DictReader(table)} == {
            "1.wav": "ann",
            "2.wav": "bob",
            "b/2.flac": "bob",
            "word.wav": "unsure",
        }
    assert sorted(clips.rglob("*")) == before
    assert "add --resume" in spk("sort", "clips", "sorted", status=2).err

    demo.cut(clips / "3.wav", ANN[1])
    (clips / "broken.wav").write_text("no audio")
    again = spk("sort", "clips", "sorted", "--resume", "--json", status=2)
    (record,) = again.records
    assert (record["clips"], record["files_placed"]) == (6, 1)
    assert list(record["failed"]) == ["broken.wav"]
    assert [one["speaker"] for one in record["speakers"]] == ["bob", "ann", "unsure"]
    assert again.complaints[-1] == "spk: 1 of 6 clips failed: see to it, then add --resume"


def test_what_cannot_be_sorted(spk: Spk) -> None:
    (spk.folder / "empty").mkdir()
    for arguments, message in (
        (("gone", "out"), "gone: is no folder"),
        (("empty", "out"), "empty: holds no recordings"),
        (("empty", "out", "--gallery", "typo"), "no gallery"),
    ):
        result = spk("sort", *arguments, status=2)
        assert message in result.err
        assert len(result.complaints) == 1
    assert not (spk.folder / "out").exists()
