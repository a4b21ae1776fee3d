"""What engines are asked in the store's bench, and how that is timed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from haystack import TOP, Haystack
from numpy.typing import NDArray

__all__ = ["ASKED", "FEWER", "Ask", "Bench", "disk", "memory", "seconds", "spread"]

ASKED = 200  # speakers, as `spk identify` asks for
FEWER = 50
TOGETHER = 32  # queries of a batch
LEAST = 30  # queries, whatever the budget
MEBI = 2**20

Ask = Callable[[NDArray[np.float32], int], Sequence[Sequence[Any]]]
"""For each query (n, dim) whoever is near, best first."""


class Bench:
    """What all engines are asked.

    Args:
        haystack: Where.
        budget: Seconds that each part may take, once everything was asked a few times.
    """

    def __init__(self, haystack: Haystack, budget: float) -> None:
        self.haystack = haystack
        self.budget = budget
        self._before = memory(os.getpid())[0]

    def searches(self, asks: Mapping[str, Ask], number: Callable[[Any], int], ks: Sequence[int]) -> dict[str, Any]:
        """Queries one at a time, all ways in turn: milliseconds, and the numbers of the best people by query."""
        queries, ways = self.haystack.queries, [(name, k) for name in asks for k in ks]
        times: list[list[float]] = [[] for _ in ways]
        best: list[dict[int, list[int]]] = [{} for _ in ways]
        for ask in asks.values():
            ask(queries[:1], ks[0])
        until = time.monotonic() + self.budget
        for turn in range(len(queries)):
            if turn >= LEAST and time.monotonic() > until:
                break
            for way, (name, k) in enumerate(ways):
                query = (turn + way * len(queries) // len(ways)) % len(queries)  # not what was just asked elsewhere
                began = time.perf_counter()
                found = asks[name](queries[query : query + 1], k)[0]
                times[way].append(1000 * (time.perf_counter() - began))
                best[way][query] = [number(one) for one in found[:TOP]]
        return {
            f"{name} {k}": {"count": len(times[way]), **spread(times[way]), "best": best[way]}
            for way, (name, k) in enumerate(ways)
        }

    def batches(self, ask: Ask) -> dict[str, float]:
        """Queries a second, where several are asked at once."""
        rates, until = [], time.monotonic() + self.budget / 4
        while not rates or (len(rates) < 20 and time.monotonic() < until):
            some = np.take(self.haystack.queries, np.arange(TOGETHER) + TOGETHER * len(rates), axis=0, mode="wrap")
            rates.append(len(some) / seconds(lambda some=some: ask(some, ASKED)))
        return {"median": float(np.median(rates)), "most": max(rates)}

    def memory(self) -> dict[str, float]:
        """MiB now and at most, beyond what this process had at first."""
        now, most = memory(os.getpid())
        return {"now": now - self._before, "most": most - self._before}

    def searched(self, asks: Mapping[str, Ask], number: Callable[[Any], int]) -> dict[str, Any]:
        """All that is asked in every way."""
        batches = self.batches([*asks.values()][-1])
        return {"search": self.searches(asks, number, (ASKED, FEWER)), "batches": batches}


def seconds(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def spread(times: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(times, [50, 99])
    return {"min": min(times), "p50": float(p50), "p99": float(p99)}


def memory(pid: int) -> tuple[float, float]:
    """What a process has in memory now, and has had at most, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    fields = {name: value for name, _, value in (line.partition(":") for line in lines)}
    now, most = (int(fields[name].split()[0]) * 1024 / MEBI for name in ("VmRSS", "VmHWM"))
    return now, most


def disk(folder: Path) -> float:
    """MiB that files take."""
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file()) / MEBI
