"""Looking for audio where there must be none: in files that have no business with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

MAGIC = (b"fLaC", b"OggS", b"RIFF")
PIECE = 32  # samples: what else would hold so many in this order?
EVERY = 4_000


def pieces(recording: Path) -> set[bytes]:
    """Short runs of a recording's samples, as files and memory may hold them: 16 bits, 32 bits, floats."""
    found = set()
    for dtype in ("int16", "int32", "float32", "float64"):
        samples, _ = soundfile.read(recording, dtype=dtype, always_2d=True)
        mono = samples.mean(axis=1).astype(dtype) if samples.shape[1] > 1 else samples[:, 0]
        runs = (mono[start : start + PIECE] for start in range(0, len(mono) - PIECE, EVERY))
        found |= {run.tobytes() for run in runs if np.count_nonzero(run) > PIECE // 2}
    return found


def audio_in(folders: Iterable[Path], *recordings: Path) -> list[str]:
    """The files below some folders that hold audio: of these recordings, or in a format that we know."""
    wanted = set().union(*map(pieces, recordings))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    contents = ((path, path.read_bytes()) for path in files)
    return [
        str(path)
        for path, content in contents
        if any(magic in content for magic in MAGIC) or any(piece in content for piece in wanted)
    ]
