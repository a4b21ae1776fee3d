"""Tables of turns: CSV, and TSV with tabs between.

.. code-block:: text

    start,end,speaker,id,recording
    0.500,2.750,Ann Lee,t1a2b3c4d,talk
    3.000,4.500,Bo,t5e6f7a8b,talk

The first line names the columns, in any order: when a turn starts; when it ends, or how long it lasts; who speaks; at
will an id and the recording. Commas, semicolons or tabs stand between, as the first line has them. Times are seconds,
with a decimal point or comma, or as a clock shows them. Other columns are ignored. A row that leaves the recording
empty is of the only one that the others name. Times are written with three decimals.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Self

from spk.errors import FormatError
from spk.formats.fields import escaped, make_turn, rounded, seconds, unescaped
from spk.formats.lines import printable, read_lines
from spk.timeline import Timeline, Turn

__all__ = ["PRECISION", "TableRow", "read_table", "write_csv", "write_tsv"]

PRECISION = 0.001
_COLUMNS = {  # what each column may be called; of several the first that is there counts
    "start": ("start", "begin", "onset", "start_time", "begin_time", "tmin"),
    "end": ("end", "stop", "offset", "end_time", "stop_time", "tmax"),
    "duration": ("duration", "dur"),
    "speaker": ("speaker", "label", "name"),
    "id": ("id", "segment_id", "turn_id"),
    "recording": ("recording", "file", "filename", "audio"),
}


@dataclass(frozen=True)
class TableRow:
    """One row.

    >>> TableRow.parse({"start": "0,5", "duration": "2,25", "speaker": "Ann Lee"})
    TableRow(start=0.5, end=2.75, speaker='Ann Lee', id='', recording='')

    Attributes:
        start: seconds.
        end: seconds.
        speaker: who speaks.
        id: the turn's; empty where the table does not say.
        recording: in which; empty where the table does not say.
    """

    start: float
    end: float
    speaker: str
    id: str = ""
    recording: str = ""

    @classmethod
    def parse(cls, cells: Mapping[str, str], *, source: str = "table", line: int | None = None) -> Self:
        """Read one row of cells by column; ``source`` and ``line`` are for messages.

        Raises:
            FormatError: a time is none.
        """
        try:
            start = seconds(cells["start"])
            end = seconds(cells["end"]) if "end" in cells else start + seconds(cells["duration"])
        except ValueError as error:
            raise FormatError(source, str(error), line) from None
        return cls(start, end, *(unescaped(cells.get(column, "")) for column in ("speaker", "id", "recording")))

    def serialize(self) -> tuple[str, ...]:
        """The cells of the columns start, end, speaker, id and recording."""
        return f"{self.start:.3f}", f"{self.end:.3f}", *map(escaped, (self.speaker, self.id, self.recording))


def read_table(path: str | Path) -> dict[str, Timeline]:
    """The turns of every recording; under the file's name where the table does not say which.

    Raises:
        FormatError: the file cannot be read, lacks a column, or a row is wrong, or says not which of several recordings
            it is of.
    """
    source, stem = printable(path), Path(path).stem
    turns: defaultdict[str, list[Turn]] = defaultdict(list)
    nowhere: list[tuple[Turn, int]] = []
    for row, line in _rows(path, source):
        turn = make_turn(row.start, row.end, row.speaker, id=row.id, source=source, line=line)
        if row.recording:
            turns[row.recording] += [turn] if turn else []
        elif turn:
            nowhere.append((turn, line))
    if nowhere and len(turns) > 1:
        reason = f"names no recording, and the table is of {len(turns)}: write into the row which one it is of"
        raise FormatError(source, reason, nowhere[0][1])
    if nowhere:
        turns[next(iter(turns), stem)] += [turn for turn, _ in nowhere]
    return {name: Timeline(of_name) for name, of_name in turns.items()} or {stem: Timeline()}


def write_csv(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """The header, and a line a turn."""
    del duration  # a table holds turns alone
    return _written(turns, recording, ",")


def write_tsv(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """The header, and a line a turn, with tabs between the columns."""
    del duration  # as above
    return _written(turns, recording, "\t")


def _written(turns: Timeline, recording: str, delimiter: str) -> str:
    text = StringIO()
    table = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    table.writerow(("start", "end", "speaker", "id", "recording"))
    for turn in turns:
        table.writerow(TableRow(*rounded(turn.segment), turn.label, turn.id or "", recording).serialize())
    return text.getvalue()


def _rows(path: str | Path, source: str) -> Iterator[tuple[TableRow, int]]:
    lines = read_lines(path)
    skipped, header = 0, next(lines, "")
    while header.isspace() or header.startswith("sep="):  # as some write for Excel
        skipped, header = skipped + 1, next(lines, "")
    table = csv.reader(chain([header], lines), delimiter=max(",;\t", key=header.count), strict=True)
    columns: list[str] = []
    try:
        for cells in table:
            line = skipped + table.line_num
            if not columns:
                columns = _columns(cells, source, line)
            elif any(cells[len(columns) :]):
                reason = f"has {len(cells)} cells for {len(columns)} columns: quote a cell that holds the delimiter"
                raise FormatError(source, reason, line)
            elif any(map(str.strip, cells)) and _known(cells) != columns:  # tables put one after the other
                if len(cells) <= columns.index("speaker"):
                    raise FormatError(source, f"ends after {len(cells)} cells, before the speaker: was it cut?", line)
                found = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
                yield TableRow.parse(found, source=source, line=line), line
    except csv.Error as error:
        raise FormatError(source, f"is no table ({error}): check its quotes", skipped + table.line_num) from None
    if not columns:
        _columns([], source, 1)


def _columns(cells: list[str], source: str, line: int) -> list[str]:
    columns = _known(cells)
    missing = {"start", "speaker", *([] if "duration" in columns else ["end"])}.difference(columns)
    if missing:
        reason = f"has no column {' and no column '.join(sorted(missing))}: name the columns in its first line"
        raise FormatError(source, reason, line)
    return columns


def _known(cells: list[str]) -> list[str]:
    """The columns by the names they have here; empty where a column means nothing, or what another says better."""
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    columns = [""] * len(names)
    for column, also in _COLUMNS.items():
        if there := [name for name in also if name in names]:
            columns[names.index(there[0])] = column
    return columns
