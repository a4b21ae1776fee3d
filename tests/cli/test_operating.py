"""When a verdict is given: rates, costs and priors, attendees, and clips that are too short for any."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import BOB, Demo, Spk

START = BOB[1][0]


@pytest.fixture(scope="module")
def clip(enrolled_once: Spk, demo: Demo) -> Path:
    """Five seconds of bob."""
    return demo.cut(enrolled_once.folder / "clip.wav", (START, START + 5))


@pytest.fixture(scope="module")
def word(enrolled_once: Spk, demo: Demo) -> Path:
    """A word of his."""
    return demo.cut(enrolled_once.folder / "word.wav", (START + 0.5, START + 0.85))


def only_voice(spk: Spk, *arguments: object) -> dict:
    [record] = spk("identify", "--single", "--json", *arguments).records
    [voice] = record["speakers"]
    return voice


def test_a_rate_that_no_evidence_reaches(enrolled: Spk, clip: Path) -> None:
    voice = only_voice(enrolled, clip)
    assert (voice["name"], voice["verdict"]) == ("bob", "known")
    assert 0 < voice["false_alarm"] < 0.01
    assert only_voice(enrolled, clip, "--fpir", 0.01)["verdict"] == "known"
    strict = only_voice(enrolled, clip, "--fpir", voice["false_alarm"] / 2)
    assert strict["verdict"] == "unsure"
    assert {**strict, "verdict": "known", "name": "bob", "speaker_id": voice["speaker_id"]} == voice


def test_rates_and_costs_of_claims(enrolled: Spk, clip: Path) -> None:
    [claim] = enrolled("verify", "bob", clip, "--json").records
    assert claim["decision"] == "same"
    assert enrolled("verify", "bob", clip, "--fpir", 0.05).out.startswith("same")
    assert enrolled("verify", "bob", clip, "--fpir", 1e-30, status=1).out.startswith("unsure")
    for cost, status, decision in (
        ("miss=1,false=10,prior=0.5", 0, "same"),
        ("miss=1,false=1e15,prior=0.5", 1, "unsure"),
        ("miss=1,false=10,prior=1e-15", 1, "different"),
    ):
        assert enrolled("verify", "bob", clip, "--cost", cost, status=status).out.startswith(decision)
        assert enrolled("verify", "bob", clip, status=status, SPK_COST=cost).out.startswith(decision)


def test_what_is_likely_beforehand(enrolled: Spk, clip: Path) -> None:
    usual = only_voice(enrolled, clip)
    doubtful = only_voice(enrolled, clip, "--prior-unknown", 1 - 1e-12)
    assert doubtful["probability"] < usual["probability"]
    assert doubtful["verdict"] == "unknown"
    assert doubtful["false_alarm"] == usual["false_alarm"]


def test_attendees(enrolled: Spk, clip: Path, demo: Demo) -> None:
    alone = only_voice(enrolled, clip, "--attendees", "ann")
    assert alone["name"] is None
    assert (alone["candidate"]["name"], alone["runner_up"]) == ("ann", None)
    for how in (("--attendees", "ann, bob"), ("--attendees", "ann", "--attendees", "bob")):
        [record] = enrolled("identify", "--single", "--json", clip, *how).records
        assert (record["attendees"], record["people"]) == (["ann", "bob"], 2)
        assert record["speakers"][0]["name"] == "bob"
    text = enrolled("identify", demo.recording, "--attendees", "bob").lines
    assert text[0] == "compared with 1 of 2 people: bob"
    rttm = enrolled("identify", demo.recording, "--attendees", "bob", "--format", "rttm").lines
    assert {line.split()[0] for line in rttm} == {"SPEAKER"}


def test_a_word_has_scores_and_no_verdict(enrolled: Spk, clip: Path, word: Path) -> None:
    voice = only_voice(enrolled, word)
    assert voice["verdict"] == "unsure"
    assert voice["net_speech"] < 0.5
    assert voice["llr"] is not None
    assert "; too short to say" in enrolled("identify", "--single", word).out
    claim = enrolled("verify", "bob", word, status=1).out
    assert claim.startswith("unsure (LLR ")
    assert "too short to say" in claim
    (enrolled.folder / "words.txt").write_text(f"bob {word}\n{word} {clip}\n")
    for record in enrolled("verify", "--trials", "words.txt", "--json").records:
        assert record["decision"] == "unsure"
        assert isinstance(record["llr"], float)
