"""Times that mean something on a machine that does other things too: interleaved runs, medians, ratios."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Times", "interleaved", "machine"]


@dataclass(frozen=True)
class Times:
    """The seconds of one system, round by round.

    >>> slow, fast = Times((2.0, 4.0, 9.0)), Times((1.0, 2.0, 3.0))
    >>> slow.median, fast.speedup(slow)
    (4.0, 2.0)
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return median(self.seconds)

    def speedup(self, other: Times) -> float:
        """How many times as long the other takes: the median over the rounds, so that slow rounds cancel out."""
        return median(theirs / ours for ours, theirs in zip(self.seconds, other.seconds, strict=True))


def interleaved(runs: Mapping[str, Callable[[], float]], rounds: int, budget: float = float("inf")) -> dict[str, Times]:
    """Run systems in turn, A B A B.

    Args:
        runs: By name, what runs a system once and says how many seconds that took.
        rounds: How often, at most.
        budget: Seconds after which no further round begins; there is always one.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    began = time.monotonic()
    for number in range(rounds):
        if number and time.monotonic() - began > budget:
            break
        for name, run in runs.items():
            seconds[name].append(run())
    return {name: Times(tuple(some)) for name, some in seconds.items()}


def machine() -> dict[str, Any]:
    """What the numbers were measured on, and how busy it was."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }
