"""The main job on the demo dialogue: diarize, correct, enroll, identify, and meet a stranger again."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile

from .conftest import ANN, BOB, UNKNOWN, Demo, Spk

HALF = 18.0  # seconds; both people speak in either half


@pytest.fixture(scope="module")
def halves(tmp_path_factory, demo: Demo) -> tuple[Path, Path]:
    """The dialogue in two recordings."""
    folder = tmp_path_factory.mktemp("halves")
    first = demo.cut(folder / "first.wav", (0, HALF))
    return first, demo.cut(folder / "second.wav", (HALF, 30))


@pytest.fixture(scope="module")
def corrected(halves, demo: Demo) -> Path:
    """The turns of the first half as somebody hands them back: times mended, labels still nobody's."""
    lines = [line.split() for line in demo.turns.read_text().splitlines()]
    labels = {"speaker90": "SPEAKER_00", "speaker91": "SPEAKER_01"}
    path = halves[0].with_name("corrected.rttm")
    path.write_text(
        "".join(
            " ".join(["SPEAKER", "first", *fields[2:7], labels[fields[7]], "<NA>", "<NA>"]) + "\n"
            for fields in lines
            if float(fields[3]) + float(fields[4]) <= HALF
        )
    )
    return path


def test_from_a_recording_to_names_in_another(spk: Spk, halves, corrected) -> None:
    first, second = halves
    found = spk("diarize", first, "--speakers", 2, "-o", "first.rttm")
    assert found.out == ""
    turns = [line.split() for line in (spk.folder / "first.rttm").read_text().splitlines()]
    assert {fields[7] for fields in turns} == {"SPEAKER_00", "SPEAKER_01"}
    assert {(fields[0], fields[1]) for fields in turns} == {("SPEAKER", "first")}

    # Nobody is stored under a label that diarization made up.
    nameless = spk("enroll", "--turns", corrected, first, "--map", "SPEAKER_01=bob", status=2)
    assert "SPEAKER_00 has no name: add --map SPEAKER_00=NAME" in nameless.complaints[0]
    assert list(spk.people()) == ["bob"]

    known = spk("enroll", "--turns", corrected, first, "--map", "SPEAKER_00=ann", "--map", "SPEAKER_01=bob")
    assert [line.split(":")[0] for line in known.lines] == ["ann", "bob"]
    assert "1 known already" in known.lines[1]
    assert all("provisional until 30 s" in line for line in known.lines)

    text = spk("identify", second)
    assert sorted(line.split()[1:3] for line in text.lines[:2]) == [["known", "ann"], ["known", "bob"]]
    assert "[ann] 00:00:00.0 – 00:00:03" in text.out  # noqa: RUF001 - as printed
    rttm = spk("identify", second, "--format", "rttm")
    assert {line.split()[7] for line in rttm.lines} == {"ann", "bob"}
    assert {line.split()[1] for line in rttm.lines} == {"second"}

    [record] = spk("identify", second, "--json", "--quiet").records
    assert record["schema"] == "spk-identification/1"
    assert (record["recording"], record["duration"]) == (str(second), 12.0)
    fields = {"start", "end", "label", "id", "speaker_id", "name", "verdict", "score", "cosine", "llr"}
    assert fields <= set(record["turns"][0])
    assert all(turn["end"] > turn["start"] >= 0 for turn in record["turns"])
    assert all(one["start"] <= other["start"] for one, other in pairwise(record["turns"]))
    people = spk.people()
    for speaker in record["speakers"]:
        assert speaker["verdict"] == "known"
        assert speaker["llr"] > 3
        assert speaker["margin"] > 3
        assert speaker["runner_up"]["name"] != speaker["name"]
        assert speaker["speaker_id"] == people[speaker["name"]]["speaker_id"]
        assert speaker["provisional"]


