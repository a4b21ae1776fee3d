"""`spk calibrate`, as people use it: on real voices, and on what cannot be used."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spk.identify.choosing import COMPARED

from .conftest import Spk

PEOPLE = 9
CLIPS = 4


@dataclass(frozen=True)
class Fitted:
    """A home with a calibration, and what the command said when it was made."""

    spk: Spk
    table: Path
    record: dict


@pytest.fixture(scope="module")
def rows(corpus) -> dict[str, list[dict[str, str]]]:
    """Some clips of some people of the corpus, those of 2 s and more."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in corpus.rows:
        if row["role"] in ("enroll", "test") and row["speaker"].startswith("an4") and float(row["seconds"]) >= 2:
            found.setdefault(row["speaker"], []).append(row)
    return {who: some[:CLIPS] for who, some in found.items() if len(some) >= CLIPS}


def table(path: Path, corpus, rows, people: int, *, rename: dict[str, str] | None = None) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["speaker", "file", "role"])
        for who in list(rows)[:people]:
            for row in rows[who]:
                writer.writerow([(rename or {}).get(row["file"], who), corpus.root / row["file"], row["role"]])
    return path


@pytest.fixture(scope="module")
def fitted(corpus, rows, tmp_path_factory) -> Fitted:
    folder = tmp_path_factory.mktemp("calibrate")
    spk = Spk(folder, folder / "home")
    people = table(folder / "people.csv", corpus, rows, PEOPLE)
    result = spk("calibrate", people, "--models", "ecapa", "--json", "--output", "fitted.json")
    return Fitted(spk, people, result.records[0])


def test_it_fits_compares_and_puts_to_use(fitted: Fitted) -> None:
    record = fitted.record
    assert record["in_use"]
    assert not record["generic"]
    assert record["speakers"] == PEOPLE
    assert f"{PEOPLE * CLIPS} clips of {PEOPLE} people" in record["data"]
    assert "an4" not in json.dumps(record["data"])
    compared = record["compared"]
    assert [one["recipe"] for one in compared] == list(COMPARED)
    assert all(("cllr" in one) != ("reason" in one) for one in compared)
    best = min((one for one in compared if "cllr" in one), key=lambda one: one["cllr"]["value"])
    assert record["best"]["model"] == "ecapa"
    assert best["cllr"]["value"] < 0.4
    assert json.loads((fitted.spk.folder / "fitted.json").read_text())["created"] == record["created"]


def test_corrected_turns(corpus, rows, tmp_path: Path) -> None:
    """Conversations with their turns beside them; what is said at once is nobody's, nor what has no name."""
    waiting = [row for clips in zip(*list(rows.values())[:PEOPLE], strict=True) for row in clips]  # everybody, in turn
    sizes = [2, 2, 2, 3] * CLIPS
    for number, size in enumerate(sizes):
        some, waiting = waiting[:size], waiting[size:]
        conversation(tmp_path / f"talk{number:02d}.wav", corpus, some, nameless=number == 0)
    assert not waiting
    spk = Spk(tmp_path, tmp_path / "home")
    [record] = spk("calibrate", ".", "--models", "ecapa", "--recipe", "cosine", "--json").records
    assert record["in_use"]
    assert record["data"].startswith("recordings with corrected turns: ")
    assert f"{PEOPLE * CLIPS - 1} clips of {PEOPLE} people, {PEOPLE} of them with 2 recordings" in record["data"]
    assert [line.split(": ")[1] for line in record["skipped"]] == ["SPEAKER_00 has no name; write it into the turns"]
    assert record["compared"][0]["eer"]["value"] < 0.1


def conversation(path: Path, corpus, rows: list[dict[str, str]], *, nameless: bool) -> None:
    """These clips one after the other, each beginning a moment before the last ends, and the turns."""
    overlap = 0.2
    clips = [soundfile.read(corpus.root / row["file"], dtype="float32")[0] for row in rows]
    names = [row["speaker"] for row in rows]
    if nameless:
        names[0] = "SPEAKER_00"
    mixed = np.zeros(sum(map(len, clips)), np.float32)
    lines, start = [], 0.0
    for name, clip in zip(names, clips, strict=True):
        at = round(start * 16_000)
        mixed[at : at + len(clip)] += clip
        lines.append(f"SPEAKER {path.stem} 1 {start:.3f} {len(clip) / 16_000:.3f} <NA> <NA> {name} <NA> <NA>\n")
        start = round(start + len(clip) / 16_000 - overlap, 3)
    soundfile.write(path, mixed, 16_000)
    path.with_suffix(".rttm").write_text("".join(lines), encoding="utf-8")


def test_show(fitted: Fitted) -> None:
    text = fitted.spk("calibrate", "--show").out
    assert fitted.record["id"] in text
    assert "in use" in text
    [shown] = fitted.spk("calibrate", "--show", "--json").records
    assert shown["id"] == fitted.record["id"]
    [same] = fitted.spk("calibrate", "--show", fitted.record["id"][:8], "--json").records
    assert same == shown
    fitted.spk("calibrate", "--show", fitted.record["id"], "--output", "again.json")
    folder = fitted.spk.folder
    assert (folder / "again.json").read_text() == (folder / "fitted.json").read_text()


