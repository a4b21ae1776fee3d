"""A gallery as the scorer sees it: everybody who could be meant, and how alike a voice is to each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spk.embed import ModelId
from spk.errors import FingerprintError, InputError, NotFoundError
from spk.identify.calibration import Calibration
from spk.identify.decision import Match, OperatingPoint, Verdict, decide
from spk.identify.false_alarms import FalseAlarms
from spk.identify.scoring import GalleryScorer as RecipeScorer
from spk.identify.scoring.recipe import Everybody
from spk.store.records import Gallery, Profile, ProfileStatistics, Speaker, SpeakerState, samples_key

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["CLEAR_SECONDS", "LEAST_SECONDS", "Comparison", "GalleryScorer", "unsure_if_short"]

LEAST_SECONDS = 0.5
"""Net speech under which no verdict is given on a voice: on shorter clips one best guess in five is wrong."""
CLEAR_SECONDS = 1.5
"""Net speech under which a voice may be recognised, but nobody is ruled out: most misses are on shorter clips."""

EXACT = 1000
"""Galleries of up to so many people are scored whole, larger ones through the vector engine."""
NOBODY = UUID(int=0)
CANDIDATES = 200
"""How many people of a large gallery are scored for one voice."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Voices against people.

    Attributes:
        profiles: Whom the voices were compared with, m people.
        score: (voices, m), of the calibration's recipe.
        llr: (voices, m), natural log.
        seconds: (voices,), the net speech behind each voice.
        people: How many people the voices could be of: those compared, and those who are too unlike to be.
        false_alarms: The calibration's.
        is_cosine: Whether the scores are cosines.
    """

    profiles: tuple[Profile, ...]
    score: NDArray[np.float64]
    llr: NDArray[np.float64]
    seconds: NDArray[np.float64]
    people: int
    false_alarms: FalseAlarms | None = None
    is_cosine: bool = False

    @cached_property
    def speakers(self) -> dict[UUID | None, Speaker]:
        """The people by id."""
        return {profile.speaker.id: profile.speaker for profile in self.profiles}

    def decide(self, point: OperatingPoint, *, distinct: bool) -> list[Match]:
        """One match a voice; see `spk.identify.decision.decide`.

        A voice of less than :data:`LEAST_SECONDS` takes nobody's name; see :func:`unsure_if_short`.
        """
        long = self.seconds >= LEAST_SECONDS
        sure = iter(self._decide(point, long, distinct=distinct))
        short = iter(() if long.all() else self._decide(point, ~long, distinct=False))
        return unsure_if_short([next(sure) if enough else next(short) for enough in long], self.seconds)

    def _decide(self, point: OperatingPoint, voices: NDArray[np.bool_], *, distinct: bool) -> list[Match]:
        return decide(
            self.llr[voices],
            self.score[voices],
            [profile.speaker.id for profile in self.profiles],
            point=point,
            false_alarms=self.false_alarms,
            people=self.people,
            distinct=distinct,
            is_cosine=self.is_cosine,
        )


def unsure_if_short(matches: Sequence[Match], seconds: ArrayLike) -> list[Match]:
    """The same, but for voices with too little speech for their verdict.

    Of less than :data:`LEAST_SECONDS` a voice is ``unsure`` whatever its scores say; of less than
    :data:`CLEAR_SECONDS` it is never ``unknown``, but in an empty gallery.
    """
    checked = []
    for match, net in zip(matches, np.asarray(seconds), strict=True):
        ruled_out = match.verdict is Verdict.UNKNOWN and match.speaker is not None
        short = net < LEAST_SECONDS or (net < CLEAR_SECONDS and ruled_out)
        checked.append(match.unsure() if short else match)
    return checked


class GalleryScorer:
    """Compares voices with the people of one gallery, as they are when it is made.

    Args:
        store: Where the gallery lies.
        gallery: Which one.
        model: The model of the vectors that will be compared.
        calibration: For that model.
        attendees: The only people who can be meant; everybody of the gallery, if None.

    Raises:
        FingerprintError: the calibration is another model's.
        InputError: there are no attendees.
    """

    def __init__(
        self,
        store: Store,
        gallery: Gallery,
        model: ModelId,
        calibration: Calibration,
        attendees: Sequence[Speaker] | None = None,
    ) -> None:
        self.store = store
        self.gallery = gallery
        self.model = model
        self.calibration = calibration.check(model)
        self.attendees = None if attendees is None else tuple({person.id: person for person in attendees}.values())
        if self.attendees == ():
            raise InputError("there are no attendees: name those who may be meant, or nobody at all")

    @cached_property
    def people(self) -> int:
        """How many people of the gallery a voice could be of."""
        return len(self._ids)

    @property
    def searched(self) -> int:
        """How many people a voice could be of: the attendees, or everybody."""
        return self.people if self.attendees is None else len(self.attendees)

    @cached_property
    def scorer(self) -> RecipeScorer:
        """Centred on the gallery, or on an even sample of a large one; on all of it also where few are compared."""
        return self.calibration.scorer(self._some)

    @cached_property
    def _models(self) -> list[str]:
        return self.store.models(self.gallery)

    @cached_property
    def _ids(self) -> list[UUID]:
        return self.store.matched_ids(self.gallery)

    @cached_property
    def _some(self) -> Everybody[Profile]:
        return Everybody(self._profiles(None if self.people <= EXACT else self._ids[:: self.people // EXACT]))

    @cached_property
    def _attending(self) -> list[Profile]:
        return [self.store.profile(person, self.model.fingerprint) for person in self.attendees or ()]

    def known(self, name: str) -> Profile | None:
        """What somebody of a name or label is known by; None for nobody, or nobody whom this model has heard."""
        try:
            return self.store.profile(self.store.speaker(self.gallery, name), self.model.fingerprint)
        except (NotFoundError, FingerprintError):
            return None

    def check(self) -> None:
        """See that somebody can be recognised; an empty gallery is fine.

        Raises:
            FingerprintError: everybody in the gallery, or an attendee, is enrolled by other models.
            NotFoundError: an attendee has no voiceprints, or is gone.
        """
        _ = self._attending
        if self._models and self.model.fingerprint not in self._models:
            raise FingerprintError(
                f'nobody in the gallery "{self.gallery.name}" is enrolled by the model {self.model.name}, only by '
                "others: choose one of them with --model, or enroll by this one, too"
            )

    def compare(self, vectors: NDArray[np.float32], seconds: Sequence[float]) -> Comparison:
        """Compare voices with everybody who could be meant.

        Args:
            vectors: (voices, dim).
            seconds: The net speech behind each of them.
        """
        profiles: Sequence[Profile]
        if self.attendees is not None:
            profiles = self._attending
        else:
            profiles = self._some if self.people <= EXACT else self._near(vectors)
        return self.against(profiles, vectors, seconds)

    def against(
        self, profiles: Sequence[Profile], vectors: NDArray[np.float32], seconds: Sequence[float]
    ) -> Comparison:
        """Compare voices with some people of the gallery, or with people who are not in it."""
        calibration, score = self.calibration, self.scorer(vectors, profiles)
        net = np.asarray(seconds, dtype=np.float64)
        if isinstance(profiles, Everybody):
            known_for = profiles.seconds
        else:
            known_for = np.array([profile.total_net_seconds for profile in profiles])
        return Comparison(
            profiles=profiles if isinstance(profiles, tuple) else tuple(profiles),
            score=score,
            llr=calibration.llr(score, net[:, None], known_for),
            seconds=net,
            people=self.searched,
            false_alarms=calibration.false_alarms,
            is_cosine=calibration.recipe.is_cosine,
        )

    def among(self, vectors: NDArray[np.float32], seconds: Sequence[float]) -> NDArray[np.float64]:
        """LLRs (voices, voices) that voices are one person's.

        Args:
            vectors: (voices, dim).
            seconds: The net speech behind each of them.
        """
        each = [self.anonymous(vectors[[row]], np.array([net])) for row, net in enumerate(seconds)]
        return self.against(each, vectors, seconds).llr

    def anonymous(self, vectors: NDArray[np.float32], seconds: NDArray[np.float64]) -> Profile:
        """Voices (n, dim) of one person who is not in the gallery, as a profile to compare with."""
        nobody = Speaker(NOBODY, self.gallery.id, None, SpeakerState.UNKNOWN, datetime.now(UTC))
        return Profile(nobody, vectors, seconds, (), self.model.fingerprint)

    def _near(self, vectors: NDArray[np.float32]) -> list[Profile]:
        model = self.model.fingerprint
        near = self.store.search(self.gallery, model, vectors, CANDIDATES)
        return self._profiles({candidate.speaker for candidates in near for candidate in candidates})

    def _profiles(self, speakers: Iterable[UUID] | None = None) -> list[Profile]:
        """Profiles with the statistics that were kept of them as they are now."""
        profiles = self.store.profiles(self.gallery, self.model.fingerprint, speakers)
        if self.calibration.recipe.cohort() is None:
            return profiles
        kept = self.store.statistics(self.calibration.id, [profile.speaker.id for profile in profiles])
        for number, profile in enumerate(profiles):
            known = kept.get(profile.speaker.id)
            if known and known.samples == samples_key(sample.id for sample in profile.samples):
                profiles[number] = replace(profile, cohort_statistics=(known.mean, known.deviation))
        return profiles

    def keep_statistics(self, profile: Profile) -> None:
        """Keep how a new or changed profile scores against the calibration's cohort, where the recipe has one."""
        found = self.calibration.recipe.cohort_statistics(profile)
        if found is None:
            return
        key = samples_key(sample.id for sample in profile.samples)
        computed = ProfileStatistics(profile.speaker.id, key, *found)
        self.store.keep_statistics(self.calibration.id, [computed])
