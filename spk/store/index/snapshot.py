"""One file of arrays that is written wholly or not at all, read by mapping it, and checked as a whole.

The file: a line with the sha256 of a JSON object and the object (``format``; ``about``, whatever the writer
wants; ``arrays``, a list of name, dtype, shape and first byte), then the arrays, little-endian and each at a
multiple of 64 bytes, then the sha256 of all before it.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.store.files import replace_with

__all__ = ["Snapshot"]

_FORMAT = "spk-index-2"
_DIGEST = 32  # bytes of a sha256
_ALIGNED = 64
_HEADER = 1 << 24  # bytes; a header is never longer


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Arrays under names, and what the writer says of them; an array may come in several pieces.

    Attributes:
        about: Anything that JSON can hold.
        arrays: Each in pieces that are joined along the first axis.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, Sequence[NDArray[Any]]]

    def write(self, path: Path) -> None:
        """Put it in the place of ``path`` at once, down to the disk.

        Raises:
            OSError: the disk would not take it.
        """
        replace_with(path, self._chunks())

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Map a file: its arrays are read when they are touched, and what is changed in them stays in memory.

        Raises:
            OSError: it cannot be read.
            ValueError: it is truncated, altered, or another kind of file.
        """
        with path.open("rb") as file:
            line = file.readline(_HEADER)
            check, _, text = line.rstrip(b"\n").partition(b" ")
            if check != hashlib.sha256(text).hexdigest().encode():
                raise ValueError("not a snapshot, or damaged")
            header = json.loads(text)
            if header["format"] != _FORMAT:
                raise ValueError("of another format")
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        arrays, end = {}, len(line)
        for name, dtype, shape, start in header["arrays"]:
            end = start + np.dtype(dtype).itemsize * prod(shape)
            if end + _DIGEST > len(content):
                raise ValueError("truncated")
            array = np.frombuffer(content, dtype, prod(shape), start)
            arrays[name] = [array.reshape(shape)]
        if len(content) != end + _DIGEST:
            raise ValueError("longer than it should be")
        with memoryview(content) as whole:
            if hashlib.sha256(whole[:end]).digest() != whole[end:]:
                raise ValueError("its checksum does not fit")
        return cls(header["about"], arrays)

    def _chunks(self) -> Iterator[bytes | memoryview]:
        digest = hashlib.sha256()
        for chunk in self._content():
            digest.update(chunk)
            yield chunk
        yield digest.digest()

    def _content(self) -> Iterator[bytes | memoryview]:
        header, starts = self._header()
        written = len(header)
        yield header
        for pieces, start in zip(self.arrays.values(), starts, strict=True):
            yield b"\0" * (start - written)
            written = start
            for piece in pieces:
                # As bytes first: numpy gives no view of the memory of ids, nor of an empty matrix.
                yield np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data
                written += piece.nbytes

    def _header(self) -> tuple[bytes, list[int]]:
        """The first line, and where each array starts: the line's length depends on that, and the other way round."""
        room = 0
        while True:
            described, starts, at = [], [], room
            for name, pieces in self.arrays.items():
                starts.append(-(-at // _ALIGNED) * _ALIGNED)
                shape = (sum(len(piece) for piece in pieces), *pieces[0].shape[1:])
                described.append([name, pieces[0].dtype.str, shape, starts[-1]])
                at = starts[-1] + pieces[0].dtype.itemsize * prod(shape)
            text = json.dumps({"format": _FORMAT, "about": self.about, "arrays": described}).encode()
            line = b"%s %s\n" % (hashlib.sha256(text).hexdigest().encode(), text)
            if len(line) <= room or not self.arrays:
                return line, starts
            room = len(line) + _ALIGNED
