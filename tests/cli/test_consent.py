"""`spk consent` and `spk speakers disclose`, as people use them."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

ANN = ((10.57, 14.49), (18.6, 21.49))
CALLS = "recognition in calls"


def test_consent_comes_before_enrollment(spk, demo, tmp_path: Path) -> None:
    ann = demo.cut(tmp_path / "ann.wav", *ANN)
    assert spk("consent", "require", CALLS).lines == [f'the gallery default requires consent to "{CALLS}"']
    refused = spk("enroll", "ann", ann, status=2)
    assert refused.complaints[0] == (
        f'spk: ann: no valid consent to "{CALLS}", which the gallery requires: '
        "record it first, with `spk consent give ann`"
    )
    assert spk.stored()["samples"] == spk.stored()["speakers"] == 0
    said = spk("consent", "give", "ann", "--until", "2090-12-31", "--given", "2026-11-01", "--reference", "folder 12")
    assert said.lines == [f'ann consents to "{CALLS}" until 2090-12-31']
    spk("enroll", "ann", ann)
    assert "ann" in spk("who-is", ann).out
    refused = spk("identify", ann, "--enroll-unknown", status=2)
    assert "strangers are not kept" in refused.err
    told = spk("consent", "withdraw", "ann")
    assert "is not recognised any more" in told.lines[-1]
    assert "ann" not in spk("identify", ann, "--json").records[-1].get("name", "")
    assert "cannot be recognised without consent" in spk("verify", "ann", ann, status=2).err
    assert "renew the consent of ann" in spk("doctor", "ann").out


def test_consents_are_listed(spk) -> None:
    spk("consent", "give", "zoe", "--purpose", "research", "--given-by", "her mother")
    spk("consent", "give", "bob", "--purpose", "research", "--until", "2090-01-31")
    spk("consent", "withdraw", "zoe", "--purpose", "research")
    zoe, bob = spk("consent", "list", "--json").records
    assert (zoe["name"], zoe["state"], zoe["given_by"], zoe["withdrawn"] is None) == (
        "zoe",
        "withdrawn",
        "her mother",
        False,
    )
    assert (bob["state"], bob["given_by"], bob["withdrawn_by"]) == ("valid", None, None)
    header, *rows = spk("consent", "list").lines
    assert header.split()[:3] == ["NAME", "PURPOSE", "GIVEN"]
    assert "2090-01-31" in rows[1]
    assert spk("consent", "list", "bob", "--json").records == [bob]
    assert spk("consent", "list", "--expired", "--json").records == [zoe]
    assert spk("consent", "list", "--within", 10, "--json").records == []
    assert spk("consent", "list", "--within", 36500, "--json").records == [bob]


def test_what_is_required_can_be_seen_and_lifted(spk) -> None:
    assert spk("consent", "require").lines == ["the gallery default requires no consent"]
    spk("consent", "give", "ann", "--purpose", "research")
    required = spk("consent", "require", CALLS, "--json").records[0]
    assert (required["purpose"], [one["name"] for one in required["without"]]) == (CALLS, ["ann"])
    assert "not recognised: ann" in spk("consent", "list").lines[-1]
    spk("consent", "require", "--nothing")
    assert spk("consent", "require", "--json").records[0]["purpose"] is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("give", "ann"), "for which purpose"),
        (("give", "ann", "--purpose", "x", "--until", "tomorrow"), "--until tomorrow: is no date"),
        (("give", "ann", "--purpose", "x", "--until", "2020-01-01"), "over already"),
        (("give", "ann", "--purpose", "x", "--given", "2090-01-01"), "in the future"),
        (("withdraw", "ann"), 'no speaker "ann"'),
        (("require", "x", "--nothing"), "leave one of them out"),
        (("list", "ann", "--within", "3"), "leave out WHO"),
    ],
)
def test_mistakes_are_told_in_one_line(spk, arguments: tuple[str, ...], why: str) -> None:
    [complaint] = spk("consent", *arguments, status=2).complaints
    assert why in complaint
    assert spk("speakers", "list", "--json").records == []


def test_a_person_is_told_everything(enrolled, tmp_path: Path) -> None:
    place = tmp_path / "ann.zip"
    assert "files in" in enrolled("speakers", "disclose", "ann", place).out
    told = enrolled("speakers", "disclose", "ann", place, "--json").records[0]
    with ZipFile(place) as archive:
        names = archive.namelist()
        person = json.loads(archive.read("person.json"))
        content = b"".join(archive.read(name) for name in names)
    assert told["files"] == len(names)
    assert (person["name"], person["speaker_id"]) == ("ann", told["speaker_id"])
    assert b"bob" not in content
    assert "no folder" in enrolled("speakers", "disclose", "ann", tmp_path / "no" / "ann.zip", status=2).err
    assert enrolled("speakers", "disclose", "carol", place, status=2).err
