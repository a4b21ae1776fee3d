"""Search by FAISS, in process, with a snapshot on the disk.

A small gallery is searched flat: every voiceprint is compared, in float32. In a large one the people's mean
vectors are compared first, in float16, and then every voiceprint of the nearest people, in float32: a tenth of
the memory is read where people have ten voiceprints each. A missing, truncated or altered snapshot leaves the
engine empty at position 0, and it is filled from SQL again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.store.index import KEY, Candidate, IndexRows, check_dimension, keys, to_uuid
from spk.store.index.packed import Packed
from spk.store.index.snapshot import Snapshot

__all__ = ["CENTROIDS_FROM", "FaissIndex"]

CENTROIDS_FROM = 30_000
"""Galleries of at least so many voiceprints are searched by people's means first."""
NEAREST = 200
"""So many people's voiceprints are compared with the query after that, and more where more are asked for."""

_BATCH = 20_000  # rows that `rows` gives at a time
_PLACES = 1 << 40  # a gallery has fewer rows

log = logging.getLogger(__name__)


class FaissIndex:
    """Compares the queries with every voiceprint of the gallery, or with everybody's of those who are near.

    Args:
        snapshot: The file that ``save`` writes; it is read here where it exists.
        dim: How many numbers a vector has.
    """

    def __init__(self, snapshot: Path, dim: int) -> None:
        self._snapshot = snapshot
        self._dim = dim
        self._clear()
        try:
            self._load()
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.warning("%s: unusable (%s), it will be rebuilt", snapshot, problem)
            self._clear()

    def __len__(self) -> int:
        return sum(len(gallery.rows) for gallery in self._galleries)

    def upsert(self, rows: IndexRows) -> None:
        """Add or replace voiceprints."""
        check_dimension(rows.vectors, self._dim)
        self._drop(rows.ids.tolist())
        for key in np.unique(rows.galleries).tolist():
            number = self._numbers.setdefault(key, len(self._numbers))
            if number == len(self._galleries):
                self._galleries.append(_Gallery(Packed(self._dim)))
            packed, some = self._galleries[number].rows, rows[rows.galleries == key]
            start = number * _PLACES + len(packed)
            packed.append(some)
            self._where.update(zip(some.ids.tolist(), range(start, start + len(some)), strict=True))
        self.unsaved += len(rows)

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints."""
        self._drop(keys(ids).tolist())
        self.unsaved += len(ids)

    def search(self, queries: NDArray[np.float32], k: int, gallery: UUID) -> list[list[Candidate]]:
        """For each query (n, dim) the ``k`` nearest speakers of a gallery, best first."""
        check_dimension(queries, self._dim)
        number = self._numbers.get(keys([gallery]).tolist()[0])
        if number is None or not len(self._galleries[number].rows):
            return [[] for _ in queries]
        return self._galleries[number].nearest(np.ascontiguousarray(queries, np.float32), k)

    def rows(self) -> Iterator[IndexRows]:
        """Every voiceprint that is in, some at a time."""
        for key, number in self._numbers.items():
            packed = self._galleries[number].rows
            for start in range(0, len(packed), _BATCH):
                some = np.arange(start, min(start + _BATCH, len(packed)))
                people = packed.people.all[packed.owners.all[some]]
                yield IndexRows(packed.ids.all[some], people, np.full(len(some), key, KEY), packed.vectors.take(some))

    def applied(self) -> int:
        """The position in the outbox up to which changes are in."""
        return self._applied

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        self._applied = position

    def fresh(self) -> FaissIndex:
        """An empty one with the same snapshot, which it does not read."""
        other = FaissIndex.__new__(FaissIndex)
        other._snapshot, other._dim = self._snapshot, self._dim
        other._clear()
        return other

    def publish(self) -> None:
        """Write the snapshot; other processes go on with what they have, and change it as the outbox says."""
        self.save()

    def drop(self) -> None:
        """Let go of everything, and remove the snapshot."""
        self._snapshot.unlink(missing_ok=True)
        self._clear()

    def save(self) -> None:
        """Write the snapshot: wholly, or not at all.

        Raises:
            OSError: the disk would not take it.
        """
        about: dict[str, Any] = {"applied": self._applied, "dim": self._dim, "galleries": []}
        arrays: dict[str, Sequence[NDArray[Any]]] = {}
        for key, number in self._numbers.items():
            gallery = self._galleries[number]
            if len(gallery.rows):
                name = to_uuid(key).hex
                about["galleries"].append(name)
                arrays |= {f"{name}/{column}": pieces for column, pieces in gallery.arrays().items()}
        Snapshot(about, arrays).write(self._snapshot)
        self.unsaved = 0

    def _load(self) -> None:
        snapshot = Snapshot.read(self._snapshot)
        if snapshot.about["dim"] != self._dim:
            raise ValueError("of vectors of another length")
        galleries: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in snapshot.about["galleries"]}
        for key, (array,) in snapshot.arrays.items():
            name, _, column = key.partition("/")
            galleries[name][column] = array
        for number, (name, columns) in enumerate(galleries.items()):
            self._numbers[keys([UUID(name)]).tolist()[0]] = number
            self._galleries.append(_Gallery.of(columns))
        self._applied = int(snapshot.about["applied"])

    def _clear(self) -> None:
        self._numbers: dict[bytes, int] = {}  # of each gallery
        self._galleries: list[_Gallery] = []
        self._applied = 0
        self.unsaved = 0
        self._known: dict[bytes, int] | None = None

    @property
    def _where(self) -> dict[bytes, int]:
        """Where each id is: the gallery's number times ``_PLACES``, and the row. Only changes need it."""
        if self._known is None:
            self._known = {}
            for number, gallery in enumerate(self._galleries):
                start = number * _PLACES
                ids = gallery.rows.ids.all.tolist()
                self._known.update(zip(ids, range(start, start + len(ids)), strict=True))
        return self._known

    def _drop(self, ids: Sequence[bytes]) -> None:
        for id_ in ids:
            where = self._where.pop(id_, None)
            if where is not None:
                number, place = divmod(where, _PLACES)
                moved = self._galleries[number].rows.drop(place)
                if moved is not None:
                    self._where[moved] = where


