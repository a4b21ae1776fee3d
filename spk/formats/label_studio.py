"""Label Studio: tasks with annotations as it exports them (JSON, JSON-MIN), and tasks with predictions for its import.

A task is a recording; its regions are turns, their labels the speakers, their ids the turns':

.. code-block:: text

    [{"data": {"audio": "/data/local-files/?d=talk.wav"},
      "annotations": [{"result": [
        {"id": "t1a2b3c4d", "type": "labels", "from_name": "label", "to_name": "audio",
         "value": {"start": 0.5, "end": 2.75, "labels": ["ann"]}}]}]}]

Of several annotations of a task, the one marked as the truth counts, or else the latest; a task without any has the
latest prediction. Regions without a label, and results of other kinds (transcripts, choices), are left out. JSON-MIN
has no ids. What is written is for the template "Speaker Segmentation": a prediction that annotators start from. Times
are written with six decimals.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from spk.errors import FormatError
from spk.formats.documents import Record, number, read_records
from spk.formats.fields import make_turn, rounded
from spk.formats.lines import printable
from spk.timeline import Timeline, Turn

__all__ = ["PRECISION", "read_label_studio", "write_label_studio"]

PRECISION = 0.000001
_LOCAL = "/data/local-files/?d="
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before the name of a file that was uploaded


def read_label_studio(path: str | Path) -> dict[str, Timeline]:
    """The turns of every task, by its recording.

    Raises:
        FormatError: the file cannot be read, or holds no such tasks.
    """
    source, stem = printable(path), Path(path).stem
    found: defaultdict[str, list[Turn]] = defaultdict(list)
    for task in read_records(path):
        found[_recording(task, source) or stem] += _turns(task, source)
    return {name: Timeline(turns) for name, turns in found.items()}


def write_label_studio(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """A list of one task, with a prediction; ``recording`` lies in Label Studio's folder of local files."""
    regions = []
    for turn in turns:
        start, end = rounded(turn.segment, 6)
        region: dict[str, Any] = {"type": "labels", "from_name": "label", "to_name": "audio"}
        region |= {} if turn.id is None else {"id": turn.id}
        region |= {} if duration is None else {"original_length": round(duration, 6)}
        regions.append({**region, "value": {"start": start, "end": end, "channel": 0, "labels": [turn.label]}})
    prediction = {"model_version": "spk", "result": regions}
    task = {"data": {"audio": _LOCAL + quote(recording, errors="surrogateescape")}, "predictions": [prediction]}
    return json.dumps([task], indent=1) + "\n"


def _recording(task: Record, source: str) -> str:
    """The name of the file that a task's address leads to."""
    data = task.fields.get("data", task.fields)
    if not isinstance(data, dict):
        raise FormatError(source, "is no task of Label Studio: export annotations as JSON or JSON-MIN", task.line)
    address = next((data[key] for key in ("audio", "url", "video") if isinstance(data.get(key), str)), None)
    if address is None:
        texts = (text for text in data.values() if isinstance(text, str) and re.search(r"[/\\]|\.\w{2,4}$", text))
        address = next(texts, None)
    if address is None:
        raise FormatError(source, 'is no task of Label Studio: its "data" names no recording', task.line)
    try:
        parts = urlsplit(address)
    except ValueError:
        return str(address)
    name = unquote(parse_qs(parts.query).get("d", [parts.path])[0] if parts.query else parts.path)
    return _UPLOAD.sub("", re.split(r"[/\\]", name)[-1]) if "/upload/" in parts.path else name


def _turns(task: Record, source: str) -> Iterator[Turn]:
    for region in _regions(task, source):
        value = region.get("value", region)
        labels = value.get("labels") if isinstance(value, dict) else None
        if not isinstance(labels, list):
            continue  # a transcript, a choice, a region of nobody's
        start, end, known = number(value.get("start")), number(value.get("end")), region.get("id")
        if start is None or end is None or not all(isinstance(label, str) for label in labels):
            raise FormatError(
                source, "a region of a task has no start, end and labels: use a template for audio", task.line
            )
        for label in labels:
            known = known if isinstance(known, str) else None
            if turn := make_turn(start, end, label, id=known, source=source, line=task.line):
                yield turn


def _regions(task: Record, source: str) -> list[dict[str, Any]]:
    """The results that count; of JSON-MIN, what stands in the task itself."""
    fields = task.fields
    if "data" not in fields:
        lists = (value for value in fields.values() if isinstance(value, list))
        return [entry for value in lists for entry in value if isinstance(entry, dict)]
    chosen: dict[str, Any] | None = None
    for entry in _entries(fields, "annotations", task, source) or _entries(fields, "completions", task, source):
        if not entry.get("was_cancelled") and (chosen is None or _rank(entry) >= _rank(chosen)):
            chosen = entry
    if not fields.get("annotations") and not fields.get("completions"):
        chosen = next(reversed(_entries(fields, "predictions", task, source)), None)
    return _entries(chosen, "result", task, source) if chosen else []


def _entries(fields: dict[str, Any], key: str, task: Record, source: str) -> list[dict[str, Any]]:
    entries = fields.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FormatError(source, f'"{key}" of a task is no list of objects: export annotations as JSON', task.line)
    return entries


def _rank(annotation: dict[str, Any]) -> tuple[bool, str]:
    """The truth first, and the latest of equals."""
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at") or annotation.get("created_at") or "")
