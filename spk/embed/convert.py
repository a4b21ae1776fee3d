"""Torch modules -> OpenVINO graphs in the cache: torch is needed once a model, then its graph is read."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from spk.embed import weights
from spk.embed.model import ModelId
from spk.embed.runtime import openvino
from spk.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["graph"]

logger = logging.getLogger(__name__)


def graph(model: ModelId, build: Callable[[], nn.Module]) -> Path:
    """The graph of a model, kept under its fingerprint, converted first if it is not there.

    It is written beside and then renamed into place, so it is whole or not there. A second process that wants
    the same graph meanwhile waits for it.

    Args:
        model: Whose graph.
        build: Makes the torch module, (batch, frames, 80) -> (batch, dim), ready to infer.

    Returns:
        The ``.xml``; its weights lie beside it.

    Raises:
        ModelError: the cache cannot be written.
        WeightsError: ``build`` fetches weights, and they cannot be had.
    """
    root = weights.folder().with_name("graphs")
    path = root / model.fingerprint / "model.xml"
    if path.is_file():
        return path
    try:
        with _alone(root):
            if not path.is_file():
                logger.info("converting %s, which happens once", model.name)
                converted = _convert(build())
                made = Path(mkdtemp(prefix=".converting-", dir=root))
                _write(converted, made / "model.xml")
                made.rename(path.parent)
    except OSError as error:
        raise ModelError(
            f"{root}: the converted model cannot be written ({error.strerror or error}): "
            "free some space there, or set SPK_CACHE to another folder"
        ) from error
    return path


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One conversion at a time; what a killed one left is cleared first."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        # The lock ends with its process, however that ends, so whatever lies here now belongs to nobody.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in root.glob(".converting-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _convert(module: nn.Module) -> Any:  # noqa: ANN401 - openvino has no types
    """The module as an OpenVINO model that takes any batch of any length."""
    import torch

    openvino()
    # OpenVINO's front door, convert_model, takes ten times as long and wants to report its use.
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(2, 300, 80)
    with torch.no_grad(), warnings.catch_warnings():
        # Torch calls its tracer deprecated, but OpenVINO reads dynamic lengths from nothing else as well.
        warnings.simplefilter("ignore", DeprecationWarning)
        trace: Any = torch.jit.trace
        traced = torch.jit.freeze(trace(module, example, check_trace=False))
    decoder = TorchScriptPythonDecoder(traced, example_input=example, skip_freeze=True)
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))  # the decoder must outlive this
    model.inputs[0].get_tensor().set_names({"features"})
    model.outputs[0].get_tensor().set_names({"embeddings"})
    model.reshape({0: [-1, -1, 80]})
    return model


def _write(model: Any, path: Path) -> None:  # noqa: ANN401 - openvino has no types
    """The model's two files, on disk when this returns."""
    try:
        openvino().save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # a full disk, among others
        raise OSError(f"OpenVINO says: {str(error).strip()}") from error
    for part in path.parent.iterdir():
        with part.open("rb") as written:
            os.fsync(written.fileno())
