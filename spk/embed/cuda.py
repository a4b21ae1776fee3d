"""Embedders on a GPU: the torch modules themselves, on batches of clips of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spk.embed.model import Clip, Front, ModelId, checked, groups, normalised
from spk.embed.runtime import Precision
from spk.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TorchEmbedder", "load"]

# How much audio goes through the network at once: five minutes take about 2.5 GB of memory.
SECONDS = 300


@dataclass(frozen=True)
class TorchEmbedder:
    """An `Embedder` on a torch device.

    Args:
        model: Which model.
        dim: Length of a vector.
        min_seconds: The shortest clip it takes.
        front: The model's front end.
        module: The network on its device: features (batch, frames, 80) -> vectors (batch, dim).
        device: The device's name for torch.
        precision: ``full`` computes in 32-bit floats; ``fast`` lets convolutions use TF32.
    """

    model: ModelId
    dim: int
    min_seconds: float
    front: Front
    module: nn.Module
    device: str
    precision: Precision = "full"

    def __call__(self, batch: Sequence[Clip]) -> NDArray[np.float32]:
        """Vectors of clips: n arrays (samples,) -> (n, dim), L2-normalised. See `Embedder`."""
        import torch

        clips = checked(batch, self.model, self.min_seconds)
        vectors = np.empty((len(clips), self.dim), np.float32)
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=self.precision == "fast"),
        ):
            for members in groups(clips, most=len(clips), least_groups=1):
                size = max(1, SECONDS * 16_000 // len(clips[members[0]]))
                for start in range(0, len(members), size):
                    part = members[start : start + size]
                    features = np.stack([self.front(clips[index]) for index in part])  # (clips, frames, 80)
                    output = self.module(torch.from_numpy(features).to(self.device))
                    vectors[part] = output.cpu().numpy()
        return normalised(vectors)


def load(recipe: ModuleType, *, precision: Precision = "full") -> TorchEmbedder:
    """An embedder on the first GPU.

    Args:
        recipe: The module that describes the model, such as `spk.embed.ecapa`.
        precision: See `TorchEmbedder`.

    Raises:
        ModelError: torch finds no GPU that it can use, or the model has no torch module.
        WeightsError: the weights cannot be fetched.
    """
    if not hasattr(recipe, "module"):
        raise ModelError(f"{recipe.MODEL.name} runs on the CPU only: choose another model, or --device cpu")
    import torch

    if not torch.cuda.is_available():
        raise ModelError(
            "no GPU that torch can use: choose --device cpu, or install a CUDA build of torch and its driver"
        )
    module = recipe.module().to("cuda")
    return TorchEmbedder(recipe.MODEL, recipe.DIM, recipe.MIN_SECONDS, recipe.FRONT, module, "cuda", precision)
