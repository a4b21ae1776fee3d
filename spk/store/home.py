"""The folder of one home: database, review clips, engines' snapshots, and the lock between processes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from spk.errors import StoreError
from spk.store.files import replace_with, sync_folder, temporary, write_through
from spk.store.problems import BUSY_SECONDS, explained

__all__ = ["UPLOADS", "Home", "StagedClip", "Unfinished"]

UPLOADS = "uploads"
"""The folder of a home for what is uploaded, until it is worked on."""

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


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is left to do of an erasure.

    Attributes:
        files: Whether files of the home may hold some of what was erased.
        models: Whose vectors an engine may hold; None for any.
    """

    files: bool
    models: tuple[str, ...] | None


class Home:
    """Paths, private modes and the lock. The content is biometric: only the owner may look.

    Args:
        path: The folder.
        create: Whether the database may be new.
        on_server: Whether the database is elsewhere, and not a file of this home.

    Raises:
        StoreError: the folder is missing (without ``create``), is a file, may not be written, or belongs to a
            database elsewhere or here where it should not.
    """

    def __init__(self, path: Path, *, create: bool, on_server: bool = False) -> None:
        self.path = path.expanduser().absolute()
        self.database = self.path / "spk.db"
        self.clips = self.path / "clips"
        self.index = self.path / "index"
        self.uploads = self.path / UPLOADS
        self._erasing = self.path / ".erasing"
        self._owner = self.path / ".database"
        with explained(self.path):
            self._check(create=create, on_server=on_server)
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            for folder in (self.clips, self.index):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not on_server and not self.database.exists():
                # SQLite would let everybody read it; its log and shared memory take over this mode.
                self.database.touch(mode=0o600)
                sync_folder(self.path)

    def _check(self, *, create: bool, on_server: bool) -> None:
        """See that the home is there where it must be, and belongs where it should."""
        if on_server and self.database.exists():
            raise StoreError(f"{self.path}: has a database of its own, spk.db: choose another home for the server's")
        if self._owner.exists() and not on_server:
            raise StoreError(f"{self.path}: belongs to a database on a server: set SPK_DATABASE, or choose another")
        if not on_server and not create and not self.database.exists():
            raise StoreError(f"{self.path}: no voiceprints are kept here yet: enroll somebody, or name another home")

    def belong_to(self, database: str, where: str) -> None:
        """Note which database on a server this home's clips and snapshots are of.

        Raises:
            StoreError: they are of another one: by this one they would be taken for waste, and removed.
        """
        with explained(self.path):
            if not self._owner.exists():
                replace_with(self._owner, [database.encode()])
            if self._owner.read_text() != database:
                raise StoreError(f"{self.path}: belongs to another database than {where}: choose another home for it")

    @contextmanager
    def lock(self, what: str = "", wait: float = BUSY_SECONDS) -> Iterator[None]:
        """Alone among processes: for migrations, erasures and snapshots, or for something else with a name.

        Whoever holds it may begin a transaction; whoever is in a transaction must not wait for it.

        Raises:
            StoreError: another process has held it for longer than ``wait`` seconds.
        """
        with explained(self.path):
            descriptor = os.open(self.path / f".lock{what}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        """Whether an erasure was begun and not finished: something may still hold what is gone from SQL."""
        return self._erasing.exists()

    @property
    def unfinished(self) -> Unfinished:
        """What is left to do of it."""
        try:
            mark = json.loads(self._erasing.read_bytes())
            return Unfinished(bool(mark["files"]), tuple(mark["models"]))
        except (ValueError, KeyError, TypeError):  # of an older spk
            return Unfinished(files=True, models=None)

    def begin_erasing(self, models: Iterable[str] = ()) -> None:
        """Leave the mark that an erasure is under way, of voiceprints by these models."""
        before = self.unfinished.models if self.erasing else ()
        self._mark(Unfinished(files=True, models=None if before is None else tuple({*before, *models})))

    def files_erased(self) -> None:
        """Note that the files of the home hold nothing of it any more."""
        self._mark(Unfinished(files=False, models=self.unfinished.models))

    def end_erasing(self) -> None:
        """Remove the mark."""
        self._erasing.unlink(missing_ok=True)

    def discard_upload(self, name: str) -> None:
        """Remove an upload, a file or a folder, if it is there; what cannot be removed is swept up later."""
        path = self.uploads / Path(name).name
        with suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def sweep_uploads(self, wanted: Collection[str], needless: Collection[str]) -> int:
        """Remove uploads that are needless, and those that nobody wants and that are not new; how many they were.

        That they are old says that nobody is at them; a service that starts tells by locks, see `spk.api.uploads`.
        """
        uploads = [path for path in self.uploads.iterdir() if path.name not in wanted] if self.uploads.is_dir() else []
        removed = [path for path in uploads if path.name in needless or _age(path) > _ABANDONED_SECONDS]
        for path in removed:
            self.discard_upload(path.name)
        return len(removed)

    def _mark(self, unfinished: Unfinished) -> None:
        replace_with(self._erasing, [json.dumps(asdict(unfinished)).encode()])

    def orphans(self, referenced: Collection[str]) -> list[Path]:
        """Every clip that no sample refers to, and what killed processes left.

        To be called within a write transaction: clips are placed in one, so none can appear meanwhile.
        """
        orphaned = (path for path in self.clips.glob("*.flac") if path.stem not in referenced)
        unfinished = (path for folder in (self.path, self.clips) for path in folder.glob(".*.tmp"))
        abandoned = (path for path in unfinished if _age(path) > _ABANDONED_SECONDS)
        return [*orphaned, *abandoned]

    def sweep(self, referenced: Collection[str]) -> None:
        """Remove them."""
        for path in self.orphans(referenced):
            path.unlink(missing_ok=True)
        sync_folder(self.clips)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # another process has just finished with it
        return 0.0
