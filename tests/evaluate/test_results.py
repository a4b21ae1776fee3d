"""What an evaluation's file holds, and what is wrong with others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spk.errors import FormatError
from spk.evaluate.results import Evaluation


def test_an_evaluation_survives(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(evaluation.to_json() | {"measures": {"whatever": 1}}), encoding="utf-8")
    again = Evaluation.load(path)
    assert again.searches is not None
    assert evaluation.searches is not None
    assert again.searches.probes == evaluation.searches.probes
    for name in ("score", "llr", "claim"):
        np.testing.assert_array_equal(getattr(again.searches, name), getattr(evaluation.searches, name))
    assert again.talks == evaluation.talks
    assert again.to_json() == evaluation.to_json()


def test_trials_survive(claims) -> None:
    record = json.loads(json.dumps(Evaluation({}, None, claims).to_json()))
    assert Evaluation.from_json(record).claims == claims


def broken(evaluation: Evaluation, change) -> str:
    record = evaluation.to_json()
    change(record)
    return json.dumps(record)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: record.update(schema="spk-evaluation/99"), "is of the version spk-evaluation/99"),
        (lambda record: record.update(schema="spk-comparison/1"), "is no result of spk evaluate"),
        (lambda record: record.pop("conditions"), "is incomplete or damaged"),
        (lambda record: record["probes"][0].pop("llr"), "is incomplete or damaged"),
        (lambda record: record["probes"][0]["llr"].pop(), "is incomplete or damaged"),
        (lambda record: record["probes"][0].update(score="much"), "is incomplete or damaged"),
        (lambda record: record["probes"][0]["llr"].__setitem__(0, float("nan")), "holds NaN"),
        (lambda record: record["probes"][0]["claim"].__setitem__(0, float("-inf")), "holds -Infinity"),
        (lambda record: record["probes"][0].update(net_seconds=float("inf")), "holds Infinity"),
        (lambda record: record["diarization"][0].pop("speech"), "is incomplete or damaged"),
    ],
)
def test_what_is_refused(evaluation: Evaluation, tmp_path: Path, change, reason: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(broken(evaluation, change), encoding="utf-8")
    with pytest.raises(FormatError, match=reason) as caught:
        Evaluation.load(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no JSON"),
        (b'{"schema": ', "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[1]", "is no result of spk evaluate"),
        (b'"text"', "is no result of spk evaluate"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=reason):
        Evaluation.load(path)
    with pytest.raises(FormatError, match="cannot be read"):
        Evaluation.load(tmp_path / "nowhere.json")


def test_numbers_too_large_to_be_finite(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    record = evaluation.to_json()
    record["probes"][0]["llr"][0] = 12345.5
    path.write_text(json.dumps(record).replace("12345.5", "1e999"), encoding="utf-8")
    with pytest.raises(FormatError, match="has a llr that is not finite"):
        Evaluation.load(path)
