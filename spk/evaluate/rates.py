"""Error rates of trials and searches, all together or of one draw of the speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.evaluate.results import SYSTEMS, Claimed, Searches
from spk.identify.metrics import Binned, act_dcf, cllr, det, fnir, min_cllr

__all__ = [
    "DETECTION",
    "SEARCH",
    "Draw",
    "Pooled",
    "Rates",
    "detection_rates",
    "pooled",
    "pooled_claims",
    "search_rates",
    "speakers",
]

PRIORS = {"01": 0.01, "05": 0.05}  # of the NIST evaluations
DETECTION = ("eer", "min_dcf_01", "min_dcf_05", "act_dcf_01", "act_dcf_05", "cllr", "min_cllr")
CALIBRATED = ("act_dcf_01", "act_dcf_05", "cllr", "min_cllr")  # of LLRs alone
FPIRS = {"fnir_1": 0.01, "fnir_5": 0.05}
SEARCH = ("rank1", *FPIRS)
LOWEST = float(np.finfo(np.float64).min)

Array = NDArray[np.float64]
Draw = NDArray[np.int64]
Rates = dict[str, dict[str, float]]  # by system and name


@dataclass(frozen=True, eq=False)
class Pooled:
    """Trials of a kind, flat, with whose they are.

    Attributes:
        values: (n,) each of `SYSTEMS`.
        same: (n,)
        voice: (n,) the number of the tested speaker.
        person: (n,) the number of the enrolled one.
        groups: (speakers,) from which each is drawn.
    """

    values: dict[str, Array]
    same: NDArray[np.bool_]
    voice: NDArray[np.int64]
    person: NDArray[np.int64]
    groups: NDArray[np.int64]

    @cached_property
    def binned(self) -> dict[str, Binned]:
        """Those by the bins of each of `SYSTEMS`, made when first drawn from."""
        return {name: Binned.of(value, self.same) for name, value in self.values.items()}

    def weights(self, draw: Draw) -> Array:
        """(n,) how often a draw of the speakers has each trial."""
        return np.where(self.same, draw[self.voice], draw[self.voice] * draw[self.person]).astype(np.float64)

    def take(self, rows: NDArray[Any]) -> Pooled:
        """Some of the trials."""
        values = {name: value[rows] for name, value in self.values.items()}
        return Pooled(values, self.same[rows], self.voice[rows], self.person[rows], self.groups)


def pooled(searches: Searches) -> Pooled:
    """Every judged probe against everybody."""
    rows = np.flatnonzero(searches.judged)
    names = {name: number for number, name in enumerate(speakers(searches))}
    same = searches.same[rows]
    voice = np.array([names[searches.probes[row].speaker] for row in rows], np.int64)
    person = np.array([names[name] for name in searches.people], np.int64)
    groups = np.ones(len(names), np.int64)  # strangers
    groups[person] = 2  # who is enrolled, and never heard
    groups[np.intersect1d(person, voice)] = 0
    return Pooled(
        {name: getattr(searches, name)[rows].ravel() for name in SYSTEMS},
        same.ravel(),
        np.broadcast_to(voice[:, None], same.shape).ravel(),
        np.broadcast_to(person, same.shape).ravel(),
        groups,
    )


def pooled_claims(claims: Sequence[Claimed]) -> Pooled:
    """The judged trials of a list. Who is who follows from the pairs of one person."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sides = dict.fromkeys(name for claim in claims for name in (claim.enroll, claim.test))
    files = {name: number for number, name in enumerate(sides)}
    ends = np.array([[files[claim.enroll], files[claim.test]] for claim in claims if claim.same], np.int64).reshape(
        -1, 2
    )
    links = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(files), len(files)))
    speaker = connected_components(links, directed=False)[1].astype(np.int64)
    some = [claim for claim in claims if claim.score is not None]
    return Pooled(
        {name: np.array([getattr(claim, name) for claim in some], np.float64) for name in SYSTEMS},
        np.array([claim.same for claim in some], bool),
        speaker[[files[claim.test] for claim in some]],
        speaker[[files[claim.enroll] for claim in some]],
        np.zeros(int(speaker.max()) + 1, np.int64),
    )


def detection_rates(
    trials: Pooled, draw: Draw | None = None, names: Sequence[str] = DETECTION, systems: Sequence[str] = SYSTEMS
) -> Rates:
    """Some measures of trials by system; nothing where a kind of trial is missing."""
    same = trials.same
    weight = trials.weights(draw) if draw is not None else np.ones(len(same))
    if not (weight[same].any() and weight[~same].any()):
        return {}
    rates: Rates = {}
    for system in systems:
        score = trials.values[system]
        ranked = (score, same, weight) if draw is None else trials.binned[system](weight)
        curve = det(*ranked)
        found = {"eer": curve.eer, **{f"min_dcf_{name}": curve.min_dcf(prior) for name, prior in PRIORS.items()}}
        if system != "score" and set(names) & set(CALIBRATED):
            found |= {f"act_dcf_{name}": act_dcf(score, same, weight, prior) for name, prior in PRIORS.items()}
            found |= {"cllr": cllr(score, same, weight), "min_cllr": min_cllr(*ranked)}
        rates[system] = {name: found[name] for name in names if name in found}
    return rates


def search_rates(searches: Searches, draw: Draw | None = None, *, refused: bool = False) -> Rates:
    """Rank-1 and FNIR of searches by system; without those that need strangers, or enrolled people, and have none.

    A draw is of those who are searched for. The gallery stays whole: in one of those drawn alone, two thirds as large,
    everybody would be found more easily.

    Args:
        searches: The probes.
        draw: How often each of :func:`speakers` is drawn; everybody once if None.
        refused: Whether clips that were refused take part, as searches that found nobody.
    """
    often = dict(zip(speakers(searches), draw.tolist(), strict=True)) if draw is not None else {}
    weight = np.array([often.get(probe.speaker, 1) for probe in searches.probes], np.float64)
    kept = (weight > 0) & (searches.judged | refused)
    if not kept.any():
        return {}
    weight, same, judged = weight[kept], searches.same[kept], searches.judged[kept]
    enrolled = searches.enrolled[kept]
    rates: Rates = {}
    for system in ("score", "claim"):
        values = np.where(judged[:, None], getattr(searches, system)[kept], LOWEST)
        right = same[np.arange(len(same)), values.argmax(axis=1)] & judged
        rates[system] = {}
        if enrolled.any():
            rates[system]["rank1"] = float(np.average(right[enrolled], weights=weight[enrolled]))
            if not enrolled.all():
                best = values.max(axis=1)
                for name, rate in FPIRS.items():
                    rates[system][name] = fnir(best, right, enrolled, weight, rate)
    return rates


def speakers(searches: Searches) -> list[str]:
    """Everybody: first who is enrolled, then the strangers."""
    return list(dict.fromkeys([*searches.people, *(probe.speaker for probe in searches.probes)]))
