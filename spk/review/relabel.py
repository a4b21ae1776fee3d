"""Recordings judged again: what would be said of all of them if they were heard anew, in the same order, today.

Labels are a function of what people said: whom they enrolled, and which voices and strangers they named, merged or
put aside. Strangers and what they learnt, as well as what a named person learnt without anybody's word, are forgotten
and found again on the way, recording by recording, by the very steps of `spk identify`. So nothing is left of a
mistake once what caused it is put right, wherever it led.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.embed import ModelId
from spk.identify import Calibration, GalleryScorer, OperatingPoint, Verdict
from spk.identify.judging import judge
from spk.review.people import People, Rehearsal
from spk.review.settling import Heard, Learn, Settled, settle
from spk.store.changing import Change
from spk.store.heard import HeardVoice, Hearing, Label, SaidBy
from spk.store.records import Speaker, SpeakerState

__all__ = ["Judge", "Keeper", "Learnt", "relabel"]


@dataclass(frozen=True, slots=True)
class Judge:
    """How the recordings of one model are judged.

    Attributes:
        model: What made their vectors.
        calibration: For that model.
        learn: From which voices named people's profiles learn by themselves.
    """

    model: ModelId
    calibration: Calibration
    learn: Learn = Learn.CONFIRMED


def relabel(change: Change, judge_of: Callable[[str], Judge | None]) -> list[Hearing]:
    """Judge all recordings of a gallery again, within a change in which people said something.

    Args:
        change: Labels, samples and strangers are changed with it.
        judge_of: How recordings are judged, by the fingerprint of their model; None leaves them as they are.

    Returns:
        All recordings, with what is said of them now.
    """
    hearings = [(one, judge_of(one.model)) for one in change.hearings()]
    said = _say_again(change, [one for one, _ in hearings])
    again = _Again(change, [one for one, how in hearings if how is None])
    for hearing, how in hearings:
        if how is not None:
            again.hear(hearing, how)
    labels = said | again.finish()
    return [
        replace(one, voices=tuple(replace(voice, said=labels.get(voice.id, voice.said)) for voice in one.voices))
        for one, _ in hearings
    ]


def _say_again(change: Change, hearings: Sequence[Hearing]) -> dict[UUID, Label]:
    """What people said is known as soon as whom they meant has a name; the labels of those voices."""
    named = {person.id for person in change.speakers() if person.name is not None}
    voices = [voice for one in hearings for voice in one.voices if voice.said.said_by is SaidBy.PERSON]
    verdicts = ((voice, Verdict.KNOWN if voice.said.speaker in named else Verdict.UNKNOWN) for voice in voices)
    labels = {voice.id: (voice.said, replace(voice.said, verdict=verdict.value)) for voice, verdict in verdicts}
    change.label(labels)
    return {voice: said for voice, (_, said) in labels.items()}


class Keeper:
    """Keeps what was settled about recordings, within a change: labels, strangers, and what is learnt.

    Args:
        change: The change.
        forgotten: The strangers who are to be found again.

    Attributes:
        met: Who was found so far.
    """

    def __init__(self, change: Change, forgotten: Collection[UUID] = ()) -> None:
        self._change = change
        self.met: set[UUID] = set()
        self._forgotten = set(forgotten)
        self._labels: dict[UUID, tuple[Label, Label]] = {}
        self._samples: dict[UUID, UUID] = {}

    @cached_property
    def speakers(self) -> dict[UUID, Speaker]:
        """Everybody, by id."""
        return {person.id: person for person in self._change.speakers()}

    @cached_property
    def _begun(self) -> set[str]:
        """The first digits of their ids."""
        return {id_.hex[:4] for id_ in self.speakers if id_ not in self._forgotten}

    def keep(self, hearing: Hearing, groups: Sequence[Sequence[tuple[HeardVoice, Settled]]]) -> list[Learnt]:
        """Note whose the voices of a recording are, by groups of one person; what is learnt from them."""
        learnt = []
        for group in groups:
            members = [one for one in group if one[0].said.said_by is SaidBy.MACHINE]
            founder = max((voice for voice, one in members if one.new), key=lambda voice: voice.heard, default=None)
            stranger = None
            if founder is not None:  # not by its audio, which a corrected turn changes
                stranger = self._stranger(f"{hearing.recording.sha256} {founder.label}")
            for voice, one in members:
                speaker = one.label.speaker if stranger is None else stranger
                if speaker is not None:
                    self.met.add(speaker)
                self._labels[voice.id] = (voice.said, replace(one.label, speaker=speaker))
                if one.learns and speaker is not None and voice.vector is not None:
                    sample = self._change.sample_of(hearing, voice)
                    self._samples[sample] = speaker
                    when = hearing.sampled(voice.id)
                    learnt.append(Learnt(self.speakers[speaker], sample, when, voice.heard, voice.vector))
        return learnt

    def _stranger(self, seed: str) -> UUID:
        """The stranger who began with a voice: the same one, whenever it is heard again.

        Labels differ, as `spk.store.enrolling.make_speaker` sees to; strangers who are not found again do not count.
        """
        free = [
            id_
            for id_ in self._change.stranger_ids(seed)
            if id_ not in self.speakers or (id_ in self._forgotten and id_ not in self.met)
        ]
        id_ = next((id_ for id_ in free if id_.hex[:4] not in self._begun), free[-1])
        if id_ not in self.speakers:
            self.speakers[id_] = self._change.make_speaker(None, id_=id_)
        self._begun.add(id_.hex[:4])
        return id_

    def finish(self, learnt_before: Collection[UUID] = ()) -> None:
        """Store it.

        Args:
            learnt_before: The samples that may be somebody else's now, or nobody's.
        """
        self._change.give(dict.fromkeys(learnt_before) | self._samples)
        self._change.label(self._labels)

    @property
    def labels(self) -> dict[UUID, Label]:
        """What is said of voices, by their ids."""
        return {voice: label for voice, (_, label) in self._labels.items()}

    def drop_unmet(self) -> None:
        """Strangers whom nothing is heard of any more are gone."""
        for stranger in sorted(self._forgotten - self.met):
            self._change.drop_speaker(stranger)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A voice that became somebody's sample: when, its net speech in seconds, and its vector (dim,)."""

    speaker: Speaker
    sample: UUID
    created: datetime
    seconds: float
    vector: NDArray[np.float32]


