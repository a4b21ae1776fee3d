"""ResNet34 of WeSpeaker (VoxCeleb), published as an ONNX graph: a second embedder, 256-d."""

from __future__ import annotations

from spk.embed import weights
from spk.embed.embedder import GraphEmbedder
from spk.embed.fbank import KaldiFbank
from spk.embed.model import ModelId
from spk.embed.runtime import Graph, Precision

__all__ = ["DIM", "FRONT", "MIN_SECONDS", "MODEL", "load"]

FRONT = KaldiFbank("hamming", scale=32768.0)
DIM = 256
MIN_SECONDS = 0.25
WEIGHTS = weights.manifest("resnet34").artefacts[0]
MODEL = ModelId.of("resnet34", WEIGHTS.sha256, FRONT.id, "onnx/1")


def load(*, precision: Precision = "full", threads: int | None = None) -> GraphEmbedder:
    """The embedder on the CPU; the first time, weights are fetched.

    Raises:
        WeightsError: the weights cannot be fetched.
        ModelError: the graph cannot be read.
    """
    graph = Graph(weights.fetch(WEIGHTS), precision=precision, threads=threads, wide=True)
    return GraphEmbedder(MODEL, DIM, MIN_SECONDS, FRONT, graph)
