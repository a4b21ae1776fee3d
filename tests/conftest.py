"""Fixtures every room shares: the corpus where there is one, the demo dialogue, the diarizer."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spk.embed.weights import fetch, manifest
from spk.errors import WeightsError

if TYPE_CHECKING:
    from spk.diarize import Pipeline


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


def _demo(number: int) -> Path:
    try:
        return fetch(manifest("demo").artefacts[number])
    except WeightsError as error:
        pytest.skip(f"no demo recording: {error}")


@pytest.fixture(scope="session")
def demo_audio() -> Path:
    """Thirty seconds of a real telephone conversation of two people."""
    return _demo(0)


@pytest.fixture(scope="session")
def demo_rttm() -> Path:
    """The turns of the demo recording, by human ears; its file id is ``sample``."""
    return _demo(1)


@pytest.fixture(scope="session")
def diarizer() -> Pipeline:
    """The default diarizer on two threads, loaded once."""
    from spk.diarize import load_diarizer

    try:
        return load_diarizer(threads=2)
    except WeightsError as error:
        pytest.skip(f"no models to diarize with: {error}")
