"""The queue of strangers: whom to ask about first, and what helps to answer.

They are ordered by what one answer would label: the seconds of speech that would get a name; then the number of
recordings; then who was heard last. Voices that a person gave to somebody, but whose profile did not learn from them,
are listed beside, so that they are not forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.identify import GalleryScorer
from spk.identify.grouping import JOINED
from spk.identify.mixture import part
from spk.review.correcting import STRANGE
from spk.review.people import People, Rehearsal
from spk.review.relabel import Judge
from spk.review.settling import Learn
from spk.store.heard import Hearing, SaidBy
from spk.store.records import Gallery, Profile, Sample, Speaker, SpeakerState
from spk.timeline import total

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["Held", "Likeness", "Queue", "Suspicion", "Unknown", "held_back"]

NEAREST = 3
"""So many enrolled people, and other strangers, are named at most."""
PIECES = 64
"""So many pieces of a stranger are looked at, the longest ones, for two people's speech."""
BLOCK = 512  # strangers who are compared with everybody at a time


@dataclass(frozen=True, slots=True)
class Likeness:
    """Somebody who sounds like a stranger: the LLR (natural log) that they are one person."""

    speaker: Speaker
    llr: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {"name": self.speaker.label, "speaker_id": str(self.speaker.id), "llr": round(self.llr, 4)}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why a stranger seems to be two people.

    Attributes:
        llr: That the two voices are one person's, natural log.
        seconds: Net speech of each, the longer first.
        samples: The samples of the second voice, which a split would set apart; none where the two are in one sample.
    """

    llr: float
    seconds: tuple[float, float]
    samples: tuple[UUID, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        seconds = [round(one, 3) for one in self.seconds]
        return {"llr": round(self.llr, 4), "net_speech": seconds, "samples": [str(one) for one in self.samples]}


@dataclass(frozen=True, slots=True)
class Unknown:
    """A stranger, and what one answer about them would label.

    Attributes:
        speaker: Who.
        seconds: The speech that would get a name.
        recordings: In how many recordings.
        samples: By how many samples they are known.
        last_heard: When a recording with them was last heard.
        nearest: The enrolled people who sound most like them.
        alike: Other strangers who may be the same person: at least :data:`~spk.identify.grouping.JOINED` in both
            directions, and not heard beside each other in a recording.
        suspicion: Why they seem to be two people, if they do.
    """

    speaker: Speaker
    seconds: float
    recordings: int
    samples: int
    last_heard: datetime
    nearest: tuple[Likeness, ...] = ()
    alike: tuple[Likeness, ...] = ()
    suspicion: Suspicion | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "kind": "unknown",
            "name": self.speaker.label,
            "speaker_id": str(self.speaker.id),
            "net_speech": round(self.seconds, 3),
            "recordings": self.recordings,
            "samples": self.samples,
            "last_heard": self.last_heard.isoformat(),
            "nearest": [one.to_json() for one in self.nearest],
            "merge": [one.to_json() for one in self.alike],
            "two_voices": None if self.suspicion is None else self.suspicion.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Held:
    """A voice that a person gave to somebody whose profile did not learn from it.

    Attributes:
        recording: As it was named.
        voice: The label of the voice.
        speaker: Whose it is said to be.
        seconds: What it says alone.
        llr: Against the profile, where it is unlike it; None where the voice itself seems to be two people's.
    """

    recording: str
    voice: str
    speaker: Speaker
    seconds: float
    llr: float | None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "kind": "held",
            "recording": self.recording,
            "voice": self.voice,
            "name": self.speaker.label,
            "speaker_id": str(self.speaker.id),
            "net_speech": round(self.seconds, 3),
            "llr": None if self.llr is None else round(self.llr, 4),
        }


@dataclass(frozen=True, slots=True)
class Queue:
    """What awaits a person's answer.

    Attributes:
        unknowns: The strangers, in the order in which to ask.
        held: Voices that profiles did not learn from, by recording.
        people: How many strangers there are, listed or not.
    """

    unknowns: tuple[Unknown, ...]
    held: tuple[Held, ...]
    people: int

    @classmethod
    def of(
        cls,
        store: Store,
        gallery: Gallery,
        judge_of: Callable[[str], Judge | None],
        *,
        skip: int = 0,
        limit: int | None = None,
        only: Speaker | None = None,
    ) -> Queue:
        """The queue of a gallery.

        Args:
            store: Where.
            gallery: Whose strangers.
            judge_of: How voices are compared, by the fingerprint of their model; of models for which it is None,
                nothing is compared.
            skip: How many strangers to leave out at the beginning.
            limit: How many to list then; all of them, if None.
            only: The only one to list.
        """
        hearings, samples = store.hearings(gallery), store.samples(gallery)
        strangers = [only] if only is not None else store.speakers(gallery, SpeakerState.UNKNOWN)
        line = _line(strangers, hearings, samples)
        chosen = line[skip:][:limit]
        apart = _apart(hearings)
        voices = {voice.sample: voice.id for hearing in hearings for voice in hearing.voices if voice.sample}
        held: list[Held] = []
        done: dict[UUID, Unknown] = {}
        for view in _views(store, gallery, judge_of):
            here = [one for one in chosen if one.speaker.id in view.profiles and one.speaker.id not in done]
            done.update((one.speaker.id, one) for one in view.compared(here, apart, voices))
            held += view.held(hearings, samples)
        unknowns = (done.get(one.speaker.id, one) for one in chosen)
        return cls(tuple(unknowns), tuple(sorted(held, key=lambda one: (one.recording, one.voice))), len(line))


def held_back(store: Store, gallery: Gallery, judge_of: Callable[[str], Judge | None], person: Speaker) -> list[Held]:
    """The voices that one person's profile did not learn from, as in the queue of the gallery."""
    hearings = store.hearings_of(person)
    said = [voice for hearing in hearings for voice in hearing.voices if voice.said.said_by is SaidBy.PERSON]
    theirs = [voice.sample for voice in said if voice.said.speaker == person.id and voice.sample is not None]
    if not any(voice.said.speaker == person.id for voice in said):
        return []
    samples = [one.sample for model in store.models(gallery) for one in store.sample_prints(model, theirs).values()]
    views = _views(store, gallery, judge_of, {person.id})
    return [one for view in views for one in view.held(hearings, samples) if one.speaker.id == person.id]


