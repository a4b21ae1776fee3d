"""Our own JSON: what `spk diarize --json` and `spk identify --json` print, an object for each recording.

.. code-block:: text

    {"schema": "spk-diarization/1", "recording": "talk.wav", "duration": 12.0,
     "turns": [{"start": 0.5, "end": 2.25, "label": "SPEAKER_00", "id": "t1a2b3c4d"}]}

Of an identification, ``name`` is who speaks, where a turn has one. Times are written with three decimals.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spk.errors import FormatError
from spk.formats.documents import number, read_records
from spk.formats.fields import make_turn, rounded
from spk.formats.lines import printable
from spk.timeline import Timeline, Turn

__all__ = ["PRECISION", "SCHEMA", "diarization", "read_json", "write_json"]

PRECISION = 0.001
SCHEMA = "spk-diarization/1"


def diarization(turns: Timeline, *, recording: str, duration: float | None = None) -> dict[str, Any]:
    """The object of one recording; ``duration`` is its length in seconds, if known."""
    written = []
    for turn in turns:
        start, end = rounded(turn.segment)
        written.append({"start": start, "end": end, "label": turn.label, "id": turn.id})
    length = None if duration is None else round(duration, 3)
    return {"schema": SCHEMA, "recording": recording, "duration": length, "turns": written}


def read_json(path: str | Path) -> dict[str, Timeline]:
    """The turns of every recording, by the name it has there, or the file's.

    Raises:
        FormatError: the file cannot be read, or is no such JSON.
    """
    source = printable(path)
    found: defaultdict[str, list[Turn]] = defaultdict(list)
    for record in read_records(path):
        name = record.fields.get("recording", Path(path).stem)
        if not isinstance(name, str) or not isinstance(record.fields.get("turns"), list):
            raise FormatError(source, 'holds no "turns" of a "recording", as spk diarize --json prints', record.line)
        found[name] += _turns(record.fields["turns"], source, record.line)
    return {name: Timeline(turns) for name, turns in found.items()}


def write_json(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """The object of one recording on a line of its own."""
    return json.dumps(diarization(turns, recording=recording, duration=duration), ensure_ascii=False) + "\n"


def _turns(entries: list[Any], source: str, line: int) -> Iterator[Turn]:
    for place, entry in enumerate(entries, start=1):
        fields = entry if isinstance(entry, dict) else {}
        start, end, known = number(fields.get("start")), number(fields.get("end")), fields.get("id")
        label = fields.get("name") or fields.get("label")
        if start is None or end is None or not isinstance(label, str) or not isinstance(known, str | None):
            reason = f"turn {place} of a recording lacks start, end or label: two numbers and a name"
            raise FormatError(source, reason, line)
        if turn := make_turn(start, end, label, id=known, source=source, line=line):
            yield turn
