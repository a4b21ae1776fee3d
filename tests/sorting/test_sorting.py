"""Folders of clips, sorted: by toy voices, which show what goes where."""

from __future__ import annotations

import csv
import json
import os
import shutil

import numpy as np
import pytest
import soundfile

from spk.enroll import Excerpt
from spk.errors import ConflictError, FingerprintError, FormatError, InputError
from spk.identify import OperatingPoint
from spk.sorting import Link, OwnFolder, Sorter, read_folder
from spk.sorting import placing as placing_module

ANN, BOB, EVE = 300, 1500, 5000


@pytest.fixture
def clips(tmp_path, voice):
    """``clips("a/1", ANN, seconds)``: a clip and its transcript in the folder ``in``."""

    def write(name: str, hertz: float, seconds: float = 4.0, seed: int = 0, *, sidecar: bool = True):
        path = tmp_path / "in" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:  # soundfile itself takes no odd bytes
            soundfile.write(file, voice(hertz, seconds, seed).samples, 16_000, format="WAV")
        if sidecar:
            path.with_suffix(".txt").write_text(name, errors="surrogateescape")
        return path

    return write


@pytest.fixture
def sort(toy, tmp_path):
    """``sort()``: sort the folder ``in`` into ``out``."""

    def run(out="out", *, link=Link.COPY, resume=False):
        into = OwnFolder(tmp_path / out)
        with into.taken(tmp_path / "in", resume=resume):
            sorter = Sorter(toy.scorer, toy.embedder, toy.vad, OperatingPoint())
            return sorter(read_folder(tmp_path / "in"), into, link)

    return run


