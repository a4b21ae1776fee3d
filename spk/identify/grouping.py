"""Whose voices are one person's, among many of many recordings.

Groups grow from single voices. Each is scored as one voice: the mean of its vectors, weighted by net speech, with all
their seconds behind it; so what a group is compared by gets clearer as it grows. In every round those that are each
other's nearest by their LLR are joined where it is large enough, until none is (reciprocal nearest neighbours:
Benzecri, Les Cahiers de l'Analyse des Donnees 7, 1982). Only groups that have changed are compared again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.errors import InputError

if TYPE_CHECKING:
    from spk.embed.weights import Progress
    from spk.identify.gallery import GalleryScorer

__all__ = ["JOINED", "group"]

JOINED = 4.0
"""LLR from which two groups are joined.

Measured on 613 clips of 175 people (most of 1 to 10 s, 124 people with one clip each), and on 621 pieces of them of 2
to 5 s, with three models. Pairwise F: 0.97, 0.98 and 0.97 (ecapa, resnet34, campplus), of the pieces 0.98, 1.00 and
0.98; purity at least 0.991; 173 to 180 groups. From 2 to 5 they change little. Joined by the average LLR of their
voices rather than by that of the groups as wholes, F was as good at each model's own best threshold, and fell to 0.88
to 0.96 where that was 1; by the least LLR of any two (complete linkage) it was 0.91 to 0.96 at its best. What is
missed is mostly between sessions over different channels.
"""
TYPICAL = 3.0
"""LLR that the voices of a group must have with the other group, on average.

A group that has taken in strangers is like everybody a little, and would take in more and more. Of 10,000 made-up
voices of 1,000 people, seen from a centre that is not theirs, F rises by this from 0.72 to 0.94 (99 % of the pairs that
are joined are right rather than 59 %); on the clips above it changes at most one group. Seen from their own centre,
F is 0.85 and every pair is right; with 5,000 people F is 0.83, and 96 % are.
"""
BLOCK = 512  # groups that are compared with all others at a time


def group(
    scorer: GalleryScorer,
    vectors: NDArray[np.float32],
    seconds: ArrayLike,
    *,
    kinds: ArrayLike | None = None,
    least: float = JOINED,
    typical: float = TYPICAL,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Group voices by person.

    Args:
        scorer: What says how alike voices are, and what that is worth.
        vectors: (n, dim), one a voice, L2-normalised.
        seconds: (n,) the net speech behind each of them.
        kinds: (n, k) numbers of what is known of the voices, -1 where nothing is: voices that differ in a column are
            never one person's.
        least: The LLR from which two groups are joined ...
        typical: ... if their voices have at least this with the other group, on average.
        progress: Told how many voices have found their group.

    Returns:
        (n,) numbers of groups, from 0 in the order of their first voices.

    Raises:
        InputError: the shapes do not fit.
    """
    net = np.asarray(seconds, dtype=np.float64)
    known = np.full((len(vectors), 0), -1) if kinds is None else np.asarray(kinds, dtype=np.int64)
    if vectors.ndim != 2 or net.shape != vectors.shape[:1] or known.shape[:1] != net.shape or known.ndim != 2:
        raise InputError(f"vectors {vectors.shape}, seconds {net.shape} and kinds {known.shape} do not fit")
    groups = _Groups(scorer, vectors, net, known.copy())
    while len(pairs := groups.pairs(least)):
        fit = np.array([groups.typical(*pair) >= typical for pair in pairs.tolist()])
        groups.rest(pairs[~fit])
        groups.join(pairs[fit])
        if progress is not None:
            progress(len(vectors) - len(groups.net), len(vectors), "grouping")
    if progress is not None:
        progress(len(vectors), len(vectors), "grouping")
    return _in_order(groups.labels)


