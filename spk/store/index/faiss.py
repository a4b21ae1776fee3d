"""Exact inner product by FAISS, in process, with a snapshot on the disk.

The snapshot is one file: a line with the sha256 of a JSON object and the object (format, position in the
outbox, rows and dimension of each gallery), then for each gallery its ids and speakers (16 bytes each) and
vectors (float32, little-endian), then the sha256 of all before. A missing, truncated or altered one leaves
the engine empty at position 0, and it is filled from SQL again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.store.files import sync_folder, temporary, write_through
from spk.store.index import Candidate, IndexRow

__all__ = ["FaissIndex"]

_FORMAT = "spk-index-1"
_DIGEST = 32  # bytes of a sha256

log = logging.getLogger(__name__)


class FaissIndex:
    """Compares the query with every voiceprint of the gallery, at the speed of the memory.

    Args:
        snapshot: The file that ``save`` writes; it is read here where it exists.
    """

    def __init__(self, snapshot: Path) -> None:
        self._snapshot = snapshot
        self._galleries: dict[UUID, _Rows] = {}
        self._gallery_of: dict[bytes, UUID] = {}
        self._applied = 0
        self.unsaved = 0
        try:
            self._load()
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as problem:
            log.warning("%s: unusable (%s), it will be rebuilt", snapshot, problem)
            self._galleries, self._gallery_of, self._applied = {}, {}, 0

    def __len__(self) -> int:
        return len(self._gallery_of)

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        """Add or replace voiceprints."""
        for row in rows:
            if self._gallery_of.get(row.id.bytes, row.gallery) != row.gallery:
                self.delete([row.id])
            self._galleries.setdefault(row.gallery, _Rows(len(row.vector))).put(row)
            self._gallery_of[row.id.bytes] = row.gallery
        self.unsaved += len(rows)

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints."""
        for id_ in ids:
            gallery = self._gallery_of.pop(id_.bytes, None)
            if gallery is not None:
                self._galleries[gallery].drop(id_.bytes)
        self.unsaved += len(ids)

    def search(self, query: NDArray[np.float32], k: int, gallery: UUID) -> list[Candidate]:
        """The ``k`` nearest speakers of a gallery, best first."""
        rows = self._galleries.get(gallery)
        return rows.nearest(query, k) if rows else []

    def applied(self) -> int:
        """The position in the outbox up to which changes are in."""
        return self._applied

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        self._applied = position

    def save(self) -> None:
        """Write the snapshot: wholly, or not at all.

        Raises:
            OSError: the disk would not take it.
        """
        unfinished = temporary(self._snapshot.parent)
        write_through(unfinished, self._chunks())
        unfinished.replace(self._snapshot)
        sync_folder(self._snapshot.parent)
        self.unsaved = 0

    def _chunks(self) -> Iterator[bytes | memoryview]:
        digest = hashlib.sha256()
        for chunk in self._content():
            digest.update(chunk)
            yield chunk
        yield digest.digest()

    def _content(self) -> Iterator[bytes | memoryview]:
        filled = {gallery: rows for gallery, rows in self._galleries.items() if len(rows)}
        shapes = [[gallery.hex, len(rows), rows.dim] for gallery, rows in filled.items()]
        header = json.dumps({"format": _FORMAT, "applied": self._applied, "galleries": shapes}).encode()
        yield b"%s %s\n" % (hashlib.sha256(header).hexdigest().encode(), header)
        for rows in filled.values():
            yield b"".join(rows.ids)
            yield b"".join(rows.speakers)
            yield rows.vectors.astype("<f4", copy=False).data.cast("B")

    def _load(self) -> None:
        with self._snapshot.open("rb") as file:
            line = file.readline(1 << 24)
            check, _, text = line.rstrip(b"\n").partition(b" ")
            if check != hashlib.sha256(text).hexdigest().encode():
                raise ValueError("not a snapshot, or damaged")
            header = json.loads(text)
            if header["format"] != _FORMAT:
                raise ValueError("of another format")
            shapes = [(UUID(gallery), int(n), int(dim)) for gallery, n, dim in header["galleries"]]
            expected = len(line) + sum(n * (32 + 4 * dim) for _, n, dim in shapes) + _DIGEST
            if os.fstat(file.fileno()).st_size != expected:
                raise ValueError("truncated, or longer than it should be")
            digest = hashlib.sha256(line)
            for gallery, n, dim in shapes:
                rows = self._galleries[gallery] = _Rows.read(file, n, dim, digest.update)
                self._gallery_of.update(dict.fromkeys(rows.ids, gallery))
            if file.read() != digest.digest():
                raise ValueError("its checksum does not fit")
            self._applied = int(header["applied"])


class _Rows:
    """The voiceprints of one gallery, packed: the last row moves into a hole."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.ids: list[bytes] = []
        self.speakers: list[bytes] = []
        self._matrix = np.empty((0, dim), np.float32)  # longer than needed, so that it seldom grows
        self._place: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The rows in use, (n, dim)."""
        return self._matrix[: len(self)]

    def put(self, row: IndexRow) -> None:
        place = self._place.setdefault(row.id.bytes, len(self))
        if place == len(self):
            if place == len(self._matrix):
                grown = np.empty((max(64, 2 * place), self.dim), np.float32)
                grown[:place] = self._matrix
                self._matrix = grown
            self.ids.append(row.id.bytes)
            self.speakers.append(row.speaker.bytes)
        self.speakers[place] = row.speaker.bytes
        self._matrix[place] = row.vector

    def drop(self, id_: bytes) -> None:
        place, last = self._place.pop(id_), len(self) - 1
        if place != last:
            self.ids[place], self.speakers[place] = self.ids[last], self.speakers[last]
            self._matrix[place] = self._matrix[last]
            self._place[self.ids[place]] = place
        self.ids.pop()
        self.speakers.pop()

    def nearest(self, query: NDArray[np.float32], k: int) -> list[Candidate]:
        import faiss

        wanted = min(len(self), 4 * k)
        while True:
            cosines, places = faiss.knn(query[None], self.vectors, wanted, metric=faiss.METRIC_INNER_PRODUCT)
            best: dict[bytes, float] = {}
            for cosine, place in zip(cosines[0].tolist(), places[0].tolist(), strict=True):
                best.setdefault(self.speakers[place], cosine)
            # Rows that were not returned may equal the last one, so only what is above it is settled.
            settled = sum(cosine > cosines[0, -1] for cosine in best.values())
            if settled >= k or wanted == len(self):
                break
            wanted = min(len(self), 4 * wanted)
        ranked = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
        return [Candidate(UUID(bytes=speaker), cosine) for speaker, cosine in ranked[:k]]

    @classmethod
    def read(cls, file: BufferedReader, n: int, dim: int, digest: Callable[[bytes | memoryview], None]) -> _Rows:
        """The rows as `_content` wrote them."""
        rows = cls(dim)
        ids, speakers = file.read(16 * n), file.read(16 * n)
        matrix = np.empty((n, dim), "<f4")
        file.readinto(matrix.data.cast("B"))
        for part in (ids, speakers, matrix.data.cast("B")):
            digest(part)
        rows.ids = [ids[at : at + 16] for at in range(0, 16 * n, 16)]
        rows.speakers = [speakers[at : at + 16] for at in range(0, 16 * n, 16)]
        rows._matrix = matrix.astype(np.float32, copy=False)
        rows._place = {id_: place for place, id_ in enumerate(rows.ids)}
        return rows