def test_a_stranger_is_met_again(spk: Spk, halves, corrected, tmp_path) -> None:
    first, second = halves
    spk("enroll", "--turns", corrected, first, "--map", "SPEAKER_00=ann", "--map", "SPEAKER_01=bob")
    spk("speakers", "delete", "bob", "--yes")
    [alone] = spk("identify", second, "--json").records
    verdicts = {(voice["name"], voice["verdict"], bool(voice["speaker_id"])) for voice in alone["speakers"]}
    assert verdicts == {("ann", "known", True), (None, "unknown", False)}
    assert spk("unknowns", "list", "--json").out == ""

    kept = spk("identify", second, "--enroll-unknown")
    [label] = set(UNKNOWN.findall(kept.out))
    assert sum("; new; nearest ann" in line for line in kept.lines) == 1
    [again] = spk("identify", first, "--speakers", 2, "--enroll-unknown", "--json").records
    [stranger] = spk("unknowns", "list", "--json").records  # one entry, not two
    assert stranger["name"] == label
    [met] = [voice for voice in again["speakers"] if voice["name"] is None]
    assert (met["verdict"], met["speaker_id"]) == ("unknown", stranger["speaker_id"])
    assert met["llr"] > 3

    # The very same recording makes no second stranger either.
    spk("identify", second, "--enroll-unknown")
    assert len(spk("unknowns", "list", "--json").records) == 1

    assert label in spk("unknowns", "show", label).out
    [clip] = spk("unknowns", "play", label).lines
    assert soundfile.info(clip).duration > 5
    assert spk("unknowns", "play", label, "--json").records == [{"name": label, "clips": [clip]}]
    named = spk("unknowns", "name", label, "bob").lines
    assert named[0] == f"{label} is bob"
    assert sum(line.endswith(f"{label} -> bob") for line in named) == 2
    assert re.fullmatch(r"change (\d+) \(spk undo \1\)", named[-1])
    assert spk("unknowns", "list", "--json").out == ""
    assert spk.people()["bob"]["speaker_id"] == stranger["speaker_id"]
    [named] = spk("identify", first, "--speakers", 2, "--json").records
    assert {voice["name"] for voice in named["speakers"]} == {"ann", "bob"}


def test_strangers_are_merged_and_discarded(spk: Spk, demo: Demo) -> None:
    kept = spk("identify", "--enroll-unknown", demo.recording)
    one, other = dict.fromkeys(UNKNOWN.findall(kept.out))
    [clip] = spk("unknowns", "play", other).lines
    assert spk("unknowns", "merge", one, other, "--force").lines[0] == f"{one} is merged into {other}"
    [merged] = spk("unknowns", "list", "--json").records
    assert (merged["name"], merged["samples"], merged["recordings"]) == (other, 2, 1)
    assert merged["two_voices"]["llr"] < 0
    spk("unknowns", "discard", other)
    assert spk.people() == {}
    assert "no speaker" in spk("unknowns", "show", other, status=2).err
    spk("undo", "--last", 2)
    assert set(spk.people()) == {one, other}
    assert Path(clip).exists()


def test_a_stranger_who_turns_out_to_be_enrolled(spk: Spk, demo: Demo) -> None:
    ann = demo.cut(spk.folder / "ann.wav", *ANN)
    [label] = set(UNKNOWN.findall(spk("identify", "--single", "--enroll-unknown", ann).out))
    refused = spk("enroll", "ann", demo.cut(spk.folder / "more.wav", (18.6, 21.49)), status=2)
    assert f"spk unknowns name {label} ann" in refused.complaints[0]
    spk("enroll", "zoe", demo.cut(spk.folder / "bob.wav", *BOB))
    assert "zoe is no stranger" in spk("unknowns", "discard", "zoe", status=2).err
    held = spk("unknowns", "merge", label, "zoe", "--dry-run")
    assert "does not sound like the rest of zoe's speech" in held.lines[1]
    spk("unknowns", "merge", label, "zoe", "--force")
    assert spk.people()["zoe"]["samples"] == 2
    assert not spk("unknowns", "list", "--json").records


def test_diarize(spk: Spk, demo: Demo) -> None:
    rttm = spk("diarize", demo.recording)
    assert {line.split()[7] for line in rttm.lines} == {"SPEAKER_00", "SPEAKER_01"}
    text = spk("diarize", demo.recording, "--format", "text")
    assert text.lines[0].startswith("[SPEAKER_00] 00:00:06.")
    assert len(text.lines) == len(rttm.lines)
    one, two = spk("diarize", demo.recording, demo.recording, "--json", "--max-speakers", 1).records
    assert one == two
    assert one["schema"] == "spk-diarization/1"
    assert {turn["label"] for turn in one["turns"]} == {"SPEAKER_00"}
    [three] = spk("diarize", demo.recording, "--format", "json", "--min-speakers", 3).records
    assert len({turn["label"] for turn in three["turns"]}) >= 3


