"""One voice's speech, and its vector: what enrollment, identification and verification all embed alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio
from spk.embed.model import Embedder
from spk.errors import AudioError
from spk.timeline import Segment, total
from spk.watching import stage

__all__ = ["EmbeddedSpeech", "Piece", "Speech", "embed_pieces", "embed_speech", "embed_turns"]

SHORT = 10.0  # seconds: a clip of one voice up to this is embedded whole
PIECE = 10.0
"""Seconds: longer speech is embedded in pieces, which bounds memory and tells whether all of it is one person's.

On joined recordings of 12 to 30 s of 59 people, pieces of 15, 10 and 5 s told them apart as well as one of 30 s.
"""
LONG_TURN = 6.0  # seconds: a longer turn is embedded in several pieces
SHORT_TURN = 1.5  # seconds: a shorter one is embedded with what follows


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


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a speech that was embedded at once.

    Attributes:
        parts: Where it lies in the recording.
        vector: (dim,) float32, L2-normalised.
    """

    parts: tuple[Segment, ...]
    vector: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EmbeddedSpeech:
    """The vector of a speech, (dim,) float32, L2-normalised, and of the pieces whose mean it is."""

    vector: NDArray[np.float32]
    pieces: tuple[Piece, ...]


@stage("embed")
def embed_pieces(embedder: Embedder, speeches: Sequence[Speech]) -> list[EmbeddedSpeech]:
    """One vector a speech, and its pieces.

    Speech of more than ``PIECE`` seconds is embedded in equal pieces, whose mean is its vector.

    Raises:
        AudioError: a speech is too short for the model.
    """
    clips: list[list[NDArray[np.float32]]] = []
    for speech in speeches:
        joined = speech.joined()
        if joined.duration < embedder.min_seconds:
            raise _too_short(speech, joined.duration, embedder)
        clips.append(np.array_split(joined.samples, math.ceil(len(joined.samples) / (PIECE * SAMPLE_RATE))))
    everything = [clip for pieces in clips for clip in pieces]
    vectors = embedder(everything) if everything else np.zeros((0, embedder.dim), np.float32)
    embedded = []
    for speech, pieces in zip(speeches, clips, strict=True):
        rows, vectors = vectors[: len(pieces)], vectors[len(pieces) :]  # (pieces, dim)
        mean = rows.sum(axis=0)
        parts = _places(speech, [len(piece) / SAMPLE_RATE for piece in pieces])
        embedded.append(EmbeddedSpeech(mean / np.linalg.norm(mean), tuple(map(Piece, parts, rows))))
    return embedded


def embed_speech(embedder: Embedder, speeches: Sequence[Speech]) -> NDArray[np.float32]:
    """One vector a speech: (n, dim), L2-normalised; see :func:`embed_pieces`."""
    embedded = embed_pieces(embedder, speeches)
    return np.stack([speech.vector for speech in embedded]) if embedded else np.zeros((0, embedder.dim), np.float32)


@stage("embed")
def embed_turns(embedder: Embedder, speech: Speech) -> tuple[Piece, ...]:
    """Pieces of a speech that keep to its turns, which tell best whether one person said all of it.

    A piece holds one turn of 1.5 to 6 s, several shorter ones in a row, or an equal share of a longer one. No speech
    is left out.

    Raises:
        AudioError: all of it is too short for the model.
    """
    places = _turns(speech.parts)
    clips = [speech.audio.take(place) for place in places]
    shortest = min((clip.duration for clip in clips), default=0.0)
    if shortest < embedder.min_seconds:
        raise _too_short(speech, shortest, embedder)
    return tuple(map(Piece, places, embedder([clip.samples for clip in clips])))


def _too_short(speech: Speech, seconds: float, embedder: Embedder) -> AudioError:
    needs = f"{embedder.model.name}, which needs {embedder.min_seconds:g} s"
    return AudioError(speech.audio.source, f"{seconds:.2f} s of speech are too short for {needs}: record more")


def _turns(parts: Sequence[Segment]) -> list[tuple[Segment, ...]]:
    places: list[tuple[Segment, ...]] = []
    short: tuple[Segment, ...] = ()
    for part in parts:
        count = math.ceil(part.duration / LONG_TURN)
        edges = np.linspace(part.start, part.end, count + 1).tolist()
        first, *rest = [Segment(start, end) for start, end in pairwise(edges)]
        short = (*short, first)
        if total(short) >= SHORT_TURN:
            places.append(short)
            short = ()
        places += [(share,) for share in rest]
    if short and places:
        places[-1] += short
    elif short:
        places.append(short)
    return places


def _places(speech: Speech, lengths: Sequence[float]) -> list[tuple[Segment, ...]]:
    """Where consecutive pieces of the joined speech, of these lengths in seconds, lie in the recording."""
    if len(lengths) == 1:
        return [speech.parts]
    places: list[tuple[Segment, ...]] = []
    left = [part for part in speech.parts if part.start < speech.audio.duration]
    for length in lengths:
        place: list[Segment] = []
        room = length
        while left and room > 1 / SAMPLE_RATE:
            part = left.pop(0)
            taken = Segment(part.start, min(part.end, part.start + room))
            place.append(taken)
            room -= taken.duration
            if part.end - taken.end > 1 / SAMPLE_RATE:
                left.insert(0, Segment(taken.end, part.end))
        places.append(tuple(place))
    return places
