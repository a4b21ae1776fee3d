"""JSON of Label Studio and of spk, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spk.errors import FormatError
from spk.formats.turns import TurnFormat, read_recordings, read_turns
from spk.timeline import Segment, Timeline, Turn

from .conftest import refused


def region(start: object, end: object, *labels: object, **more: object) -> dict[str, object]:
    return {"type": "labels", "value": {"start": start, "end": end, "channel": 0, "labels": list(labels)}, **more}


def test_label_studio(tmp_path: Path) -> None:
    tasks = [
        {
            "id": 1,
            "file_upload": "0a1b2c3d-talk.wav",
            "data": {"audio": "/data/upload/1/0a1b2c3d-talk.wav"},
            "annotations": [
                {"result": [region(0, 9, "old")], "updated_at": "2020-01-01T00:00:00Z"},
                {
                    "result": [
                        region(2.5, 3.25, "Bo Ek", id="x2"),
                        region(0.5, 2.75, "ann", "eve", id="x1"),
                        region(5, 6),
                        {"type": "labels", "value": {"start": 6, "end": 7}, "id": "x3"},
                        {"type": "textarea", "value": {"start": 0.5, "end": 2.75, "text": ["hello"]}, "id": "x1"},
                        {"type": "choices", "value": {"choices": ["noisy"]}},
                        {"type": "relation", "from_id": "x1", "to_id": "x2"},
                    ],
                    "updated_at": "2020-01-02T00:00:00Z",
                },
                {"result": [region(0, 9, "skipped")], "updated_at": "2020-01-03T00:00:00Z", "was_cancelled": True},
            ],
            "predictions": [{"result": [region(0, 9, "guess")]}],
        },
        {"data": {"audio": "s3://calls/b/other.mp3"}, "annotations": [], "predictions": []},
        {
            "data": {"url": "/data/local-files/?d=calls/third%20one.wav"},
            "predictions": [{"result": [region(0, 1, "a")]}],
        },
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks, indent=2))
    found = read_recordings(path)
    assert list(found) == ["talk", "other", "third one"]
    assert [(turn.start, turn.label, turn.id) for turn in found["talk"]] == [
        (0.5, "ann", "x1"),
        (0.5, "eve", None),  # a region with two names: one of them keeps its id
        (2.5, "Bo Ek", "x2"),
    ]
    assert [len(found[name]) for name in ("other", "third one")] == [0, 1]


def test_label_studio_min(tmp_path: Path) -> None:
    task = {
        "audio": "https://example.org/a/talk.wav?x=1",
        "id": 7,
        "label": [
            {"start": 0.5, "end": 2.75, "channel": 0, "labels": ["ann"]},
            {"start": 1, "end": 1, "labels": ["bo"]},
        ],
        "transcription": ["hello"],
        "annotator": 1,
    }
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task, {"audio": "talk2.wav", "id": 8, "annotator": 1}]))
    assert read_recordings(path) == {"talk": Timeline([Turn(Segment(0.5, 2.75), "ann")]), "talk2": Timeline()}


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({"data": "talk.wav"}, "is no task of Label Studio"),
        ({"data": {"text": "hello"}}, "names no recording"),
        ({"data": {"audio": "a.wav"}, "annotations": 5}, "no list of objects"),
        ({"data": {"audio": "a.wav"}, "annotations": [{"result": [region("0", 1, "a")]}]}, "no start, end and labels"),
        ({"data": {"audio": "a.wav"}, "annotations": [{"result": [region(0, 1, 5)]}]}, "no start, end and labels"),
        ({"data": {"audio": "a.wav"}, "annotations": [{"result": [region(2, 1, "a")]}]}, "ends before it starts"),
        ({"data": {"audio": "a.wav"}, "annotations": [{"result": [region(10**400, 1, "a")]}]}, "no times"),
    ],
)
def test_no_label_studio(tmp_path: Path, task: object, reason: str) -> None:
    good = {"data": {"audio": "b.wav"}, "annotations": [{"result": [region(0, 1, "a")]}]}
    refused(tmp_path, "t.json", f"[\n{json.dumps(good)},\n{json.dumps(task)}\n]", 3, reason)


# JSON of any kind


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{"recording": "a.wav", "turns": []}\n{"turns": [}', 2, "is no JSON"),
        ('{"recording": "a.wav"}', 1, 'holds no "turns"'),
        ('\n{"turns": [{"start": 0, "end": 1}]}', 2, "turn 1 of a recording lacks"),
        ('{"turns": [{"start": 0, "end": true, "label": "a"}]}', 1, "lacks start, end or label"),
        ('{"turns": [{"start": 0, "end": NaN, "label": "a"}]}', 1, "NaN"),
        ('{"turns": [{"start": 3, "end": 2, "label": "a"}]}', 1, "ends before it starts"),
        ('{"turns": [{"start": 0, "end": 1, "label": "a", "id": 5}]}', 1, "lacks"),
        ('[\n{"turns": []}\n{}]', 3, "a comma or a closing bracket"),
        ('[{"turns": []},\n5]', 2, "where an object"),
        ('[{"turns": []},\n', 2, "a closing bracket is missing"),
        ('[{"turns": []}]\n[{"turns": []}]', 2, "after the closing bracket"),
        ("[]\nx", 2, "after the closing bracket"),
        ('{"turns": ' + "[" * 100_000, 1, "no JSON"),
        ('{"turns": ' + "9" * 5_000 + "}", 1, "no JSON"),
        ('{"turns": [{"start": 0, "end": 1, "la', 1, "saved whole"),
    ],
)
def test_no_json(tmp_path: Path, text: str, line: int, reason: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(FormatError, match=reason) as caught:
        read_turns(tmp_path / "t.json", TurnFormat.JSON)
    assert caught.value.line == line


def test_json_as_it_is_printed(tmp_path: Path) -> None:
    turn = {"start": 0.5, "end": 2.75, "label": "SPEAKER_00", "name": "ann", "verdict": "known"}
    stranger = turn | {"name": None, "start": 1}
    record = {"schema": "spk-identification/1", "recording": "calls/a.wav", "turns": [turn, stranger]}
    text = json.dumps(record, indent=4) + "\n" + json.dumps(record | {"recording": "b.wav", "turns": []})
    (tmp_path / "t.json").write_text(text)
    found = read_recordings(tmp_path / "t.json")
    assert {name: timeline.labels for name, timeline in found.items()} == {"a": ("ann", "SPEAKER_00"), "b": ()}


def test_json_longer_than_a_piece_of_it(tmp_path: Path) -> None:
    turns = [{"start": n, "end": n + 1, "label": "x" * 100} for n in range(5_000)]
    record = json.dumps({"recording": "a.wav", "turns": turns})
    (tmp_path / "t.json").write_text(f"[{record},{record.replace('a.wav', 'b.wav')}]")
    assert [len(timeline) for timeline in read_recordings(tmp_path / "t.json").values()] == [5_000, 5_000]


def test_a_recording_of_many_records(tmp_path: Path) -> None:
    records = ({"recording": "a.wav", "turns": [{"start": n, "end": n + 1, "label": "x"}]} for n in range(20_000))
    (tmp_path / "t.json").write_text("\n".join(map(json.dumps, records)))
    assert len(read_turns(tmp_path / "t.json")) == 20_000
    tasks = [{"data": {"audio": "a.wav"}, "annotations": [{"result": [region(n, n + 1, "x")]}]} for n in range(20_000)]
    (tmp_path / "t.json").write_text(json.dumps(tasks))
    assert len(read_turns(tmp_path / "t.json")) == 20_000
