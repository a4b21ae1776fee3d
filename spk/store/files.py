"""Files that are either wholly there or not at all, and readable by their owner only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

__all__ = ["sync_folder", "temporary", "write_through"]


def temporary(folder: Path) -> Path:
    """A new name beside a file that is going to be written."""
    return folder / f".{uuid4().hex}.tmp"


def write_through(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a new file down to the disk; nothing is left of it where that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
