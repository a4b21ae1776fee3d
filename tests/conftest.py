"""Fixtures every room shares: the corpus where there is one, the demo dialogue, one embedder for the session."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Corpus:
    """Real labelled speech beside the project, described by its manifest.csv."""

    root: Path
    rows: tuple[dict[str, str], ...]

    def files(self, role: str, speaker: str | None = None) -> list[Path]:
        """The files of one role, in the manifest's order."""
        return [
            self.root / row["file"]
            for row in self.rows
            if row["role"] == role and speaker in (None, row["speaker"])
        ]


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """The development corpus; tests that need it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    root = Path(os.environ.get("SPK_CORPUS", default))
    if not (root / "manifest.csv").is_file():
        pytest.skip(f"no speech corpus at {root}: set SPK_CORPUS to a folder with a manifest.csv")
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        return Corpus(root, tuple(csv.DictReader(manifest)))
