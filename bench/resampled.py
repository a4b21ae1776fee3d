"""More voices than were recorded: a smoothed bootstrap of real ones.

A resampled voice lies midway between a real voice and one of its nearest, as seen from the middle of all: a draw
from where voices are dense, near nobody in particular. Strangers' scores against such voices have the mean, the spread
and the tail that they have against real ones. (Recordings played faster or slower are other people's voices to a model,
too, but ones that nobody resembles.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spk.identify.labelled import Material

__all__ = ["with_resampled"]

NEAREST = 8


def with_resampled(
    material: Material,
    people: NDArray[np.int64],
    count: int,
    sizes: Mapping[str, Sequence[int]],
    rng: np.random.Generator,
) -> Material:
    """The material with ``count`` more background speakers of one clip each, made from some of its ``people``.

    Args:
        material: With vectors of several models.
        people: Whose voices are resampled.
        count: How many voices are made.
        sizes: The dimensions of each model's parts, by its name.
        rng: Draws the pairs, which are the same for every model.
    """
    rows = [np.flatnonzero((material.speaker == person) & material.natural)[:2] for person in people]
    widest = max(material.vectors, key=lambda name: material.vectors[name].shape[1])
    means = np.stack([material.vectors[widest][some].mean(axis=0) for some in rows])
    centred = _unit(means - means.mean(axis=0))
    alike = centred @ centred.T
    np.fill_diagonal(alike, -1.0)
    one = rng.integers(len(people), size=count)
    nearest = np.argsort(-alike, axis=1)[:, :NEAREST]
    other = nearest[one, rng.integers(NEAREST, size=count)]

    vectors = {}
    for model, known in material.vectors.items():
        means = np.stack([known[some].mean(axis=0) for some in rows])
        parts = np.split(means, np.cumsum(sizes[model])[:-1], axis=1)
        mixed = np.concatenate([_midway(part, one, other) for part in parts], axis=1) / np.sqrt(len(parts))
        vectors[model] = np.concatenate([known, mixed.astype(np.float32)])
    seconds = np.array([material.net_seconds[some].sum() for some in rows])
    numbers = np.arange(count)
    return replace(
        material,
        people=(*material.people, *(f"resampled {number}" for number in numbers)),
        files=(*material.files, *(f"resampled {number}" for number in numbers)),
        speaker=np.concatenate([material.speaker, len(material.people) + numbers]),
        file=np.concatenate([material.file, len(material.files) + numbers]),
        session=np.concatenate([material.session, material.session.max() + 1 + numbers]),
        kind=np.concatenate([material.kind, np.full(count, "natural")]),
        cohort=np.concatenate([material.cohort, np.ones(count, bool)]),
        net_seconds=np.concatenate([material.net_seconds, seconds[one]]),
        sha256=np.concatenate([material.sha256, np.full(count, "")]),
        vectors=vectors,
    )


def _midway(means: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Unit vectors (count, dim) between pairs of people, as far from the middle of all as people are."""
    rows = _unit(means)
    middle = rows.mean(axis=0)
    apart = rows - middle
    lengths = np.linalg.norm(apart, axis=1)
    mixed = _unit(_unit(apart)[one] + _unit(apart)[other])
    return _unit(mixed * (lengths[one] + lengths[other])[:, None] / 2 + middle)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
