"""``labels.csv``: where each clip goes, and why. It is written before files are, so a stopped run can go on by it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Self

from spk.errors import FormatError
from spk.formats.lines import printable

__all__ = ["Label", "read_labels", "write_labels"]


@dataclass(frozen=True)
class Label:
    """A row of the table.

    Attributes:
        file: The clip, counted from the folder of clips.
        speaker: The folder that it was put into, with the folders it lay in.
        name: Of the person whom its group was recognised as; empty otherwise.
        verdict: On its group: known, unsure or unknown; empty without speech enough.
        nearest: Whom of the gallery its group is most like; empty where nobody was compared.
        llr: Of the group and that person, natural log.
        net_seconds: Speech of the clip.
        group_seconds: Speech of the whole group.
        station: What the layout ``<station>_<M|F><date>`` says; empty without it, like the next two.
        gender: ``M`` or ``F``.
        date: As it is written there.
        sha256: Of the audio.
        row: Of its vector in ``embeddings.npy``; None where it has none.
        sidecars: The names of the files that went along, with ``; `` between them.
    """

    file: str
    speaker: str
    name: str = ""
    verdict: str = ""
    nearest: str = ""
    llr: float | None = None
    net_seconds: float = 0.0
    group_seconds: float = 0.0
    station: str = ""
    gender: str = ""
    date: str = ""
    sha256: str = ""
    row: int | None = None
    sidecars: str = ""

    @classmethod
    def parse(cls, cells: dict[str, str]) -> Self:
        """Read a row.

        Raises:
            ValueError: a number is none.
            KeyError: a column is missing.
        """
        texts = {field.name: cells[field.name] for field in fields(cls)}
        return cls(
            **{
                **texts,
                "llr": float(texts["llr"]) if texts["llr"] else None,
                "row": int(texts["row"]) if texts["row"] else None,
                "net_seconds": float(texts["net_seconds"]),
                "group_seconds": float(texts["group_seconds"]),
            }  # type: ignore[arg-type]  # texts but for these
        )


def read_labels(path: Path) -> dict[str, Label]:
    """The rows of a table by file; none where there is no table yet.

    Raises:
        FormatError: it is no such table.
    """
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
            rows = [Label.parse(cells) for cells in csv.DictReader(text, strict=True)]
    except (csv.Error, ValueError, KeyError, TypeError) as error:
        raise FormatError(printable(path), f"is not as spk sort wrote it ({error}): sort into a new folder") from error
    return {row.file: row for row in rows}


def write_labels(labels: Iterable[Label]) -> bytes:
    """The table as a file holds it."""
    text = StringIO(newline="")
    table = csv.DictWriter(text, [field.name for field in fields(Label)])
    table.writeheader()
    table.writerows(asdict(label) for label in labels)
    return text.getvalue().encode("utf-8", "surrogateescape")
