"""One voice's speech, and its vector: what enrollment, identification and verification all embed alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio
from spk.embed.model import Embedder
from spk.errors import AudioError
from spk.timeline import Segment, total

__all__ = ["Speech", "embed_speech"]

SHORT = 10.0  # seconds: a clip of one voice up to this is embedded whole
PIECE = 30.0  # seconds: longer speech is embedded in pieces, which bounds memory


@dataclass(frozen=True, eq=False)
class Speech:
    """What one person says in one recording.

    Args:
        audio: The whole recording.
        parts: Where that person speaks, and nobody else does.
        alone: Whether the recording holds no other voice.
    """

    audio: Audio
    parts: tuple[Segment, ...]
    alone: bool = False

    @property
    def net_seconds(self) -> float:
        """Speech without silence and overlap, in seconds."""
        return total(self.parts)

    @property
    def span(self) -> Segment:
        """From the first word to the last."""
        return Segment(self.parts[0].start, self.parts[-1].end)

    def joined(self) -> Audio:
        """The audio to embed: a short clip as it is, since trimming takes more from it than it clears."""
        whole = self.alone and self.audio.duration <= SHORT
        return self.audio if whole else self.audio.take(self.parts)


def embed_speech(embedder: Embedder, speeches: Sequence[Speech]) -> NDArray[np.float32]:
    """One vector a speech: (n, dim), L2-normalised.

    Speech of more than ``PIECE`` seconds is embedded in equal pieces, whose mean is its vector.

    Raises:
        AudioError: a speech is too short for the model.
    """
    pieces: list[NDArray[np.float32]] = []
    owners: list[int] = []
    for owner, speech in enumerate(speeches):
        joined = speech.joined()
        if joined.duration < embedder.min_seconds:
            raise AudioError(
                speech.audio.source,
                f"{joined.duration:.2f} s of speech are too short for {embedder.model.name}, which needs "
                f"{embedder.min_seconds:g} s: record more",
            )
        parts = np.array_split(joined.samples, math.ceil(len(joined.samples) / (PIECE * SAMPLE_RATE)))
        pieces += parts
        owners += [owner] * len(parts)
    vectors = np.zeros((len(speeches), embedder.dim), np.float32)
    if pieces:
        np.add.at(vectors, owners, embedder(pieces))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
