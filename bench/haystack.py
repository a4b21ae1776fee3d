"""What the store's bench searches: voiceprints on the disk, probes, and what comparing all with all finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from voices import DIM, Real, crowd

from spk.store.index import KEY

__all__ = ["GALLERY", "KINDS", "MODEL", "TOP", "Haystack"]

MODEL = "made up, and by ECAPA"
GALLERY = "crowd"
KINDS = ("enrolled channel", "other channel", "recordings")
TOP = 10

_AT_ONCE = 50_000  # voiceprints that are compared with all probes at a time


@dataclass(frozen=True)
class Haystack:
    """A folder of voiceprints of several people and of probes, each as an array in a file.

    Attributes:
        folder: Where; made by `make`.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path, prints: int, probes: int, real: Real | None) -> Haystack:
        """Voiceprints of a tenth as many people, those of recordings among them.

        Args:
            folder: Where to put them.
            prints: How many.
            probes: How many of each kind.
            real: Voiceprints of recordings.
        """
        rng = np.random.default_rng(1)
        theirs = len(real.owners) if real else 0
        persons = int(real.owners[-1]) + 1 if real else 0
        people = prints // 10 - persons
        vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (prints, DIM))
        owners = np.empty(prints, np.int64)
        queries, whose, kinds, at = [], [], [], 0
        for part in crowd(prints - theirs, people, probes):
            vectors[at : at + len(part.vectors)] = part.vectors
            owners[at : at + len(part.vectors)] = part.owners
            at += len(part.vectors)
            for kind, some in enumerate((part.known, part.foreign)):
                queries.append(some)
                whose.append(part.probed)
                kinds.append(np.full(len(some), kind))
        if real:
            vectors[at:], owners[at:] = real.vectors, real.owners + people
            some = rng.permutation(len(real.probes))[:probes]
            queries.append(real.probes[some])
            whose.append(np.where(real.probed[some] < 0, -1, real.probed[some] + people))
            kinds.append(np.full(len(some), KINDS.index("recordings")))
        vectors.flush()
        order = rng.permutation(sum(map(len, queries)))
        np.save(folder / "owners.npy", owners)
        for name, parts in (("queries", queries), ("whose", whose), ("kinds", kinds)):
            np.save(folder / f"{name}.npy", np.concatenate(parts)[order])
        return cls(folder)

    @property
    def home(self) -> Path:
        """Where a store of them is, once one was filled."""
        return self.folder / "home"

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """(n, dim), mapped."""
        return np.load(self.folder / "vectors.npy", mmap_mode="r")

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """(n,) whose each is: numbers from 0, in order."""
        return np.load(self.folder / "owners.npy")

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(people,) where the voiceprints of each begin."""
        return np.flatnonzero(np.diff(self.owners, prepend=-1))

    @cached_property
    def queries(self) -> NDArray[np.float32]:
        """(probes, dim), L2-normalised."""
        return np.load(self.folder / "queries.npy")

    @cached_property
    def whose(self) -> NDArray[np.int64]:
        """(probes,) whose each probe is; -1 for a stranger's."""
        return np.load(self.folder / "whose.npy")

    @cached_property
    def kinds(self) -> NDArray[np.int64]:
        """(probes,) places in `KINDS`."""
        return np.load(self.folder / "kinds.npy")

    @cached_property
    def people(self) -> NDArray[np.bytes_]:
        """(people,) of ``KEY``: their ids in the store, by number."""
        return np.load(self.folder / "people.npy").astype(KEY)

    def best(self) -> NDArray[np.int64]:
        """(probes, TOP) the people with the voiceprints nearest to each probe, best first."""
        ends = np.append(self.starts[1:], len(self.owners))
        places = np.arange(len(self.queries))[:, None]
        best = np.full((len(self.queries), TOP), -np.inf, np.float32)
        who = np.full(best.shape, -1, np.int64)
        first = 0
        while first < len(self.starts):
            # Whole people, or else their best would be taken twice.
            last = max(int(np.searchsorted(ends, self.starts[first] + _AT_ONCE)), first + 1)
            begin = self.starts[first]
            cosines = self.queries @ self.vectors[begin : ends[last - 1]].T
            nearest = np.maximum.reduceat(cosines, self.starts[first:last] - begin, axis=1)
            both = np.hstack([best, nearest])
            numbers = np.hstack([who, np.tile(np.arange(first, last), (len(best), 1))])
            order = np.argsort(-both, axis=1, kind="stable")[:, :TOP]
            best, who = both[places, order], numbers[places, order]
            first = last
        return who
