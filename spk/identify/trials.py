"""Trials with known answers: random galleries of labelled people, and their voices searched in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.identify.labelled import Material
from spk.identify.scoring import Recipe

__all__ = [
    "GalleryDraw",
    "Prints",
    "Trials",
    "columns",
    "draw_galleries",
    "enroll_some",
    "score_trials",
    "speaker_folds",
]

MOST_SAMPLES = 5
SHARES = (0.25, 2 / 3)  # of the people are enrolled, in turn; the rest are strangers


@dataclass(frozen=True, eq=False)
class Prints:
    """A profile as a scorer wants it."""

    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GalleryDraw:
    """Who is enrolled with which clips, and which clips are searched; numbers of people, and rows of the material.

    Attributes:
        people: (m,) who is enrolled: those who are tried, then company from elsewhere.
        samples: The rows of their samples.
        probes: (n,) the rows that are searched.
        tried: How many of the people, from the first, take part in trials.
    """

    people: NDArray[np.int64]
    samples: tuple[NDArray[np.int64], ...]
    probes: NDArray[np.int64]
    tried: int


@dataclass(frozen=True, eq=False)
class Trials:
    """Voices (n) against one gallery (m).

    Attributes:
        score: (n, m) by some recipe.
        same: (n, m) whether voice and profile are one person's.
        test_seconds: (n,) net speech of the voices.
        profile_seconds: (m,) net speech of the profiles.
        voice: (n,) whose voices they are, by number.
        person: (m,) whose profiles.
        kind: (n,) of the clips: ``natural``, ``cut``, ``degraded``.
        tried: How many of the people, from the first, are compared as pairs; the rest are there as company, for a
            search and for the middle of the gallery.
    """

    score: NDArray[np.float64]
    same: NDArray[np.bool_]
    test_seconds: NDArray[np.float64]
    profile_seconds: NDArray[np.float64]
    voice: NDArray[np.int64]
    person: NDArray[np.int64]
    kind: NDArray[np.str_]
    tried: int

    @property
    def strangers(self) -> NDArray[np.bool_]:
        """(n,) whether the voice is nobody's of the gallery."""
        return np.asarray(~self.same.any(axis=1))


def speaker_folds(material: Material, count: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The people in so many parts, each with its share of those who can be enrolled; the cohort is in none."""
    paired = material.paired()
    background = np.unique(material.speaker[material.cohort])
    some = rng.permutation(np.flatnonzero(paired))
    rest = rng.permutation(np.setdiff1d(np.flatnonzero(~paired), background))
    return [np.concatenate([some[at::count], rest[at::count]]) for at in range(count)]


def enroll_some(material: Material, person: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Rows to enroll one person from, 1 to 5 recordings, and rows to search; no session is on both sides.

    Of somebody with a single session, no recording is on both sides.
    """
    rows = np.flatnonzero(material.speaker == person)
    several = len(np.unique(material.session[rows])) > 1
    unit = material.session[rows] if several else material.file[rows]
    units = rng.permutation(np.unique(unit))
    wanted = int(rng.integers(1, MOST_SAMPLES + 1))
    ours = np.isin(unit, units[: min(wanted, len(units) - 1)])
    natural = rng.permutation(rows[ours & material.natural[rows]])
    _, first = np.unique(material.file[natural], return_index=True)
    samples = natural[np.sort(first)][:wanted]
    return samples, rows[~ours]


def draw_galleries(
    material: Material,
    people: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
    company: NDArray[np.int64] | None = None,
) -> list[GalleryDraw]:
    """Random galleries: a quarter of ``people`` or two thirds, in turn, are enrolled, and the rest are strangers.

    The same shares of ``company`` are enrolled with them, so that the gallery is of the size that all make.
    """
    able = people[material.paired()[people]]
    others = np.zeros(0, np.int64) if company is None else company[material.paired()[company]]
    draws = []
    for turn in range(count):
        share = SHARES[turn % 2]
        known = rng.permutation(able)[: max(2, round(share * len(able)))]
        chosen = [enroll_some(material, int(person), rng) for person in known]
        strangers = np.flatnonzero(np.isin(material.speaker, np.setdiff1d(people, known)))
        probes = np.concatenate([*(searched for _, searched in chosen), strangers])
        with_them = rng.permutation(others)[: round(share * len(others))]
        samples = [rows for rows, _ in chosen] + [enroll_some(material, int(one), rng)[0] for one in with_them]
        draws.append(GalleryDraw(np.concatenate([known, with_them]), tuple(samples), probes, len(known)))
    return draws


def score_trials(material: Material, model: str, draw: GalleryDraw, recipe: Recipe) -> Trials:
    """The scores of one gallery."""
    vectors, seconds = material.vectors[model], material.net_seconds
    profiles = [Prints(vectors[rows], seconds[rows]) for rows in draw.samples]
    voice = material.speaker[draw.probes]
    return Trials(
        score=recipe.scorer(profiles)(vectors[draw.probes], profiles),
        same=np.equal.outer(voice, draw.people),
        test_seconds=seconds[draw.probes],
        profile_seconds=np.array([profile.net_seconds.sum() for profile in profiles]),
        voice=voice,
        person=draw.people,
        kind=material.kind[draw.probes],
        tried=draw.tried,
    )


def columns(trials: Sequence[Trials]) -> dict[str, NDArray[Any]]:
    """Every trial on a row of its own: ``score``, ``same``, ``test_seconds``, ``profile_seconds``, ....

    Voices are compared with people who are tried, not with company.
    """
    flat: dict[str, list[NDArray[Any]]] = {}
    for some in trials:
        same = some.same[:, : some.tried]
        flat.setdefault("score", []).append(some.score[:, : some.tried].ravel())
        flat.setdefault("same", []).append(same.ravel())
        for name in ("test_seconds", "voice", "kind"):
            flat.setdefault(name, []).append(np.repeat(getattr(some, name), some.tried))
        for name in ("profile_seconds", "person"):
            flat.setdefault(name, []).append(np.tile(getattr(some, name)[: some.tried], len(same)))
    return {name: np.concatenate(parts) for name, parts in flat.items()}
