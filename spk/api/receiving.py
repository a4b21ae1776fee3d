"""The parts of a form as they arrive: files to the disk, fields to memory."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from spk.api.problems import ProblemError
from spk.errors import InputError, StoreError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["ReceivedFile", "Receiver", "label"]

MOST_FILES = 100
MOST_FIELDS = 200
MOST_FIELD_BYTES = 4 << 20
"""Of all fields together, their names included: turns of a long recording fit."""

_LONGEST_LABEL = 200
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file of an upload.

    Attributes:
        field: The name of the part.
        name: What the client calls the file: to be shown, and never to be opened.
        path: Where it lies.
        size: In bytes.
        sha256: Of its bytes.
    """

    field: str
    name: str
    path: Path
    size: int
    sha256: str


class Receiver:
    """Takes in a form piece by piece; its methods wait for the disk.

    Each file is locked for as long as it is open here, which tells whoever sweeps that it is needed.

    Args:
        folder: Where files go.
        boundary: What divides the parts.
    """

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self.fields: dict[str, list[str]] = {}
        self.files: list[ReceivedFile] = []
        self._folder = folder
        self._open: dict[Path, int] = {}  # the descriptors of every file
        self._left, self._fields, self._files = MOST_FIELD_BYTES, 0, 0
        self._header = self._value = self._disposition = b""
        self._part: _File | _Field | None = None
        self._ended = False
        callbacks: MultipartCallbacks = {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise _broken(error) from error

    def feed(self, data: bytes) -> None:
        """Take in more of the form.

        Raises:
            InputError: it is none.
            ProblemError: it has too many parts, or the disk is full.
            StoreError: the disk cannot be written.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _broken(error) from error
        except OSError as error:
            if error.errno in _FULL:
                raise ProblemError("full", "there is no space left for uploads: try again later") from error
            raise StoreError(f"{self._folder}: cannot be written ({error.strerror})") from error

    def finish(self, data: bytes) -> None:
        """Take in the rest.

        Raises:
            InputError: the form breaks off; and as `feed`.
        """
        self.feed(data)
        if not self._ended:
            raise InputError("the form breaks off before its end: send it again")

    def sync(self, path: Path) -> None:
        """Bring a file down to the disk."""
        os.fsync(self._open[path])

    def close(self, kept: frozenset[Path] = frozenset()) -> None:
        """Remove every file but those that are kept."""
        for path, descriptor in self._open.items():
            if path not in kept:
                path.unlink(missing_ok=True)
            os.close(descriptor)
        self._open.clear()

    # What the parser calls

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition.decode("latin-1"))
        self._disposition = b""
        if b"name" not in options:
            raise InputError("a part of the form has no name: send each with one")
        name = _text(options[b"name"], "the name of a part")
        if (filename := options.get(b"filename")) is None:
            self._fields += 1
            self._part = _Field(name, bytearray(), self._spend)
            self._spend(len(name))
        else:
            self._files += 1
            path, descriptor = _new_file(self._folder)
            self._open[path] = descriptor
            self._part = _File(name, filename.decode("utf-8", "replace"), path, descriptor)
        if self._fields > MOST_FIELDS or self._files > MOST_FILES:
            raise ProblemError("too-large", f"a form has at most {MOST_FILES} files and {MOST_FIELDS} fields")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._part.write(memoryview(data)[start:end])

    def _on_part_end(self) -> None:
        if isinstance(self._part, _Field):
            self.fields.setdefault(self._part.name, []).append(_text(self._part.content, self._part.name[:80]))
        elif self._part is not None and (self._part.size or self._part.filename):  # or else nobody has chosen a file
            self.files.append(self._part.received())
        self._part = None

    def _on_end(self) -> None:
        self._ended = True

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise ProblemError("too-large", f"fields have at most {MOST_FIELD_BYTES >> 20} MiB: send files instead")


@dataclass
class _Field:
    """A field that is arriving."""

    name: str
    content: bytearray
    spend: Callable[[int], None]

    def write(self, data: memoryview) -> None:
        self.spend(len(data))
        self.content += data


class _File:
    """A file that is arriving."""

    def __init__(self, field: str, filename: str, path: Path, descriptor: int) -> None:
        self.field, self.filename, self.path = field, filename, path
        self.size = 0
        self._descriptor = descriptor
        self._sha256 = hashlib.sha256()

    def write(self, data: memoryview) -> None:
        self.size += len(data)
        self._sha256.update(data)
        while data:  # the disk may take a part of it
            data = data[os.write(self._descriptor, data) :]

    def received(self) -> ReceivedFile:
        return ReceivedFile(self.field, label(self.filename), self.path, self.size, self._sha256.hexdigest())


def label(filename: str) -> str:
    """A file's name as it is shown: without folders and what cannot be printed.

    >>> label("../../etc/passwd"), label("C:\\\\talks\\\\Zoë\\u202e.wav"), label(".."), label("")
    ('passwd', 'Zoë.wav', 'upload', 'upload')
    """
    base = re.split(r"[/\\]", filename)[-1]
    shown = "".join(filter(str.isprintable, unicodedata.normalize("NFC", base))).strip()[-_LONGEST_LABEL:]
    return shown if shown.strip(" .") else "upload"


def _new_file(folder: Path) -> tuple[Path, int]:
    """A new file, open and locked."""
    while True:
        path = folder / uuid4().hex
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return path, descriptor
        os.close(descriptor)  # somebody sweeps, and was faster


def _text(data: bytes | bytearray, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError(f"{what} is not UTF-8 text: send it as such, or as a file") from None


def _broken(error: FormParserError) -> InputError:
    return InputError(f"the body is no multipart form that can be read ({error}): send it again")