def test_one_person_a_channel(spk: Spk, demo: Demo, enrolled: Spk) -> None:
    samples, rate = soundfile.read(demo.recording)
    stereo = samples[: 30 * rate, None].repeat(2, axis=1)
    for number, mine in enumerate((BOB, ANN)):  # the other way round than by first speech
        heard = stereo[:, number].copy()
        stereo[:, number] = 0
        for start, end in mine:
            stereo[round(start * rate) : round(end * rate), number] = heard[round(start * rate) : round(end * rate)]
    path = spk.folder / "stereo.wav"
    soundfile.write(path, stereo, rate)
    turns = [line.split() for line in spk("diarize", path, "--channels", "split").lines]
    assert turns[0][7] == "SPEAKER_01"  # ann begins, on the second channel
    [found] = enrolled("identify", path, "--channels", "split", "--json").records
    assert {voice["label"]: voice["name"] for voice in found["speakers"]} == {"SPEAKER_00": "bob", "SPEAKER_01": "ann"}


def test_enroll_from_files_and_from_a_part(spk: Spk, demo: Demo) -> None:
    parts = [demo.cut(spk.folder / f"ann {number}.wav", part) for number, part in enumerate(ANN)]
    [first] = spk("enroll", "ann", parts[0], "--json").records
    assert first["name"] == "ann"
    assert (first["added"], first["already"], first["provisional"]) == (1, 0, True)
    [second] = spk("enroll", "ann", *parts, "--json").records
    assert (second["added"], second["already"]) == (1, 1)
    assert second["net_speech"] > first["net_speech"]
    again = parts[1].with_suffix(".flac")
    soundfile.write(again, *soundfile.read(parts[1]))
    [same] = spk("enroll", "ann", again, "--json").records  # the same audio in another file
    assert (same["added"], same["already"], same["net_speech"]) == (0, 1, second["net_speech"])
    start, end = BOB[1]
    assert "bob: 1 added" in spk("enroll", "bob", demo.recording, "--from", start, "--to", end).out
    [sample] = spk("speakers", "show", "bob", "--json").records[0]["samples"]
    assert (sample["start"], sample["end"]) == (start, end)
    assert spk("verify", "ann", parts[0]).out.startswith("same (LLR +")
    assert spk("verify", "bob", parts[0], status=1).out.startswith("different (LLR -")
    other = spk("enroll", "bob", parts[0], status=2)  # ann's own words
    assert "does not sound like the rest of bob's speech" in other.err
    assert "enrolled as ann" in spk("enroll", "carol", parts[0], status=2).err
    assert spk.people()["bob"]["samples"] == 1


def test_two_voices_are_not_enrolled_as_one(spk: Spk, demo: Demo) -> None:
    refused = spk("enroll", "ann", demo.cut(spk.folder / "both.wav", *ANN, *BOB), status=2)
    assert "more than one voice" in refused.err
    assert not spk.people()


def test_verify(enrolled: Spk, demo: Demo) -> None:
    clip = demo.cut(enrolled.folder / "clip.wav", (22, 27))
    assert enrolled("verify", "bob", clip, "--quiet").out.startswith("same (LLR +")
    [same] = enrolled("verify", "bob", clip, "--json").records
    numbers = ["score", "cosine", "llr", "decision", "net_speech", "false_alarm"]
    assert list(same) == ["enroll", "test", *numbers, "decision_id"]
    assert (same["enroll"], same["test"], same["decision"]) == ("bob", str(clip), "same")
    [different] = enrolled("verify", "ann", clip, "--json", status=1).records
    assert different["decision"] == "different"
    assert different["llr"] < 0 < same["llr"]


def test_another_model(spk: Spk, demo: Demo) -> None:
    ann, bob = demo.cut(spk.folder / "ann.wav", *ANN), demo.cut(spk.folder / "bob.wav", *BOB)
    spk("enroll", "ann", ann, "--model", "resnet34", SPK_MODEL="ecapa")
    assert spk("verify", "ann", ann, SPK_MODEL="resnet34").out.startswith("same")
    spk("verify", "ann", bob, "--model", "resnet34", status=1)
    refused = spk("verify", "ann", ann, status=2)  # of ecapa nothing is known, and that is no "different"
    assert "ann has no voiceprint by model" in refused.err
    [found] = spk("identify", "--single", ann, "--json", "--model", "resnet34").records
    assert found["model"]["name"] == "resnet34"
    assert found["speakers"][0]["name"] == "ann"