def _in_order(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels numbered from 0 in the order in which they come.

    >>> _in_order(np.array([7, 3, 7, 9]))
    array([0, 1, 0, 2])
    """
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    order: NDArray[np.int64] = np.argsort(np.argsort(first))[number]
    return order


@dataclass(frozen=True, eq=False)
class _Print:
    """A group as a recipe sees a person."""

    vectors: NDArray[Any]
    net_seconds: NDArray[np.float64]


class _Groups:
    """Groups, and the nearest other one of each.

    Args:
        scorer: As for `group`.
        vectors: (n, dim), one a voice.
        seconds: (n,) the net speech behind each of them.
        kinds: (n, k) what is known of them.
    """

    def __init__(
        self, scorer: GalleryScorer, vectors: NDArray[Any], seconds: NDArray[np.float64], kinds: NDArray[np.int64]
    ) -> None:
        self.scorer, self.vectors, self.seconds = scorer, vectors.astype(np.float64), seconds
        self.members = [[voice] for voice in range(len(seconds))]
        self.sums, self.net, self.kinds = self.vectors * seconds[:, None], seconds.copy(), kinds
        self.nearest = np.zeros(len(seconds), np.int64)
        self.llr = np.full(len(seconds), -np.inf)
        self._compare(np.arange(len(seconds)))

    @property
    def labels(self) -> NDArray[np.int64]:
        """The group (n,) of each voice."""
        labels = np.empty(len(self.seconds), np.int64)
        for number, members in enumerate(self.members):
            labels[members] = number
        return labels

    def pairs(self, least: float) -> NDArray[np.int64]:
        """Those (pairs, 2) that are each other's nearest, by an LLR of at least ``least``."""
        one = np.flatnonzero(self.llr >= least)
        other = self.nearest[one]
        each = (self.nearest[other] == one) & (one < other)
        return np.stack([one[each], other[each]], axis=1)

    def typical(self, one: int, other: int) -> float:
        """The mean LLR of a group's voices with another group, and the other way round: the lesser."""
        if len(self.members[one]) == len(self.members[other]) == 1:
            return float(self.llr[one])
        return min(self._mean_llr(one, other), self._mean_llr(other, one))

    def rest(self, pairs: NDArray[np.int64]) -> None:
        """Leave the groups of some pairs alone, until one that changes is near to them."""
        self.llr[pairs] = -np.inf

    def join(self, pairs: NDArray[np.int64]) -> None:
        """Make each pair one group."""
        one, other = pairs.T
        self.sums[one] += self.sums[other]
        self.net[one] += self.net[other]
        self.kinds[one] = np.maximum(self.kinds[one], self.kinds[other])
        for first, second in pairs.tolist():
            self.members[first] += self.members[second]
        changed = np.zeros(len(self.net), bool)
        changed[pairs] = True
        again = changed | changed[self.nearest]
        kept = np.ones(len(self.net), bool)
        kept[other] = False
        number = np.cumsum(kept) - 1
        number[other] = number[one]
        self.members = [self.members[at] for at in np.flatnonzero(kept)]
        self.sums, self.net, self.kinds = self.sums[kept], self.net[kept], self.kinds[kept]
        self.llr, self.nearest = self.llr[kept], number[self.nearest[kept]]
        self._compare(np.flatnonzero(again[kept]))

    def _mean_llr(self, one: int, other: int) -> float:
        """Of the voices of a group with another group as a whole."""
        members = self.members[one]
        mean = self.sums[[other]] / np.linalg.norm(self.sums[other])
        score = self.scorer.scorer(self.vectors[members], [_Print(mean, self.net[[other]])])[:, 0]
        return float(self.scorer.calibration.llr(score, self.seconds[members], self.net[other]).mean())

    def _compare(self, rows: NDArray[np.int64]) -> None:
        """Find the nearest of some groups anew; for the others, see whether one of these is nearer now."""
        self.llr[rows] = -np.inf
        means = self.sums / np.linalg.norm(self.sums, axis=1, keepdims=True)
        prints = [_Print(mean[None], net[None]) for mean, net in zip(means, self.net, strict=True)]
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            score = self.scorer.scorer(means[some], prints)
            llr = self.scorer.calibration.llr(score, self.net[some, None], self.net)  # (some, m)
            llr[np.arange(len(some)), some] = -np.inf
            for column in self.kinds.T:
                here = column[some, None]
                llr[(here >= 0) & (column >= 0) & (here != column)] = -np.inf
            self.nearest[some] = llr.argmax(axis=1)
            self.llr[some] = llr[np.arange(len(some)), self.nearest[some]]
            best = llr.argmax(axis=0)
            value = llr[best, np.arange(len(means))]
            nearer = value > self.llr
            self.nearest[nearer], self.llr[nearer] = some[best[nearer]], value[nearer]
