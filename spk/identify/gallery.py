"""A gallery as the scorer sees it: everybody who could be meant, and how alike a voice is to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.embed import ModelId
from spk.errors import FingerprintError
from spk.identify.calibration import Calibration
from spk.identify.decision import PRIOR_STRANGER, Match, Thresholds, decide
from spk.identify.scoring import CentredCosine
from spk.store.records import Gallery, Profile, Speaker, SpeakerState

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["LEAST_SECONDS", "Comparison", "GalleryScorer"]

LEAST_SECONDS = 0.5
"""Net speech under which nothing is said of a voice: on shorter clips one best guess in five is wrong."""

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
        cosine: (voices, m), of the calibration's recipe.
        llr: (voices, m), natural log.
        prior_stranger: How probable a stranger is against these m people before anything is heard.
    """

    profiles: tuple[Profile, ...]
    cosine: NDArray[np.float64]
    llr: NDArray[np.float64]
    prior_stranger: float

    @property
    def speakers(self) -> dict[UUID | None, Speaker]:
        """The people by id."""
        return {profile.speaker.id: profile.speaker for profile in self.profiles}

    def decide(self, thresholds: Thresholds, *, distinct: bool) -> list[Match]:
        """One match a voice; see `spk.identify.decision.decide`."""
        return decide(
            self.llr,
            self.cosine,
            [profile.speaker.id for profile in self.profiles],
            thresholds=thresholds,
            prior_stranger=self.prior_stranger,
            distinct=distinct,
        )


class GalleryScorer:
    """Compares voices with the people of one gallery, as they are when it is made.

    Args:
        store: Where the gallery lies.
        gallery: Which one.
        model: The model of the vectors that will be compared.
        calibration: For that model.
        prior_stranger: How probable a stranger is before anything is heard.

    Raises:
        FingerprintError: the calibration is another model's.
    """

    def __init__(
        self,
        store: Store,
        gallery: Gallery,
        model: ModelId,
        calibration: Calibration,
        prior_stranger: float = PRIOR_STRANGER,
    ) -> None:
        self.store = store
        self.gallery = gallery
        self.model = model
        self.calibration = calibration.check(model)
        self.prior_stranger = prior_stranger

    @cached_property
    def people(self) -> int:
        """How many people the gallery has."""
        return len(self.store.speakers(self.gallery))

    @cached_property
    def scorer(self) -> CentredCosine:
        """Centred on the gallery, or on an even sample of a large one."""
        return self.calibration.scorer(tuple(self._some))

    @cached_property
    def _some(self) -> list[Profile]:
        if self.people <= EXACT:
            return self.store.profiles(self.gallery, self.model.fingerprint)
        ids = sorted(speaker.id for speaker in self.store.speakers(self.gallery))
        return self.store.profiles(self.gallery, self.model.fingerprint, ids[:: len(ids) // EXACT])

    def check(self) -> None:
        """See that somebody can be recognised; an empty gallery is fine.

        Raises:
            FingerprintError: everybody in the gallery is enrolled by other models.
        """
        models = self.store.models(self.gallery)
        if models and self.model.fingerprint not in models:
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
        profiles = self._some if self.people <= EXACT else self._near(vectors)
        return self.against(profiles, vectors, seconds)

    def against(
        self, profiles: Sequence[Profile], vectors: NDArray[np.float32], seconds: Sequence[float]
    ) -> Comparison:
        """Compare voices with some people of the gallery, or with people who are not in it."""
        cosine = self.scorer(vectors, profiles)
        known_for = np.array([profile.total_net_seconds for profile in profiles])
        llr = self.calibration.llr(cosine, np.asarray(seconds)[:, None], known_for)
        # Each of the gallery's people is as probable as before, however few of them are compared here.
        odds = self.prior_stranger / (1 - self.prior_stranger) * max(self.people, 1) / max(len(profiles), 1)
        return Comparison(tuple(profiles), cosine, llr, odds / (1 + odds))

    def anonymous(self, vectors: NDArray[np.float32], seconds: NDArray[np.float64]) -> Profile:
        """Voices (n, dim) of one person who is not in the gallery, as a profile to compare with."""
        nobody = Speaker(NOBODY, self.gallery.id, None, SpeakerState.UNKNOWN, datetime.now(UTC))
        return Profile(nobody, vectors, seconds, (), self.model.fingerprint)

    def _near(self, vectors: NDArray[np.float32]) -> list[Profile]:
        model = self.model.fingerprint
        near = (self.store.candidates(self.gallery, model, vector, CANDIDATES) for vector in vectors)
        ids = {candidate.speaker for candidates in near for candidate in candidates}
        return self.store.profiles(self.gallery, model, ids)
