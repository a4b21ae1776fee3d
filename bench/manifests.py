"""Folders of labelled speech: what the benches read of a ``manifest.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "read_folder"]


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
