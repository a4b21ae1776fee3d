"""Voice embeddings: clips of speech in, vectors out whose cosine says how alike the voices are.

Importing this loads neither torch nor OpenVINO; loading an embedder does what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Literal

from spk.embed.model import Embedder, ModelId
from spk.embed.runtime import Precision
from spk.embed.speech import Speech, embed_speech
from spk.errors import ModelError, NotFoundError

__all__ = [
    "MODELS",
    "Device",
    "Embedder",
    "ModelId",
    "Precision",
    "Speech",
    "embed_speech",
    "load_embedder",
]

Device = Literal["cpu", "cuda"]

MODELS = {"ecapa": "spk.embed.ecapa", "resnet34": "spk.embed.resnet", "campplus": "spk.embed.campplus"}


def load_embedder(
    name: str = "ecapa",
    *,
    precision: Precision = "full",
    device: Device = "cpu",
    threads: int | None = None,
) -> Embedder:
    """An embedder, ready to use; the first time its weights are fetched (`spk.embed.weights`) and converted.

    Args:
        name: One of `MODELS`.
        precision: ``full`` agrees with the original implementation to the last digits. ``fast`` takes about
            half the time where the processor computes in bfloat16 natively (elsewhere it is the same), and
            its vectors may be compared with those of ``full``.
        device: ``cuda`` runs the original torch module on a GPU.
        threads: How many threads may work; None: one a core. CPU only.

    Raises:
        NotFoundError: no embedder has that name.
        WeightsError: the weights cannot be fetched.
        ModelError: the model cannot be used here, for want of a GPU or of room in the cache.
    """
    if name not in MODELS:
        raise NotFoundError(f"no embedder is called {name!r}; there are: {', '.join(MODELS)}")
    if precision not in ("full", "fast"):
        raise ModelError(f"no precision is called {precision!r}; there are: full, fast")
    recipe = import_module(MODELS[name])
    if device == "cpu":
        embedder: Embedder = recipe.load(precision=precision, threads=threads)
        return embedder
    if device == "cuda":
        from spk.embed import cuda

        return cuda.load(recipe, precision=precision)
    raise ModelError(f"no device is called {device!r}; there are: cpu, cuda")
