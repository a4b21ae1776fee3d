"""The figures of `spk.api.metrics`, each looked up when it is asked for."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from spk.api.drift import drift, is_too_many, strangers
from spk.errors import InputError, ModelError, NotFoundError, StoreError
from spk.meter import MOST_GALLERIES, Meter, merged, saved

if TYPE_CHECKING:
    from spk.api.service import Service
    from spk.store.monitoring import Judged

__all__ = ["OfProcesses", "OfStore"]

MOMENT = 10.0  # seconds for which counts of the store are taken as they were
WHILE = 60.0  # the same of what takes longer to count
LEAST_SECONDS = 1.5  # of a voice whose numbers are to say something of the calibration

T = TypeVar("T")


class OfProcesses:
    """This process, and the workers by what they write."""

    def __init__(self, meter: Meter, service: Service) -> None:
        self._meter = meter
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """As a registry asks for them."""
        service, admission = self._service, self._service.admission
        yield InfoMetricFamily("spk_build", "The version", value={"version": version("spk-voiceprints")})
        yield _gauge("spk_ready", "Whether the models are loaded", service.is_loaded)
        yield _gauge("spk_requests_working", "Requests that are worked on", admission.inside - admission.waiting)
        yield _gauge("spk_requests_waiting", "Requests that wait for their turn", admission.waiting)
        yield CounterMetricFamily(
            "spk_requests_refused", "Requests that were told to come again", value=admission.refused
        )
        sizes = [size for path in service.forms.folder.rglob("*") if (size := _size(path)) is not None]
        yield _gauge("spk_upload_files", "Uploaded files that are worked on, or wait for it", len(sizes))
        yield _gauge("spk_upload_bytes", "What they hold", sum(sizes))
        yield from merged({"server": self._meter.registry.collect()} | saved(service.settings.home / "metrics"))


class OfStore:
    """The store, looked at every few seconds at most; one that is down is no reason to say nothing."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._load = _Cached(service.store.load, MOMENT)
        self._engines = _Cached(service.store.engine_status, WHILE)
        self._galleries = _Cached(self._health, WHILE)

    def collect(self) -> Iterator[Metric]:
        """As a registry asks for them."""
        try:
            found, up = [*self._things(), *self._engine(), *self._galleries()], True
        except StoreError:
            found, up = [], False
        yield _gauge("spk_store_up", "Whether the store answers", up)
        yield from found

    def _things(self) -> Iterator[Metric]:
        load = self._load()
        jobs = {state: load.jobs.get(state, 0) for state in ("queued", "running", "done", "failed", "cancelled")}
        yield _gauges("spk_jobs", "Jobs by state", "state", jobs)
        yield _gauge("spk_job_oldest_seconds", "For how long the oldest job that waits has waited", load.waited)
        yield _gauges("spk_speakers", "Speakers of all galleries by state", "state", load.speakers)

    def _engine(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("spk_engine_up", "Whether the vector engine answers", labels=["engine", "model"])
        behind = GaugeMetricFamily(
            "spk_engine_behind", "Changes that the vector engine has not got yet", labels=["engine", "model"]
        )
        for one in self._engines():
            labels = [one.engine.partition(":")[0], one.model.fingerprint[:12]]
            up.add_metric(labels, float(not one.problem))
            behind.add_metric(labels, one.behind)
        return iter((up, behind))

    def _health(self) -> list[Metric]:
        """Whether the calibrations of the galleries hold: of those in which most was heard."""
        lately = self._service.store.judged_lately(least=LEAST_SECONDS)
        most = sorted(lately, key=lambda name: -len(lately[name].false_alarms))[:MOST_GALLERIES]
        heard = {name: lately[name] for name in most}
        expected = {name: chance for name in most if (chance := self._by_chance(name, heard[name])) is not None}
        return [
            _gauges(
                "spk_score_drift",
                "How far strangers have moved towards the people of the gallery, from -1 to 1; 0 is as calibrated",
                "gallery",
                {name: drift(one.false_alarms) for name, one in heard.items()},
            ),
            _gauges(
                "spk_score_drift_voices",
                "Voices of strangers that the drift is worked out from",
                "gallery",
                {name: len(strangers(one.false_alarms)) for name, one in heard.items()},
            ),
            _gauges(
                "spk_names_reviewed",
                "Names that were given to voices in 30 days, and that somebody has confirmed or put right",
                "gallery",
                {name: one.reviewed for name, one in heard.items()},
            ),
            _gauges(
                "spk_names_wrong",
                "Those of them that were wrong",
                "gallery",
                {name: one.wrong for name, one in heard.items()},
            ),
            _gauges(
                "spk_names_wrong_expected",
                "Strangers of those heard in 30 days who were to get a name, by the false-alarm rate that is set",
                "gallery",
                expected,
            ),
            _gauges(
                "spk_fpir_alarm",
                "Whether more names were wrong than chance explains",
                "gallery",
                {name: is_too_many(heard[name].wrong, chance) for name, chance in expected.items()},
            ),
        ]

    def _by_chance(self, gallery: str, heard: Judged) -> float | None:
        """How many strangers of a gallery were to get a name; None where the calibration does not know."""
        bench = self._service.bench(gallery)
        try:
            people, alarms, point = (
                bench.store.census(bench.gallery).people,
                bench.calibration.false_alarms,
                bench.point,
            )
        except (InputError, ModelError, NotFoundError):  # it is judged by what this version of spk cannot read
            return None
        if alarms is None:
            return None
        rate = point.fpir if point.fpir is not None else alarms.rate(point.needed(people, alarms), people)
        return rate * (heard.strangers + heard.wrong)


class _Cached(Generic[T]):
    """What is looked up once in a while, however often it is asked for."""

    def __init__(self, look: Callable[[], T], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._lock = Lock()
        self._found: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > self._seconds:
                self._found = (time.monotonic(), self._look())
            return self._found[1]


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=float(value))


def _gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    metric = GaugeMetricFamily(name, about, labels=[label])
    for key, value in sorted(values.items()):
        metric.add_metric([key], float(value))
    return metric


def _size(path: Path) -> int | None:
    """How many bytes a file has; None where it is none, or has just gone."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_size if stat.S_ISREG(about.st_mode) else None
