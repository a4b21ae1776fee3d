"""What an embedder is, and what every one of them does to its clips."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError

__all__ = ["Clip", "Embedder", "Front", "ModelId", "checked", "groups", "normalised"]

Clip = NDArray[np.float32]

LOUDEST = 1e9  # full scale is 1; the square of much more overflows in the front ends


@dataclass(frozen=True)
class ModelId:
    """Which model a vector is from: what users call it, and its exact identity.

    Args:
        name: As in ``--model``.
        fingerprint: sha256, in hex, over weights, front end and graph version. Vectors, profiles and
            calibrations of different fingerprints are never compared.
    """

    name: str
    fingerprint: str

    @classmethod
    def of(cls, name: str, *parts: str) -> ModelId:
        """The identity that follows from the parts: the weights' sha256, the front end, the graph version.

        >>> ModelId.of("ecapa", "0575cb64", "speechbrain-fbank80-mean/1", "ecapa/1").fingerprint[:16]
        '09959f2b0e1cb639'
        """
        return cls(name, hashlib.sha256("\n".join(parts).encode()).hexdigest())


class Embedder(Protocol):
    """Turns clips of speech into vectors whose cosine says how alike the voices are."""

    @property
    def model(self) -> ModelId:
        """Which model the vectors are from."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def min_seconds(self) -> float:
        """The shortest clip it takes."""

    def __call__(self, batch: Sequence[Clip]) -> NDArray[np.float32]:
        """Vectors of clips: n arrays (samples,), 16 kHz mono, of any lengths -> (n, dim), L2-normalised.

        A clip's vector does not depend on the other clips of its batch.

        Raises:
            InputError: a clip is shorter than ``min_seconds``, has samples that are not finite, or is not
                one channel.
        """


class Front(Protocol):
    """A front end: one clip (samples,) -> its features (frames, 80)."""

    @property
    def id(self) -> str:
        """Its name and version, part of the model's fingerprint."""

    def __call__(self, samples: Clip) -> NDArray[np.float32]:
        """Features of one clip."""


def checked(batch: Sequence[Clip], model: ModelId, min_seconds: float) -> list[Clip]:
    """The clips as float32, once each of them can be embedded.

    Raises:
        InputError: one of them cannot.
    """
    return [
        _clip(clip, f"clip {number} of {len(batch)}", model, min_seconds) for number, clip in enumerate(batch, start=1)
    ]


def _clip(clip: Clip, which: str, model: ModelId, min_seconds: float) -> Clip:
    samples = np.ascontiguousarray(clip, np.float32)
    if samples.ndim != 1:
        raise InputError(f"{which} has shape {samples.shape}: give one channel of samples at 16 kHz")
    seconds = len(samples) / 16_000
    if seconds < min_seconds:
        raise InputError(f"{which} lasts {seconds:.3f} s: {model.name} needs at least {min_seconds:g} s of voice")
    if not np.abs(samples).max() < LOUDEST:  # says no to NaN, too
        raise InputError(f"{which} has samples that are not finite, or far beyond full scale: it is damaged")
    return samples


def groups(clips: Sequence[Clip], most: int, least_groups: int) -> list[list[int]]:
    """Which clips run together: equal lengths only, longest first.

    Args:
        clips: The clips.
        most: How many may run together.
        least_groups: Clips of one length are spread over so many groups before these grow, for so many can
            run at once.

    >>> groups([np.zeros(n, np.float32) for n in (5, 9, 5, 5, 5)], most=4, least_groups=2)
    [[1], [0, 2], [3, 4]]
    """
    by_length: dict[int, list[int]] = {}
    for index, clip in enumerate(clips):
        by_length.setdefault(len(clip), []).append(index)
    together = []
    for length in sorted(by_length, reverse=True):
        same = by_length[length]
        size = min(most, -(-len(same) // least_groups))
        together += [same[start : start + size] for start in range(0, len(same), size)]
    return together


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row at length one: (n, dim) -> (n, dim)."""
    units: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units
