"""Runs a neural graph on the CPU with OpenVINO: compiled once, then many inputs beside each other.

Each input is a request of its own, at its own length. Nothing is padded, so the company that an input has does
not change its result; and requests need not wait for each other in every layer, as threads of one do. So inputs of
several threads are best run as they come, beside each other: to gather them into a batch would gain nothing.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Literal

from numpy.typing import NDArray

from spk.errors import ModelError

__all__ = ["Feed", "Graph", "Precision", "openvino"]

Precision = Literal["full", "fast"]
Feed = Mapping[str, NDArray[Any]]

logger = logging.getLogger(__name__)

_loading = Lock()

LONELY = 4  # inputs that had the graph to themselves, after which compiling it for one at a time has paid


def openvino() -> Any:  # noqa: ANN401 - a module
    """The ``openvino`` module, kept from reporting its use, and ready for several threads.

    Its start-up code tells an analytics service of every import. It does without where the package that
    reports is missing, so that package is hidden meanwhile. Import OpenVINO only through here.
    """
    with _loading:
        if "openvino" in sys.modules:
            return sys.modules["openvino"]
        hidden = "openvino_telemetry" not in sys.modules
        if hidden:
            sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # a name that must not load
        try:
            module = importlib.import_module("openvino")
        finally:
            if hidden:
                del sys.modules["openvino_telemetry"]
        # What is between its tensors and NumPy is set up at the first use, and two threads that come there at once
        # wait for each other for ever: one for the GIL, the other, which has it, for the first.
        _ = module.Tensor(module.Type.f32, module.Shape([1])).data
        return module


class Graph:
    """A graph (OpenVINO IR or ONNX) ready to run; any number of threads may use it at once.

    Args:
        path: The ``.xml`` (with its ``.bin`` beside it) or ``.onnx`` file.
        precision: ``full`` computes in 32-bit floats. ``fast`` computes in bfloat16 on processors that do so
            natively (AVX512-BF16 or AMX), at about twice the speed; elsewhere it is the same as ``full``.
        threads: How many threads may work; None leaves it to OpenVINO: one a core.
        shape: The only shape of the first input, for graphs that cannot be compiled without.
        wide: Whether an input that has the graph to itself is to run on all threads, for networks that are large
            enough to gain by it. It takes the graph's memory once more, from the fifth such input on.

    Raises:
        ModelError: the file cannot be read as a graph.
    """

    def __init__(
        self,
        path: Path,
        *,
        precision: Precision = "full",
        threads: int | None = None,
        shape: tuple[int, ...] | None = None,
        wide: bool = False,
    ) -> None:
        ov = openvino()
        self._core = ov.Core()
        # By default OpenVINO itself picks bfloat16 where the processor has it, and only there.
        native = self._core.get_property("CPU", "INFERENCE_PRECISION_HINT") == ov.Type.bf16
        self.precision = "bf16" if precision == "fast" and native else "f32"
        if precision == "fast" and not native:
            logger.info("this processor has no bfloat16 arithmetic: the fast precision runs in 32-bit floats")
        self._settings: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,  # pinned, two processes of one thread each share the first core
            # It would keep code for every length of input that it has met, to gigabytes, and is hardly quicker by it.
            "CPU_RUNTIME_CACHE_CAPACITY": 0,
        }
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        try:
            self._model = self._core.read_model(path)
            if shape is not None:
                self._model.reshape({self._model.input(0): list(shape)})
            compiled = self._core.compile_model(self._model, "CPU", self._settings)
        except RuntimeError as error:
            raise ModelError(f"{path}: cannot be read as a graph: {_last_line(error)}") from error
        self.inputs: tuple[str, ...] = tuple(port.any_name for port in compiled.inputs)
        self.outputs: tuple[str, ...] = tuple(port.any_name for port in compiled.outputs)
        self.parallel = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        places = self.parallel + 1  # one is ready to go on while Python looks after those that have ended
        self._idle = SimpleQueue[Any]()
        for _ in range(places):
            self._idle.put(compiled.create_infer_request())
        self._threads = ThreadPoolExecutor(places, "graph")
        self._wide: Any = None  # the request that runs on all threads
        self._lonely = 0 if wide and self.parallel > 1 else None
        self._running = 0
        self._lock = Lock()

    def __call__(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Outputs by name for one set of inputs by name.

        Raises:
            ModelError: the graph refuses an input, for its shape or type.
        """
        with self._lock:
            alone = self._lonely is not None and not self._running
            self._running += 1
        try:
            # By the pool, where those who wait have their turns in the order in which they came.
            return self._alone(feed) if alone else self._threads.submit(self._run, feed).result()
        finally:
            with self._lock:
                self._running -= 1

    def map(self, feeds: Iterable[Feed]) -> list[dict[str, NDArray[Any]]]:
        """Outputs of each, in the order of ``feeds``.

        ``feeds`` may be a generator: it is asked for the next one when a request is about to be free, so features
        can be computed as they are needed. Put long inputs first, lest one thread works on at the end alone.

        Raises:
            ModelError: the graph refuses an input, for its shape or type.
        """
        results: list[dict[str, NDArray[Any]]] = []
        running: deque[Future[dict[str, NDArray[Any]]]] = deque()
        with self._lock:
            self._running += 1
        try:
            for feed in feeds:
                if len(running) > 2 * self.parallel:
                    results.append(running.popleft().result())
                running.append(self._threads.submit(self._run, feed))
            results += [one.result() for one in running]
        finally:
            for one in running:
                one.cancel()
            with self._lock:
                self._running -= 1
        return results

    def _run(self, feed: Feed) -> dict[str, NDArray[Any]]:
        request = self._idle.get()
        try:
            return self._infer(request, feed)
        finally:
            self._idle.put(request)

    def _alone(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Of an input beside which no other runs; there is one such at a time."""
        if self._wide is None:
            self._lonely = (self._lonely or 0) + 1
            if self._lonely <= LONELY:
                return self._run(feed)
            settings = self._settings | {"PERFORMANCE_HINT": "LATENCY"}
            self._wide = self._core.compile_model(self._model, "CPU", settings).create_infer_request()
        return self._infer(self._wide, feed)

    def _infer(self, request: Any, feed: Feed) -> dict[str, NDArray[Any]]:  # noqa: ANN401 - openvino has no types
        try:
            found = request.infer(dict(feed))  # copies: a request's own tensors are written over by the next input
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"the graph takes no such input: {_last_line(error)}") from error
        return {name: found[index] for index, name in enumerate(self.outputs)}


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
