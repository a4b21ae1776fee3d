"""People of the corpus: enrolled by a table, tried against each other, and found among strangers."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Spk

PEOPLE = ("an4_fbbh", "an4_fclc", "an4_mblb", "an4_mcel", "an4_mrab", "ls_1688", "ls_3005", "ls_3331")
STRANGERS = ("an4_fplp", "an4_mjhp", "an4_mmaf")
FIELDS = ["enroll", "test", "score", "cosine", "llr", "decision", "net_speech", "false_alarm"]
LONG_ENOUGH = 2.0  # seconds: of shorter probes nobody can be sure


@dataclass(frozen=True)
class Probe:
    """A recording of one voice."""

    speaker: str
    file: Path


@pytest.fixture(scope="module")
def probes(corpus) -> list[Probe]:
    """Four recordings of each of the people, and as many of each stranger."""

    def some(role: str, speakers: tuple[str, ...]) -> Iterator[Probe]:
        for speaker in speakers:
            rows = [row for row in corpus.rows if (row["role"], row["speaker"]) == (role, speaker)]
            long = [row for row in rows if float(row["seconds"]) >= LONG_ENOUGH]
            yield from (Probe(speaker, corpus.root / row["file"]) for row in long[:4])

    return [*some("test", PEOPLE), *some("unknown-test", STRANGERS)]


@pytest.fixture(scope="module")
def gallery(corpus, tmp_path_factory) -> Spk:
    """Eight people, enrolled by a table that names files as they lie below it."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "corpus").symlink_to(corpus.root)
    with (folder / "people.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["speaker", "file", "note"])
        for person in PEOPLE:
            table.writerows([person, Path("corpus") / row["file"], ""] for row in enrollment(corpus, person))
    spk = Spk(folder, folder / "home")
    enrolled = spk("enroll", "--manifest", "people.csv", "--json")
    assert [record["name"] for record in enrolled.records] == list(PEOPLE)
    return spk


def enrollment(corpus, person: str) -> list[dict[str, str]]:
    return [row for row in corpus.rows if (row["role"], row["speaker"]) == ("enroll", person)][:4]


def test_enroll_by_a_table(gallery: Spk, corpus) -> None:
    people = gallery.people()
    assert sorted(people) == sorted(PEOPLE)
    for person, record in people.items():
        assert record["samples"] == len(enrollment(corpus, person))
        assert record["provisional"] == (record["net_speech"] < 30)
        assert 2 <= record["net_speech"] <= sum(float(row["seconds"]) for row in enrollment(corpus, person))


def test_trials(gallery: Spk, probes: list[Probe]) -> None:
    trials = [(person, probe) for probe in probes for person in PEOPLE]
    pairs = [(probes[0], probes[1]), (probes[0], probes[-1])]
    missing = gallery.folder / "it's not here.wav"
    path = gallery.folder / "trials.txt"
    lines = [f"{person} {shlex.quote(str(probe.file))}\n" for person, probe in trials]
    lines += [f"{shlex.quote(str(one.file))} {shlex.quote(str(other.file))}\n" for one, other in pairs]
    path.write_text("".join([*lines, "# the end\n\n", shlex.join([PEOPLE[0], str(missing)]) + "\n"]))

    result = gallery("verify", "--trials", path, "--json", status=2)  # for the one that is missing
    records = result.records
    assert [(record["enroll"], record["test"]) for record in records] == [
        *((person, str(probe.file)) for person, probe in trials),
        *((str(one.file), str(other.file)) for one, other in pairs),
        (PEOPLE[0], str(missing)),
    ]
    assert list(records[-1]) == ["enroll", "test", "error"]
    assert result.complaints == [f"spk: {records[-1]['error']}", f"spk: 1 of {len(records)} trials failed"]
    assert all(list(record) == FIELDS for record in records[:-1])

    wrong = [
        record
        for (person, probe), record in zip(trials, records, strict=False)
        if record["decision"] == ("different" if person == probe.speaker else "same")
    ]
    assert len(wrong) <= len(trials) / 100
    same, different = (record["decision"] for record in records[len(trials) : -1])
    assert (same, different) == ("same", "different")


def test_all_trials_that_can_be_judged(gallery: Spk, probes: list[Probe]) -> None:
    """Without a failure the status is 0, whatever was decided; text has a line a trial."""
    (gallery.folder / "few.txt").write_text(
        f"{PEOPLE[0]} {probes[0].file}\n{PEOPLE[1]} {probes[0].file}\n{PEOPLE[0]} corpus/{enrolled_file(gallery)}\n"
    )
    result = gallery("verify", "--trials", "few.txt")
    assert [line.split(": ")[1].split(" ")[0] for line in result.lines] == ["same", "different", "same"]


def enrolled_file(gallery: Spk) -> str:
    with (gallery.folder / "people.csv").open() as table:
        return next(csv.DictReader(table))["file"].removeprefix("corpus/")


def test_strangers_among_the_probes(gallery: Spk, probes: list[Probe]) -> None:
    result = gallery("identify", "--single", "--json", *(probe.file for probe in probes))
    assert len(result.lines) == len(probes)
    verdicts: dict[bool, list[str]] = {True: [], False: []}
    for probe, record in zip(probes, result.records, strict=True):
        [voice] = record["speakers"]
        assert record["recording"] == str(probe.file)
        verdicts[probe.speaker in PEOPLE].append(voice["verdict"])
        if voice["verdict"] == "known":
            assert voice["name"] == probe.speaker
        else:
            assert voice["name"] is None
    assert verdicts[True].count("known") >= 0.9 * len(verdicts[True])
    assert "unknown" not in verdicts[True]
    assert "known" not in verdicts[False]


@pytest.mark.parametrize("kind", ["noise", "music"])
def test_what_is_no_voice_matches_nobody(gallery: Spk, corpus, kind: str) -> None:
    """Refused as no speech, or a voice that nobody fits: never a name."""
    files = corpus.files(kind)[::4]
    before = gallery.stored()
    for how in ((), ("--single",)):
        result = gallery("identify", "--json", *how, *files, status=None)
        heard = {record["recording"]: record for record in result.records}
        refused = [line for line in result.complaints if "holds no speech" in line]
        assert len(heard) + len(refused) == len(files)
        assert result.status == (2 if refused else 0)
        for record in heard.values():
            assert all(voice["verdict"] != "known" and voice["name"] is None for voice in record["speakers"])
    trials = "".join(f"{PEOPLE[0]} {file}\n" for file in files)
    (gallery.folder / "noise.txt").write_text(trials)
    for record in gallery("verify", "--trials", "noise.txt", "--json", status=None).records:
        assert record.get("decision") != "same"
    refused = gallery("enroll", "nobody", *files, status=2)
    assert len(refused.complaints) == len(files) + (len(files) > 1)
    assert gallery.stored() == before


def test_a_batch_goes_on(gallery: Spk, probes: list[Probe], tmp_path) -> None:
    """The good files are done, the bad ones named one by one and in the summary."""
    (tmp_path / "text.wav").write_text("This is no recording.\n")
    good, bad = [probes[0].file, probes[4].file], [tmp_path / "gone.wav", tmp_path / "text.wav", tmp_path]
    result = gallery("identify", "--single", "--json", bad[0], good[0], bad[1], good[1], bad[2], status=2)
    assert [json.loads(line)["recording"] for line in result.lines] == list(map(str, good))
    assert len(result.complaints) == 4
    assert all(str(file) in line for file, line in zip(bad, result.complaints, strict=False))
    assert result.complaints[-1] == f"spk: 3 of 5 failed: {', '.join(map(str, bad))}"

    mixed = Spk(gallery.folder, tmp_path / "home")
    rows = [f"ann,{good[0]}", f"ann,{bad[0]}", f"bo,{bad[1]}", f"cy,{good[1]}"]
    (tmp_path / "people.csv").write_text("speaker,file\n" + "\n".join(rows) + "\n")
    result = mixed("enroll", "--manifest", tmp_path / "people.csv", status=2)
    assert [line.split(":")[0] for line in result.lines] == ["ann", "cy"]
    assert result.complaints[-1] == f"spk: 2 of 4 failed: {bad[0]}, {bad[1]}"
    assert list(mixed.people()) == ["ann", "cy"]