def test_speakers(enrolled: Spk, tmp_path) -> None:
    spk = enrolled.copy(tmp_path / "home")
    table = spk("speakers", "list")
    assert table.lines[0].split() == ["NAME", "STATE", "SAMPLES", "RECORDINGS", "SPEECH", "PROFILE"]
    assert [line.split()[0] for line in table.lines[1:]] == ["ann", "bob"]
    shown = spk("speakers", "show", "ann")
    assert "sample.wav" in shown.out
    assert "corrected" in shown.out
    assert spk("speakers", "rename", "ann", "Ann Lee 😀").lines[0] == "ann is now Ann Lee 😀"
    assert "Ann Lee 😀" in spk("speakers", "rename", "bob", "Ann Lee 😀", status=2).err
    export = spk("speakers", "export", "Ann Lee 😀")
    [person] = export.records
    assert len(person["voiceprints"][0]["vector"]) == 192
    spk("speakers", "export", "-o", "all.jsonl")
    assert len((spk.folder / "all.jsonl").read_text().splitlines()) == 2
    assert (
        spk("speakers", "merge", "bob", "Ann Lee 😀", "--force", "--json").records[0]["speakers"][0]["name"]
        == "Ann Lee 😀"
    )
    assert spk.people()["Ann Lee 😀"]["samples"] == 2
    assert "not erased" in spk("speakers", "delete", "Ann Lee 😀", status=2).err  # nobody is there to say yes
    assert spk.people()
    spk("speakers", "delete", "Ann Lee 😀", "--yes", "--quiet")
    assert spk("speakers", "list").out == "nobody in the gallery default\n"
    assert spk("speakers", "list", "--quiet").out == ""


def test_galleries_are_apart(enrolled: Spk, tmp_path, demo: Demo) -> None:
    spk = enrolled.copy(tmp_path / "home")
    clip = demo.cut(spk.folder / "clip.wav", *BOB)
    spk("enroll", "robert", clip, "--gallery", "family")
    assert list(spk.people()) == ["ann", "bob"]
    [record] = spk("identify", "--single", clip, "--gallery", "family", "--json").records
    assert (record["speakers"][0]["name"], record["people"], record["gallery"]) == ("robert", 1, "family")
    assert (
        'no gallery "famly"; did you mean "family"?' in spk("verify", "bob", clip, "--gallery", "famly", status=2).err
    )
    assert spk.stored()["galleries"] == 2


def test_lists_may_count_from_their_folder_or_from_here(spk: Spk, demo: Demo) -> None:
    """A table or a list of trials lies somewhere; its recordings are named from there, or from where one is."""
    (spk.folder / "there").mkdir()
    demo.cut(spk.folder / "there" / "ann.wav", *ANN)
    demo.cut(spk.folder / "bob.wav", *BOB)
    (spk.folder / "there" / "people.csv").write_text("file;speaker;start;end\nann.wav;ann;;\nbob.wav;bob;0.5;9\n")
    enrolled = spk("enroll", "--manifest", "there/people.csv")
    assert [line.split(":")[0] for line in enrolled.lines] == ["ann", "bob"]
    (spk.folder / "there" / "trials.txt").write_text("ann ann.wav\nbob bob.wav\nbob.wav ann.wav\nannn bob.wav\n")
    result = spk("verify", "--trials", "there/trials.txt", "--json", status=2)
    assert [record.get("decision") for record in result.records] == ["same", "same", "different", None]
    assert 'no speaker "annn"' in result.records[3]["error"]
    assert "nor is there such a recording" in result.complaints[0]


def test_somebody_who_is_never_heard_alone(spk: Spk, demo: Demo) -> None:
    """Overlapped speech is left out, and who is left with nothing is named."""
    (spk.folder / "t.rttm").write_text(
        "SPEAKER sample 1 21.78 6.07 <NA> <NA> bob <NA> <NA>\nSPEAKER sample 1 23 2 <NA> <NA> eve <NA> <NA>\n"
    )
    result = spk("enroll", "--turns", "t.rttm", demo.recording, status=2)
    assert result.complaints == [
        "spk: t.rttm: eve never speaks alone for long enough to be enrolled",
        "spk: 1 of 2 failed: eve",
    ]
    assert list(spk.people()) == ["bob"]
    assert spk.people()["bob"]["net_speech"] < 4.2
