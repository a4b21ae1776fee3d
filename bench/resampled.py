"""More voices than were recorded: real clips, played slower or faster, are other people's voices to a model."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from manifests import Row

from spk.audio import SAMPLE_RATE, load

__all__ = ["MARK", "SPEEDS", "write_manifest"]

SPEEDS = (0.75, 0.8, 0.9, 1.1, 1.2, 1.25)
"""How much faster: pitch and formants move alike, by more than the models take for one voice."""

MARK = " x"
"""Stands between the name of a speaker and the speed in the name of a copy."""
COPIED = 2


def write_manifest(rows: Sequence[Row], speeds: Sequence[float], folder: Path) -> Path:
    """A table of the rows, and of every speaker at other speeds as one more background speaker.

    Copies are made of the first :data:`COPIED` recordings of each speaker.

    Returns:
        The table, beside the new recordings.
    """
    path = folder / "manifest.csv"
    copied: Counter[str] = Counter()
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "speaker", "role"])
        for number, row in enumerate(rows):
            table.writerow([str(row.path.resolve()), row.speaker, row.role])
            copied[row.speaker] += 1
            for speed in speeds if copied[row.speaker] <= COPIED else ():
                faster = folder / f"{number}-{speed:g}.flac"
                samples = soxr.resample(load(row.path).samples, SAMPLE_RATE * speed, SAMPLE_RATE)
                soundfile.write(faster, np.clip(samples, -1, 1), SAMPLE_RATE)
                table.writerow([str(faster.resolve()), f"{row.speaker}{MARK}{speed:g}", "cohort"])
    return path
