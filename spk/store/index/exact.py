"""Exact search in plain numpy: for small homes, and what every other engine is checked against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.store.index import KEY, Candidate, IndexRows, check_dimension, keys, to_uuid

__all__ = ["ExactIndex"]


class ExactIndex:
    """Compares the queries with every voiceprint of the gallery.

    >>> index, alice, gallery = ExactIndex(2), UUID(int=1), UUID(int=9)
    >>> index.upsert(IndexRows(keys([UUID(int=2)]), keys([alice]), keys([gallery]), np.float32([[1, 0]])))
    >>> index.search(np.float32([[0.6, 0.8]]), 5, gallery)[0][0].speaker == alice
    True

    Args:
        dim: How many numbers a vector has.
    """

    def __init__(self, dim: int) -> None:
        self._dim = dim
        none = np.empty(0, KEY)
        self._rows = IndexRows(none, none, none, np.empty((0, dim), np.float32))
        self._galleries: dict[UUID, _Stacked] = {}
        self._applied = 0

    def __len__(self) -> int:
        return len(self._rows)

    def upsert(self, rows: IndexRows) -> None:
        """Add or replace voiceprints."""
        check_dimension(rows.vectors, self._dim)
        kept = self._rows[~np.isin(self._rows.ids, rows.ids)]
        both = [
            np.concatenate([getattr(part, column) for part in (kept, rows)])
            for column in ("ids", "speakers", "galleries", "vectors")
        ]
        self._hold(IndexRows(*both))

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints."""
        self._hold(self._rows[~np.isin(self._rows.ids, keys(ids))])

    def search(self, queries: NDArray[np.float32], k: int, gallery: UUID) -> list[list[Candidate]]:
        """For each query (n, dim) the ``k`` nearest speakers of a gallery, best first."""
        check_dimension(queries, self._dim)
        if gallery not in self._galleries:
            self._galleries[gallery] = _Stacked(self._rows[self._rows.galleries == keys([gallery])[0]])
        return [self._galleries[gallery].nearest(query, k) for query in queries]

    def rows(self) -> Iterator[IndexRows]:
        """Every voiceprint that is in."""
        yield self._rows

    def applied(self) -> int:
        """The position in the outbox up to which changes are in."""
        return self._applied

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        self._applied = position

    def fresh(self) -> ExactIndex:
        """Another, empty one."""
        return ExactIndex(self._dim)

    def publish(self) -> None:
        """Nobody else sees it, so there is nothing to do."""

    def drop(self) -> None:
        """Let go of everything."""
        self._hold(self._rows[:0])
        self._applied = 0

    def _hold(self, rows: IndexRows) -> None:
        self._rows = rows
        self._galleries.clear()


class _Stacked:
    """The voiceprints of one gallery as a matrix, until one of them changes."""

    def __init__(self, rows: IndexRows) -> None:
        self.vectors = rows.vectors  # (prints, dim)
        people, self.owners = np.unique(rows.speakers, return_inverse=True)  # sorted, as ids are
        self.speakers = [to_uuid(key) for key in people.tolist()]

    def nearest(self, query: NDArray[np.float32], k: int) -> list[Candidate]:
        best = np.full(len(self.speakers), -np.inf, dtype=np.float32)
        np.maximum.at(best, self.owners, self.vectors @ query)
        ranked = np.argsort(-best, kind="stable")[:k]  # stable: equal ones stay in the order of the ids
        return [Candidate(self.speakers[place], float(best[place])) for place in ranked]
