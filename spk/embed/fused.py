"""Two embedders as one: their vectors, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.embed.model import Clip, Embedder, ModelId

__all__ = ["FusedEmbedder", "fused_id"]

VERSION = "fused/1"


@dataclass(frozen=True)
class FusedEmbedder:
    """An `Embedder` whose cosine is the mean of its parts' cosines.

    Args:
        parts: The embedders, in the order of their vectors.
    """

    parts: tuple[Embedder, ...]

    @property
    def model(self) -> ModelId:
        """Named after the parts, as in ``ecapa+resnet34``."""
        return fused_id([part.model for part in self.parts])

    @property
    def dim(self) -> int:
        """The sum of the parts' dimensions."""
        return sum(self.sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The dimensions of the parts."""
        return tuple(part.dim for part in self.parts)

    @property
    def min_seconds(self) -> float:
        """What the most demanding part needs."""
        return max(part.min_seconds for part in self.parts)

    def __call__(self, batch: Sequence[Clip]) -> NDArray[np.float32]:
        """Vectors of clips: n arrays (samples,) -> (n, dim), L2-normalised. See `Embedder`."""
        vectors = np.concatenate([part(batch) for part in self.parts], axis=1)
        scaled: NDArray[np.float32] = vectors / np.sqrt(np.float32(len(self.parts)))
        return scaled


def fused_id(parts: Sequence[ModelId]) -> ModelId:
    """The identity of a fused model, named after its parts, as in ``ecapa+resnet34``."""
    return ModelId.of("+".join(part.name for part in parts), VERSION, *(part.fingerprint for part in parts))
