"""Exact search by numpy: what small homes use, and what every other engine is checked against."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.store.index import Candidate, IndexRow

__all__ = ["ExactIndex"]


class ExactIndex:
    """Compares the query with every voiceprint of the gallery.

    >>> index, alice, gallery = ExactIndex(), UUID(int=1), UUID(int=9)
    >>> index.upsert([IndexRow(UUID(int=2), alice, gallery, np.float32([1, 0]))])
    >>> index.search(np.float32([0.6, 0.8]), 5, gallery)[0].speaker == alice
    True
    """

    def __init__(self) -> None:
        self._rows: dict[UUID, IndexRow] = {}
        self._galleries: dict[UUID, _Stacked] = {}
        self._applied = 0

    def __len__(self) -> int:
        return len(self._rows)

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        """Add or replace voiceprints."""
        self._galleries.clear()
        self._rows.update((row.id, row) for row in rows)

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints."""
        self._galleries.clear()
        for id_ in ids:
            self._rows.pop(id_, None)

    def search(self, query: NDArray[np.float32], k: int, gallery: UUID) -> list[Candidate]:
        """The ``k`` nearest speakers of a gallery, best first."""
        if gallery not in self._galleries:
            rows = [row for row in self._rows.values() if row.gallery == gallery]
            if not rows:
                return []
            self._galleries[gallery] = _Stacked(rows)
        return self._galleries[gallery].nearest(query, k)

    def applied(self) -> int:
        """The position in the outbox up to which changes are in."""
        return self._applied

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        self._applied = position


class _Stacked:
    """The voiceprints of one gallery as a matrix, until one of them changes."""

    def __init__(self, rows: Sequence[IndexRow]) -> None:
        self.vectors = np.stack([row.vector for row in rows])  # (prints, dim)
        self.speakers = sorted({row.speaker for row in rows})
        number = {speaker: place for place, speaker in enumerate(self.speakers)}
        self.owners = np.array([number[row.speaker] for row in rows])  # (prints,)

    def nearest(self, query: NDArray[np.float32], k: int) -> list[Candidate]:
        best = np.full(len(self.speakers), -np.inf, dtype=np.float32)
        np.maximum.at(best, self.owners, self.vectors @ query)
        ranked = np.argsort(-best, kind="stable")[:k]  # stable: equal ones stay in the order of the ids
        return [Candidate(self.speakers[place], float(best[place])) for place in ranked]
