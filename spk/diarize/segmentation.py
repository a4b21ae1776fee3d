"""Who speaks within ten seconds: pyannote's segmentation-3.0 over a sliding chunk.

The model tells up to three people apart inside one chunk, two of them at once; who they are across chunks is
the clustering's question. Its "powerset" output has a class for nobody, each person, and each pair
(Plaquet and Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
Interspeech 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio
from spk.embed.runtime import Graph
from spk.embed.weights import Progress, fetch, manifest

__all__ = [
    "CHUNK_FRAMES",
    "FRAME",
    "LOCAL_SPEAKERS",
    "STEP_FRAMES",
    "LocalSpeech",
    "Segmentation",
    "load_segmentation",
]

FRAME = 270  # samples from one frame to the next: 16.9 ms
FIRST_FRAME = 495 / SAMPLE_RATE  # seconds: the middle of the first frame's receptive field
CHUNK = 160_000  # samples
CHUNK_FRAMES = 589
STEP_FRAMES = 120  # from one chunk to the next: 2.0 s, so that five chunks vote on a moment
LOCAL_SPEAKERS = 3
POWERSET = np.array(  # class -> who speaks
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], bool
)
TOGETHER = 4  # chunks a request: the recurrent layers take two thirds of the time they take one by one
BATCH = 64  # chunks between two reports of progress


@dataclass(frozen=True)
class LocalSpeech:
    """Who speaks in each chunk.

    Args:
        active: (chunks, CHUNK_FRAMES, LOCAL_SPEAKERS); a chunk's speaker 0 has nothing to do with another's.
        frames: How many frames the recording has; the last chunk may reach beyond.
    """

    active: NDArray[np.bool_]
    frames: int

    @property
    def starts(self) -> NDArray[np.intp]:
        """The first frame of each chunk: (chunks,)."""
        return np.arange(len(self.active)) * STEP_FRAMES

    @property
    def alone(self) -> NDArray[np.bool_]:
        """As ``active``, without the frames where somebody else speaks too."""
        single: NDArray[np.bool_] = self.active.sum(2, keepdims=True) == 1
        return self.active & single

    def count(self) -> NDArray[np.float64]:
        """How many people speak at each moment, averaged over the chunks that saw it: (frames,)."""
        return self.mean((chunk.sum(1, keepdims=True, dtype=np.float64) for chunk in self.active), 1)[:, 0]

    def mean(self, values: Iterable[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
        """An array (CHUNK_FRAMES, width) for each chunk, averaged over the recording: (frames, width)."""
        span = int(self.starts[-1]) + CHUNK_FRAMES
        summed, seen = np.zeros((span, width)), np.zeros((span, 1))
        for start, chunk in zip(self.starts, values, strict=True):
            summed[start : start + CHUNK_FRAMES] += chunk
            seen[start : start + CHUNK_FRAMES] += 1
        summed /= seen
        return summed[: self.frames]


@dataclass(frozen=True)
class Segmentation:
    """The segmentation model over a whole recording."""

    graph: Graph

    def __call__(self, audio: Audio, *, progress: Progress | None = None) -> LocalSpeech:
        """Local speech of every chunk. The last chunk is filled up with its own beginning, not with silence:
        the model normalises the loudness of a chunk, and silence would change it."""
        samples = audio.samples
        frames = max(1, -(-len(samples) // FRAME))
        chunks = max(1, 1 + -(-(frames - CHUNK_FRAMES) // STEP_FRAMES))
        active = np.zeros((chunks, CHUNK_FRAMES, LOCAL_SPEAKERS), bool)
        for first in range(0, chunks, BATCH):
            numbers = range(first, min(first + BATCH, chunks))
            outputs = self.graph.map(self._feed(samples, number) for number in numbers[::TOGETHER])
            classes = np.concatenate([output["output"].argmax(2) for output in outputs])  # (chunks, 589)
            active[first : first + BATCH] = POWERSET[classes[: len(numbers)]]
            if progress is not None:
                progress(numbers[-1] + 1, chunks, "finding turns")
        active[-1, frames - (chunks - 1) * STEP_FRAMES :] = False
        return LocalSpeech(active, frames)

    def _feed(self, samples: NDArray[np.float32], first: int) -> dict[str, NDArray[np.float32]]:
        """The chunks of one request; past the last one they are zeros, whose outputs nobody reads."""
        feed = np.zeros((TOGETHER, 1, CHUNK), np.float32)
        for place in range(TOGETHER):
            start = (first + place) * STEP_FRAMES * FRAME
            if start < len(samples):
                feed[place] = np.resize(samples[start : start + CHUNK], CHUNK)
        return {"input": feed}


def load_segmentation(*, threads: int | None = None) -> Segmentation:
    """The segmentation model, ready to use; fetched the first time."""
    weights = fetch(manifest("segmentation").artefacts[0])
    return Segmentation(Graph(weights, threads=threads, shape=(TOGETHER, 1, CHUNK)))
