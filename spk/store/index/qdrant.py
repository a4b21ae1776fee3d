"""Search by a Qdrant server or cluster: one collection a model, in which galleries are tenants.

A point is a voiceprint: its id, its vector, and the ids of its speaker and gallery, nothing else. One more point, in
no gallery, holds the position in the outbox, so that a server which was wiped or restored is noticed. A collection is
found by its alias; a rebuild fills another one beside it and moves the alias.

Importing this takes a second, for qdrant-client; `QdrantAddress` has a light module of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from spk.errors import EngineError
from spk.store.index import Candidate, IndexRows, check_dimension, keys, to_uuid
from spk.store.index.qdrant_nodes import MissingError, Nodes

__all__ = ["EF", "FULL_SCAN", "QdrantIndex"]

FULL_SCAN = 1_000_000
"""Galleries of up to so many voiceprints in a segment are compared whole, which is exact; larger ones have a graph.

A graph that keeps 1,024 candidates lost the right person in 3 to 5 % of searches among a million voiceprints, and took
ten minutes to build.
"""
EF = 2048
"""How many candidates a walk through the graph keeps."""
LINKS = 16
"""Of a node of the graph."""

_NUMBERS = 200_000  # in the vectors of one call: 4 MB as JSON
_IDS = 10_000  # in one call
_AT_ONCE = 8  # queries
_LAG = 0.05  # seconds until every node of a cluster knows of a new collection
_MARK = str(UUID(int=0))  # the point that holds the position

_T = TypeVar("_T")


class QdrantIndex:
    """Asks Qdrant for the nearest speakers. Many may search at once; one process at a time may write.

    Args:
        nodes: Where it is.
        fingerprint: The model's, which the collection is named after.
        dim: How many numbers a vector has.
    """

    def __init__(self, nodes: Nodes, fingerprint: str, dim: int) -> None:
        self._nodes = nodes
        self._fingerprint = fingerprint
        self._dim = dim
        # Hashed, because it is a name from outside and must not become a path.
        self._alias = f"{nodes.address.prefix}-{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}"
        self._name = self._alias
        self._lock = Lock()  # threads make the collection once
        self._seen = False  # the collection, since the position was asked for
        self._ordering = models.WriteOrdering.MEDIUM if nodes.address.replicas > 1 else None

    def __len__(self) -> int:
        found = self._ask(lambda client: client.count(self._name, count_filter=_voiceprints(), exact=True))
        return found.count if found else 0

    def upsert(self, rows: IndexRows) -> None:
        """Add or replace voiceprints; they are stored when this returns."""
        check_dimension(rows.vectors, self._dim)
        step = self._per_call
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            people = zip(_texts(some.speakers), _texts(some.galleries), strict=True)
            payloads = [{"speaker": speaker, "gallery": gallery} for speaker, gallery in people]
            self._put(models.Batch(ids=[*_texts(some.ids)], vectors=some.vectors.tolist(), payloads=payloads))

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove voiceprints."""
        for start in range(0, len(ids), _IDS):
            self._drop(models.PointIdsList(points=[str(id_) for id_ in ids[start : start + _IDS]]))

    def search(self, queries: NDArray[np.float32], k: int, gallery: UUID) -> list[list[Candidate]]:
        """For each query (n, dim) the ``k`` nearest speakers of a gallery, best first."""
        check_dimension(queries, self._dim)
        if len(queries) == 1:
            return [self._nearest(queries[0], k, gallery)]
        with ThreadPoolExecutor(_AT_ONCE) as threads:  # Qdrant groups one query at a time
            return list(threads.map(lambda query: self._nearest(query, k, gallery), queries))

    def rows(self) -> Iterator[IndexRows]:
        """Every voiceprint that is in."""
        after: Any = None
        while True:
            points, after = self._page(after)
            if points:
                payloads = [point.payload or {} for point in points]
                yield IndexRows(
                    keys(UUID(str(point.id)) for point in points),
                    keys(UUID(payload["speaker"]) for payload in payloads),
                    keys(UUID(payload["gallery"]) for payload in payloads),
                    np.array([point.vector for point in points], np.float32),
                )
            if after is None:
                return

    def applied(self) -> int:
        """The position in the outbox, asked of the server; 0 where the collection is gone."""
        marks = self._ask(lambda client: client.retrieve(self._name, [_MARK], with_payload=True))
        if marks is None and self._name != self._alias:
            raise EngineError(f"{self._nodes.address}: {self._name} is gone while it was written to: try again")
        self._seen = marks is not None
        return int((marks[0].payload or {})["applied"]) if marks else 0

    def commit(self, position: int) -> None:
        """Note that every change up to ``position`` is in."""
        self._put(models.Batch(ids=[_MARK], vectors=[[0.0] * self._dim], payloads=[{"applied": position}]))

    def fresh(self) -> QdrantIndex:
        """An empty collection beside this one."""
        other = QdrantIndex(self._nodes, self._fingerprint, self._dim)
        other._name = other._made()
        other._seen = True
        return other

    def publish(self) -> None:
        """Be what the alias leads to, and remove the model's other collections with their files."""
        name = self._name
        self._lead_to(name)
        self._name = self._alias
        for other in self._generations():
            if other != name:
                self._remove(other)

    def drop(self) -> None:
        """Leave nothing of the model on the server."""
        for name in self._generations():
            self._remove(name)  # and the alias with it
        self._seen = False

    @property
    def _per_call(self) -> int:
        """How many vectors go in one call."""
        return max(1, _NUMBERS // self._dim)

    def _nearest(self, query: NDArray[np.float32], k: int, gallery: UUID) -> list[Candidate]:
        best: dict[str, float] = {}
        while True:
            # One more than wanted shows whether the last one is equal to others, of whom the ids choose. There may
            # be fewer than asked for: Qdrant gives up when much of what is near belongs to few speakers.
            found = self._speakers(query, k + 1, gallery, list(best))
            best |= found
            ranked = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
            if not found or (len(ranked) > k and ranked[-1][1] < ranked[k - 1][1]):
                return [Candidate(UUID(speaker), cosine) for speaker, cosine in ranked[:k]]

    def _speakers(self, query: NDArray[np.float32], most: int, gallery: UUID, without: list[str]) -> dict[str, float]:
        """The nearest speakers and their cosines; nobody where there is no collection."""
        ours = models.FieldCondition(key="gallery", match=models.MatchValue(value=str(gallery)))
        others = models.FieldCondition(key="speaker", match=models.MatchAny(any=without))
        found = self._ask(
            lambda client: client.query_points_groups(
                self._name,
                group_by="speaker",
                query=query.tolist(),
                query_filter=models.Filter(must=[ours], must_not=[others] if without else None),
                search_params=models.SearchParams(hnsw_ef=EF),
                limit=most,
                group_size=1,
                with_payload=False,
            )
        )
        return {str(group.id): group.hits[0].score for group in found.groups} if found else {}

    def _put(self, points: models.Batch) -> None:
        """Store points, in a new collection where there was none."""

        def put(client: QdrantClient) -> models.UpdateResult:
            return client.upsert(self._name, points, wait=True, ordering=self._ordering)

        if self._ask(put) is None:
            self._make_sure()
            self._nodes.call(put)
        self._seen = True

    def _drop(self, points: models.PointIdsList) -> None:
        self._ask(lambda client: client.delete(self._name, points, wait=True, ordering=self._ordering))

    def _page(self, after: Any) -> tuple[list[models.Record], Any]:  # noqa: ANN401 - whatever the page before gave
        """Some points, and what to ask for more with; None after the last ones."""
        found = self._ask(
            lambda client: client.scroll(
                self._name, _voiceprints(), limit=self._per_call, offset=after, with_vectors=True
            )
        )
        return found or ([], None)

    def _make_sure(self) -> None:
        """Make the first collection.

        Raises:
            EngineError: there was one, and what was in it is missing.
        """
        with self._lock:
            if self._ask(lambda client: client.get_collection(self._name)) is not None:
                return  # another thread was first
            if self._seen or self._name != self._alias:
                raise EngineError(f"{self._nodes.address}: {self._name} is gone while it was written to: try again")
            self._lead_to(self._made())
            self._seen = True

    def _made(self) -> str:
        """A new and empty collection's name."""
        address = self._nodes.address
        name = f"{self._alias}-{uuid4().hex[:12]}"  # of its own: others may be making one, too

        def make(client: QdrantClient) -> None:
            if not client.collection_exists(name):  # as the try before may have made it
                client.create_collection(
                    name,
                    models.VectorParams(size=self._dim, distance=models.Distance.DOT),
                    shard_number=address.shards,
                    replication_factor=address.replicas,
                    write_consistency_factor=address.consistency,
                    # No graph over all galleries, one for each large gallery: every search is within one.
                    hnsw_config=models.HnswConfigDiff(
                        m=0, payload_m=LINKS, full_scan_threshold=FULL_SCAN * self._dim * 4 // 1024
                    ),
                )
            keyword = models.KeywordIndexType.KEYWORD
            tenant = models.KeywordIndexParams(type=keyword, is_tenant=True)
            client.create_payload_index(name, "gallery", tenant, wait=True)
            client.create_payload_index(name, "speaker", models.KeywordIndexParams(type=keyword), wait=True)

        self._nodes.patient.call(make)
        return name

    def _remove(self, name: str) -> None:
        self._nodes.patient.call(lambda client: client.delete_collection(name))

    def _generations(self) -> list[str]:
        """The names of the model's collections."""
        there = self._nodes.call(lambda client: client.get_collections()).collections
        return [one.name for one in there if one.name.startswith(f"{self._alias}-")]

    def _lead_to(self, name: str) -> None:
        """Move the alias, in one step."""
        away = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=self._alias))
        here = models.CreateAliasOperation(
            create_alias=models.CreateAlias(alias_name=self._alias, collection_name=name)
        )
        self._nodes.patient.call(lambda client: client.update_collection_aliases([away, here]))

    def _ask(self, what: Callable[[QdrantClient], _T]) -> _T | None:
        """What the server answers; None where there is no such collection, however long one waits for it."""
        try:
            return self._nodes.call(what)
        except MissingError:
            time.sleep(_LAG)  # the alias may just be moving
        try:
            return self._nodes.call(what)
        except MissingError:
            return None


def _voiceprints() -> models.Filter:
    """Everything but the position."""
    return models.Filter(must_not=[models.HasIdCondition(has_id=[_MARK])])


def _texts(column: NDArray[np.bytes_]) -> list[str]:
    return [str(to_uuid(key)) for key in column.tolist()]
