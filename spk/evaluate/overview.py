"""A gallery in two dimensions: where its profiles differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spk.evaluate.likeness import mean
from spk.store.records import Profile

__all__ = ["Overview", "overview"]


@dataclass(frozen=True, eq=False)
class Overview:
    """Profiles on a plane.

    Attributes:
        profiles: Whose.
        places: (n, 2), along the two directions in which they differ most.
        explained: Which share of the differences each direction holds, from 0 to 1.
    """

    profiles: tuple[Profile, ...]
    places: NDArray[np.float64] = field(repr=False)
    explained: tuple[float, float]


def overview(profiles: Sequence[Profile]) -> Overview:
    """Principal components of what profiles are about, around their centre (Pearson, 1901).

    Always the same for the same profiles: the furthest from the centre is on the positive side of either axis.
    """
    count = len(profiles)
    if count < 2:
        return Overview(tuple(profiles), np.zeros((count, 2)), (0.0, 0.0))
    vectors = np.stack([mean(one) for one in profiles]).astype(np.float64)  # (n, dim)
    vectors -= vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(vectors, full_matrices=False)
    places = np.zeros((count, 2))
    kept = min(2, len(sizes))
    places[:, :kept] = left[:, :kept] * sizes[:kept]
    furthest = places[np.abs(places).argmax(axis=0), [0, 1]]
    places *= np.where(furthest < 0, -1.0, 1.0)
    whole = float((sizes**2).sum())
    shares = [float(size**2) / whole if whole else 0.0 for size in sizes[:kept]]
    return Overview(tuple(profiles), places, (shares[0], shares[1] if kept > 1 else 0.0))