def tree(root) -> dict[str, bytes]:
    """The files that lie in folders of speakers, and what they hold."""
    paths = (path for path in root.glob("*/**/*") if path.is_file() and ".spk-sort" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def whose(found) -> dict[str, str]:
    return {label.file.removesuffix(".wav"): label.speaker for label in found.labels}


def test_known_unknown_short_and_silent(toy, voice, clips, sort, tmp_path):
    toy.enroll("Ann/Lee", [Excerpt(voice(ANN, 10.0))], force=True)
    for number in range(3):
        clips(f"a{number}", ANN, 4.0, seed=number + 1)
        clips(f"deep/b{number}", BOB, 4.0, seed=number + 1)
    clips("short", EVE, 0.7)
    clips("scrap", ANN, 0.3)
    soundfile.write(tmp_path / "in/silence.wav", np.zeros(16_000), 16_000)
    found = sort()
    stranger = whose(found)["deep/b0"]
    assert stranger.startswith("unknown-")
    assert whose(found) == {
        **{f"a{number}": "Ann%2FLee" for number in range(3)},
        **{f"deep/b{number}": stranger for number in range(3)},
        "short": "unsure",
        "scrap": "unsure",
        "silence": "no-speech",
    }
    placed = tree(tmp_path / "out")
    assert len(placed) == found.new == 9 + 8
    assert placed[f"{stranger}/deep/b1.txt"] == b"deep/b1"
    assert placed["Ann%2FLee/a2.wav"] == (tmp_path / "in/a2.wav").read_bytes()
    with (tmp_path / "out/labels.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows["a0.wav"]["name"] == "Ann/Lee"
    assert rows["a0.wav"]["verdict"] == "known"
    assert rows["deep/b0.wav"]["nearest"] == "Ann/Lee"
    assert rows["deep/b0.wav"]["sidecars"] == "b0.txt"
    vectors, about = (
        np.load(tmp_path / "out/embeddings.npy"),
        json.loads((tmp_path / "out/embeddings.json").read_text()),
    )
    assert vectors.shape == (len(about["files"]), toy.embedder.dim)
    assert vectors.dtype == np.float32
    assert about["fingerprint"] == toy.embedder.model.fingerprint
    assert all(about["files"][int(row["row"])] == row["file"] for row in rows.values() if row["row"])
    assert rows["silence.wav"]["row"] == ""


def test_a_stranger_who_was_met_before_is_not_known(toy, voice, clips, sort, tmp_path):
    speech = Excerpt(voice(ANN, 10.0))
    toy.enroll("bob", [Excerpt(voice(BOB, 10.0))], force=True)
    stranger = toy.remember(toy.identify.single(speech.audio)).voices[0].kept_as
    clips("a", ANN, seed=1)
    (label,) = sort().labels
    assert (label.speaker, label.name, label.verdict, label.nearest) == (stranger.label, "", "unknown", stranger.label)


def test_voiceprints_are_for_their_owner_alone(clips, sort, tmp_path):
    clips("a", ANN).chmod(0o644)
    folder = whose(sort())["a"]
    record = tmp_path / "out/.spk-sort/heard.jsonl"
    record.chmod(0o644)  # as earlier versions left it
    sort(resume=True)
    ours = [*(tmp_path / "out").glob("*.*"), *(tmp_path / "out/.spk-sort").iterdir()]
    assert {*ours} >= {record, tmp_path / "out/labels.csv", tmp_path / "out/embeddings.npy"}
    assert {path.stat().st_mode & 0o777 for path in ours if path.is_file()} == {0o600}
    assert (tmp_path / "out" / folder / "a.wav").stat().st_mode & 0o777 == 0o644


def test_labels_follow_from_the_audio(clips, sort, tmp_path):
    clips("a", ANN)
    clips("b", BOB)
    assert whose(sort("one")) == whose(sort("two"))
    (tmp_path / "in/a.wav").rename(tmp_path / "in/z.wav")
    assert whose(sort("three"))["z"] == whose(sort("four"))["z"]
    assert (tmp_path / "one" / whose(sort("five"))["z"]).is_dir()


def test_broadcasts_keep_their_layout_and_genders_apart(toy, voice, clips, sort):
    toy.enroll("ann", [Excerpt(voice(ANN, 10.0))], force=True)
    for folder, hertz in (("WXYZ_F20240131", BOB), ("WXYZ_F20240201", BOB), ("WXYZ_M20240131", BOB)):
        clips(f"{folder}/1", hertz, seed=1)
    clips("WXYZ_F20240131/2", BOB, 6.0, seed=2)
    clips("WXYZ_F20240131/3", EVE)
    clips("WXYZ_F20240131/4", ANN, 6.0, seed=4)
    clips("WXYZ_M20240131/4", ANN, 2.0, seed=5)
    found = sort()
    folders = whose(found)
    assert folders["WXYZ_F20240131/1"] == folders["WXYZ_F20240131/2"] == folders["WXYZ_F20240201/1"]
    assert {folders["WXYZ_F20240131/1"], folders["WXYZ_F20240131/3"]} == {"WXYZ_F20240131_01", "WXYZ_F20240131_02"}
    # One name is not a woman's and a man's.
    assert sorted(folders[f"WXYZ_{gender}20240131/4"] for gender in "FM")[1] == "ann"
    assert {folders["WXYZ_M20240131/1"], folders["WXYZ_M20240131/4"]}.isdisjoint(
        {folders["WXYZ_F20240131/1"], folders["WXYZ_F20240131/4"]}
    )
    label = next(label for label in found.labels if label.file == "WXYZ_F20240201/1.wav")
    assert (label.station, label.gender, label.date) == ("WXYZ", "F", "20240201")


def test_new_clips_join_what_is_there(toy, voice, clips, sort, tmp_path):
    clips("a", ANN)
    clips("b", BOB)
    first, before = sort(), tree(tmp_path / "out")
    clips("a2", ANN, seed=3)
    clips("e", EVE)
    toy.enroll("bob", [Excerpt(voice(BOB, 10.0))], force=True)
    clips("b2", BOB, seed=3)
    then = sort(resume=True)
    assert then.new == 6
    assert whose(first).items() <= whose(then).items()
    assert whose(then)["a2"] == whose(first)["a"]
    assert whose(then)["b2"] == whose(first)["b"]  # what was sorted stays where it is
    assert len(set(whose(then).values())) == 3
    assert before.items() <= tree(tmp_path / "out").items()


@pytest.mark.parametrize("at", [1, 4])
def test_a_stopped_run_goes_on(clips, sort, tmp_path, monkeypatch, at):
    for number in range(3):
        clips(f"a{number}", ANN, seed=number)
    whole = sort("whole")
    copy, calls = shutil.copyfileobj, []

    def stop(source, target, length):
        calls.append(source)
        if len(calls) == at:
            target.write(source.read(100))
            raise KeyboardInterrupt
        copy(source, target, length)

    with monkeypatch.context() as patch:
        patch.setattr(placing_module.shutil, "copyfileobj", stop)
        with pytest.raises(KeyboardInterrupt):
            sort()
    half = tree(tmp_path / "out")
    assert half.items() < tree(tmp_path / "whole").items()  # nothing half written
    then = sort(resume=True)
    assert then.new == 6 - len(half)
    assert then.labels == whole.labels
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert sort(resume=True).new == 0


def test_a_record_that_ends_in_the_middle_of_a_line(clips, sort, tmp_path, toy, monkeypatch):
    clips("a", ANN)
    clips("b", BOB)
    sort()
    record = tmp_path / "out/.spk-sort/heard.jsonl"
    record.write_bytes(record.read_bytes()[:-40])
    assert sort(resume=True).new == 0
    assert len(record.read_text().splitlines()) == 3
    record.write_text(record.read_text().replace("vector", "victor"))
    with pytest.raises(FormatError, match="is damaged"):
        sort(resume=True)
    record.write_text(record.read_text().replace(toy.embedder.model.fingerprint, "f" * 64).replace("victor", "vector"))
    with pytest.raises(FingerprintError, match="was sorted by the model"):
        sort(resume=True)


def test_linked_files(clips, sort, tmp_path):
    path = clips("a", ANN)
    folder = whose(sort("hard", link=Link.HARD))["a"]
    assert (tmp_path / "hard" / folder / "a.wav").samefile(path)
    assert not (tmp_path / "hard" / folder / "a.wav").is_symlink()
    sort("symbolic", link=Link.SYMLINK)
    assert (tmp_path / "symbolic" / folder / "a.wav").readlink() == path.resolve()
    assert sort("symbolic", link=Link.SYMLINK, resume=True).new == 0


def test_nothing_is_replaced(clips, sort, tmp_path):
    clips("a", ANN)
    folder = whose(sort())["a"]
    (tmp_path / "out" / folder / "a.txt").write_text("a person's notes")
    found = sort(resume=True)
    assert list(found.failed) == ["a.txt"]
    assert "is another file than" in found.failed["a.txt"]
    assert (tmp_path / "out" / folder / "a.txt").read_text() == "a person's notes"
    clips("a", BOB)
    assert "another clip of that name" in sort(resume=True).failed["a.wav"]


def test_folders_that_are_refused(clips, sort, tmp_path):
    clips("a", ANN)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds other files"):
        sort("mine")
    with pytest.raises(InputError, match="holds other files"):
        sort("mine", resume=True)
    for inside in ("in", "in/deep", "."):
        with pytest.raises(InputError, match="or around it"):
            sort(inside)
    sort()
    with pytest.raises(ConflictError, match="add --resume"):
        sort()
    with OwnFolder(tmp_path / "out").taken(tmp_path / "in", resume=True), pytest.raises(InputError, match="at work"):
        sort(resume=True)


def test_odd_names_doubled_and_unreadable_clips(clips, sort, tmp_path):
    odd = os.fsdecode(b"caf\xe9\n;,")
    clips(odd, ANN, sidecar=False)
    clips("same", ANN)
    (tmp_path / "in/broken.wav").write_text("no audio")
    (tmp_path / "in/nowhere.wav").symlink_to("gone.wav")
    found = sort()
    assert set(whose(found)) == {odd, "same"}
    assert set(found.failed) == {"broken.wav", "nowhere.wav"}
    assert [set(files) for files in found.doubled] == [{f"{odd}.wav", "same.wav"}]
    assert sort(resume=True).labels == found.labels
