"""A gallery in memory, as it would be: who is known by what, while recordings are judged again."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError
from spk.identify import Calibration, GalleryScorer
from spk.identify.gallery import CANDIDATES, Comparison
from spk.store.records import Profile, Speaker

if TYPE_CHECKING:
    from spk.embed import ModelId
    from spk.identify.scoring import Recipe
    from spk.store.records import Gallery

__all__ = ["People", "Rehearsal"]


@dataclass(frozen=True, order=True, slots=True)
class _Print:
    """A voiceprint, in the order of its sample."""

    created: datetime
    sample: UUID
    net_seconds: float = field(compare=False)
    vector: NDArray[np.float32] = field(compare=False)


class People:
    """Who is known, and by which voiceprints of one model; samples are added one after the other.

    Args:
        profiles: Whom to begin with.
        others: Those who count, too, though they are known by other models alone.
        without: Samples that are left out.
    """

    def __init__(
        self, profiles: Iterable[Profile], others: Iterable[UUID] = (), without: Collection[UUID] = ()
    ) -> None:
        self._speakers: dict[UUID, Speaker] = {}
        self._prints: dict[UUID, list[_Print]] = {}
        self._profiles: dict[UUID, Profile] = {}
        self.ids = sorted(others)
        self._known: list[UUID] = []  # by the numbers that stand for them below
        self._numbers: dict[UUID, int] = {}
        self._stacked: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None  # (prints, dim), and whose
        self._fresh: list[tuple[NDArray[np.float32], int]] = []  # voiceprints that are to be added to it
        for profile in profiles:
            for row, sample in enumerate(profile.samples):
                if sample.id not in without:
                    seconds = float(profile.net_seconds[row])
                    self.add(profile.speaker, sample.created, sample.id, seconds, profile.vectors[row])

    def add(
        self, speaker: Speaker, created: datetime, sample: UUID, net_seconds: float, vector: NDArray[np.float32]
    ) -> None:
        """Somebody, perhaps new, is known by one more sample."""
        self.count(speaker.id)
        if speaker.id not in self._prints:
            self._prints[speaker.id] = []
            self._numbers[speaker.id] = len(self._known)
            self._known.append(speaker.id)
        self._speakers[speaker.id] = speaker
        insort(self._prints[speaker.id], _Print(created, sample, net_seconds, vector))
        self._profiles.pop(speaker.id, None)
        self._fresh.append((vector, self._numbers[speaker.id]))

    def count(self, speaker: UUID) -> None:
        """Somebody is there, known by this model or by others alone."""
        place = bisect_left(self.ids, speaker)
        if self.ids[place : place + 1] != [speaker]:
            self.ids.insert(place, speaker)

    def profiles(self, speakers: Iterable[UUID], model: str) -> list[Profile]:
        """What some people are known by; who is known by other models alone is left out."""
        return [self._profile(speaker, model) for speaker in speakers if speaker in self._prints]

    def measured(self, profile: Profile, recipe: Recipe) -> Profile:
        """One of these profiles, with how it scores against the recipe's cohort; it is measured once."""
        if profile.cohort_statistics is None:
            profile = replace(profile, cohort_statistics=recipe.cohort_statistics(profile))
            self._profiles[profile.speaker.id] = profile
        return profile

    def called(self, name: str) -> list[UUID]:
        """Those of a name or label who are known by this model."""
        return [speaker for speaker in self._prints if self._speakers[speaker].label == name]

    def nearest(self, vectors: NDArray[np.float32], k: int) -> set[UUID]:
        """Who is among the ``k`` people with the closest voiceprints for one of some vectors (n, dim)."""
        stacked, whose = self._all()
        best = np.full((len(self._known), len(vectors)), -np.inf, dtype=np.float32)
        np.maximum.at(best, whose, stacked @ vectors.T)
        ranked = np.argsort(-best, axis=0, kind="stable")[:k]
        return {self._known[number] for number in ranked.ravel().tolist()}

    def _all(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """All voiceprints (prints, dim), and the numbers of those whose they are."""
        if self._fresh:
            vectors, numbers = (np.array(column) for column in zip(*self._fresh, strict=True))
            self._fresh.clear()
            before = self._stacked or (vectors[:0], numbers[:0])
            self._stacked = np.concatenate([before[0], vectors]), np.concatenate([before[1], numbers])
        if self._stacked is None:
            raise InputError("nobody is known yet: there is nobody to search for")
        return self._stacked

    def _profile(self, speaker: UUID, model: str) -> Profile:
        known = self._profiles.get(speaker)
        if known is None:
            prints = self._prints[speaker]
            vectors, seconds = [one.vector for one in prints], [one.net_seconds for one in prints]
            person = self._speakers[speaker]
            known = Profile(person, np.stack(vectors), np.array(seconds, dtype=np.float64), (), model)
            self._profiles[speaker] = known
        return known


class Rehearsal(GalleryScorer):
    """Compares voices with people in memory, as `GalleryScorer` does with those of a store.

    Args:
        people: Who they are; they are not to change while this is used.
        gallery: Whose people they would be.
        model: The model of their voiceprints.
        calibration: For that model.
        attendees: The only people who can be meant; everybody, if None.
    """

    def __init__(
        self,
        people: People,
        gallery: Gallery,
        model: ModelId,
        calibration: Calibration,
        attendees: Sequence[UUID] | None = None,
    ) -> None:
        nowhere: Any = None  # nothing is read from a store
        super().__init__(nowhere, gallery, model, calibration)
        self._known = people
        self._invited = attendees
        if attendees is not None:  # in their order, as `GalleryScorer` has them; less those who are gone
            everybody = set(people.ids)
            self._invited = [one for one in attendees if one in everybody]

    @property
    def searched(self) -> int:
        """How many people a voice could be of: the attendees, or everybody."""
        return self.people if self._invited is None else len(self._invited)

    @cached_property
    def _ids(self) -> list[UUID]:
        return list(self._known.ids)

    def known(self, name: str) -> Profile | None:
        """As `GalleryScorer.known`."""
        return next(iter(self._profiles(self._known.called(name))), None)

    def compare(self, vectors: NDArray[np.float32], seconds: Sequence[float]) -> Comparison:
        """As `GalleryScorer.compare`."""
        if self._invited is None:
            return super().compare(vectors, seconds)
        return self.against(self._profiles(self._invited), vectors, seconds)

    def _near(self, vectors: NDArray[np.float32]) -> list[Profile]:
        return self._profiles(sorted(self._known.nearest(vectors, CANDIDATES)))

    def _profiles(self, speakers: Iterable[UUID] | None = None) -> list[Profile]:
        found = self._known.profiles(self._ids if speakers is None else speakers, self.model.fingerprint)
        recipe = self.calibration.recipe
        return found if recipe.cohort() is None else [self._known.measured(profile, recipe) for profile in found]
