"""Short sliding windows and what the segmentation says of each: how much of it is whose, and how purely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.audio import Audio
from spk.diarize.segmentation import CHUNK_FRAMES, FRAME, STEP_FRAMES, LocalSpeech
from spk.embed import Embedder
from spk.embed.weights import Progress

__all__ = ["HOP_FRAMES", "PER_CHUNK", "PER_STEP", "WIDTH_FRAMES", "Windows", "embed_windows"]

WIDTH = 24_000  # samples: 1.5 s, the shortest that still tells voices apart
WIDTH_FRAMES = WIDTH // FRAME
HOP_FRAMES = 30  # 0.5 s; a chunk's step is a multiple of it, so windows lie alike in every chunk
PER_STEP = STEP_FRAMES // HOP_FRAMES
PER_CHUNK = (CHUNK_FRAMES - WIDTH_FRAMES) // HOP_FRAMES + 1
BATCH = 512  # windows between two reports of progress
LEAST_SPEECH = 0.25  # of a window, for it to be embedded at all


@dataclass(frozen=True)
class Windows:
    """Voice vectors of the windows, and each window's share in each chunk's local speakers.

    Args:
        vectors: (windows, dim), L2-normalised; zero where nobody speaks.
        alone: (chunks, PER_CHUNK, LOCAL_SPEAKERS): the share of the window in which that speaker alone is
            heard.
        spoken: (chunks, PER_CHUNK): speech of all speakers in the window, as a share; above 1 where they
            overlap.
        index: (chunks, PER_CHUNK): which window that is; windows past the end are -1.
    """

    vectors: NDArray[np.float32]
    alone: NDArray[np.float64]
    spoken: NDArray[np.float64]
    index: NDArray[np.intp]

    @property
    def embedded(self) -> NDArray[np.bool_]:
        """Which windows have a vector: (windows,)."""
        embedded: NDArray[np.bool_] = np.any(self.vectors, axis=1)
        return embedded

    @property
    def central(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """For each window the chunk whose middle is nearest, and its place there: two of (windows,)."""
        numbers = np.arange(len(self.vectors))
        chunk = np.clip((numbers - PER_CHUNK // 2 + PER_STEP // 2) // PER_STEP, 0, len(self.index) - 1)
        return chunk, numbers - chunk * PER_STEP

    def pure(self, least_speech: float, least_share: float) -> NDArray[np.bool_]:
        """Windows with enough speech, enough of it by one speaker alone: (windows,)."""
        at = self.central
        spoken = np.maximum(self.spoken[at], 1e-9)
        clean: NDArray[np.bool_] = self.alone[at].max(1) / spoken >= least_share
        return self.embedded & clean & (spoken >= least_speech)


def embed_windows(audio: Audio, local: LocalSpeech, embedder: Embedder, *, progress: Progress | None = None) -> Windows:
    """The voice vectors of all windows in which somebody speaks."""
    count = max(1, 1 + (len(audio.samples) - WIDTH) // (HOP_FRAMES * FRAME))
    chunks = len(local.active)
    index = np.arange(chunks)[:, None] * PER_STEP + np.arange(PER_CHUNK)  # (chunks, PER_CHUNK)
    index[index >= count] = -1
    alone = _share(local.alone)
    spoken = _share(local.active).sum(2)
    windows = Windows(np.zeros((count, embedder.dim), np.float32), alone, spoken, index)
    wanted = np.flatnonzero(spoken[windows.central] >= LEAST_SPEECH)
    for first in range(0, len(wanted), BATCH):
        some = wanted[first : first + BATCH]
        windows.vectors[some] = embedder(_clips(audio, some))
        if progress is not None:
            progress(min(first + BATCH, len(wanted)), len(wanted), "listening to voices")
    return windows


def _clips(audio: Audio, numbers: NDArray[np.intp]) -> Sequence[NDArray[np.float32]]:
    starts = numbers * HOP_FRAMES * FRAME
    return [audio.samples[start : start + WIDTH] for start in starts]


def _share(active: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over each window: (chunks, CHUNK_FRAMES, speakers) -> (chunks, PER_CHUNK, speakers)."""
    sums = np.zeros((active.shape[0], CHUNK_FRAMES + 1, active.shape[2]))
    np.cumsum(active, axis=1, out=sums[:, 1:])
    starts = np.arange(PER_CHUNK) * HOP_FRAMES
    shares: NDArray[np.float64] = (sums[:, starts + WIDTH_FRAMES] - sums[:, starts]) / WIDTH_FRAMES
    return shares
