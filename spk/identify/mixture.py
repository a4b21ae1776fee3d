"""Whether what passes for one voice holds two people's speech, by its pieces.

The pieces must keep to the turns (`spk.embed.embed_turns`): where one piece holds both people, nothing can part them.
Measured on speech of two people joined half and half, or 70 to 30, and on voices as diarization found them in 184
conversations, clean, by telephone, in noise and in rooms; mixed by :data:`TWO_PEOPLE`:

=======================================  ===================  =======================
voices                                   pieces of the turns  pieces of 4 s; of 10 s
=======================================  ===================  =======================
half and half, 8 to 40 s                 35 of 35             30; 4
70 to 30                                 33 of 34             28; 12
pure, by the reference                   0 of 57              0; 0
pure, as diarization found them          1 of 332             0; not tried
a sixth or more is another's, likewise   4 of 15              1; not tried
all of a recording as one voice          26 of 29             not tried
=======================================  ===================  =======================

Pieces of turns are too short for the voice's own vector: at one false alarm in a
thousand their mean misses 16 % of pairs of one person, and one of pieces of 10 s misses 9 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError

__all__ = ["TWO_PEOPLE", "Among", "Mixture", "part"]

Among = Callable[[NDArray[np.float32], Sequence[float]], NDArray[np.float64]]
"""LLRs (n, n) that voices (n, dim) with so many seconds each are one person's: `GalleryScorer.among`."""

TWO_PEOPLE = -2.0
"""LLR that two groups of pieces are one person's, up to which they are two people's: they are parted to be unlike."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Pieces of speech, parted in the two groups that are least alike.

    Attributes:
        groups: The pieces (rows) of each, the longer group first; only one where there is nothing to part.
        seconds: The net speech of each group.
        llr: That the two groups are one person's, natural log; None with one group.
    """

    groups: tuple[tuple[int, ...], ...]
    seconds: tuple[float, ...]
    llr: float | None

    @property
    def mixed(self) -> bool:
        """Whether they are two people's, going by :attr:`llr`."""
        return self.llr is not None and self.llr <= TWO_PEOPLE


def part(vectors: NDArray[np.float32], seconds: Sequence[float], among: Among) -> Mixture:
    """Part the pieces of one voice, or the samples of one speaker, in two, and say whether they are two people.

    The groups are the last two of average linkage on the pieces' LLRs with one another; of each the mean, weighted
    by seconds, stands for it.

    Args:
        vectors: (pieces, dim), L2-normalised.
        seconds: (pieces,) the net speech behind each.
        among: `GalleryScorer.among`.

    Raises:
        InputError: there is no piece, or not a length for each.
    """
    net = np.asarray(seconds, dtype=np.float64)
    if not len(vectors) or len(vectors) != len(net):
        raise InputError(f"{len(vectors)} pieces with {len(net)} lengths cannot be parted: give one for each")
    if len(vectors) == 1:
        return Mixture(((0,),), (float(net[0]),), None)
    groups = sorted(_two(among(vectors, net.tolist())), key=lambda group: -float(net[list(group)].sum()))
    rows = np.array([net[list(group)] @ vectors[list(group)] for group in groups], np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    long = tuple(float(net[list(group)].sum()) for group in groups)
    return Mixture(tuple(groups), long, float(among(rows, long)[0, 1]))


def _two(llr: NDArray[np.float64]) -> list[tuple[int, ...]]:
    """Rows in the two groups that average linkage joins last."""
    from scipy.cluster.hierarchy import linkage, to_tree
    from scipy.spatial.distance import squareform

    alike = (llr + llr.T) / 2
    unlike = alike.max() - alike
    np.fill_diagonal(unlike, 0.0)
    tree = to_tree(linkage(squareform(unlike, checks=False), "average"))
    return [tuple(sorted(branch.pre_order())) for branch in (tree.get_left(), tree.get_right())]
