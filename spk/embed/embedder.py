"""A front end and a graph make an embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.embed.model import Clip, Front, ModelId, checked, groups, normalised
from spk.embed.runtime import Feed, Graph

__all__ = ["GraphEmbedder"]


@dataclass(frozen=True)
class GraphEmbedder:
    """An `Embedder` on the CPU.

    Args:
        model: Which model.
        dim: Length of a vector.
        min_seconds: The shortest clip it takes.
        front: The model's front end.
        graph: The network: features (batch, frames, 80) -> vectors (batch, dim).
        together: How many clips of equal length are run as one batch, where the network is quicker that way.
    """

    model: ModelId
    dim: int
    min_seconds: float
    front: Front
    graph: Graph
    together: int = 1

    def __call__(self, batch: Sequence[Clip]) -> NDArray[np.float32]:
        """Vectors of clips: n arrays (samples,) -> (n, dim), L2-normalised. See `Embedder`."""
        clips = checked(batch, self.model, self.min_seconds)
        order = groups(clips, self.together, self.graph.parallel)
        vectors = np.empty((len(clips), self.dim), np.float32)
        feeds = self._features(clips, order)
        outputs = [self.graph(feed) for feed in feeds] if len(order) == 1 else self.graph.map(feeds)
        for members, output in zip(order, outputs, strict=True):
            vectors[members] = output[self.graph.outputs[0]]
        return normalised(vectors)

    def _features(self, clips: Sequence[Clip], order: list[list[int]]) -> Iterator[Feed]:
        for members in order:
            features = np.stack([self.front(clips[index]) for index in members])  # (clips, frames, 80)
            yield {self.graph.inputs[0]: features}
