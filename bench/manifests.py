"""Folders of labelled speech: what the benches read of a ``manifest.csv``."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "read_folder", "write_people"]


@dataclass(frozen=True)
class Row:
    """One recording.

    Attributes:
        path: Where it lies.
        name: The same, as the manifest has it.
        speaker: Whose voice it is; several, or nobody's, depending on the role.
        role: What it is for; see docs/benchmarks.md.
    """

    path: Path
    name: str
    speaker: str
    role: str


def read_folder(folder: Path) -> list[Row]:
    """The recordings of a folder with a ``manifest.csv``."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        rows = csv.DictReader(manifest)
        return [Row(folder / row["file"], row["file"], row["speaker"], row["role"]) for row in rows]


def write_people(folder: Path, path: Path, roles: Collection[str]) -> Path:
    """A table of those recordings of a folder that have some roles, as `spk.identify.labelled` reads it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "speaker", "role"])
        rows = (row for row in read_folder(folder) if row.role in roles)
        table.writerows([str(row.path.resolve()), row.speaker, row.role] for row in rows)
    return path
