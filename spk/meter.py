"""What a process measures of its own work, as numbers for Prometheus; each process keeps its own, a server shows all.

Workers answer nobody, so each writes its numbers to a file in the home now and then: `worker-1` and so on. Who is
started in place of one that has died takes its name, and counts from nothing, as Prometheus expects of a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import count
from pathlib import Path
from threading import Event, Thread

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.parser import text_string_to_metric_families

from spk.watching import watched_by

__all__ = ["LONG", "Meter", "merged", "saved"]

LONG = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Seconds at which the counts of a histogram of stages are parted."""

MOST_GALLERIES = 50
"""Galleries that are counted apart; whatever comes after them is counted together."""

OTHERS = "(others)"  # no gallery has such a name in practice, and if one had, it would be among them

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each of them began: as many lines again, and nobody asks

_EVERY = 5.0  # seconds between two times that a worker writes
_STALE = 60.0  # seconds after which a file is taken for that of a worker that has died


class Meter:
    """Counts what is told of a process; a `spk.watching.Watcher`.

    Attributes:
        registry: Where the numbers are.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stages = Histogram(
            "spk_stage_seconds", "How long stages of the work took", ["stage"], buckets=LONG, registry=self.registry
        )
        self._read = Counter("spk_audio_seconds", "Seconds of audio that were decoded", registry=self.registry)
        self._verdicts = Counter(
            "spk_verdicts",
            "Voices and claims on which a verdict was given",
            ["gallery", "verdict"],
            registry=self.registry,
        )
        self._galleries: set[str] = set()

    def took(self, stage: str, seconds: float) -> None:
        """See `Watcher`."""
        self._stages.labels(stage).observe(seconds)

    def read(self, seconds: float) -> None:
        """See `Watcher`."""
        self._read.inc(seconds)

    def judged(self, gallery: str, verdict: str) -> None:
        """See `Watcher`."""
        if gallery not in self._galleries and len(self._galleries) >= MOST_GALLERIES:
            gallery = OTHERS
        self._galleries.add(gallery)
        self._verdicts.labels(gallery, verdict).inc()

    @contextmanager
    def saving(self, folder: Path) -> Iterator[None]:
        """Watch this process, a worker, meanwhile, and write the numbers to a file of the folder every few seconds."""
        ended = Event()
        with _place(folder) as path, watched_by(self):
            writer = Thread(target=self._keep_saving, args=(path, ended), name="metrics", daemon=True)
            writer.start()
            try:
                yield
            finally:
                ended.set()
                writer.join()
                path.unlink(missing_ok=True)

    def _keep_saving(self, path: Path, ended: Event) -> None:
        self._save(path)
        while not ended.wait(_EVERY):
            self._save(path)

    def _save(self, path: Path) -> None:
        """Write the numbers, whole or not at all; a full disk is no reason to stop work."""
        beside = path.with_suffix(".new")
        with suppress(OSError):
            beside.write_bytes(generate_latest(self.registry))
            beside.replace(path)


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """The file of the first number that no living worker of the home has."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in count(1):
        with (folder / f"worker-{number}.lock").open("w") as lock:
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue
            yield folder / f"worker-{number}.prom"
            return


def saved(folder: Path) -> dict[str, list[Metric]]:
    """The numbers of the processes that write to a folder, by their names; of those that have died, none."""
    found: dict[str, list[Metric]] = {}
    for path in sorted(folder.glob("*.prom")):
        with suppress(OSError, ValueError):  # it has just gone, or is no file of ours
            if time.time() - path.stat().st_mtime < _STALE:
                found[path.stem] = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    return found


def merged(numbers: Mapping[str, Iterable[Metric]]) -> Iterator[Metric]:
    """The numbers of several processes as one, with a label ``process`` that says whose each is."""
    families: dict[str, Metric] = {}
    for process, metrics in numbers.items():
        for metric in metrics:
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {**sample.labels, "process": process}, sample.value)
    return iter(families.values())
