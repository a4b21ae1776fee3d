"""What a list is taken for, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import FormatError, InputError, SpkError
from spk.evaluate.material import Claim, Talk, check_people, read_material
from spk.timeline import Segment

RTTM = "SPEAKER talk 1 0.000 2.000 <NA> <NA> ann <NA> <NA>\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a1.wav", "a2.wav", "b1.wav", "b2.wav", "x.wav", "talk.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    (tmp_path / "talk.rttm").write_text(RTTM)
    return tmp_path


def read(folder: Path, text: str, name: str = "list.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return read_material(folder / name)


def test_a_table_of_probes(folder: Path) -> None:
    found = read(folder, "file;speaker;note\na1.wav;ann;x\nb1.wav;bob;\na1.wav;ann;again\n")
    assert [(clip.file, clip.speaker, clip.stranger) for clip in found.probes] == [
        ("a1.wav", "ann", None),
        ("b1.wav", "bob", None),
    ]
    assert (found.enroll, found.repeated) == ((), 1)
    assert found.describe().endswith(
        "a table: 2 clips of 2 people to identify in the gallery as it is; left out: 1 that were there before"
    )


def test_a_table_with_roles(folder: Path) -> None:
    table = "file,speaker,role,start,end\na1.wav,ann,enroll,,\na1.wav,ann,test,1,2\nx.wav,eve,unknown-test,,\n"
    found = read(folder, table + "talk.wav,,diarization,,\nb1.wav,,noise,,\nb2.wav,zoe,cohort,,\n")
    assert [clip.speaker for clip in found.enroll] == ["ann"]
    assert [(clip.segment, clip.stranger) for clip in found.probes] == [(Segment(1, 2), False), (None, True)]
    assert found.talks == (Talk("talk.wav", folder / "talk.wav", folder / "talk.rttm"),)
    assert found.ignored == {"noise": 1, "cohort": 1}
    assert "1 of the role noise, 1 of the role cohort" in found.describe()


def test_turns_named_by_a_column(folder: Path) -> None:
    (folder / "true.rttm").write_text(RTTM)
    found = read(folder, "file,speaker,rttm\ntalk.wav,,true.rttm\n")
    assert found.talks == (Talk("talk.wav", folder / "talk.wav", folder / "true.rttm"),)


def test_trials(folder: Path) -> None:
    found = read(folder, "# who\nann a1.wav target\n0 a1.wav b1.wav\nann a1.wav target\n", "trials.txt")
    assert found.claims == (
        Claim("ann", "a1.wav", True, None, folder / "a1.wav"),
        Claim("a1.wav", "b1.wav", False, folder / "a1.wav", folder / "b1.wav"),
    )
    assert found.repeated == 1
    check_people(found, ["ann"])
    with pytest.raises(InputError, match=r"ann: are neither people of the gallery nor recordings"):
        check_people(found, ["bob"])


def test_recordings_with_turns(folder: Path) -> None:
    talk = Talk("talk.wav", folder / "talk.wav", folder / "talk.rttm")
    assert read(folder, "talk.wav\ntalk.wav\n", "talks.txt").talks == (talk,)
    (folder / "talks.txt").unlink()
    assert read_material(folder).talks == (talk,)
    read(folder, "file,speaker\na1.wav,ann\n", "manifest.csv")
    assert len(read_material(folder).probes) == 1


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "is empty"),
        ("# nothing\n\n", "is empty"),
        ("file,speaker\n", "lists nothing"),
        ("file,speaker\nno.wav,ann\na1.wav,ann\nnor.wav,bob\n", "2 of 3 files are not there: no.wav, nor.wav"),
        ("file,speaker,role\nb1.wav,ann,diarization\n", r"1 of 2 files are not there: .*b1\.rttm"),
        ("ann a1.wav target\nann no.wav target\n", "1 of 2 files are not there: no.wav"),
        ("a1.wav\nno.wav\n", "3 of 4 files are not there"),
        ("ann a1.wav\n", "does not say whether it is the same person"),
        ("ann a1.wav target\nann a1.wav nontarget\n", "is target and nontarget"),
        ("file,speaker\na1.wav,ann\na1.wav,bob\n", "a1.wav is said to be ann's and bob's"),
        ("file,speaker,role\na1.wav,ann,enroll\na1.wav,ann,test\n", "a1.wav: are enrolled from and tested with"),
        ("file,speaker,role\na1.wav,ann,enroll\na2.wav,ann,unknown-test\n", "have the roles enroll and unknown-test"),
        ("file,speaker,role\na1.wav,ann,enroll\nb1.wav,bob,test\n", "bob: have clips of the role test and none"),
        ("file,speaker,role\na1.wav,ann,enroll\n", "has clips to enroll and none to test"),
        ("file,speaker,role\na1.wav,ann,cohort\n", "has nothing to evaluate, only the roles cohort"),
        ("file,speaker,role\na1.wav,unknown-12ab,enroll\n", "such labels stand for people without a name"),
    ],
)
def test_what_is_refused(folder: Path, table: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        read(folder, table)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_anything(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has neither a manifest.csv nor recordings with an .rttm"):
        read_material(tmp_path)


@given(st.text())
def test_any_other_file_is_an_error_of_one_line(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.mktemp("lists") / "list.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SpkError) as caught:
        read_material(path)
    assert len(str(caught.value).splitlines()) == 1
