"""Is everybody enrolled well? Profiles examined by what is stored of them; no audio is needed.

Everybody is compared with everybody else of a gallery of up to `EXACT` people; in a larger one with the `RIVALS`
people whom the vector engine finds nearest, so that a look-alike or a copy beyond those is overlooked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.embed.weights import Progress
from spk.enroll.enroller import STRANGE
from spk.errors import InputError
from spk.evaluate.advice import advise
from spk.evaluate.checkup import Checkup, LookAlike, MissRate, Retired, SampleCheck, Spread
from spk.evaluate.copies import copies
from spk.evaluate.likeness import among, mean
from spk.evaluate.misses import Rival, Standing, deviations, predicted_fnir
from spk.identify.decision import PRIOR_STRANGER, OperatingPoint, Verdict
from spk.identify.gallery import EXACT, LEAST_SECONDS, GalleryScorer
from spk.store.records import Profile, Sample, Speaker, SpeakerState

__all__ = ["LENGTHS", "RIVALS", "TYPICAL_SECONDS", "examine"]

TYPICAL_SECONDS = 3.0
"""Net speech of a typical probe."""
LENGTHS = (1.5, 10.0)
"""For which the predicted FNIR is said, too."""
RIVALS = 20
AT_ONCE = 256  # samples that are compared with the gallery at once
AT_ONCE_LARGE = 8  # the same where each brings candidates of its own

Floats = NDArray[np.float64]


def examine(
    scorer: GalleryScorer,
    point: OperatingPoint | None = None,
    speakers: Sequence[Speaker] | None = None,
    *,
    seconds: float = TYPICAL_SECONDS,
    progress: Progress | None = None,
) -> list[Checkup]:
    """Examine people of a gallery.

    Args:
        scorer: The gallery.
        point: When identification gives a name; the default point if None.
        speakers: Whom; everybody who is enrolled by name, if None.
        seconds: Net speech of a typical probe.
        progress: Told of the people done.

    Returns:
        One for each, the worst first.

    Raises:
        InputError: an impossible number of seconds, or as for `OperatingPoint.needed`.
        FingerprintError: the calibration is another model's.
    """
    if not (isfinite(seconds) and seconds > 0):
        raise InputError(f"a probe has some seconds of speech, not {seconds:g}: try {TYPICAL_SECONDS:g}")
    everybody = scorer.store.speakers(scorer.gallery)
    if speakers is None:
        speakers = [speaker for speaker in everybody if speaker.state is SpeakerState.ENROLLED]
    doctor = _Doctor(scorer, point or OperatingPoint(), seconds, {person.id: person for person in everybody})
    report = progress or (lambda *_: None)
    report(0, len(speakers), "examining people")
    found: list[Checkup] = []
    for group in doctor.groups(speakers):
        for checkup in doctor.checkups(group):
            found.append(checkup)
            report(len(found), len(speakers), "examining people")
    return sorted(found, key=lambda checkup: checkup.urgency)


@dataclass(frozen=True, eq=False)
class _Group:
    """People to examine, and those whom they are compared with.

    Attributes:
        profiles: Of everybody, those to examine included, by the model in use.
        samples: Every sample of those to examine; of the others, those that the profiles have or more.
    """

    people: Sequence[Speaker]
    profiles: Mapping[UUID, Profile]
    samples: Sequence[Sample]


@dataclass(frozen=True, eq=False)
class _Rest:
    """A person's samples (n,), each against the rest; NaN where there is no rest."""

    score: Floats
    llr: Floats
    rest_seconds: Floats


