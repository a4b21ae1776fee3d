"""`spk doctor`: the people of the demo dialogue, and real clips that were given a wrong name."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import ANN, BOB, Demo, Spk
from .test_startup import HEAVY, loaded, running


@pytest.fixture(scope="module")
def mixed_up(corpus, tmp_path_factory) -> tuple[Spk, Path]:
    """A home in which somebody has a clip of somebody else's, and that clip."""
    folder = tmp_path_factory.mktemp("mixed up")
    spk = Spk(folder, folder / "home")
    lists = {name: corpus.files("enroll", name) for name in ("ls_1688", "ls_2033", "ls_3005")}
    for name, files in lists.items():
        spk("enroll", name, *files)
    wrong = corpus.files("test", "ls_2033")[0]
    spk("enroll", "ls_1688", wrong, "--force", status=None)
    return spk, wrong


def test_everybody_in_a_table(enrolled: Spk):
    done = enrolled("doctor")
    assert done.lines[0].split()[:7] == ["NAME", "SPEECH", "SAMPLES", "SESSIONS", "SPREAD", "MISSED", "NEAREST"]
    assert sorted(line.split()[0] for line in done.lines[1:3]) == ["ann", "bob"]
    assert all("record " in line for line in done.lines[1:3])
    assert done.lines[4].startswith("2 people: 0 to listen to, 2 to record more of, 0 in order; of clips of 3 s, ")
    assert enrolled("doctor", "--quiet").lines == done.lines[:3]


def test_one_person(enrolled: Spk):
    lines = enrolled("doctor", "ann").lines
    assert lines[0].startswith("ann  ")
    assert "provisional" in lines[0]
    assert any(line.startswith("nearest       bob, LLR -") for line in lines)
    assert any(line.startswith("not named     ") and "of clips of 1.5 s" in line for line in lines)
    assert any("more speech: the profile is provisional" in line for line in lines)
    assert lines[-1].startswith("2. record on another day or device")


def test_json(enrolled: Spk):
    records = enrolled("doctor", "--json").records
    assert {record["name"] for record in records} == {"ann", "bob"}
    ann = enrolled("doctor", "ann", "--json", "--seconds", 2).records[0]
    assert ann["schema"] == "spk-checkup/1"
    assert [miss["seconds"] for miss in ann["fnir"]] == [1.5, 2.0, 10.0]
    assert ann["nearest"]["name"] == "bob"
    assert ann["provisional"]
    assert {advice["concern"] for advice in ann["advice"]} >= {"provisional", "one recording"}
    assert set(ann["samples"][0]) >= {"recording", "start", "end", "net_speech", "llr", "sounds_like"}


def test_the_operating_point(enrolled: Spk):
    def missed(*options: object) -> float:
        return enrolled("doctor", "ann", "--json", *options).records[0]["fnir"][0]["rate"]

    assert missed("--fpir", 0.001) > missed("--fpir", 0.1)
    assert missed("--cost", "miss=1,false=1000,prior=0.1") > missed("--cost", "miss=1,false=1,prior=0.5")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nan"], 'no speaker "nan" in the gallery "default"; did you mean "ann"?'),
        (["--gallery", "nowhere"], 'no gallery "nowhere"'),
        (["--fpir", 2], "a false-positive identification rate lies between 0 and 1, not at 2"),
        (["--cost", "miss=1"], "does not say false"),
        (["--seconds", 0], "a probe has some seconds of speech, not 0: try 3"),
        (["--model", "hal"], "model cannot be 'hal'"),
    ],
)
def test_bad_input(enrolled: Spk, arguments, complaint):
    done = enrolled("doctor", *arguments, status=2)
    assert done.out == ""
    assert len(done.complaints) == 1
    assert complaint in done.err


def test_nobody(spk: Spk):
    assert spk("doctor").lines == ["nobody is enrolled in the gallery default"]
    assert spk("doctor", "--json").out == ""


def test_a_gallery_of_another_model(enrolled: Spk):
    """It is examined, not refused: what to do about it is the question."""
    for line in enrolled("doctor", "--model", "resnet34").lines[1:3]:
        assert "enroll again with model resnet34: all voiceprints are by models that are not in use" in line


def test_neither_models_nor_weights_are_needed(enrolled: Spk):
    assert not loaded(running("doctor"), enrolled).intersection(HEAVY)
    done = enrolled("doctor", SPK_CACHE=str(enrolled.folder / "empty cache"))
    assert len(done.lines) == 5


def test_a_clip_of_somebody_else(mixed_up: tuple[Spk, Path]):
    """Real speech: one of the other's clips, by --force. The doctor points at it, and at nothing else."""
    spk, wrong = mixed_up
    table = spk("doctor").lines
    assert table[1].startswith("ls_1688 ")
    assert f"listen to {wrong}: it sounds like ls_2033" in table[1]
    assert "1 to listen to" in table[-1]
    [record] = spk("doctor", "ls_1688", "--json").records
    found = [sample for sample in record["samples"] if sample["sounds_like"] or sample["unlike"]]
    assert [sample["recording"] for sample in found] == [str(wrong)]
    assert found[0]["sounds_like"]["name"] == "ls_2033"
    assert found[0]["llr"] < 0 < found[0]["sounds_like"]["llr"]
    page = spk("doctor", "ls_1688").lines
    assert any(line.startswith(str(wrong)) and "sounds like ls_2033" in line for line in page)


def test_turns_that_were_swapped(demo: Demo, tmp_path: Path):
    """Within one recording the pieces are compared with one another, and what is the other's is found."""
    spk = Spk(tmp_path, tmp_path / "home")
    ann = [demo.cut(tmp_path / f"ann{number}.wav", part) for number, part in enumerate(ANN)]
    bob = [demo.cut(tmp_path / f"bob{number}.wav", part) for number, part in enumerate(BOB)]
    spk("enroll", "bob", *bob)
    spk("enroll", "ann", *ann)
    swapped = demo.cut(tmp_path / "swapped.wav", (23.0, 27.0))
    spk("enroll", "ann", swapped, "--force")
    [record] = spk("doctor", "ann", "--json").records
    assert [sample["recording"] for sample in record["samples"] if sample["sounds_like"]] == [str(swapped)]
