"""How many people there are, and what each of them sounds like.

Average-linkage clustering on cosine distance, whose threshold is the recording's own. How far apart two
windows of one voice lie depends on the recording: a telephone band draws all voices together, reverberation
and noise drive one voice apart. The segmentation has already said, without any voice vector, which windows of
a chunk are one person's and which are two people's; the distances inside those two groups tell where this
recording's threshold must be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.diarize.windows import HOP_FRAMES, PER_CHUNK, WIDTH_FRAMES, Windows
from spk.errors import InputError

__all__ = ["Contrast", "SpeakerCount", "cluster"]

LEAST_SPEECH, LEAST_SHARE = 0.5, 0.7  # what a window needs to found a cluster
MOST_WINDOWS = 6000  # that are clustered; of longer recordings an even sample is, and the rest follow
SMALLEST_SHARE = 0.04  # of all windows, that a cluster needs to be a person ...
SMALLEST, SMALLEST_IN_LONG = 2, 6  # ... but never fewer windows than this, nor more
FEW = 4  # windows: a cluster of so few joins a voice ...
STRAY = 0.6  # ... within this cosine distance


@dataclass(frozen=True)
class SpeakerCount:
    """How many people may be found.

    >>> SpeakerCount.exactly(2)
    SpeakerCount(least=2, most=2)

    Raises:
        InputError: fewer than one, or the most below the least.
    """

    least: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        if self.least < 1:
            raise InputError(f"there must be room for at least one speaker, not {self.least}")
        if self.most is not None and self.most < self.least:
            raise InputError(f"at most {self.most} speakers cannot be at least {self.least}")

    @classmethod
    def exactly(cls, count: int) -> SpeakerCount:
        """Neither more nor fewer."""
        return cls(count, count)


@dataclass(frozen=True)
class Contrast:
    """Mean cosine distance of windows that are one person's (``within``) and two people's (``between``)."""

    within: float
    between: float

    # Both means start from what is usual, with the weight of this many pairs.
    USUAL_WITHIN, USUAL_BETWEEN, PAIRS = 0.5, 0.85, 50

    @property
    def threshold(self) -> float:
        """The distance up to which clusters are joined.

        Fitted on 48 recordings (meetings, telephone, noise, music, reverberation, 1 to 8 people): the error
        is nearly flat around these weights.
        """
        moved = 0.6 * (self.within - self.USUAL_WITHIN) + 0.5 * (self.between - self.USUAL_BETWEEN)
        return float(np.clip(0.64 + moved, 0.45, 0.85))

    @classmethod
    def measure(cls, windows: Windows, least_share: float = 0.8) -> Contrast:
        """The contrast of a recording, over pairs of windows of one chunk that do not overlap."""
        valid = windows.index >= 0
        who = np.where(valid & (windows.alone.max(2) >= least_share), windows.alone.argmax(2), -1)
        who[~windows.embedded[windows.index]] = -1
        within, between = [], []
        for lag in range(-(-WIDTH_FRAMES // HOP_FRAMES), PER_CHUNK):
            cosines = np.einsum("id,id->i", windows.vectors[:-lag], windows.vectors[lag:])
            index, first, second = windows.index[:, :-lag], who[:, :-lag], who[:, lag:]
            known = (first >= 0) & (second >= 0)  # (chunks, PER_CHUNK - lag)
            within.append(1 - cosines[index[known & (first == second)]])
            between.append(1 - cosines[index[known & (first != second)]])
        return cls(cls._mean(within, cls.USUAL_WITHIN), cls._mean(between, cls.USUAL_BETWEEN))

    @classmethod
    def _mean(cls, distances: list[NDArray[np.float32]], usual: float) -> float:
        found = np.concatenate(distances)
        return float((cls.PAIRS * usual + found.sum(dtype=np.float64)) / (cls.PAIRS + len(found)))


def cluster(windows: Windows, count: SpeakerCount) -> NDArray[np.float32]:
    """The voice of each person: (people, dim), L2-normalised.

    Args:
        windows: The recording's windows, at least one of them with a vector.
        count: How many people may be found.
    """
    chosen = np.flatnonzero(windows.pure(LEAST_SPEECH, LEAST_SHARE))
    if not len(chosen):
        chosen = np.flatnonzero(windows.embedded)
    if len(chosen) > MOST_WINDOWS:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_WINDOWS).astype(np.intp)]
    vectors = windows.vectors[chosen]
    if len(vectors) == 1:
        return vectors
    labels = _cut(vectors, Contrast.measure(windows).threshold, count)
    centroids = _centroids(vectors, _without_strays(vectors, labels, count.least))
    for _ in range(2):  # windows go to the nearest voice, and the voices follow
        nearest = (vectors @ centroids.T).argmax(1)
        centroids = _centroids(vectors, nearest)
    return centroids


def _cut(vectors: NDArray[np.float32], threshold: float, count: SpeakerCount) -> NDArray[np.intp]:
    """Cluster numbers (windows,), -1 for windows of clusters too small to be a person."""
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(_distances(vectors), "average")
    found = _large(fcluster(tree, threshold, "distance"))
    people = found.max() + 1
    most = len(vectors) if count.most is None else count.most
    if count.least <= people <= most:
        return found
    # Small clusters do not count, so the tree is cut lower and lower until enough large ones stand.
    target = min(max(people, count.least), most)
    best = found
    for pieces in range(1, len(vectors) + 1):
        labels = _large(fcluster(tree, pieces, "maxclust"))
        if abs(labels.max() + 1 - target) < abs(best.max() + 1 - target):
            best = labels
        if labels.max() + 1 >= target:
            break
    return best


def _without_strays(vectors: NDArray[np.float32], labels: NDArray[np.intp], least: int) -> NDArray[np.intp]:
    """Clusters of a few windows joined to the nearest voice: so little speech strays from its own voice."""
    while True:
        centroids = _centroids(vectors, labels)
        if len(centroids) <= max(least, 1):
            return labels
        distances = 1 - centroids @ centroids.T + 2 * np.eye(len(centroids))
        sizes = np.bincount(labels[labels >= 0])
        nearest = np.where(sizes <= FEW, distances.min(1), np.inf)
        stray = int(nearest.argmin())
        if nearest[stray] >= STRAY:
            return labels
        labels = np.where(labels == stray, distances[stray].argmin(), labels)
        labels = labels - (labels > stray)


def _distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine distances of all pairs in scipy's condensed order: (windows * (windows - 1) / 2,)."""
    upper = ~np.tri(len(vectors), dtype=bool)
    distances: NDArray[np.float64] = (vectors @ vectors.T)[upper].astype(np.float64)
    np.subtract(1.0, distances, out=distances)
    np.maximum(0.0, distances, out=distances)
    return distances


def _large(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Labels from 0 for clusters large enough to be a person (or the largest); -1 for the rest."""
    names, sizes = np.unique(labels, return_counts=True)
    enough = np.clip(round(SMALLEST_SHARE * len(labels)), SMALLEST, SMALLEST_IN_LONG)
    kept = names[sizes >= min(enough, sizes.max())]
    numbers = np.full(labels.max() + 1, -1)
    numbers[kept] = np.arange(len(kept))
    return numbers[labels]


def _centroids(vectors: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    means = np.stack([vectors[labels == label].mean(0) for label in np.unique(labels[labels >= 0])])
    centroids: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
    return centroids
