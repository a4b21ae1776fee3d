"""The voices of one recording against a gallery: which are one person's, and whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.identify.decision import Match, OperatingPoint
from spk.identify.gallery import LEAST_SECONDS, Comparison, GalleryScorer
from spk.identify.joint import one_voice_each
from spk.watching import stage

__all__ = ["Judged", "judge"]

_CERTAIN = 1e3  # LLR of what a person said


@dataclass(frozen=True, eq=False)
class Judged:
    """What the verdicts of a recording rest on.

    Attributes:
        groups: The voices (rows of what was judged) that were taken for one person's, together.
        vectors: (groups, dim) float32.
        comparison: The groups against the gallery.
        point: When a verdict was given.
        matches: One a group.
    """

    groups: tuple[tuple[int, ...], ...]
    vectors: NDArray[np.float32]
    comparison: Comparison
    point: OperatingPoint
    matches: tuple[Match, ...]


@stage("score")
def judge(
    scorer: GalleryScorer,
    point: OperatingPoint,
    vectors: NDArray[np.float32],
    seconds: NDArray[np.float64],
    *,
    least: int,
    said: Mapping[int, UUID | None] | None = None,
) -> Judged:
    """Judge the voices of one recording together.

    Args:
        scorer: The gallery.
        point: When a verdict is given.
        vectors: (voices, dim), L2-normalised.
        seconds: (voices,) the net speech behind each of them.
        least: So many people they are, at least.
        said: Whose some voices (rows) are, as a person said; None is nobody of the gallery.
    """
    said = said or {}
    groups = _groups(scorer, vectors, seconds, least, said)
    together = [_mean(vectors[list(group)], seconds[list(group)]) for group in groups]
    rows = np.array(together, np.float32).reshape(len(groups), vectors.shape[1])
    comparison = scorer.compare(rows, [float(seconds[list(group)].sum()) for group in groups])
    if said:
        comparison = _as_said(comparison, groups, said)
    matches = tuple(comparison.decide(point, distinct=True))
    return Judged(tuple(groups), rows, comparison, point, matches)


def _groups(
    scorer: GalleryScorer,
    vectors: NDArray[np.float32],
    seconds: NDArray[np.float64],
    least: int,
    said: Mapping[int, UUID | None],
) -> list[tuple[int, ...]]:
    """Rows that are one voice's; those too short for a verdict stay by themselves."""
    long = np.flatnonzero(seconds >= LEAST_SECONDS)
    short = [(int(row),) for row in np.flatnonzero(seconds < LEAST_SECONDS)]
    if len(long) < 2 or least >= len(seconds):
        return [(row,) for row in range(len(seconds))]
    llr = scorer.among(vectors[long], seconds[long].tolist())
    for one, row in enumerate(long.tolist()):
        for other, another in enumerate(long.tolist()):
            if row in said and another in said and row != another:
                same = said[row] is not None and said[row] == said[another]
                llr[one, other] = _CERTAIN if same else -_CERTAIN
    groups = one_voice_each(llr, least=least - len(short))
    return sorted([*(tuple(int(long[row]) for row in group) for group in groups), *short])


def _as_said(comparison: Comparison, groups: list[tuple[int, ...]], said: Mapping[int, UUID | None]) -> Comparison:
    """With what a person said as the evidence of those groups that hold such a voice."""
    columns: dict[UUID | None, int] = {profile.speaker.id: column for column, profile in enumerate(comparison.profiles)}
    llr = comparison.llr.copy()
    for row, group in enumerate(groups):
        owners = [said[voice] for voice in group if voice in said]
        if owners:
            llr[row] = -_CERTAIN
        for owner in owners:
            if owner in columns:
                llr[row, columns[owner]] = _CERTAIN
    return replace(comparison, llr=llr)


def _mean(vectors: NDArray[np.float32], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector (dim,) of one voice that is heard in several (n, dim), weighted by their net speech."""
    mean: NDArray[np.float64] = seconds @ vectors
    return mean / np.linalg.norm(mean) if len(vectors) > 1 else np.asarray(vectors[0], dtype=np.float64)
