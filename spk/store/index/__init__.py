"""Vector engines: caches of the voiceprints in SQL that find candidate speakers fast.

An engine holds opaque ids and vectors of one model. It may lag or be lost without harm: it is brought up
to date from the outbox before it is asked, and whoever it names is looked up in SQL again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.errors import FingerprintError, InputError

__all__ = ["KEY", "Candidate", "IndexRows", "VectorIndex", "check_dimension", "keys", "to_uuid"]

KEY = np.dtype("S16")
"""An id in a column: the sixteen bytes of a UUID, which sort as UUIDs do."""


def keys(ids: Iterable[UUID]) -> NDArray[np.bytes_]:
    """Ids as a column (n,)."""
    return np.frombuffer(b"".join(id_.bytes for id_ in ids), dtype=KEY)


def to_uuid(key: bytes) -> UUID:
    """An id out of a column: numpy leaves off zeros at its end.

    >>> ids = [UUID(int=256), UUID(int=7)]
    >>> [to_uuid(key) for key in keys(ids).tolist()] == ids
    True
    """
    return UUID(bytes=key.ljust(16, b"\0"))


@dataclass(frozen=True, slots=True, eq=False)
class IndexRows:
    """Voiceprints as an engine sees them, in columns: as objects a million of them would take a minute.

    Attributes:
        ids: (n,) of ``KEY``, each once.
        speakers: (n,) of ``KEY``.
        galleries: (n,) of ``KEY``.
        vectors: (n, dim) float32, L2-normalised.

    Raises:
        InputError: a vector is not finite.
    """

    ids: NDArray[np.bytes_]
    speakers: NDArray[np.bytes_]
    galleries: NDArray[np.bytes_]
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_finite(self.vectors)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, some: Any) -> Self:  # noqa: ANN401 - whatever numpy takes for several rows
        return type(self)(self.ids[some], self.speakers[some], self.galleries[some], self.vectors[some])

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return int(self.vectors.shape[1])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A speaker and the cosine of the voiceprint that is closest to the query."""

    speaker: UUID
    cosine: float


class VectorIndex(Protocol):
    """One engine, filled with the voiceprints of one model.

    Every method may raise `spk.errors.EngineError`, where the engine is elsewhere and does not answer.
    """

    def __len__(self) -> int:
        """How many voiceprints are in."""
        ...

    def upsert(self, rows: IndexRows) -> None:
        """Add voiceprints, or replace those of the same id; doing so twice changes nothing.

        Raises:
            FingerprintError: the vectors are of another length than the engine's.
        """
        ...

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints; ids that are not there do no harm."""
        ...

    def search(self, queries: NDArray[np.float32], k: int, gallery: UUID) -> list[list[Candidate]]:
        """For each query the ``k`` speakers of a gallery whose closest voiceprint is nearest to it.

        Each speaker once, best first, equal cosines in the order of the ids. ``queries`` is (n, dim), normalised.

        Raises:
            FingerprintError: the queries are of another length than the engine's vectors.
            InputError: one is not finite.
        """
        ...

    def rows(self) -> Iterator[IndexRows]:
        """Every voiceprint that is in, some at a time, in no order: to compare it with SQL."""
        ...

    def applied(self) -> int:
        """The position in the outbox up to which changes are in; 0 for an empty engine."""
        ...

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        ...

    def fresh(self) -> VectorIndex:
        """An empty engine that can be filled to take the place of this one, which goes on meanwhile."""
        ...

    def publish(self) -> None:
        """Take that place: searches go here from now on, and nothing is left of what was there before."""
        ...

    def drop(self) -> None:
        """Leave nothing of it anywhere."""
        ...


def check_dimension(vectors: NDArray[np.float32], dim: int) -> None:
    """See that vectors (n, dim) are what an engine takes.

    Raises:
        FingerprintError: they are of another length.
        InputError: one is not finite.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise FingerprintError(
            f"vectors of shape {vectors.shape} were given to an engine of (n, {dim}): embed the audio with its model"
        )
    _check_finite(vectors)


def _check_finite(vectors: NDArray[np.float32]) -> None:
    if not np.isfinite(vectors).all():
        raise InputError("a vector is not finite: embed the audio again")
