"""`spk evaluate` as it is run: lists of the corpus and of the demo, results, comparisons, bad input."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from .conftest import ANN, BOB, Demo, Spk

PEOPLE = ("an4_fbbh", "an4_mblb", "an4_mcel", "ls_1688")
STRANGERS = ("an4_fplp", "an4_mjhp")


@pytest.fixture(scope="module")
def listed(corpus, tmp_path_factory) -> Spk:
    """A folder with a table of four people, two strangers, a noise and a conversation; there is no home."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "corpus").symlink_to(corpus.root)
    rows: list[tuple[str, str, str]] = []
    for role, speakers, most in (("enroll", PEOPLE, 3), ("test", PEOPLE, 3), ("unknown-test", STRANGERS, 4)):
        for speaker in speakers:
            some = [row for row in corpus.rows if (row["role"], row["speaker"]) == (role, speaker)]
            rows += [(f"corpus/{row['file']}", speaker, role) for row in some[:most]]
    for role in ("noise", "diarization-mix"):
        rows += [(f"corpus/{row['file']}", "", role) for row in corpus.rows if row["role"] == role][:1]
    write(folder / "list.csv", rows)
    return Spk(folder, folder / "home")


def write(path: Path, rows: list[tuple[str, str, str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "speaker", "role"), *rows])


@pytest.fixture(scope="module")
def result(listed: Spk):
    """What the table gave: printed, and as an object."""
    done = listed("evaluate", "list.csv", "--output", "report.html", "--json", "result.json")
    return done, json.loads((listed.folder / "result.json").read_text(encoding="utf-8"))


def test_a_table_with_roles(listed: Spk, result) -> None:
    done, record = result
    assert done.lines[0] == (
        "list.csv: a table: 12 clips to enroll 4 people in a gallery of their own, 20 clips of 6 people to identify "
        "there, 1 conversation to diarize; left out: 1 of the role noise"
    )
    assert {"Trials", "Searches", "Verdicts", "Net speech", "Look-alikes", "Diarization"} <= set(done.lines)
    assert record["schema"] == "spk-evaluation/1"
    assert sorted(record["people"]) == sorted(PEOPLE)
    assert len(record["probes"]) == 20
    assert sum(probe["enrolled"] for probe in record["probes"]) == 12
    assert all(len(probe["llr"]) == 4 for probe in record["probes"] if probe["verdict"] != "refused")
    measures = record["measures"]
    assert measures["detection"]["llr"]["eer"]["value"] < 0.1
    assert measures["shares"]["fpir"]["of"] == 8
    assert measures["shares"]["fpir"]["exact_high"] == pytest.approx(1 - 0.025 ** (1 / 8))
    assert record["diarization"][0]["der"] < 0.5
    page = (listed.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 8
    assert record["conditions"]["calibration"] in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_the_store_is_left_alone(listed: Spk, result) -> None:
    assert result
    assert not listed.home.exists()


def test_the_measures_follow_from_the_file(listed: Spk, result) -> None:
    from spk.evaluate import Evaluation, measure

    _, record = result
    again = measure(Evaluation.load(listed.folder / "result.json")).to_json()
    assert json.loads(json.dumps(again)) == record["measures"]


def test_the_gallery_as_it_is(corpus, listed: Spk, result, tmp_path) -> None:
    """Without roles the gallery's people are known, the rest are strangers, and what was enrolled is left out."""
    _, record = result
    spk = Spk(listed.folder, tmp_path / "home")
    with (listed.folder / "list.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    enrolled = [row for row in rows if row["role"] == "enroll"]
    for person in PEOPLE:
        spk("enroll", person, *(row["file"] for row in enrolled if row["speaker"] == person), "-q")
    before = spk.stored()
    probes = [row for row in rows if row["role"] in ("test", "unknown-test")] + enrolled[:1]
    lines = [f"{row['file']},{row['speaker']}" for row in probes]
    (listed.folder / "plain.csv").write_text("file,speaker\n" + "\n".join(lines) + "\n")
    done = spk("evaluate", "plain.csv", "--json", "plain.json")
    again = json.loads((listed.folder / "plain.json").read_text(encoding="utf-8"))
    assert spk.stored() == before
    assert f"left out: {enrolled[0]['file']}: {enrolled[0]['speaker']} is enrolled from this very recording" in done.out
    verdicts = [{p["file"]: (p["verdict"], p["name"]) for p in some["probes"]} for some in (record, again)]
    assert verdicts[0] == verdicts[1]

    trials = [f"{person} {row['file']} {'target' if person == row['speaker'] else 'nontarget'}\n"
              for row in probes[:4] for person in PEOPLE[:2]]  # fmt: skip
    known = f"{enrolled[0]['speaker']} {enrolled[0]['file']}"
    (listed.folder / "trials.txt").write_text("".join([*trials, f"{known} target\n"]))
    done = spk("evaluate", "trials.txt", "--json", "trials.json")
    assert "9 trials, 5 of them of one person" in done.lines[0]
    assert f"left out: {known}: that is this very recording" in done.out
    claims = json.loads((listed.folder / "trials.json").read_text(encoding="utf-8"))["claims"]
    assert len(claims) == 8
    by_probe = {probe["file"]: probe for probe in again["probes"]}
    for claim in claims:
        probe = by_probe[claim["test"]]
        column = again["people"].index(claim["enroll"])
        for name in ("score", "llr", "claim"):
            assert claim[name] == pytest.approx(probe[name][column], abs=2e-3)


def test_compare(listed: Spk, result, tmp_path) -> None:
    done = listed("evaluate", "--compare", "result.json", "result.json", "--json", tmp_path / "difference.json")
    assert done.lines[-1] == "The data do not say which is better: every interval holds zero."
    record = json.loads((tmp_path / "difference.json").read_text(encoding="utf-8"))
    assert record["schema"] == "spk-comparison/1"
    assert {each["difference"] for each in record["differences"]} == {0}


def test_conversations_need_no_gallery(spk: Spk, demo: Demo) -> None:
    for file in (demo.recording, demo.turns):
        (spk.folder / file.name).write_bytes(file.read_bytes())
    (spk.folder / "talks.txt").write_text("# one\nsample.wav\n")
    done = spk("evaluate", "talks.txt", "-o", "report.html", "-q")
    assert done.lines[1] == "Diarization"
    assert (spk.folder / "report.html").stat().st_size > 10_000
    assert spk("evaluate", ".", "--quiet").out == done.out
    assert not spk.home.exists()


def test_missing_files_are_named_before_any_work(spk: Spk, demo: Demo) -> None:
    demo.cut(spk.folder / "ann.wav", ANN[0])
    write(spk.folder / "list.csv", [("ann.wav", "ann", "enroll"), ("no.wav", "ann", "test"), ("nor.wav", "b", "test")])
    (spk.folder / "list.csv").write_text("file,speaker\nann.wav,ann\nno.wav,ann\nnor.wav,bob\n")
    done = spk("evaluate", "list.csv", "-o", "report.html", "--json", "result.json", status=2)
    assert done.complaints == [
        "spk: list.csv: 2 of 3 files are not there: no.wav, nor.wav: correct the list; nothing was done"
    ]
    assert done.out == ""
    assert {path.name for path in spk.folder.iterdir()} == {"ann.wav", "list.csv"}


def test_a_recording_that_cannot_be_read(enrolled: Spk, tmp_path, demo: Demo) -> None:
    """The others are evaluated; it is named, and the status is 2. One without speech is refused, and counted."""
    spk = enrolled.copy(tmp_path / "home")
    demo.cut(tmp_path / "bob.wav", BOB[0])
    demo.cut(tmp_path / "silence.wav", (0.0, 0.5), subtype="PCM_16")
    (tmp_path / "text.wav").write_text("no recording")
    (tmp_path / "list.csv").write_text("file,speaker\nbob.wav,bob\ntext.wav,bob\nsilence.wav,ann\n")
    done = spk("evaluate", "list.csv", "--json", "result.json", status=2)
    assert len(done.complaints) == 2
    assert "text.wav" in done.complaints[0]
    assert done.complaints[1] == "spk: 1 recordings could not be read, and were left out"
    record = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert [probe["file"] for probe in record["probes"]] == ["bob.wav", "silence.wav"]
    assert "not measured: FPIR" in done.out


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("", "is empty"),
        ("file,speaker\n", "lists nothing"),
        ("carl clip.wav target\ndora clip.wav nontarget\n", "carl, dora: are neither people of the gallery"),
        ("ann clip.wav\n", "does not say whether it is the same person"),
        ("file,speaker,role\nclip.wav,carl,test\n", "carl: have the role test, but are not enrolled"),
        ("file,speaker,role\nclip.wav,ann,unknown-test\n", "ann has the role unknown-test, but is enrolled"),
    ],
)
def test_lists_that_are_refused(enrolled: Spk, tmp_path, demo: Demo, lines: str, reason: str) -> None:
    spk = enrolled.copy(tmp_path / "home")
    demo.cut(tmp_path / "clip.wav", ANN[0])
    (tmp_path / "list").write_text(lines)
    done = spk("evaluate", "list", status=2)
    assert len(done.complaints) == 1
    assert reason in done.err


