"""An embedder without weights, for tests and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.embed.model import Clip, ModelId, checked, normalised

__all__ = ["FakeEmbedder"]

MODEL = ModelId.of("fake", "fake/1")


@dataclass(frozen=True)
class FakeEmbedder:
    """An `Embedder` that hears the colour of a sound: the shape of its mean spectrum.

    Deterministic, and the same for a sound and a longer stretch of it, so that two tones are two "voices".

    >>> embed = FakeEmbedder(dim=16)
    >>> tone = lambda hertz: np.sin(np.arange(16_000) * hertz * 2 * np.pi / 16_000).astype(np.float32)
    >>> low, high, again = embed([tone(300), tone(3000), tone(300)[:9000]])
    >>> bool(low @ again > 0.95), bool(low @ high < 0.5)
    (True, True)
    """

    dim: int = 32
    min_seconds: float = 0.25
    model: ModelId = MODEL

    def __call__(self, batch: Sequence[Clip]) -> NDArray[np.float32]:
        """Vectors of clips: n arrays (samples,) -> (n, dim), L2-normalised. See `Embedder`."""
        clips = checked(batch, self.model, self.min_seconds)
        vectors = [self._vector(clip) for clip in clips]
        return normalised(np.array(vectors, np.float32).reshape(len(clips), self.dim))

    def _vector(self, clip: Clip) -> NDArray[np.float64]:
        frames = np.lib.stride_tricks.sliding_window_view(clip, 512)[::256]
        power = (np.abs(np.fft.rfft(frames * np.hanning(512))) ** 2).mean(0)  # (257,)
        bands = np.array_split(power[1:], self.dim)
        heights: NDArray[np.float64] = np.log(np.array([band.sum() for band in bands]) + 1e-6)
        heights -= heights.mean()
        return heights + 1e-3  # silence has no shape: it points one way of its own
