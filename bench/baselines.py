"""What spk's engines are measured beside: memory itself, plain numpy, FAISS, and qdrant-client without a server."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from asking import Bench, disk, seconds, spread
from numpy.typing import NDArray

__all__ = ["flat", "floor", "local", "matmul"]

INSERTING = 120.0  # seconds that qdrant-client's local mode may take to be filled


def floor(bench: Bench) -> dict[str, Any]:
    """How long it takes to read from memory what scans have to read, and nothing else."""
    prints, people, dim = len(bench.haystack.owners), len(bench.haystack.starts), bench.haystack.queries.shape[1]
    values = np.ones(prints * dim, np.float32)
    figures: dict[str, Any] = {}
    for name, size in (("float32", 4 * prints), ("float16", 2 * prints), ("means", 2 * people)):
        some = values[: size * dim // 4]
        times = [1000 * seconds(lambda some=some: np.dot(some, some)) for _ in range(15)]
        figures[name] = {**spread(times), "gb_per_s": some.nbytes / 1e6 / float(np.median(times))}
    return figures


def matmul(bench: Bench) -> dict[str, Any]:
    """Plain numpy: multiply, the best of each person, sort."""
    began = time.monotonic()
    vectors, starts = np.array(bench.haystack.vectors), bench.haystack.starts
    built = time.monotonic() - began

    def ask(queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        best = np.maximum.reduceat(queries @ vectors.T, starts, axis=1)
        k = min(k, len(starts))
        some = np.argpartition(-best, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(best, some, 1), axis=1)
        return np.take_along_axis(some, order, 1)

    return {"build": built, **bench.searched({"engine": ask}, int), "memory": bench.memory()}


def flat(bench: Bench) -> dict[str, Any]:
    """FAISS's flat index, and the best of each person."""
    import faiss

    faiss.cvar.distance_compute_blas_threshold = 2
    began = time.monotonic()
    owners, index = bench.haystack.owners, faiss.IndexFlatIP(bench.haystack.vectors.shape[1])
    index.add(np.array(bench.haystack.vectors))
    built = time.monotonic() - began

    def ask(queries: NDArray[np.float32], k: int) -> list[list[int]]:
        wanted = 4 * k
        while True:
            _, places = index.search(queries, min(wanted, len(owners)))
            found = [list(dict.fromkeys(owners[row].tolist()))[:k] for row in places]
            if wanted >= len(owners) or min(map(len, found)) == k:
                return found
            wanted *= 4

    return {"build": built, **bench.searched({"engine": ask}, int), "memory": bench.memory()}


def local(bench: Bench) -> dict[str, Any]:
    """The local mode of qdrant-client, which needs no server."""
    from qdrant_client import QdrantClient, models

    warnings.simplefilter("ignore")  # it advises against so many
    vectors, owners = bench.haystack.vectors, bench.haystack.owners
    folder = bench.haystack.folder / "local"
    client = QdrantClient(path=str(folder))
    client.create_collection("crowd", models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT))
    began = time.monotonic()
    for start in range(0, len(owners), 1_000):
        if time.monotonic() - began > INSERTING:
            return {"failed": f"not filled: {start:,} in {INSERTING:.0f} s"}
        some = range(start, min(start + 1_000, len(owners)))
        payloads = [{"speaker": int(owners[place])} for place in some]
        points = models.Batch(ids=[*some], vectors=vectors[start : some.stop].tolist(), payloads=payloads)
        client.upsert("crowd", points)
    built = time.monotonic() - began

    def ask(queries: NDArray[np.float32], k: int) -> list[list[int]]:
        asked = [client.query_points_groups("crowd", "speaker", query, limit=k, group_size=1) for query in queries]
        return [[group.id for group in found.groups] for found in asked]

    figures = {"build": built, **bench.searched({"engine": ask}, int), "memory": bench.memory()}
    client.close()
    return {**figures, "disk": disk(folder)}