class _Gallery:
    """The voiceprints of one gallery, and once there are many, the means of its people."""

    def __init__(self, rows: Packed) -> None:
        self.rows = rows
        self._means: Any = None  # faiss.IndexScalarQuantizer: a row a person, float16

    def nearest(self, queries: NDArray[np.float32], k: int) -> list[list[Candidate]]:
        if len(self.rows) < CENTROIDS_FROM:
            return self._flat(queries, k)
        self._follow()
        wanted = min(len(self.rows.people), max(NEAREST, k + k // 4))
        with _threads(queries):
            _, near = self._means.search(queries, wanted)
        return [self._rescored(query, people, k) for query, people in zip(queries, near, strict=True)]

    def arrays(self) -> dict[str, Sequence[NDArray[Any]]]:
        """What `of` makes the same gallery from."""
        arrays = self.rows.arrays()
        if len(self.rows) >= CENTROIDS_FROM:
            self._follow()
            arrays["means"] = [self._codes()]
        return arrays

    @classmethod
    def of(cls, arrays: dict[str, NDArray[Any]]) -> _Gallery:
        """The gallery that `arrays` gave."""
        gallery = cls(Packed.of(arrays))
        if "means" in arrays:
            gallery._means = _new_means(gallery.rows.vectors.dim)
            gallery._means.add(arrays["means"].astype(np.float32))
        return gallery

    def _follow(self) -> None:
        """Bring the means up to date with the rows."""
        rows = self.rows
        if self._means is None:
            self._means = _new_means(rows.vectors.dim)
            rows.changed.update(range(len(rows.people)))
        if not rows.changed:
            return
        changed = np.fromiter(rows.changed, np.intp, len(rows.changed))
        sums = rows.sums(changed)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        added = len(rows.people) - self._means.ntotal
        if added > 0:
            self._means.add(np.zeros((added, rows.vectors.dim), np.float32))
        # Whoever has no rows any more, or rows that cancel out, keeps the mean 0, which is near to nobody.
        self._codes()[changed] = sums / np.maximum(lengths, 1e-9)
        rows.changed.clear()

    def _codes(self) -> NDArray[np.float16]:
        """The means (people, dim), where FAISS keeps them."""
        codes = _faiss().rev_swig_ptr(self._means.codes.data(), self._means.codes.size())
        return np.asarray(codes).view(np.float16).reshape(-1, self.rows.vectors.dim)

    def _rescored(self, query: NDArray[np.float32], people: NDArray[np.int64], k: int) -> list[Candidate]:
        """The best of some people by their nearest voiceprints."""
        rows, whose = self.rows.rows_of(people)
        best = np.full(len(people), -np.inf, np.float32)
        # Not `@`: it shares out even this to threads, and on a busy machine waits for them longer than it works.
        np.maximum.at(best, whose, np.einsum("ij,j->i", self.rows.vectors.take(rows), query))
        there = best > -np.inf
        return self._ranked(people[there], best[there], k)

    def _flat(self, queries: NDArray[np.float32], k: int) -> list[list[Candidate]]:
        """Every voiceprint compared with every query."""
        found: list[list[Candidate]] = [[] for _ in queries]
        open_, wanted = np.arange(len(queries)), min(len(self.rows), 4 * k)
        while len(open_):
            unsettled = []
            for number, cosines, places in zip(open_, *self._knn(queries[open_], wanted), strict=True):
                people, first = np.unique(self.rows.owners.all[places], return_index=True)
                best = cosines[first]  # rows come best first
                # Rows that were not returned may equal the last one, so only what is above it is settled.
                if (best > cosines[-1]).sum() >= k or wanted == len(self.rows):
                    found[number] = self._ranked(people, best, k)
                else:
                    unsettled.append(number)
            open_, wanted = np.array(unsettled, np.intp), min(len(self.rows), 4 * wanted)
        return found

    def _knn(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The ``k`` best rows for each query, best first: cosines and places, both (n, k)."""
        faiss, cosines, places, start = _faiss(), [], [], 0
        for piece in self.rows.vectors.pieces:
            if len(piece):
                with _threads(queries):
                    found = faiss.knn(queries, piece, min(k, len(piece)), metric=faiss.METRIC_INNER_PRODUCT)
                cosines.append(found[0])
                places.append(found[1] + start)
                start += len(piece)
        joined, where = np.hstack(cosines), np.hstack(places)
        order = np.argsort(-joined, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(joined, order, 1), np.take_along_axis(where, order, 1)

    def _ranked(self, people: NDArray[np.integer[Any]], cosines: NDArray[np.float32], k: int) -> list[Candidate]:
        ids = self.rows.people.all[people]
        order = np.lexsort((ids, -cosines))[:k]
        return [
            Candidate(to_uuid(id_), cosine)
            for id_, cosine in zip(ids[order].tolist(), cosines[order].tolist(), strict=True)
        ]


def _new_means(dim: int) -> Any:  # noqa: ANN401 - FAISS has no types
    faiss = _faiss()
    return faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


@contextmanager
def _threads(queries: NDArray[np.float32]) -> Iterator[None]:
    """One thread for one query: FAISS shares out queries, and threads without work would be waited for."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(min(before, len(queries)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@cache
def _faiss() -> Any:  # noqa: ANN401 - FAISS has no types
    """FAISS, which takes a moment to import, told to multiply matrices wherever there are several queries."""
    import faiss

    faiss.cvar.distance_compute_blas_threshold = 2
    return faiss