@dataclass
class _Heard:
    """What is known of one stranger."""

    seconds: float = 0.0
    recordings: set[UUID] = field(default_factory=set)
    samples: int = 0
    last: datetime | None = None

    def add(self, recording: UUID, when: datetime, seconds: float) -> None:
        """One more voice, or one more sample of a recording of which nothing else is kept."""
        self.seconds += seconds
        self.recordings.add(recording)
        self.last = when if self.last is None else max(self.last, when)


def _line(strangers: Iterable[Speaker], hearings: Iterable[Hearing], samples: Iterable[Sample]) -> list[Unknown]:
    """The strangers in their order."""
    heard: dict[UUID, _Heard] = defaultdict(_Heard)
    known: set[UUID | None] = set()
    for hearing in hearings:
        for voice in hearing.voices:
            if voice.said.speaker is not None:
                heard[voice.said.speaker].add(hearing.recording.id, hearing.created, voice.net_seconds)
                known.add(voice.sample)
    for sample in samples:
        heard[sample.speaker].samples += 1
        if sample.id not in known:
            heard[sample.speaker].add(sample.recording.id, sample.created, sample.net_seconds)
    line = [
        Unknown(one, of.seconds, len(of.recordings), of.samples, of.last or one.created)
        for one in strangers
        for of in (heard[one.id],)
    ]
    return sorted(line, key=lambda one: (-one.seconds, -one.recordings, -one.last_heard.timestamp(), one.speaker.id))


