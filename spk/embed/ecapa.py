"""ECAPA-TDNN of SpeechBrain (VoxCeleb): the default embedder, 192-d."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.embed import convert, weights
from spk.embed.embedder import GraphEmbedder
from spk.embed.fbank import SpeechBrainFbank
from spk.embed.model import ModelId
from spk.embed.runtime import Graph, Precision

if TYPE_CHECKING:
    from torch import nn

__all__ = ["DIM", "FRONT", "MIN_SECONDS", "MODEL", "load", "module"]

FRONT = SpeechBrainFbank()
DIM = 192
MIN_SECONDS = 0.25
CHECKPOINT = weights.manifest("ecapa").artefacts[0]
MODEL = ModelId.of("ecapa", CHECKPOINT.sha256, FRONT.id, "ecapa/1")


def load(*, precision: Precision = "full", threads: int | None = None) -> GraphEmbedder:
    """The embedder on the CPU; the first time, weights are fetched and converted.

    Raises:
        WeightsError: the weights cannot be fetched.
        ModelError: the converted graph cannot be written or read.
    """
    graph = Graph(convert.graph(MODEL, module), precision=precision, threads=threads, wide=True)
    return GraphEmbedder(MODEL, DIM, MIN_SECONDS, FRONT, graph)


def module() -> nn.Module:
    """The network with its weights as a torch module: (batch, frames, 80) -> (batch, 192)."""
    from spk.embed import ecapa_torch

    return ecapa_torch.load(weights.fetch(CHECKPOINT))