class _Again:
    """One pass over the recordings."""

    def __init__(self, change: Change, as_they_are: Sequence[Hearing]) -> None:
        self._change = change
        everybody = change.speakers()
        founded = change.founded() | {voice.said.speaker for one in as_they_are for voice in one.voices}
        strangers = {one.id for one in everybody if one.state is SpeakerState.UNKNOWN} - founded
        silent = change.lacking_consent()
        self._founded = [one.id for one in everybody if one.id not in strangers and one.id not in silent]
        self._keeps_strangers = change.keeps_strangers()
        self._keeper = Keeper(change, strangers)
        staying = {voice.sample for one in as_they_are for voice in one.voices}
        self._before = change.learnt().keys() - staying
        self._people: dict[str, People] = {}
        self._scorers: dict[tuple[str, tuple[UUID, ...] | None], GalleryScorer] = {}

    def hear(self, hearing: Hearing, how: Judge) -> None:
        """Judge one recording."""
        voices = [voice for voice in hearing.voices if voice.vector is not None]
        if not voices:
            return
        judged = judge(
            self._scorer(hearing, how),
            OperatingPoint(**hearing.point),
            np.stack([voice.vector for voice in voices if voice.vector is not None]),
            np.array([voice.heard for voice in voices]),
            least=1 if hearing.least is None else hearing.least,
            said={row: one.said.speaker for row, one in enumerate(voices) if one.said.said_by is SaidBy.PERSON},
        )
        settled = settle(
            judged,
            [Heard(one.heard, one.mixed) for one in voices],
            strangers=hearing.strangers and self._keeps_strangers,
            learn=how.learn,
        )
        groups = [[(voices[row], settled[row]) for row in group] for group in judged.groups]
        for one in self._keeper.keep(hearing, groups):
            for model, people in self._people.items():
                if model == hearing.model:
                    people.add(one.speaker, one.created, one.sample, one.seconds, one.vector)
                else:
                    people.count(one.speaker.id)
            self._scorers.clear()

    def _scorer(self, hearing: Hearing, how: Judge) -> GalleryScorer:
        """Of everybody who is known by then."""
        if hearing.model not in self._people:
            by_then = {*self._founded, *self._keeper.met}
            self._people[hearing.model] = People(self._change.profiles(hearing.model), by_then, self._before)
        key = hearing.model, hearing.attendees
        if key not in self._scorers:
            people, gallery = self._people[hearing.model], self._change.gallery
            self._scorers[key] = Rehearsal(people, gallery, how.model, how.calibration, hearing.attendees)
        return self._scorers[key]

    def finish(self) -> dict[UUID, Label]:
        """Store what became of it; the labels of all voices that were judged."""
        self._keeper.finish(self._before)
        self._keeper.drop_unmet()
        return self._keeper.labels