def test_an_empty_gallery(spk: Spk, demo: Demo) -> None:
    demo.cut(spk.folder / "clip.wav", ANN[0])
    (spk.folder / "list.csv").write_text("file,speaker\nclip.wav,ann\n")
    assert 'nobody is enrolled in the gallery "default"' in spk("evaluate", "list.csv", status=2).err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "name a list to evaluate"),
        (("list.csv", "--compare", "a.json", "b.json"), "leave out LIST"),
        (("nowhere.csv",), "no such file"),
        (("--compare", "a.json", "b.json"), "a.json: cannot be read"),
        (("list.csv", "-o", "no/report.html"), "there is no folder no"),
        (("list.csv", "--json", "list.csv"), "is the input itself"),
        (("list.csv", "--fpir", "2"), "between 0 and 1"),
    ],
)
def test_wrong_usage(spk: Spk, demo: Demo, arguments, reason: str) -> None:
    demo.cut(spk.folder / "clip.wav", ANN[0])
    (spk.folder / "list.csv").write_text("file,speaker\nclip.wav,ann\n")
    done = spk("evaluate", *arguments, status=2)
    assert len(done.complaints) == 1
    assert reason in done.err


def test_results_that_cannot_be_compared(spk: Spk) -> None:
    (spk.folder / "old.json").write_text('{"schema": "spk-evaluation/0"}')
    (spk.folder / "bad.json").write_text('{"schema": ')
    (spk.folder / "nan.json").write_text('{"schema": "spk-evaluation/1", "conditions": {"x": NaN}}')
    (spk.folder / "none.json").write_text('{"schema": "spk-evaluation/1", "conditions": {}}')
    for name, reason in (("old", "is of the version"), ("bad", "is no JSON"), ("nan", "holds NaN")):
        assert reason in spk("evaluate", "--compare", f"{name}.json", "none.json", status=2).err
    assert "have no trial in common" in spk("evaluate", "--compare", "none.json", "none.json", status=2).err
