"""People to enroll: a table (people.csv) of columns ``speaker``, ``file`` and, at will, ``start``, ``end``.

.. code-block:: text

    speaker,file,start,end
    Ann Lee,calls/first.wav,,
    Bo,calls/first.wav,3.2,41

Commas, semicolons or tabs stand between the columns. Times are seconds. A column ``session`` tells recordings of one
person apart that were made on different days or devices, a column ``role`` says what a row is for; both matter where
spk learns from labelled speech (`spk calibrate`, `spk evaluate`). A column ``rttm`` names the turns of a conversation.
Other columns are ignored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Self

from spk.errors import FormatError, TimelineError
from spk.formats.lines import printable, read_lines
from spk.timeline import Segment

__all__ = ["ManifestRow", "read_manifest"]


@dataclass(frozen=True)
class ManifestRow:
    """One person's voice in one recording.

    >>> ManifestRow.parse({"speaker": "Bo", "file": "call.wav", "start": "3.2", "end": "41"})
    ManifestRow(speaker='Bo', file=PosixPath('call.wav'), segment=Segment(start=3.2, end=41.0))

    Attributes:
        speaker: whose voice.
        file: the recording.
        segment: the part of it with the voice; None for all of it.
        session: which day or device, as the table calls it; empty where it does not say.
        role: what the row is for; empty where the table does not say.
        rttm: the turns of a conversation; None where the table does not say.
    """

    speaker: str
    file: Path
    segment: Segment | None = None
    session: str = field(default="", repr=False)
    role: str = field(default="", repr=False)
    rttm: Path | None = field(default=None, repr=False)

    @property
    def nobodys(self) -> bool:
        """Whether the role says that this is no clip of one person: noise, music, a room, a conversation."""
        return self.rttm is not None or self.role in ("noise", "music", "rir") or self.role.startswith("diarization")

    @classmethod
    def parse(
        cls,
        row: Mapping[str, str],
        *,
        folder: Path = Path(),
        source: str = "manifest",
        line: int | None = None,
    ) -> Self:
        """Read one row of the table.

        Args:
            row: cells by column.
            folder: what the file's name is relative to.
            source: the file it is from, for messages.
            line: its number there.

        Raises:
            FormatError: there is no speaker or file, or the times make no segment.
        """
        speaker, file = row.get("speaker", "").strip(), row.get("file", "")
        session, role, turns = (row.get(column, "").strip() for column in ("session", "role", "rttm"))
        rttm = folder / turns if turns else None
        nobodys = cls(speaker, folder / file, role=role, rttm=rttm).nobodys
        if not (speaker or nobodys) or not file.strip():
            raise FormatError(source, "names no speaker or no file: fill in both columns", line)
        start, end = row.get("start", "").strip(), row.get("end", "").strip()
        if bool(start) != bool(end):
            raise FormatError(source, "has a start without an end, or the other way round: give both or none", line)
        try:
            segment = Segment(float(start), float(end)) if start else None
        except TimelineError as error:
            raise FormatError(source, f"{error}", line) from None
        except ValueError:
            reason = f'"{printable(start)}" to "{printable(end)}" are no times: write seconds, as in 41.5'
            raise FormatError(source, reason, line) from None
        return cls(speaker, folder / file, segment, session, role, rttm)


def read_manifest(path: str | Path, *, nobodys: bool = False) -> Iterator[ManifestRow]:
    """The rows of a table, in order, read as they are asked for; files are relative to the table's folder.

    Args:
        path: the table.
        nobodys: whether to yield also rows whose role says that they are no person's clips.

    Raises:
        FormatError: the table cannot be read, lacks a column, or a row is wrong.
    """
    source, folder = printable(path), Path(path).parent
    lines = read_lines(path)
    skipped, header = 0, next(lines, "")
    while header.isspace():
        skipped, header = skipped + 1, next(lines, "")
    rows = csv.reader(
        chain([header], lines), delimiter=max(",;\t", key=header.count), skipinitialspace=True, strict=True
    )
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        if missing := {"speaker", "file"}.difference(columns):
            reason = f"has no column {' and no column '.join(sorted(missing))}: name the columns in its first line"
            raise FormatError(source, reason, skipped + 1)
        for row in rows:
            line = skipped + rows.line_num
            if any(row[len(columns) :]):
                reason = f"has {len(row)} cells for {len(columns)} columns: quote a name that holds the delimiter"
                raise FormatError(source, reason, line)
            if any(map(str.strip, row)):
                cells = dict(zip(columns, row, strict=False))
                parsed = ManifestRow.parse(cells, folder=folder, source=source, line=line)
                if nobodys or not parsed.nobodys:
                    yield parsed
    except csv.Error as error:
        raise FormatError(source, f"is no table ({error}): check its quotes", skipped + rows.line_num) from None
