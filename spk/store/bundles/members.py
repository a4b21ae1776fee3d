"""The members of a bundle's zip file: stored as they are, each with a checksum in the manifest."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from spk.errors import FormatError
from spk.store.bundles.manifest import CHECKSUM, NAME, Manifest, MemberRecord, checksum

__all__ = ["MemberReader", "add"]

_UNREADABLE = (BadZipFile, KeyError, RuntimeError, EOFError, ValueError, OverflowError, struct.error)
"""What `zipfile` raises about a damaged file."""


def add(archive: ZipFile, name: str, chunks: Iterable[bytes]) -> MemberRecord:
    """Write a member, dated as all are: the same content gives the same bytes."""
    size, sha256 = 0, hashlib.sha256()
    with archive.open(ZipInfo(name), "w", force_zip64=True) as member:
        for chunk in chunks:
            member.write(chunk)
            sha256.update(chunk)
            size += len(chunk)
    return MemberRecord(size, sha256.hexdigest())


class MemberReader:
    """Reads members that the manifest names; the file stays open for as long as somebody may do so.

    Attributes:
        manifest: What it says.

    Raises:
        FormatError: it is no bundle, damaged, or of a newer spk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = ZipFile(path)
            infos = self._archive.infolist()
            self._archive.getinfo(NAME)
        except _UNREADABLE as error:
            reason = "is no bundle of spk, or damaged: `spk store export` makes one"
            raise FormatError(path, reason) from error
        if any(info.compress_type != ZIP_STORED for info in infos):  # what takes room in memory takes room in the file
            raise self._damaged("its list of members")
        text = self.unchecked(NAME)
        if self.unchecked(CHECKSUM) != checksum(text):
            raise self._damaged(NAME)
        self.manifest = Manifest.parse(text, path)
        if sorted(info.filename for info in infos) != sorted([NAME, CHECKSUM, *self.manifest.members]):
            raise self._damaged("its list of members")

    def read(self, name: str) -> bytes:
        """A member's content.

        Raises:
            FormatError: it is not what the manifest says.
        """
        content = self.unchecked(name)
        if MemberRecord(len(content), hashlib.sha256(content).hexdigest()) != self.manifest.members[name]:
            raise self._damaged(name)
        return content

    def unchecked(self, name: str) -> bytes:
        """A member's content, of which only the zip file's own checksum was compared.

        Raises:
            FormatError: that is wrong.
        """
        try:
            return self._archive.read(name)
        except (*_UNREADABLE, OSError) as error:  # OSError: of a place that no file has
            raise self._damaged(name) from error

    def _damaged(self, where: str) -> FormatError:
        return FormatError(self._path, f"is damaged ({where}): nothing of it was taken, get another copy")
