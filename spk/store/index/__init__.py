"""Vector engines: caches of the voiceprints in SQL that find candidate speakers fast.

An engine holds opaque ids and vectors of one model. It may lag or be lost without harm: it is brought up
to date from the outbox before it is asked, and whoever it names is looked up in SQL again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

__all__ = ["Candidate", "IndexRow", "VectorIndex"]


@dataclass(frozen=True, slots=True, eq=False)
class IndexRow:
    """One voiceprint as an engine sees it: ``vector`` is (dim,) float32, L2-normalised."""

    id: UUID
    speaker: UUID
    gallery: UUID
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A speaker and the cosine of the voiceprint that is closest to the query."""

    speaker: UUID
    cosine: float


class VectorIndex(Protocol):
    """One engine, filled with the voiceprints of one model."""

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        """Add voiceprints, or replace those of the same id; doing so twice changes nothing."""
        ...

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints; ids that are not there do no harm."""
        ...

    def search(self, query: NDArray[np.float32], k: int, gallery: UUID) -> list[Candidate]:
        """The ``k`` speakers of a gallery whose closest voiceprint is nearest to ``query``.

        Each speaker once, best first, equal cosines in the order of the ids. ``query`` is (dim,), normalised.
        """
        ...

    def applied(self) -> int:
        """The position in the outbox up to which changes are in; 0 for an empty engine."""
        ...

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        ...
