"""The part of the store that tells people what is kept about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import select

from spk.store import audit, queries, tables
from spk.store.database import Database
from spk.store.disclosure import Disclosure
from spk.store.erasure import exports
from spk.store.files import created, sync_folder
from spk.store.home import Home
from spk.store.problems import explained
from spk.store.records import Gallery, Speaker

__all__ = ["Disclosed", "Subjects"]


@dataclass(frozen=True, slots=True)
class Disclosed:
    """An archive of what is kept about somebody.

    Attributes:
        speaker: About whom.
        path: Where it lies.
        sha256: Of the file.
        files: How many files are in it.
        bytes: How long it is.
    """

    speaker: Speaker
    path: Path
    sha256: str
    files: int
    bytes: int


class Subjects:
    """Answers to people who ask what is kept about them."""

    _home: Home
    _database: Database

    def export_subject(self, speaker: Speaker, path: Path) -> Disclosed:
        """Write everything that is kept about one person to a ZIP file, in place of what was there.

        Nobody else is in it. The home remembers where the file was put, so that an erasure of the person removes it.

        Raises:
            NotFoundError: the speaker is gone.
            ConflictError: somebody was erased meanwhile.
            StoreError: the file cannot be written.
        """
        path = path.resolve()
        with self._database.write() as tx:
            speaker = queries.same_speaker(tx, speaker)
            beside = exports.announce(tx, speaker.gallery, path)
        try:
            with self._database.read() as tx:
                as_of = audit.last(tx).sequence
                name = tx.scalar(select(tables.galleries.c.name).where(tables.galleries.c.id == speaker.gallery))
                gallery = Gallery(speaker.gallery, str(name))
                about = Disclosure(tx, gallery, queries.same_speaker(tx, speaker), self._home.clip)
                files, sha256 = _write(beside, about)
            size = beside.stat().st_size
            with self._database.lock():  # no erasure comes between
                with self._database.write() as tx:
                    held = {"files": files}
                    exports.note(tx, speaker.gallery, path, sha256, as_of=as_of, held=held, about=speaker.id)
                with explained(path):
                    beside.replace(path)
                    sync_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)
        return Disclosed(speaker, path, sha256, files, size)

    def forget_export(self, path: Path) -> None:
        """Remember no longer where such a file was put, since it was handed on and is not there any more."""
        with self._database.write() as tx:
            exports.forget(tx, path.resolve())


def _write(path: Path, about: Disclosure) -> tuple[int, str]:
    """Write a new file; how many are in it, and its sha256."""
    count = 0
    with explained(path), created(path) as file:
        made = datetime.now(UTC)
        with ZipFile(file, "w") as archive:
            for name, chunks in about.members(made):
                info = ZipInfo(name, made.timetuple()[:6])
                info.compress_type = ZIP_STORED if name.endswith(".flac") else ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as member:
                    for chunk in chunks:
                        member.write(chunk)
                count += 1
        file.flush()
        file.seek(0)
        return count, hashlib.file_digest(cast(BytesIO, file), "sha256").hexdigest()
