"""Files that are either wholly there or not at all, and readable by their owner only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = ["created", "replace_with", "sync_folder", "temporary", "write_through"]


def temporary(folder: Path) -> Path:
    """A new name beside a file that is going to be written."""
    return folder / f".{uuid4().hex}.tmp"


@contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """A new file to write, which is down on the disk in the end; nothing is left of it where anything fails."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_through(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a new file down to the disk; nothing is left of it where that fails."""
    with created(path) as file:
        for chunk in chunks:
            file.write(chunk)


def replace_with(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Put a file in the place of another at once, down to the disk."""
    beside = temporary(path.parent)
    write_through(beside, chunks)
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
