"""From log-likelihood ratios to verdicts: who it is, how sure that is, and one name a voice in a recording.

Before anything is heard, a voice is a stranger's with the probability ``prior_stranger``, and otherwise
anybody's of the gallery alike; the LLRs turn this into posterior probabilities. So a larger gallery asks for
more evidence, and two people who sound alike share what there is. A verdict is given where the chance that it
is wrong is small enough (Chow's rule, IEEE Trans. Inf. Theory 16, 1970); in between, somebody had better
listen: ``unsure``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import Any, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError

__all__ = [
    "PRIOR_STRANGER",
    "VERIFICATION",
    "Decision",
    "Match",
    "Posterior",
    "Thresholds",
    "Verdict",
    "assign",
    "decide",
    "gallery_llr",
    "posterior",
]

PRIOR_STRANGER = 0.5
"""How probable a stranger is before anything is heard."""


class Verdict(StrEnum):
    """What may be said of a voice that could be anybody's."""

    KNOWN = "known"
    UNSURE = "unsure"
    UNKNOWN = "unknown"


class Decision(StrEnum):
    """What may be said of two voices, or of a voice and a claimed name."""

    SAME = "same"
    UNSURE = "unsure"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How probable an answer must be before it is given.

    Attributes:
        yes: Probability from which a voice is a person's: ``known``, ``same``.
        no: Probability from which it is nobody's of the gallery, or not the claimed person's.

    >>> Thresholds.from_costs(wrong_name=99, missed=4)
    Thresholds(yes=0.99, no=0.8)
    """

    yes: float = 0.95
    no: float = 0.75

    def __post_init__(self) -> None:
        if not (0.0 < self.yes < 1.0 and 0.0 < self.no < 1.0):
            raise InputError(f"thresholds are probabilities between 0 and 1, not {self.yes} and {self.no}")

    @classmethod
    def from_costs(cls, wrong_name: float, missed: float) -> Self:
        """From what mistakes cost, in units of somebody listening to a voice that stayed ``unsure``.

        Args:
            wrong_name: Cost of a name, or a ``same``, that is wrong.
            missed: Cost of an ``unknown``, or a ``different``, that is wrong.
        """
        if min(wrong_name, missed) <= 0:
            raise InputError(f"a mistake costs more than nothing, not {min(wrong_name, missed)}")
        return cls(yes=wrong_name / (1.0 + wrong_name), no=missed / (1.0 + missed))

    @classmethod
    def from_fpir(cls, fpir: float) -> Self:
        """From how many of all strangers may get a name, as a share between 0 and 1.

        A stranger's best posterior reaches odds ``o`` in fewer than 0.19 / ``o`` of all cases: measured on
        natural recordings of held-out speakers, in galleries of 6 to 49 people.

        >>> Thresholds.from_fpir(0.01)
        Thresholds(yes=0.95, no=0.75)
        """
        if not 0.0 < fpir < 1.0:
            raise InputError(f"a false-positive identification rate lies between 0 and 1, not at {fpir}")
        return cls(yes=round(0.19 / (0.19 + fpir), 6))

    def needed(self, people: int, prior_stranger: float = PRIOR_STRANGER) -> float:
        """The LLR that makes somebody ``known`` among so many people when nobody else comes near.

        >>> [round(Thresholds().needed(people), 1) for people in (1, 10, 1000)]
        [2.9, 5.2, 9.9]
        """
        return log(self.yes / (1.0 - self.yes)) + log(people * prior_stranger / (1.0 - prior_stranger))

    def judge(self, llr: float, prior_same: float = 0.5) -> Decision:
        """The decision on one claim: is this the person?

        >>> [VERIFICATION.judge(llr).value for llr in (4.0, 0.5, -4.0)]
        ['same', 'unsure', 'different']
        """
        same = 1.0 / (1.0 + np.exp(-np.clip(llr + log(prior_same / (1.0 - prior_same)), -500.0, 500.0)))
        if same >= self.yes:
            return Decision.SAME
        return Decision.DIFFERENT if 1.0 - same >= self.no else Decision.UNSURE


VERIFICATION = Thresholds(yes=0.95, no=0.9)
"""For claimed names: wrong in under 0.5 % of either kind on natural recordings of held-out speakers."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Whose voices they are: probabilities that sum to 1 over a voice's ``people`` and ``stranger``.

    Attributes:
        people: (voices, people).
        stranger: (voices,).
    """

    people: NDArray[np.float64]
    stranger: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """The best person of the gallery for one voice, and what may be said.

    Attributes:
        speaker: The person; None when the gallery is empty.
        cosine: Score of the voice against the person's profile.
        llr: Calibrated evidence for the person against a stranger, natural log.
        probability: Posterior probability that it is the person.
        margin: ``llr`` less that of the runner-up; None when there is none.
        runner_up: The next best person.
    """

    speaker: UUID | None
    cosine: float | None
    llr: float | None
    probability: float
    margin: float | None
    verdict: Verdict
    runner_up: UUID | None


def posterior(llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER) -> Posterior:
    """Posterior probabilities for LLRs (voices, people).

    >>> belief = posterior(np.array([[6.0, 0.0], [0.0, 0.0]]))
    >>> belief.people.round(3).tolist(), belief.stranger.round(3).tolist()
    ([[0.993, 0.002], [0.25, 0.25]], [0.005, 0.5])
    """
    joint = np.exp(_log_posterior(llr, prior_stranger))
    return Posterior(people=joint[:, 1:], stranger=joint[:, 0])


def gallery_llr(llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER) -> NDArray[np.float64]:
    """Evidence (voices, people) for each person against everybody else: strangers and the others enrolled.

    For a claimed name this asks more than ``Calibration.llr`` alone: a voice that suits another enrolled
    person better speaks against the claim.

    >>> gallery_llr(np.array([[6.0, 9.0]])).round(1)
    array([[-1.9,  4.1]])
    """
    logs = _log_posterior(llr, prior_stranger)
    people = llr.shape[1]
    each = (1.0 - prior_stranger) / max(people, 1)
    rest = [np.logaddexp.reduce(np.delete(logs, person + 1, axis=1), axis=1) for person in range(people)]
    llrs: NDArray[np.float64] = logs[:, 1:] - np.array(rest).reshape(people, len(llr)).T - log(each / (1.0 - each))
    return llrs


def assign(llr: NDArray[Any], prior_stranger: float = PRIOR_STRANGER) -> list[int | None]:
    """One person at most for each voice of a recording, and one voice at most for each person.

    Finds the most probable such naming; a voice that is more probably a stranger's stays without a name.

    Args:
        llr: (voices, people) LLRs of the voices (clusters) of one recording.
        prior_stranger: How probable a stranger is before anything is heard.

    >>> assign(np.array([[12.0, 9.0], [11.0, -3.0], [-4.0, -5.0]]))
    [1, 0, None]
    """
    from scipy.optimize import linear_sum_assignment  # loads scipy: only where voices are assigned

    voices, people = llr.shape
    if not people:
        return [None] * voices
    gain = llr + log((1.0 - prior_stranger) / (prior_stranger * people))
    # A column of its own for every voice to stay without a name, which gains nothing.
    table = np.concatenate([gain, np.where(np.eye(voices, dtype=bool), 0.0, -np.inf)], axis=1)
    rows, columns = linear_sum_assignment(np.maximum(table, -1e9), maximize=True)
    return [int(column) if column < people else None for _, column in sorted(zip(rows, columns, strict=True))]


def decide(
    llr: NDArray[Any],
    cosine: NDArray[Any],
    speakers: Sequence[UUID],
    *,
    thresholds: Thresholds | None = None,
    prior_stranger: float = PRIOR_STRANGER,
    distinct: bool = False,
) -> list[Match]:
    """One match for each voice.

    Args:
        llr: (voices, people) calibrated LLRs.
        cosine: (voices, people) the scores they came from.
        speakers: The people, one a column.
        thresholds: How probable an answer must be; the defaults if None.
        prior_stranger: How probable a stranger is before anything is heard.
        distinct: Whether the voices are different people's, like the clusters of one recording: then no two
            of them are ``known`` as one person, and names are given as :func:`assign` says.

    Raises:
        InputError: the shapes do not fit.
    """
    if llr.shape != cosine.shape or llr.ndim != 2 or llr.shape[1] != len(speakers):
        raise InputError(f"LLRs {llr.shape} and cosines {cosine.shape} do not fit {len(speakers)} speakers")
    thresholds = thresholds or Thresholds()
    belief = posterior(llr, prior_stranger)
    if not len(speakers):
        return [Match(None, None, None, 0.0, None, Verdict.UNKNOWN, None)] * len(llr)
    named = assign(llr, prior_stranger) if distinct else [None] * len(llr)
    matches: list[Match] = []
    for voice, scores in enumerate(llr):
        order = np.argsort(-scores, kind="stable")
        given = named[voice]
        best = int(order[0]) if given is None else given
        others = [int(person) for person in order[:2] if person != best]
        probability = float(belief.people[voice, best])
        if belief.stranger[voice] >= thresholds.no:
            verdict = Verdict.UNKNOWN
        elif probability >= thresholds.yes and (given is not None or not distinct):
            verdict = Verdict.KNOWN
        else:
            verdict = Verdict.UNSURE
        matches.append(
            Match(
                speaker=speakers[best],
                cosine=float(cosine[voice, best]),
                llr=float(scores[best]),
                probability=probability,
                margin=float(scores[best] - scores[others[0]]) if others else None,
                verdict=verdict,
                runner_up=speakers[others[0]] if others else None,
            )
        )
    return matches


def _log_posterior(llr: NDArray[Any], prior_stranger: float) -> NDArray[np.float64]:
    """Log posteriors (voices, 1 + people), the stranger first."""
    if llr.ndim != 2 or not np.isfinite(llr).all():
        raise InputError("LLRs must be finite numbers of the shape (voices, people)")
    if not 0.0 < prior_stranger < 1.0:
        raise InputError(f"the probability of a stranger lies between 0 and 1, not at {prior_stranger}")
    voices, people = llr.shape
    joint = np.empty((voices, 1 + people))
    joint[:, 0] = log(prior_stranger) if people else 0.0
    joint[:, 1:] = llr + log((1.0 - prior_stranger) / max(people, 1))
    logs: NDArray[np.float64] = joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)
    return logs
