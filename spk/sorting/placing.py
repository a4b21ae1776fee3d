"""Files into a folder: whole or not there at all, and nothing that is there is changed."""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path, PurePath
from typing import BinaryIO

from spk.errors import ConflictError, InputError
from spk.formats.lines import printable

__all__ = ["ASIDE", "EMBEDDINGS", "LABELS", "NO_SPEECH", "UNSURE", "Link", "OwnFolder", "folder_name", "private"]

OURS = ".spk-sort"
LABELS, EMBEDDINGS = "labels.csv", "embeddings"
UNSURE, NO_SPEECH = "unsure", "no-speech"
ASIDE = (UNSURE, NO_SPEECH)
"""Folders of clips that are nobody's."""
LONGEST_NAME = 240  # bytes


class Link(StrEnum):
    """How a file gets to its place."""

    COPY = "copy"
    HARD = "hard"
    SYMLINK = "symlink"


class OwnFolder:
    """A folder of sorted clips.

    What is written lies in ``.spk-sort/part`` until it is whole, and is then given its name: so whatever has a name is
    whole.

    Args:
        root: Where.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / OURS / "heard.jsonl"
        self._part = root / OURS / "part"

    @contextmanager
    def taken(self, source: Path, *, resume: bool) -> Iterator[None]:
        """Take the folder for one run, making it where it is missing.

        Raises:
            InputError: it holds other things, another run is at work, it lies in the source or around it, or it
                cannot be written.
            ConflictError: it holds a run, and this one shall not go on with it.
        """
        root, name = self.root, printable(self.root)
        here, there = root.resolve(), source.resolve()
        if here == there or here in there.parents or there in here.parents:
            raise InputError(f"{name}: lies in {printable(source)} or around it: choose a folder apart from it")
        try:
            if not self.record.exists() and root.exists() and any(entry.name != OURS for entry in root.iterdir()):
                raise InputError(f"{name}: holds other files, and spk sorts into a folder of its own: name a new one")
            if self.record.exists() and not resume:
                raise ConflictError(f"{name}: holds sorted clips: add --resume to go on with it, or name a new folder")
            self.record.parent.mkdir(parents=True, exist_ok=True)
            private(self.record.parent / "lock")
            with (self.record.parent / "lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InputError(f"{name}: another spk sort is at work there: wait for it") from None
                yield
        except OSError as error:
            what = printable(error.filename or root)
            raise InputError(f"{what}: {error.strerror}: see to it, then go on with --resume") from error

    def write(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        """Write a file of our own, in the place of what we wrote before."""
        self._finish(fill)
        self._part.replace(self.root / name)

    def place(self, source: Path, name: PurePath, link: Link) -> bool:
        """Bring a file to its place in the folder; whether it was not there yet.

        Raises:
            ConflictError: another file lies there.
        """
        target = self.root / name
        if os.path.lexists(target):
            if not target.exists() or not (target.samefile(source) or filecmp.cmp(source, target, shallow=False)):
                raise ConflictError(f"{printable(target)}: is another file than {printable(source)}: move it away")
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        if link is Link.HARD:
            target.hardlink_to(source.resolve())
        elif link is Link.SYMLINK:
            target.symlink_to(source.resolve())
        else:
            with source.open("rb") as original:
                self._finish(lambda part: shutil.copyfileobj(original, part, 1 << 20))
            shutil.copystat(source, self._part)
            self._part.rename(target)
        return True

    def _finish(self, fill: Callable[[BinaryIO], object]) -> None:
        self._part.unlink(missing_ok=True)  # of a stopped run
        private(self._part)
        with self._part.open("wb") as part:
            fill(part)
            part.flush()
            os.fsync(part.fileno())


def folder_name(name: str) -> str:
    """A name as that of a folder, no two alike: what cannot stand there, and ``%``, is written as in web addresses.

    >>> folder_name("Ann Lee"), folder_name("AC/DC"), folder_name(".."), folder_name("unsure")
    ('Ann Lee', 'AC%2FDC', '%2E.', '%75nsure')
    """
    plain = "".join(f"%{ord(c):02X}" if c in "/%\\" else c for c in name)
    if plain.startswith(".") or plain in (*ASIDE, LABELS, f"{EMBEDDINGS}.npy", f"{EMBEDDINGS}.json"):
        plain = f"%{ord(plain[0]):02X}{plain[1:]}"
    if len(plain.encode()) <= LONGEST_NAME:
        return plain
    digest = sha256(plain.encode()).hexdigest()[:8]
    return f"{plain.encode()[: LONGEST_NAME - 9].decode(errors='ignore')}-{digest}"


def private(path: Path) -> None:
    """Let nobody but the owner read a file, making it where it is missing: it may hold voiceprints."""
    path.touch(mode=0o600)
    path.chmod(0o600)
