"""Voice embeddings: clips of speech in, vectors out whose cosine says how alike the voices are.

Importing this loads neither torch nor OpenVINO; loading an embedder does what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Literal

from spk.embed.model import Embedder, ModelId
from spk.embed.runtime import Precision
from spk.embed.speech import EmbeddedSpeech, Piece, Speech, embed_pieces, embed_speech, embed_turns
from spk.errors import ModelError, NotFoundError

__all__ = [
    "MODELS",
    "Device",
    "EmbeddedSpeech",
    "Embedder",
    "ModelId",
    "Piece",
    "Precision",
    "Speech",
    "embed_pieces",
    "embed_speech",
    "embed_turns",
    "load_embedder",
    "model_id",
    "model_parts",
    "model_sizes",
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
        name: One of `MODELS`, or two of them as in ``ecapa+resnet34``: slower, and more exact than either.
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
    parts = model_parts(name)
    if len(parts) > 1:
        from spk.embed.fused import FusedEmbedder

        return FusedEmbedder(
            tuple(load_embedder(part, precision=precision, device=device, threads=threads) for part in parts)
        )
    if precision not in ("full", "fast"):
        raise ModelError(f"no precision is called {precision!r}; there are: full, fast")
    recipe = import_module(MODELS[name])
    if device == "cpu":
        embedder: Embedder = recipe.load(precision=precision, threads=threads)
        return embedder
    if device == "cuda":
        from spk.embed import cuda
        from spk.embed.batching import Batching

        return Batching(cuda.load(recipe, precision=precision))
    raise ModelError(f"no device is called {device!r}; there are: cpu, cuda")


def model_parts(name: str) -> tuple[str, ...]:
    """The models that a name stands for.

    >>> model_parts("ecapa"), model_parts("ecapa+resnet34")
    (('ecapa',), ('ecapa', 'resnet34'))

    Raises:
        NotFoundError: no embedder has that name, or one is named twice.
    """
    parts = tuple(name.split("+"))
    for part in parts:
        if part not in MODELS:
            raise NotFoundError(f"no embedder is called {part!r}; there are: {', '.join(MODELS)}, and two joined by +")
    if list(parts) != [model for model in MODELS if model in parts]:
        right = "+".join(model for model in MODELS if model in parts)
        raise NotFoundError(f"no embedder is called {name!r}: did you mean {right}?")
    return parts


def model_id(name: str) -> ModelId:
    """Which model a name stands for, without its weights.

    >>> model_id("ecapa+resnet34").name
    'ecapa+resnet34'

    Raises:
        NotFoundError: no embedder has that name.
    """
    ids: list[ModelId] = [import_module(MODELS[part]).MODEL for part in model_parts(name)]
    if len(ids) == 1:
        return ids[0]
    from spk.embed.fused import fused_id

    return fused_id(ids)


def model_sizes(name: str) -> tuple[int, ...]:
    """The dimensions of the parts of a model's vectors.

    >>> model_sizes("ecapa+resnet34")
    (192, 256)

    Raises:
        NotFoundError: no embedder has that name.
    """
    return tuple(int(import_module(MODELS[part]).DIM) for part in model_parts(name))
