"""Looking through files for the bytes of what was erased: many of them at once, in one pass, in bounded memory."""

from __future__ import annotations

import errno
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIECE", "ByteSearch", "NameForms", "clip_pieces", "vector_pieces"]

PIECE = 32
"""Bytes of a vector; less may be found by chance."""

_BLOCK = 1 << 20
_LEAST = 8  # bytes that a piece has at least, and different ones: zeros are everywhere
_CONTEXT = 32  # bytes around a name that tell whether it is one
_SURE = 6  # a name of so many bytes is not found in numbers by chance; a shorter one only counts amid text
_SHORTEST = 3
_HEX = re.compile(rb"[0-9a-f]{16}$")
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+")


def vector_pieces(vector: NDArray[np.float32]) -> Iterator[bytes]:
    """Parts of a vector (dim,) as it may lie in a file: as float32, as float16, and in JSON."""
    for data in (vector.astype("<f4").tobytes(), vector.astype("<f2").tobytes()):
        # From several places: what is left of it may begin or end at the edge of a page.
        for start in range(0, max(1, len(data) - PIECE + 1), max(PIECE, len(data) // 8)):
            yield data[start : start + PIECE]
    yield ", ".join(str(round(float(number), 7)) for number in vector[:4]).encode()


def clip_pieces(path: Path) -> list[bytes]:
    """A few parts of a clip, or the whole of a very short one; none where it is gone.

    Raises:
        OSError: it cannot be read.
    """
    size = 2 * PIECE
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            pieces = []
            for quarter in (1, 2, 3) if length > 4 * size else (0,):
                file.seek(length * quarter // 4)
                pieces.append(file.read(size))
            return pieces
    except FileNotFoundError:
        return []


@dataclass(frozen=True)
class NameForms:
    """A name in all the ways in which a file may spell it, in lower case.

    Attributes:
        name: The name.
        others: What is allowed to hold it: longer names of other people, say.
        texts: In UTF-8 and in JSON.
    """

    name: str
    others: tuple[str, ...] = ()
    texts: frozenset[bytes] = field(init=False)
    _allowed: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        spelt = {self.name.replace(" ", between) for between in " _-"}
        spelt = {form(one) for one in spelt for form in (str, str.lower, str.upper)}
        spelt = {unicodedata.normalize(form, one) for one in spelt for form in ("NFC", "NFD")}
        texts = {text for one in spelt for text in _encoded(one) if len(text) >= _SHORTEST}
        object.__setattr__(self, "texts", frozenset(texts))
        object.__setattr__(self, "_allowed", tuple(text for one in self.others for text in _encoded(one)))

    @property
    def searchable(self) -> bool:
        """Whether it is long enough to tell it from chance, and nobody else's."""
        is_hex = set(self.name.casefold()) <= set("abcdef")  # Ada, Bea: in every other hash
        return bool(self.texts) and not is_hex and self.name.casefold() not in map(str.casefold, self.others)

    def is_at(self, block: bytes, start: int, text: bytes) -> bool:
        """Whether what was found in a block (in lower case) is the name, and not part of something else."""
        end = start + len(text)
        for allowed in self._allowed:
            at = allowed.find(text)
            while at >= 0:
                if block.startswith(allowed, start - at) and start >= at:
                    return False
                at = allowed.find(text, at + 1)
        before, after = block[max(0, start - _CONTEXT) : start], block[end : end + _CONTEXT]
        if len(text) < _SURE and not (_is_text(before[-8:]) or _is_text(after[:8])):
            return False
        # In a row of a table nothing is between a name and the id before it, or the state after it.
        begins = not (self.name[0].upper() != self.name[0].lower() and _decoded(before)[-1:].isalpha())
        ends = not (self.name[-1].upper() != self.name[-1].lower() and _decoded(after)[:1].isalpha())
        return (begins or _HEX.search(before) is not None) and (ends or after.startswith((b"enrolled", b"unknown")))


class ByteSearch:
    """Finds pieces of vectors and clips, and names, in files.

    Args:
        pieces: What to look for, and what each is of.
        names: Whose names to look for.
    """

    def __init__(self, pieces: Mapping[bytes, str], names: Iterable[NameForms] = ()) -> None:
        self._names = [one for one in names if one.searchable]
        self._pieces: dict[bytes, list[tuple[bytes, str]]] = {}  # by their first bytes
        for piece, what in pieces.items():
            if len(set(piece)) >= _LEAST:
                self._pieces.setdefault(piece[:_LEAST], []).append((piece, what))
        self._keys = np.sort(np.frombuffer(b"".join(self._pieces), "<u8"))
        self._starts = np.zeros(1 << 20, dtype=bool)  # whether a piece may begin with four bytes
        self._starts[_hashed(np.frombuffer(b"".join(key[:4] for key in self._pieces), "<u4"))] = True
        longest = [len(piece) for piece in pieces]
        longest += [len(text) for one in self._names for text in one.texts]
        self._overlap = max(longest, default=0) + 2 * _CONTEXT

    def search(self, path: Path) -> dict[str, int]:
        """What a file holds, with the byte where it was first found; a file that is gone holds nothing.

        Raises:
            OSError: it cannot be read.
        """
        try:
            with _opened(path) as file:
                return self._search(file)
        except FileNotFoundError:
            return {}

    def _search(self, file: BinaryIO) -> dict[str, int]:
        found: dict[str, int] = {}
        block, position = file.read(_BLOCK), 0
        while block:
            following = file.read(_BLOCK)
            # Near the edges too little is seen to judge; the blocks overlap, so that it is in the middle of another.
            first = _CONTEXT if position else 0
            last = len(block) - (_CONTEXT if following else 0)
            for what, start, end in (*self._pieces_in(block), *self._names_in(block)):
                if start >= first and end <= last:
                    found.setdefault(what, position + start)
            kept = block[-self._overlap :] if following else b""
            position += len(block) - len(kept)
            block = kept + following
        return found

    def _pieces_in(self, block: bytes) -> Iterator[tuple[str, int, int]]:
        content = np.frombuffer(block, np.uint8)
        for shift in range(4):
            words = np.frombuffer(block, "<u4", max(0, len(block) - shift) // 4, shift) if len(block) > shift else ()
            places = np.flatnonzero(self._starts[_hashed(np.asarray(words, np.uint32))]) * 4 + shift
            places = places[places <= len(block) - _LEAST]
            if not len(places):
                continue
            eight = content[places[:, None] + np.arange(_LEAST)].view("<u8")[:, 0]
            nearest = self._keys[np.minimum(np.searchsorted(self._keys, eight), len(self._keys) - 1)]
            for start in places[nearest == eight].tolist():
                for piece, what in self._pieces[block[start : start + _LEAST]]:
                    if block.startswith(piece, start):
                        yield what, start, start + len(piece)

    def _names_in(self, block: bytes) -> Iterator[tuple[str, int, int]]:
        lowered = block.lower() if self._names else b""
        for one in self._names:
            for text in one.texts:
                start = lowered.find(text)
                while start >= 0:
                    if one.is_at(lowered, start, text):
                        yield "name", start, start + len(text)
                    start = lowered.find(text, start + 1)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """To read it; SQLite's files by another process.

    Whoever closes any descriptor of a file gives up all locks that this process has on it (POSIX). SQLite would not
    notice, and the next process would take the database for its own.
    """
    if not path.name.startswith("spk.db"):
        with path.open("rb") as file:
            yield file
        return
    with Popen(["cat", "--", path], stdout=PIPE, stderr=DEVNULL) as process:  # noqa: S603, S607 - nothing of it is from outside
        yield cast(BinaryIO, process.stdout)
    if process.returncode and path.exists():
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))


def _hashed(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Twenty bits of four bytes each."""
    return (words * np.uint32(2_654_435_761)) >> np.uint32(12)


def _encoded(text: str) -> set[bytes]:
    return {form.lower() for form in (text.encode(), json.dumps(text)[1:-1].encode())}


def _is_text(nearby: bytes) -> bool:
    return _TEXT.fullmatch(nearby) is not None


def _decoded(nearby: bytes) -> str:
    return nearby.decode("utf-8", "ignore")
