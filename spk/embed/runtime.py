"""Runs a neural graph on the CPU with OpenVINO: compiled once, then many inputs beside each other.

Each input is a request of its own, at its own length. Nothing is padded, so the company that an input has does
not change its result; and requests need not wait for each other in every layer, as threads of one do.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spk.errors import ModelError

__all__ = ["Feed", "Graph", "Precision", "openvino"]

Precision = Literal["full", "fast"]
Feed = Mapping[str, NDArray[Any]]

logger = logging.getLogger(__name__)


def openvino() -> Any:  # noqa: ANN401 - a module
    """The ``openvino`` module, kept from reporting its use.

    Its start-up code tells an analytics service of every import. It does without where the package that
    reports is missing, so that package is hidden meanwhile. Import OpenVINO only through here.
    """
    if "openvino" not in sys.modules and "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # a name that must not load
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules["openvino_telemetry"]
    return importlib.import_module("openvino")


class Graph:
    """A graph (OpenVINO IR or ONNX) ready to run.

    Args:
        path: The ``.xml`` (with its ``.bin`` beside it) or ``.onnx`` file.
        precision: ``full`` computes in 32-bit floats. ``fast`` computes in bfloat16 on processors that do so
            natively (AVX512-BF16 or AMX), at about twice the speed; elsewhere it is the same as ``full``.
        threads: How many threads may work; None leaves it to OpenVINO: one a core.
        shape: The only shape of the first input, for graphs that cannot be compiled without.

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
    ) -> None:
        ov = openvino()
        core = ov.Core()
        # By default OpenVINO itself picks bfloat16 where the processor has it, and only there.
        native = core.get_property("CPU", "INFERENCE_PRECISION_HINT") == ov.Type.bf16
        self.precision = "bf16" if precision == "fast" and native else "f32"
        if precision == "fast" and not native:
            logger.info("this processor has no bfloat16 arithmetic: the fast precision runs in 32-bit floats")
        settings: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "ENABLE_CPU_PINNING": False,  # pinned, two processes of one thread each share the first core
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            model = core.read_model(path)
            if shape is not None:
                model.reshape({model.input(0): list(shape)})
            self._compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise ModelError(f"{path}: cannot be read as a graph: {_last_line(error)}") from error
        self.inputs: tuple[str, ...] = tuple(port.any_name for port in self._compiled.inputs)
        self.outputs: tuple[str, ...] = tuple(port.any_name for port in self._compiled.outputs)
        self._queue = self._new_queue()
        self.parallel: int = len(self._queue)
        self._kept: dict[int, dict[str, NDArray[Any]]] = {}
        self._lock = Lock()

    def __call__(self, feed: Feed) -> dict[str, NDArray[Any]]:
        """Outputs by name for one set of inputs by name."""
        return self.map((feed,))[0]

    def map(self, feeds: Iterable[Feed]) -> list[dict[str, NDArray[Any]]]:
        """Outputs of each, in the order of ``feeds``.

        ``feeds`` may be a generator: it is asked for the next one when a request is free, so features can be
        computed as they are needed. Put long inputs first, lest one thread works on at the end alone.

        Raises:
            ModelError: the graph refuses an input, for its shape or type.
        """
        with self._lock:
            self._kept.clear()
            count = 0
            try:
                for feed in feeds:
                    self._start(feed, count)
                    count += 1
            finally:
                self._wait()
            return [self._kept.pop(index) for index in range(count)]

    def _new_queue(self) -> Any:  # noqa: ANN401 - openvino has no types
        queue = openvino().AsyncInferQueue(self._compiled)
        queue.set_callback(self._keep)
        return queue

    def _start(self, feed: Feed, index: int) -> None:
        try:
            self._queue.start_async(dict(feed), index)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"the graph takes no such input: {_last_line(error)}") from error

    def _wait(self) -> None:
        try:
            self._queue.wait_all()
        except RuntimeError as error:
            self._queue = self._new_queue()  # a queue that failed once fails for ever
            raise ModelError(f"the graph failed on an input: {_last_line(error)}") from error

    def _keep(self, request: Any, index: int) -> None:  # noqa: ANN401 - openvino has no types
        # A request's own tensors are written over by the next input.
        self._kept[index] = {name: np.array(request.get_output_tensor(i).data) for i, name in enumerate(self.outputs)}


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