class _Doctor:
    def __init__(
        self, scorer: GalleryScorer, point: OperatingPoint, seconds: float, everybody: Mapping[UUID, Speaker]
    ) -> None:
        self.scorer = scorer
        self.point = point
        self.seconds = seconds
        self.lengths = sorted({*LENGTHS, seconds})
        self.everybody = everybody
        self.large = len(everybody) > EXACT
        self.silent = {person.id for person in scorer.store.lacking_consent(scorer.gallery)}
        self.needed = point.needed_llr(len(everybody), scorer.calibration.false_alarms)

    def groups(self, people: Sequence[Speaker]) -> Iterator[_Group]:
        """Everybody at once in a small gallery, one by one in a large one."""
        scorer, store = self.scorer, self.scorer.store
        gallery, model = scorer.gallery, scorer.model.fingerprint
        if not self.large:
            profiles = {profile.speaker.id: profile for profile in store.profiles(gallery, model)}
            yield _Group(people, profiles, store.samples(gallery))
            return
        for person in people:
            profiles = {profile.speaker.id: profile for profile in store.profiles(gallery, model, {person.id})}
            if profiles:
                near = store.candidates(gallery, model, mean(profiles[person.id]), RIVALS + 1)
                rivals = {candidate.speaker for candidate in near} - {person.id}
                profiles |= {profile.speaker.id: profile for profile in store.profiles(gallery, model, rivals)}
            theirs = [sample for other in profiles.values() for sample in other.samples if sample.speaker != person.id]
            yield _Group([person], profiles, [*store.samples(person), *theirs])

    def checkups(self, group: _Group) -> Iterator[Checkup]:
        """Everybody of a group, examined."""
        own = [group.profiles[person.id] for person in group.people if person.id in group.profiles]
        rests = {profile.speaker.id: self._left_out(profile) for profile in own}
        sounds_like = self._sounds_like(own, rests)
        nearest = self._nearest(own, list(group.profiles.values()))
        copied = copies(group.people, list(group.profiles.values()), group.samples, self.everybody)
        samples: dict[UUID, list[Sample]] = {person.id: [] for person in group.people}
        for sample in group.samples:
            if sample.speaker in samples:
                samples[sample.speaker].append(sample)
        for person in group.people:
            checkup = replace(
                self._checkup(
                    person,
                    group.profiles.get(person.id),
                    samples[person.id],
                    rests.get(person.id),
                    sounds_like,
                    nearest.get(person.id),
                ),
                duplicates=copied.get(person.id, ()),
            )
            yield replace(checkup, advice=advise(checkup))

    def _checkup(  # noqa: PLR0917 - one caller
        self,
        person: Speaker,
        profile: Profile | None,
        samples: Sequence[Sample],
        rest: _Rest | None,
        sounds_like: Mapping[UUID, tuple[Speaker, float]],
        nearest: LookAlike | None,
    ) -> Checkup:
        checks = {sample.id: SampleCheck(sample) for sample in samples}
        misses: tuple[MissRate, ...] = ()
        spread = None
        if profile is not None and rest is not None:
            foreign = {row for row, sample in enumerate(profile.samples) if sample.id in sounds_like}
            unlike = self._unlike(profile, rest, foreign)
            for row, sample in enumerate(profile.samples):
                other = sounds_like.get(sample.id, (None, None))
                judged = np.isfinite(rest.llr[row])
                checks[sample.id] = SampleCheck(
                    sample,
                    score=float(rest.score[row]) if judged else None,
                    llr=float(rest.llr[row]) if judged else None,
                    unlike=row in unlike,
                    sounds_like=other[0],
                    other_llr=other[1],
                )
            spread = _spread(rest)
            # What may not be the person's says nothing of how the person is recognised.
            doubtful = foreign | unlike
            standing = self._standing(profile, self._left_out(profile, doubtful) if doubtful else rest)
            misses = tuple(MissRate(length, self._fnir(profile, standing, nearest, length)) for length in self.lengths)
        days = {sample.created.date() for sample in samples}
        recordings = len({sample.recording.id for sample in samples})
        return Checkup(
            speaker=person,
            model=self.scorer.model,
            net_seconds=profile.total_net_seconds if profile else 0.0,
            recordings=recordings,
            sessions=len(days) if len(days) > 1 else recordings,
            spread=spread,
            misses=misses,
            typical=self.seconds,
            needed_llr=self.needed,
            nearest=nearest,
            checks=tuple(checks.values()),
            retired=() if person.id in self.silent else self._retired(person, profile, samples),
            consents=person.id not in self.silent,
        )

    def _left_out(self, profile: Profile, without: Collection[int] = ()) -> _Rest:
        """Each sample against the speech of the other recordings; of one recording, against the other samples.

        Samples of one recording would vouch for one another, also where all of it is somebody else's.
        """
        scorer, count = self.scorer, len(profile.vectors)
        score, llr, seconds = np.full((3, count), np.nan)
        kept = np.array([row not in without for row in range(count)])
        recordings = np.array([sample.recording.id.int for sample in profile.samples], dtype=object)
        parts = recordings if len(set(recordings[kept])) > 1 else np.arange(count)
        for part in dict.fromkeys(parts[kept]):
            mine, rest = kept & (parts == part), kept & (parts != part)
            if not rest.any():
                continue
            person = scorer.anonymous(profile.vectors[rest], profile.net_seconds[rest])
            compared = scorer.against([person], profile.vectors[mine], profile.net_seconds[mine].tolist())
            score[mine], llr[mine] = compared.score[:, 0], compared.llr[:, 0]
            seconds[mine] = person.total_net_seconds
        return _Rest(score, llr, seconds)

    def _unlike(self, profile: Profile, rest: _Rest, foreign: set[int]) -> set[int]:
        """Samples that enrollment would refuse beside the others: the worst goes first, then the rest is heard again.

        Of two that are left nobody knows which is right, so both are.
        """
        if not (rest.llr < STRANGE).any():
            return set()
        unlike: set[int] = set()
        while True:
            llr = self._left_out(profile, foreign | unlike).llr
            if not (llr < STRANGE).any():
                return unlike
            left = np.flatnonzero(np.isfinite(llr))
            if len(left) == 2:
                return unlike | set(map(int, left))
            unlike.add(int(np.nanargmin(llr)))

    def _sounds_like(
        self, profiles: Sequence[Profile], rests: Mapping[UUID, _Rest]
    ) -> dict[UUID, tuple[Speaker, float]]:
        """Samples for which the rest speaks against the person, and which are another's with certainty."""
        doubtful = [
            (profile, int(row)) for profile in profiles for row in np.flatnonzero(rests[profile.speaker.id].llr < 0.0)
        ]
        step = AT_ONCE_LARGE if self.large else AT_ONCE
        found: dict[UUID, tuple[Speaker, float]] = {}
        for start in range(0, len(doubtful), step):
            some = doubtful[start : start + step]
            vectors = np.stack([profile.vectors[row] for profile, row in some])
            comparison = self.scorer.compare(vectors, [float(profile.net_seconds[row]) for profile, row in some])
            column = {profile.speaker.id: place for place, profile in enumerate(comparison.profiles)}
            llr = comparison.llr.copy()
            for place, (profile, row) in enumerate(some):
                if profile.speaker.id in column:  # against the profile without the sample
                    llr[place, column[profile.speaker.id]] = rests[profile.speaker.id].llr[row]
            matches = replace(comparison, llr=llr).decide(OperatingPoint(), distinct=False)
            for (profile, row), match in zip(some, matches, strict=True):
                if match.verdict is Verdict.KNOWN and match.speaker not in (None, profile.speaker.id):
                    other = comparison.speakers[match.speaker]
                    found[profile.samples[row].id] = (other, float(match.llr or 0.0))
        return found

    def _nearest(self, own: Sequence[Profile], profiles: Sequence[Profile]) -> dict[UUID, LookAlike]:
        """Whoever of the profiles is most alike, by whichever of the two is heard."""
        if not own or len(profiles) < 2:
            return {}
        forth = among(self.scorer, own, profiles)  # (own, profiles)
        back = among(self.scorer, profiles, own).T
        most = np.maximum(forth, back)
        places = {profile.speaker.id: place for place, profile in enumerate(profiles)}
        most[np.arange(len(own)), [places[profile.speaker.id] for profile in own]] = -np.inf
        nearest = {}
        for row, profile in enumerate(own):
            best = int(most[row].argmax())
            llr, llr_back = float(forth[row, best]), float(back[row, best])
            named = bool(max(llr, llr_back) >= self.needed)
            nearest[profile.speaker.id] = LookAlike(profiles[best].speaker, llr, llr_back, named)
        return nearest

    def _standing(self, profile: Profile, rest: _Rest) -> Standing:
        """What the samples, each against the person's other recordings, say of the person."""
        by_recording: dict[UUID, list[float]] = {}
        seconds = np.where(np.isfinite(rest.llr), rest.rest_seconds, 0.0)
        found = deviations(self.scorer.calibration, np.nan_to_num(rest.llr), profile.net_seconds, seconds)
        for row, sample in enumerate(profile.samples):
            if np.isfinite(found[row]) and profile.net_seconds[row] >= LEAST_SECONDS:
                by_recording.setdefault(sample.recording.id, []).append(float(found[row]))
        return Standing.of(list(by_recording.values()))

    def _fnir(self, profile: Profile, standing: Standing, nearest: LookAlike | None, seconds: float) -> float | None:
        if seconds < LEAST_SECONDS:
            return 1.0  # no verdict is given on so little
        rival = None
        if nearest is not None:
            prior = self.point.prior_unknown if self.point.fpir is None else PRIOR_STRANGER
            rival = Rival(nearest.most, len(self.everybody) * prior / (1.0 - prior))
        return predicted_fnir(
            self.scorer.calibration,
            standing,
            self.needed,
            seconds=seconds,
            profile_seconds=profile.total_net_seconds,
            rival=rival,
        )

    def _retired(self, person: Speaker, profile: Profile | None, samples: Sequence[Sample]) -> tuple[Retired, ...]:
        """The other models that made the voiceprints of samples without one by the model in use."""
        known = {sample.id for sample in profile.samples} if profile else set()
        missing = {sample.id for sample in samples} - known
        if not missing:
            return ()
        prints = self.scorer.store.voiceprints(person)
        counted = Counter(one.model for one in prints if one.sample in missing)
        return tuple(Retired(model, count) for model, count in counted.most_common())


def _spread(rest: _Rest) -> Spread | None:
    score, llr = rest.score[np.isfinite(rest.llr)], rest.llr[np.isfinite(rest.llr)]
    if not len(llr):
        return None
    return Spread(float(score.min()), float(np.median(score)), float(llr.min()), float(np.median(llr)))
