"""What lies in a folder of clips."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import InputError
from spk.sorting import Clip, read_folder
from spk.sorting.placing import folder_name
from spk.sorting.scanning import Broadcast


def make(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def paired(root: Path) -> dict[str, list[str]]:
    return {str(clip.path): [str(file) for file in clip.sidecars] for clip in read_folder(root).clips}


def test_side_cars_lie_beside_their_clips(tmp_path):
    make(tmp_path, "a.wav", "a.txt", "a.en.vtt", "a.wav.json", "b/a.FLAC", "b/a.lab", "b/c.txt", "ab.txt")
    assert paired(tmp_path) == {"a.wav": ["a.en.vtt", "a.txt", "a.wav.json"], "b/a.FLAC": ["b/a.lab"]}
    assert list(map(str, read_folder(tmp_path).strays)) == ["ab.txt", "b/c.txt"]


def test_the_longest_name_wins_and_two_clips_share(tmp_path):
    make(tmp_path, "a.wav", "a.b.wav", "a.b.txt", "c.wav", "c.mp3", "c.txt")
    assert paired(tmp_path) == {"a.b.wav": ["a.b.txt"], "a.wav": [], "c.mp3": ["c.txt"], "c.wav": ["c.txt"]}
    assert list(map(str, read_folder(tmp_path).unpaired)) == ["a.wav"]


def test_hidden_things_are_passed_over_and_links_to_folders_not_followed(tmp_path):
    make(tmp_path, "in/a.wav", "in/.b.wav", "in/.git/c.wav", "other/d.wav")
    (tmp_path / "in/link").symlink_to(tmp_path / "other")
    (tmp_path / "in/e.wav").symlink_to(tmp_path / "other/d.wav")
    assert list(paired(tmp_path / "in")) == ["a.wav", "e.wav"]


def test_names_with_odd_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9.wav")
    make(tmp_path, name, "\n.txt")
    assert list(paired(tmp_path)) == [name]


@pytest.mark.parametrize("folder", ["nowhere", "empty", "file"])
def test_folders_that_hold_no_clip(tmp_path, folder):
    make(tmp_path, "empty/a.txt", "file")
    with pytest.raises(InputError, match=f"{folder}: (is no folder|holds no recordings)"):
        read_folder(tmp_path / folder)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("WXYZ_F20240131/1.wav", "WXYZ_F20240131"),
        ("WXYZ_F20240131_0012.wav", "WXYZ_F20240131"),
        ("a/WXYZ_FM_M240131/news/1.wav", "WXYZ_FM_M240131"),
        ("WXYZ_F20240131/ABC_M2024-02-01.wav", "ABC_M2024-02-01"),
        ("WXYZ_F2024013/1.wav", None),
        ("WXYZ_F20240131x/1.wav", None),
        ("_F20240131/1.wav", None),
    ],
)
def test_the_layout_of_broadcasts(path, name):
    found = Clip(PurePath(path)).broadcast
    assert (found.name if found else None) == name


@given(
    station=st.from_regex(r"[A-Za-z0-9]+(_[A-Z]{2})?", fullmatch=True),
    gender=st.sampled_from("MF"),
    date=st.dates().map(lambda day: f"{day:%Y%m%d}".zfill(8)),
)
def test_broadcasts_read_what_they_write(station, gender, date):
    one = Broadcast(station, date, gender)
    assert Broadcast.parse(one.name) == one


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_folder_names_are_names_and_no_two_alike(one, other):
    name = folder_name(one)
    assert name not in (".", "..", "unsure", "no-speech", "labels.csv")
    assert not name.startswith(".")
    assert "/" not in name
    assert len(name.encode("utf-8", "surrogatepass")) <= 255
    assert (name == folder_name(other)) == (one == other)