def test_use_carries_a_calibration_elsewhere(fitted: Fitted, tmp_path: Path) -> None:
    other = Spk(fitted.spk.folder, tmp_path / "home")
    assert "ships for ecapa" in other("calibrate", "--show").out
    [used] = other("calibrate", "--use", "fitted.json", "--json").records
    assert used["id"] == fitted.record["id"]
    assert other("calibrate", "--show", "--json").records[0]["in_use"]
    other("calibrate", "--use", "default")
    assert "ships for ecapa" in other("calibrate", "--show").out
    other("calibrate", "--use", fitted.record["id"])
    assert other("calibrate", "--show", "--json").records[0]["in_use"]


def test_another_version_of_a_model_is_refused_where_nobody_is_enrolled_yet(fitted: Fitted, tmp_path: Path) -> None:
    record = json.loads((fitted.spk.folder / "fitted.json").read_text(encoding="utf-8"))
    (tmp_path / "old.json").write_text(json.dumps(record | {"fingerprint": "0" * 64}), encoding="utf-8")
    spk = Spk(tmp_path, tmp_path / "home")
    assert "ecapa" in spk("calibrate", "--use", "old.json", status=2).err
    assert "generic" in spk("calibrate", "--show").lines[0]


def test_identify_judges_by_it(fitted: Fitted, corpus, rows, tmp_path: Path) -> None:
    home = fitted.spk.copy(tmp_path / "home")
    people = list(rows)[:2]
    for who in people:
        home("enroll", who, *(corpus.root / row["file"] for row in rows[who][:3]))
    probe = corpus.root / rows[people[0]][3]["file"]
    [found] = home("identify", "--single", probe, "--json").records
    assert found["speakers"][0]["name"] == people[0]


def test_compare(fitted: Fitted) -> None:
    records = fitted.spk("calibrate", "--compare", fitted.table, "--json").records
    assert fitted.record["id"] in {record["id"] for record in records}
    assert records[0]["difference"] is None
    assert all(record["cllr"]["value"] > 0 for record in records)
    assert set(records[1]["difference"]) == {"value", "low", "high"}


def test_people_enrolled_by_another_model(fitted: Fitted, corpus, rows, tmp_path: Path) -> None:
    spk = Spk(fitted.spk.folder, tmp_path / "home")
    who = next(iter(rows))
    spk("enroll", who, *(corpus.root / row["file"] for row in rows[who][:3]), "--model", "resnet34")
    result = spk("calibrate", "--use", "fitted.json", status=2)
    assert "for ecapa" in result.err
    assert "nobody in the gallery" in result.err
    result = spk("calibrate", fitted.table, "--models", "ecapa", status=2)
    assert "--models" in result.err
    assert "--no-use" in result.err


def test_labels_that_are_probably_wrong(fitted: Fitted, corpus, rows) -> None:
    """They are listed and refused, unless somebody says what to do with them."""
    one, other = list(rows)[:2]
    swapped = rows[one][0]["file"]
    wrong = table(fitted.spk.folder / "wrong.csv", corpus, rows, PEOPLE, rename={swapped: other})
    with wrong.open("a", newline="") as file:
        csv.writer(file).writerow([one, corpus.root / rows[other][1]["file"], "test"])
    result = fitted.spk("calibrate", wrong, "--models", "ecapa", status=2)
    assert any("the same audio is given for" in line for line in result.complaints)
    assert any(f"labelled {other}, but sounds like {one}" in line for line in result.complaints), result.err
    assert "--drop-suspects" in result.complaints[-1]
    done = fitted.spk("calibrate", wrong, "--models", "ecapa", "--recipe", "cosine", "--drop-suspects", "--no-use")
    assert "Kept as" in done.out


@pytest.mark.parametrize(
    ("people", "says"), [(1, "one speaker's"), (5, "5 of 5 speakers .*: give 3 more speakers")], ids=["one", "few"]
)
def test_too_few_people(fitted: Fitted, corpus, rows, people: int, says: str) -> None:
    few = table(fitted.spk.folder / f"few-{people}.csv", corpus, rows, people)
    result = fitted.spk("calibrate", few, "--models", "ecapa", status=2)
    assert len(result.complaints) == 1
    assert re.search(says, result.err), result.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gone.csv",), "gone.csv"),
        (("calls",), "not there: calls"),
        (("gone.csv", "--recipe", "magic"), "no recipe is called 'magic'"),
        (("gone.csv", "--models", "ecappa"), "no embedder is called 'ecappa'"),
        (("gone.csv", "--use", "default"), "--use takes one calibration"),
        (("--show", "--use", "default"), "give one of them"),
        (("--show", "a", "b"), "takes one id"),
        (("--gallery-samples", "people.csv"), "learns from the gallery alone"),
        (("--drop-suspects", "--keep-suspects"), "give one of them"),
        (("--use", "0123abcd"), "no calibration 0123abcd is kept"),
        (("--use", "gone.json"), "spk: gone.json: the calibration cannot be read (No such file or directory)"),
        (("--compare",), "nothing to compare it with"),
        ((), "nobody in the gallery"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_used_is_one_line(spk: Spk, arguments: tuple[str, ...], says: str) -> None:
    result = spk("calibrate", *arguments, status=2)
    assert len(result.complaints) == 1
    assert says in result.err


def test_a_table_that_names_files_that_are_not_there(spk: Spk) -> None:
    (spk.folder / "people.csv").write_text("speaker,file\nann,one.wav\nbo,two.wav\n")
    result = spk("calibrate", "people.csv", status=2)
    assert len(result.complaints) == 1
    assert "one.wav" in result.err
    assert "two.wav" in result.err
