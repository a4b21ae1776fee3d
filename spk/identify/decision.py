"""From log-likelihood ratios to verdicts: who it is, how sure that is, and one name a voice in a recording.

LLRs and what is known beforehand give posterior probabilities (`spk.identify.posterior`), for the voices of one
recording together (`spk.identify.joint`). A verdict is given where the chance that it is wrong is small enough
(Chow's rule, IEEE Trans. Inf. Theory 16, 1970), or where strangers reach it rarely enough (`FalseAlarms`); in between,
somebody had better listen: ``unsure``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite, log
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError
from spk.identify.joint import Naming, together
from spk.identify.posterior import PRIOR_STRANGER, Posterior, gallery_llr, posterior

if TYPE_CHECKING:
    from spk.identify.false_alarms import FalseAlarms

__all__ = [
    "PRIOR_STRANGER",
    "VERIFICATION",
    "Decision",
    "Match",
    "OperatingPoint",
    "Posterior",
    "Verdict",
    "decide",
    "gallery_llr",
    "posterior",
    "rounded_rate",
]


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
class OperatingPoint:
    """When a verdict is given: how probable it must be, or how often strangers may get a name.

    Attributes:
        yes: Probability from which a voice is a person's: ``known``, ``same``. Not used where ``fpir`` is set.
        no: Probability from which it is nobody's of the gallery, or not the claimed person's.
        fpir: False-positive identification rate: the share of strangers who may get a name; of false claims, those
            that may be taken for true ones.
        prior_unknown: How probable it is, before anything is heard, that a voice is nobody's of the gallery, or not
            the claimed person's.

    >>> OperatingPoint.from_fpir(0.01)
    OperatingPoint(yes=0.95, no=0.75, fpir=0.01, prior_unknown=0.5)

    Raises:
        InputError: a number that is no probability, or is 0 or 1.
    """

    yes: float = 0.95
    no: float = 0.75
    fpir: float | None = None
    prior_unknown: float = PRIOR_STRANGER

    def __post_init__(self) -> None:
        if not (0.0 < self.yes < 1.0 and 0.0 < self.no < 1.0):  # not so for nan, either
            raise InputError(f"thresholds are probabilities between 0 and 1, not {self.yes} and {self.no}")
        if self.fpir is not None and not 0.0 < self.fpir < 1.0:
            raise InputError(
                f"a false-positive identification rate lies between 0 and 1, not at {self.fpir:g}: try 0.01"
            )
        if not 0.0 < self.prior_unknown < 1.0:
            raise InputError(
                f"the probability of a stranger lies between 0 and 1, not at {self.prior_unknown:g}: try 0.5"
            )

    @classmethod
    def from_fpir(cls, fpir: float) -> Self:
        """From how many of all strangers may get a name, as a share between 0 and 1."""
        return cls(fpir=fpir)

    @classmethod
    def from_costs(cls, miss: float, false: float, prior: float, review: float | None = None) -> Self:
        """From what mistakes cost, in any unit: the verdict is always that which is expected to cost least.

        A name that is right with probability p costs (1 - p) ``false``, no name p ``miss``, and ``unsure`` always
        ``review``: so a name is cheapest from p = 1 - review / false, and no name up to p = review / miss (Chow
        1970). Where listening is so dear that a verdict is always cheaper, Bayes' threshold parts the two.

        Args:
            miss: Cost of an enrolled person who is not named, or of a ``different`` for the right person.
            false: Cost of a wrong name, or a wrong ``same``.
            prior: How probable it is beforehand that a voice is an enrolled person's, or that the claim is true.
            review: Cost of somebody who listens to a voice that stayed ``unsure``; half of the cheaper mistake, if
                None.

        >>> OperatingPoint.from_costs(miss=1, false=10, prior=0.25)
        OperatingPoint(yes=0.95, no=0.5, fpir=None, prior_unknown=0.75)
        >>> OperatingPoint.from_costs(miss=1, false=4, prior=0.25, review=5)
        OperatingPoint(yes=0.8, no=0.2, fpir=None, prior_unknown=0.75)

        Raises:
            InputError: a cost that is not above 0, or a prior that is not between 0 and 1.
        """
        review = min(miss, false) / 2 if review is None else review
        for name, cost in (("miss", miss), ("false", false), ("review", review)):
            if not (isfinite(cost) and cost > 0):
                raise InputError(f"{name} costs more than nothing, and not {cost:g}: give a number above 0")
        if not 0.0 < prior < 1.0:
            raise InputError(f"prior is a probability between 0 and 1, not {prior:g}: try 0.5")
        yes, no = 1.0 - review / false, 1.0 - review / miss
        if yes < false / (false + miss):
            yes, no = false / (false + miss), miss / (false + miss)
        return cls(yes=yes, no=no, prior_unknown=1.0 - prior)

    @classmethod
    def parse_costs(cls, text: str) -> Self:
        """From text such as ``miss=1,false=10,prior=0.3``, and ``review=…`` if it is to be said; see `from_costs`.

        >>> OperatingPoint.parse_costs("miss=1, false=10, prior=0.5, review=0.1")
        OperatingPoint(yes=0.99, no=0.9, fpir=None, prior_unknown=0.5)

        Raises:
            InputError: anything else.
        """
        costs: dict[str, float] = {}
        for part in text.split(","):
            name, equals, number = (piece.strip() for piece in part.partition("="))
            if name not in COSTS or not equals:
                raise InputError(f"{part.strip()!r} is no part of a cost, which reads like {EXAMPLE}")
            if name in costs:
                raise InputError(f"{name} stands twice in the cost {text!r}: give it once")
            try:
                costs[name] = float(number)
            except ValueError:
                raise InputError(f"{name} is a number, not {number!r}, in a cost like {EXAMPLE}") from None
        if missing := [name for name in COSTS[:3] if name not in costs]:
            raise InputError(f"the cost {text!r} does not say {missing[0]}: write it like {EXAMPLE}")
        return cls.from_costs(**costs)

    def needed(self, people: int, false_alarms: FalseAlarms | None = None) -> float:
        """The posterior log odds that make a name: of a person against a stranger and everybody else.

        Where ``fpir`` is set, those of anybody of the gallery against a stranger, who is as probable beforehand,
        whatever ``prior_unknown`` is: so are false alarms counted. The name is then that of the person who is more
        probable than all the others together.

        Args:
            people: How many people the voice could be of.
            false_alarms: The calibration's.

        Raises:
            InputError: an ``fpir`` is asked for, and the calibration knows nothing of false alarms.
        """
        if self.fpir is None:
            return _logit(self.yes)
        if false_alarms is None:
            raise InputError(
                "the calibration does not know how often strangers get a name: fit one with `spk calibrate`, or "
                "leave out the false-positive rate"
            )
        return false_alarms.log_odds(self.fpir, people)

    def needed_llr(self, people: int, false_alarms: FalseAlarms | None = None) -> float:
        """The LLR that makes somebody ``known`` among so many people when nobody else comes near.

        >>> [round(OperatingPoint().needed_llr(people), 1) for people in (1, 10, 1000)]
        [2.9, 5.2, 9.9]
        """
        prior = self.prior_unknown if self.fpir is None else PRIOR_STRANGER
        return self.needed(people, false_alarms) + log(max(people, 1)) + _logit(prior)

    def judge(self, llr: float, false_alarms: FalseAlarms | None = None) -> Decision:
        """The decision on one claim: is this the person?

        Args:
            llr: Evidence for the claim against everybody else, natural log; see `gallery_llr`.
            false_alarms: The calibration's.

        Raises:
            InputError: as for `needed`, or the LLR is not finite.

        >>> [VERIFICATION.judge(llr).value for llr in (4.0, 0.5, -4.0)]
        ['same', 'unsure', 'different']
        """
        if not isfinite(llr):
            raise InputError(f"an LLR is a finite number, not {llr}: score the voices again")
        log_odds = llr - _logit(self.prior_unknown)
        if (log_odds if self.fpir is None else llr) >= self.needed(1, false_alarms):
            return Decision.SAME
        return Decision.DIFFERENT if -log_odds >= _logit(self.no) else Decision.UNSURE


COSTS = ("miss", "false", "prior", "review")
EXAMPLE = "miss=1,false=10,prior=0.3"
VERIFICATION = OperatingPoint(yes=0.95, no=0.9)
"""For claimed names: wrong in under 0.5 % of either kind on natural recordings of held-out speakers."""


@dataclass(frozen=True, slots=True)
class Match:
    """The best person of the gallery for one voice, and what may be said.

    Attributes:
        speaker: The person; None when the gallery is empty.
        score: Of the voice against the person's profile, by the calibration's recipe.
        llr: Calibrated evidence for the person against a stranger, natural log.
        probability: Posterior probability that it is the person.
        margin: ``llr`` less that of the runner-up; None when there is none.
        runner_up: The next best person.
        log_odds: What the verdict went by, natural log: of the person against a stranger and everybody else; where a
            false-alarm rate was asked for, of anybody of the gallery against a stranger.
        false_alarm: How often a stranger would look at least this much like somebody of this gallery; None where
            the calibration does not know.
        stranger: Posterior probability of a stranger, as the verdict is given by; None when the gallery is empty.
        is_cosine: Whether ``score`` is a cosine.
    """

    speaker: UUID | None
    score: float | None
    llr: float | None
    probability: float
    margin: float | None
    verdict: Verdict
    runner_up: UUID | None
    log_odds: float | None = None
    false_alarm: float | None = None
    stranger: float | None = None
    is_cosine: bool = False

    def unsure(self) -> Match:
        """The same of a voice with too little speech for a verdict."""
        return replace(self, verdict=Verdict.UNSURE)


def decide(
    llr: NDArray[Any],
    score: NDArray[Any],
    speakers: Sequence[UUID],
    *,
    point: OperatingPoint | None = None,
    false_alarms: FalseAlarms | None = None,
    people: int | None = None,
    distinct: bool = False,
    is_cosine: bool = False,
) -> list[Match]:
    """One match for each voice.

    Args:
        llr: (voices, people) calibrated LLRs.
        score: (voices, people) the scores they came from.
        speakers: The people, one a column.
        point: When a verdict is given; the default point if None.
        false_alarms: The calibration's.
        people: How many people the voices could be of, if more than were compared.
        distinct: Whether the voices are different people's: then they are judged together, and no two of them are
            ``known`` as one person.
        is_cosine: Whether the scores are cosines.

    Raises:
        InputError: the shapes do not fit, numbers are not finite, or as for `OperatingPoint.needed`.
    """
    if llr.shape != score.shape or llr.ndim != 2 or llr.shape[1] != len(speakers):
        raise InputError(f"LLRs {llr.shape} and scores {score.shape} do not fit {len(speakers)} speakers")
    if not np.isfinite(score).all():
        raise InputError("scores must be finite numbers: embed and score the voices again")
    point = point or OperatingPoint()
    people = max(people or 0, len(speakers))
    needed = point.needed(people, false_alarms)
    naming = _naming(llr, point.prior_unknown, people, distinct=distinct)
    if not len(speakers):
        return [Match(None, None, None, 0.0, None, Verdict.UNKNOWN, None)] * len(llr)
    alone = _naming(llr, point.prior_unknown, people, distinct=False) if distinct else naming
    probability = naming.belief.people
    somebody = posterior(llr, PRIOR_STRANGER, people).somebody
    odds = naming.belief.log_odds if point.fpir is None else np.broadcast_to(somebody[:, None], llr.shape)
    # Who loses a name to another voice may have been taken for two by the diarization: that makes no stranger.
    stranger = np.minimum(naming.belief.stranger, alone.belief.stranger)
    matches: list[Match] = []
    for voice, llrs in enumerate(llr):
        order = np.argsort(-llrs, kind="stable")
        best, verdict = int(order[0]), Verdict.UNKNOWN if stranger[voice] >= point.no else Verdict.UNSURE
        given = naming.given[voice]
        # Only a stranger is a false alarm; of the people, one must be more probable than all the others together.
        clear = point.fpir is None or probability[voice].max() > probability[voice].sum() / 2
        if given is not None and clear and odds[voice, given] >= needed:
            best, verdict = given, Verdict.KNOWN
        others = [int(person) for person in order[:2] if person != best]
        matches.append(
            Match(
                speaker=speakers[best],
                score=float(score[voice, best]),
                llr=float(llrs[best]),
                probability=float(probability[voice, best]),
                margin=float(llrs[best] - llrs[others[0]]) if others else None,
                verdict=verdict,
                runner_up=speakers[others[0]] if others else None,
                log_odds=float(odds[voice, best]),
                false_alarm=None if false_alarms is None else false_alarms.rate(float(somebody[voice]), people),
                stranger=float(stranger[voice]),
                is_cosine=is_cosine,
            )
        )
    return matches


def score_fields(score: float | None, *, is_cosine: bool) -> dict[str, float | None]:
    """A score as fields of JSON; ``cosine`` is null where it is none.

    >>> score_fields(0.65721, is_cosine=True)
    {'score': 0.65721, 'cosine': 0.65721}
    >>> score_fields(44.13, is_cosine=False)
    {'score': 44.13, 'cosine': None}
    """
    rounded = None if score is None else round(score, 6)
    return {"score": rounded, "cosine": rounded if is_cosine else None}


def score_text(score: float, digits: int, *, is_cosine: bool) -> str:
    """A score for people to read.

    >>> score_text(0.657, 2, is_cosine=True), score_text(44.13, 2, is_cosine=False)
    ('cosine 0.66', 'score 44.13')
    """
    return f"{'cosine' if is_cosine else 'score'} {score:.{digits}f}"


def rounded_rate(rate: float | None) -> float | None:
    """A rate to three digits, however small.

    >>> rounded_rate(0.000012345)
    1.23e-05
    """
    return None if rate is None else float(f"{rate:.3g}")


def _naming(llr: NDArray[Any], prior_stranger: float, people: int, *, distinct: bool) -> Naming:
    if distinct:
        return together(llr, prior_stranger, people)
    belief = posterior(llr, prior_stranger, people)
    return Naming(belief, tuple(map(int, belief.people.argmax(axis=1))) if llr.shape[1] else (None,) * len(llr))


def _logit(probability: float) -> float:
    return log(probability / (1.0 - probability))
