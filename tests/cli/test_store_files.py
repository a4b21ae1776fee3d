"""`spk store export | import | prune`, and what `keep_audio` leaves in a home."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
import soundfile

from .conftest import ANN, BOB, UNKNOWN, Demo, Spk

DAYS = {"SPK_KEEP_AUDIO_DAYS": "0"}


@pytest.fixture
def home(enrolled: Spk, tmp_path: Path) -> Spk:
    return enrolled.copy(tmp_path / "home")


@pytest.fixture
def other(tmp_path: Path) -> Spk:
    return Spk(tmp_path, tmp_path / "other")


def clips(spk: Spk) -> list[Path]:
    return sorted((spk.home / "clips").glob("*"))


def test_there_and_back(home: Spk, other: Spk, demo: Demo):
    said = home("store", "export", "team.spk")
    assert said.out.startswith("default: 2 people, 2 voiceprints, 2 clips written to team.spk")
    bundle = home.folder / "team.spk"
    assert bundle.stat().st_mode & 0o777 == 0o600
    assert zipfile.ZipFile(bundle).testzip() is None
    assert other("store", "import", "team.spk").lines == ["default: 2 people, 2 voiceprints, 2 clips imported"]
    assert other.people() == home.people()
    assert [clip.read_bytes() for clip in clips(other)] == [clip.read_bytes() for clip in clips(home)]
    demo.cut(other.folder / "ann.wav", *ANN)
    [found] = other("identify", "--single", "ann.wav", "--json").records
    assert found["speakers"][0]["name"] == "ann"


def test_the_records(home: Spk, other: Spk):
    [written] = home("store", "export", "team.spk", "--json").records
    assert written == {
        "gallery": "default",
        "output": "team.spk",
        "sha256": written["sha256"],
        "speakers": 2,
        "samples": 2,
        "voiceprints": 2,
        "clips": 2,
    }
    [read] = other("store", "import", "team.spk", "--gallery", "moved", "--json").records
    assert read == {"gallery": "moved", "speakers": 2, "samples": 2, "voiceprints": 2, "clips": 2, "left_out": 0}
    assert other("speakers", "list", "--gallery", "moved", "--quiet").out
    assert not home("store", "export", "team.spk", "-q").out
    assert not Spk(home.folder, home.folder / "third")("store", "import", "team.spk", "-q").out


def test_an_export_replaces_bundles_alone(home: Spk, demo: Demo):
    home("store", "export", "team.spk")
    home("store", "export", "team.spk")
    shutil.copy(demo.recording, home.folder / "talk.wav")
    before = (home.folder / "talk.wav").read_bytes()
    assert home("store", "export", "talk.wav", status=2).complaints == [
        "spk: talk.wav: is there already and no bundle: choose another name"
    ]
    assert (home.folder / "talk.wav").read_bytes() == before
    os.mkfifo(home.folder / "pipe")
    [complaint] = home("store", "export", "pipe", status=2).complaints
    assert "is there already and no bundle" in complaint
    [complaint] = home("store", "export", "nowhere/team.spk", status=2).complaints
    assert "there is no folder nowhere" in complaint


def test_another_model_is_refused(home: Spk, other: Spk):
    home("store", "export", "team.spk")
    [complaint] = other("store", "import", "team.spk", "--model", "resnet34", status=2).complaints
    assert "by ecapa, and resnet34 would be searched by: nothing was imported; add --model ecapa" in complaint
    [complaint] = other("store", "import", "team.spk", status=2, SPK_MODEL="ecapa+resnet34").complaints
    assert "add --model ecapa" in complaint
    assert other.stored()["speakers"] == other.stored()["galleries"] == 0
    other("store", "import", "team.spk", "--model", "ecapa")


def test_people_who_are_here_already(home: Spk):
    home("store", "export", "team.spk")
    before = home.stored()
    [complaint] = home("store", "import", "team.spk", status=2).complaints
    assert complaint == "spk: ann, bob: kept in this home already, so nothing was imported: import into an empty home"
    assert home.stored() == before


def test_who_was_erased_is_not_brought_back(home: Spk):
    home("store", "export", "team.spk")
    shutil.copy(home.folder / "team.spk", home.folder / "backup.spk")
    for name in ("ann", "bob"):
        home("speakers", "delete", name, "--yes")
    said = home("store", "import", "backup.spk", "--gallery", "restored").out
    assert said == "restored: 0 people, 0 voiceprints, 0 clips imported; 2 who had been erased here left out\n"


def test_damaged_and_other_files(home: Spk, other: Spk, demo: Demo):
    home("store", "export", "team.spk")
    content = bytearray((home.folder / "team.spk").read_bytes())
    content[len(content) // 2] ^= 1
    (other.folder / "flipped.spk").write_bytes(content)
    (other.folder / "cut.spk").write_bytes(content[:-100])
    for file, text in (
        ("flipped.spk", "is damaged (clips/"),
        ("cut.spk", "is no bundle of spk, or damaged"),
        (demo.recording, "is no bundle of spk"),
        ("missing.spk", "cannot be read (No such file or directory)"),
        (".", "cannot be read (Is a directory)"),
    ):
        [complaint] = other("store", "import", file, status=2).complaints
        assert text in complaint
    if other.home.exists():
        assert other.stored()["speakers"] == 0


def test_no_clips_come_where_none_are_kept(home: Spk, other: Spk):
    home("store", "export", "team.spk")
    [read] = other("store", "import", "team.spk", "--json", SPK_KEEP_AUDIO="none").records
    assert (read["speakers"], read["clips"]) == (2, 0)
    assert clips(other) == []


# Kept audio


def test_a_home_without_audio(spk: Spk, demo: Demo):
    """`keep_audio = none`: nothing of any recording lies anywhere in the home."""
    (spk.home).mkdir()
    (spk.home / "spk.toml").write_text('keep_audio = "none"\n')
    turns = ("--turns", demo.turns, demo.recording, "--map", "speaker90=ann", "--map", "speaker91=bob")
    demo.cut(spk.folder / "bob.wav", *BOB)
    spk("identify", "--single", "--enroll-unknown", "bob.wav")
    [stranger] = [person["name"] for person in spk("unknowns", "list", "--json").records]
    assert UNKNOWN.fullmatch(stranger)
    spk("speakers", "delete", stranger, "--yes")
    spk("enroll", *turns)
    spk("identify", "bob.wav")
    assert spk.stored()["clips"] == 0
    assert clips(spk) == []
    forms = [b"fLaC", b"RIFF"]
    for kind in ("int16", "float32"):
        samples, rate = soundfile.read(demo.recording, dtype=kind)
        forms += [samples[second * rate :][:32].tobytes() for second in (11, 12, 15, 16, 19, 23, 25)]
    for path in spk.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [form for form in forms if form in content], path
    [complaint] = spk("unknowns", "play", "ann", status=2).complaints
    assert "ann is no stranger" in complaint


@pytest.mark.parametrize(("keep", "least", "most"), [("clips", 7.9, 8.1), ("samples", 9.0, 10.5)])
def test_what_is_kept(spk: Spk, demo: Demo, keep: str, least: float, most: float):
    spk("enroll", "bob", demo.cut(spk.folder / "bob.wav", *BOB), SPK_KEEP_AUDIO=keep)
    [clip] = clips(spk)
    about = soundfile.info(clip)
    assert (about.format, about.samplerate, about.channels) == ("FLAC", 16_000, 1)
    assert least < about.duration < most
    assert clip.stat().st_mode & 0o777 == 0o600


def test_pruning(home: Spk):
    [would] = home("store", "prune", "--dry-run", "--json", **DAYS).records
    size = sum(clip.stat().st_size for clip in clips(home))
    nothing = {"decisions": 0, "hearings": 0, "changes": 0, "samples": 0}
    assert would == {"clips": 2, "files": 2, "bytes": size, "dry_run": True} | nothing
    assert len(clips(home)) == 2
    assert home("store", "prune").lines == [
        "removed: the audio of 0 samples (0 files of 0 B), 0 decisions, 0 recordings, 0 changes"
    ]
    said = home("store", "prune", **DAYS).out
    assert said.startswith("removed: the audio of 2 samples (2 files of ")
    assert clips(home) == []
    assert home.stored()["samples"] == 2
    assert not home("store", "prune", "-q", **DAYS).out


def test_pruning_decisions(home: Spk, demo: Demo):
    demo.cut(home.folder / "bob.wav", *BOB)
    home("identify", "--single", "bob.wav")
    [would] = home("store", "prune", "--dry-run", "--json", SPK_KEEP_DECISIONS="0").records
    assert would["decisions"] == 1
    [did] = home("store", "prune", "--json", SPK_KEEP_DECISIONS="0").records
    assert (did["decisions"], did["dry_run"]) == (1, False)
    assert home("explain").lines == ["no decisions are kept of the gallery default"]


def test_a_clip_that_is_no_longer_kept(spk: Spk, demo: Demo):
    spk("identify", "--single", "--enroll-unknown", demo.cut(spk.folder / "bob.wav", *BOB))
    [stranger] = [person["name"] for person in spk("unknowns", "list", "--json").records]
    [clip] = spk("unknowns", "play", stranger).lines
    assert soundfile.info(clip).duration == pytest.approx(8.0)
    spk("store", "prune", **DAYS)
    [complaint] = spk("unknowns", "play", stranger, status=2).complaints
    assert complaint.startswith(f"spk: {stranger}: no audio is kept, or no longer (keep_audio, keep_audio_days)")


def test_a_clip_that_somebody_removed(spk: Spk, demo: Demo):
    spk("identify", "--single", "--enroll-unknown", demo.cut(spk.folder / "bob.wav", *BOB))
    [stranger] = [person["name"] for person in spk("unknowns", "list", "--json").records]
    clips(spk)[0].unlink()
    [complaint] = spk("unknowns", "play", stranger, status=2).complaints
    assert "no longer" in complaint
