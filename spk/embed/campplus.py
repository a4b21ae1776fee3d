"""CAM++ of 3D-Speaker (Chinese and English), 192-d: quick on the short windows that diarization clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.embed import convert, weights
from spk.embed.embedder import GraphEmbedder
from spk.embed.fbank import KaldiFbank
from spk.embed.model import ModelId
from spk.embed.runtime import Graph, Precision

if TYPE_CHECKING:
    from torch import nn

__all__ = ["DIM", "FRONT", "MIN_SECONDS", "MODEL", "load", "module"]

FRONT = KaldiFbank("povey", scale=1.0)
DIM = 192
MIN_SECONDS = 0.25
CHECKPOINT = weights.manifest("campplus").artefacts[0]
MODEL = ModelId.of("campplus", CHECKPOINT.sha256, FRONT.id, "campplus/1")
# Its layers are small, so that a batch of equal windows takes a third less time than the same windows alone.
TOGETHER = 8


def load(*, precision: Precision = "full", threads: int | None = None) -> GraphEmbedder:
    """The embedder on the CPU; the first time, weights are fetched and converted.

    Raises:
        WeightsError: the weights cannot be fetched.
        ModelError: the converted graph cannot be written or read.
    """
    graph = Graph(convert.graph(MODEL, module), precision=precision, threads=threads)
    return GraphEmbedder(MODEL, DIM, MIN_SECONDS, FRONT, graph, TOGETHER)


def module() -> nn.Module:
    """The network with its weights as a torch module: (batch, frames, 80) -> (batch, 192)."""
    from spk.embed import campplus_torch

    return campplus_torch.load(weights.fetch(CHECKPOINT))
