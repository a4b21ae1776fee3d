"""The folder of one home: database, review clips, engines' snapshots, and the lock between processes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from spk.errors import StoreError
from spk.store.files import sync_folder, temporary, write_through
from spk.store.problems import BUSY_SECONDS, explained

__all__ = ["Home", "StagedClip"]

_ABANDONED_SECONDS = 3600.0  # nobody works longer than this on a temporary file


class StagedClip:
    """A clip that lies safely on the disk under a temporary name, until its sample is stored."""

    def __init__(self, folder: Path, content: bytes) -> None:
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._final = folder / f"{self.sha256}.flac"
        self._temporary = temporary(folder)
        write_through(self._temporary, [content])

    def place(self) -> None:
        """Give it its name."""
        self._temporary.replace(self._final)

    def discard(self) -> None:
        """Remove it where it was not placed."""
        self._temporary.unlink(missing_ok=True)


class Home:
    """Paths, private modes and the lock. The content is biometric: only the owner may look.

    Raises:
        StoreError: the folder is missing (without ``create``), is a file, or may not be written.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path.expanduser().absolute()
        self.database = self.path / "spk.db"
        self.clips = self.path / "clips"
        self.index = self.path / "index"
        self._erasing = self.path / ".erasing"
        if not create and not self.database.exists():
            raise StoreError(f"{self.path}: no voiceprints are kept here yet: enroll somebody, or name another home")
        with explained(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            for folder in (self.clips, self.index):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not self.database.exists():
                # SQLite would let everybody read it; its log and shared memory take over this mode.
                self.database.touch(mode=0o600)
                sync_folder(self.path)

    @contextmanager
    def lock(self, wait: float = BUSY_SECONDS) -> Iterator[None]:
        """Alone among processes: for migrations, erasures and snapshots.

        Whoever holds it may begin a transaction; whoever is in a transaction must not wait for it.

        Raises:
            StoreError: another process has held it for longer than ``wait`` seconds.
        """
        with explained(self.path):
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(descriptor, wait)
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, wait: float) -> None:
        deadline = time.monotonic() + wait
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StoreError(
                        f"{self.path}: another process has locked this home for over {wait:.0f} s: "
                        "try again, or end that process"
                    ) from None
            time.sleep(0.02)

    def stage(self, content: bytes) -> StagedClip:
        """Write a clip under a temporary name, down to the disk."""
        return StagedClip(self.clips, content)

    def clip(self, sha256: str) -> Path:
        """Where the clip of that hash lies."""
        return self.clips / f"{sha256}.flac"

    @property
    def erasing(self) -> bool:
        """Whether an erasure was begun and not finished: some file may still hold what is gone from SQL."""
        return self._erasing.exists()

    def begin_erasing(self) -> None:
        """Leave the mark that an erasure is under way."""
        self._erasing.touch(mode=0o600)
        sync_folder(self.path)

    def end_erasing(self) -> None:
        """Remove the mark."""
        self._erasing.unlink(missing_ok=True)

    def sweep(self, referenced: Collection[str]) -> None:
        """Remove every clip that no sample refers to, and what killed processes left.

        To be called within a write transaction: clips are placed in one, so none can appear meanwhile.
        """
        for path in self.clips.iterdir():
            orphaned = path.suffix == ".flac" and path.stem not in referenced
            abandoned = path.suffix == ".tmp" and _age(path) > _ABANDONED_SECONDS
            if orphaned or abandoned:
                path.unlink(missing_ok=True)
        sync_folder(self.clips)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # another process has just finished with it
        return 0.0