def _apart(hearings: Iterable[Hearing]) -> set[frozenset[UUID]]:
    """Pairs who were heard beside each other in a recording, and not as one voice."""
    pairs = set()
    for hearing in hearings:
        said = [voice.said for voice in hearing.voices if voice.said.speaker is not None]
        for one, other in combinations(said, 2):
            together = one.judged_as is not None and one.judged_as == other.judged_as
            if one.speaker and other.speaker and one.speaker != other.speaker and not together:
                pairs.add(frozenset((one.speaker, other.speaker)))
    return pairs


def _views(
    store: Store, gallery: Gallery, judge_of: Callable[[str], Judge | None], people: Collection[UUID] | None = None
) -> Iterator[_View]:
    """Of each model by which voices can be compared."""
    for model in store.models(gallery):
        how = judge_of(model)
        if how is not None:
            yield _View(store, gallery, how, people)


class _View:
    """The people of a gallery by one model.

    Args:
        store: Where.
        gallery: Whose people.
        how: How they are compared.
        people: The only ones; everybody, if None.

    Attributes:
        profiles: Theirs.
    """

    def __init__(self, store: Store, gallery: Gallery, how: Judge, people: Collection[UUID] | None = None) -> None:
        self._store = store
        self._model = how.model.fingerprint
        self.profiles = {one.speaker.id: one for one in store.profiles(gallery, self._model, people)}
        self._scorer = GalleryScorer(store, gallery, how.model, how.calibration)
        self._among = Rehearsal(People(()), gallery, how.model, how.calibration).among  # whoever is in the gallery
        self._learn = how.learn

    def compared(
        self, unknowns: Sequence[Unknown], apart: set[frozenset[UUID]], voices: Mapping[UUID, UUID]
    ) -> list[Unknown]:
        """Some strangers with what they sound like.

        Args:
            unknowns: Whom to compare.
            apart: Pairs who are two people.
            voices: The voices that samples come from.
        """
        everybody = self.profiles.values()
        enrolled = [one for one in everybody if one.speaker.state is SpeakerState.ENROLLED]
        strange = [one for one in everybody if one.speaker.state is SpeakerState.UNKNOWN]
        near = self._nearest(unknowns, enrolled)
        alike = self._alike(unknowns, strange, apart)
        suspicions = self._suspicions(unknowns, voices)
        return [
            replace(one, nearest=near[row], alike=alike[row], suspicion=suspicions[row])
            for row, one in enumerate(unknowns)
        ]

    def _nearest(self, unknowns: Sequence[Unknown], people: Sequence[Profile]) -> list[tuple[Likeness, ...]]:
        found: list[tuple[Likeness, ...]] = []
        for some in _blocks(unknowns):
            llr = self._llr(some, people)
            found += [
                tuple(
                    Likeness(people[at].speaker, float(row[at]))
                    for at in np.argsort(-row, kind="stable")[:NEAREST].tolist()
                )
                for row in llr
            ]
        return found

    def _alike(
        self, unknowns: Sequence[Unknown], strange: Sequence[Profile], apart: set[frozenset[UUID]]
    ) -> list[tuple[Likeness, ...]]:
        found = []
        for some in _blocks(unknowns):
            llr = self._llr(some, strange)
            for one, row in zip(some, llr, strict=True):
                likely = [
                    at for at in np.flatnonzero(row >= JOINED).tolist() if strange[at].speaker.id != one.speaker.id
                ]
                likely = [at for at in likely if frozenset((one.speaker.id, strange[at].speaker.id)) not in apart]
                found.append(self._both_ways(one, [(strange[at], float(row[at])) for at in likely]))
        return found

    def _both_ways(self, one: Unknown, likely: Sequence[tuple[Profile, float]]) -> tuple[Likeness, ...]:
        """Those who are like somebody, and whom they are like; the closest ones."""
        if not likely:
            return ()
        back = self._against([profile for profile, _ in likely], [self.profiles[one.speaker.id]])[:, 0]
        pairs = zip(likely, back.tolist(), strict=True)
        both = [Likeness(profile.speaker, min(llr, other)) for (profile, llr), other in pairs]
        ranked = sorted(both, key=lambda other: (-other.llr, other.speaker.id))
        return tuple(other for other in ranked if other.llr >= JOINED)[:NEAREST]

    def _llr(self, some: Sequence[Unknown], people: Sequence[Profile]) -> NDArray[np.float64]:
        return self._against([self.profiles[one.speaker.id] for one in some], people)

    def _against(self, some: Sequence[Profile], people: Sequence[Profile]) -> NDArray[np.float64]:
        """LLRs (some, people) of people, each as one voice, against others."""
        rows = np.stack([one.net_seconds @ one.vectors for one in some])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        score = self._scorer.scorer(rows, people)
        net, known_for = (np.array([one.total_net_seconds for one in them]) for them in (some, people))
        return self._scorer.calibration.llr(score, net[:, None], known_for)

    def _suspicions(self, unknowns: Sequence[Unknown], voices: Mapping[UUID, UUID]) -> list[Suspicion | None]:
        found: list[Suspicion | None] = []
        for some in _blocks(unknowns):
            samples = [sample.id for one in some for sample in self.profiles[one.speaker.id].samples]
            pieces = self._store.pieces([voices[sample] for sample in samples if sample in voices])
            found += [self._suspicion(self.profiles[one.speaker.id], voices, pieces) for one in some]
        return found

    def _suspicion(self, profile: Profile, voices: Mapping[UUID, UUID], pieces: Mapping[UUID, Any]) -> Suspicion | None:
        """Whether a profile seems to be two people's, going by the pieces of its samples."""
        rows: list[tuple[float, UUID, NDArray[np.float32]]] = []
        for sample, seconds, vector in zip(profile.samples, profile.net_seconds, profile.vectors, strict=True):
            own = pieces.get(voices[sample.id], ()) if sample.id in voices else ()
            rows += [(total(piece.parts), sample.id, piece.vector) for piece in own] or [
                (float(seconds), sample.id, vector)
            ]
        rows = sorted(rows, key=lambda row: -row[0])[:PIECES]
        mixture = part(np.stack([vector for _, _, vector in rows]), [net for net, _, _ in rows], self._among)
        if not mixture.mixed or mixture.llr is None:
            return None
        first, second = ([rows[row] for row in group] for group in mixture.groups)
        share: dict[UUID, float] = defaultdict(float)  # how much more of a sample is the second voice's
        for group, sign in ((first, -1.0), (second, 1.0)):
            for net, sample_id, _ in group:
                share[sample_id] += sign * net
        theirs = tuple(sample.id for sample in profile.samples if share[sample.id] > 0)
        one, other = mixture.seconds
        return Suspicion(mixture.llr, (one, other), theirs if len(theirs) < len(profile.samples) else ())

    def held(self, hearings: Iterable[Hearing], samples: Iterable[Sample]) -> list[Held]:
        """The voices that profiles did not learn from, as long as they are to learn from what people confirm."""
        if self._learn is Learn.NEVER:
            return []
        found, owned = [], {sample.id for sample in samples}
        for hearing in (one for one in hearings if one.model == self._model):
            for voice in hearing.voices:
                profile = self.profiles.get(voice.said.speaker) if voice.said.speaker else None
                said = voice.said.said_by is SaidBy.PERSON and voice.vector is not None and voice.sample not in owned
                if not said or profile is None or profile.speaker.state is SpeakerState.NEVER:
                    continue
                source, llr = hearing.recording.source, None
                if not voice.mixed:
                    own: Any = voice.vector
                    llr = float(self._scorer.against([profile], own[None], [voice.heard]).llr[0, 0])
                    if llr >= STRANGE:  # speech that the profile has already, or learning was off
                        continue
                found.append(Held(source, voice.label, profile.speaker, voice.net_seconds, llr))
        return found


def _blocks(unknowns: Sequence[Unknown]) -> Iterable[Sequence[Unknown]]:
    return (unknowns[start : start + BLOCK] for start in range(0, len(unknowns), BLOCK))
