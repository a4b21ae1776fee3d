"""Whom the labels of corrected turns mean, going by what was kept of the recording."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from uuid import UUID

from spk.formats.rttm import NAMELESS
from spk.review.correcting import Corrections
from spk.store.heard import HeardTurn, HeardVoice, Hearing, SaidBy
from spk.store.names import clean_name, stands_for_somebody
from spk.store.records import Speaker
from spk.timeline import Segment, Timeline, Turn, subtract, total

__all__ = ["Before", "Who", "is_nobodys", "near", "shared"]

SAME_VOICE = 0.5  # share of a nameless label's speech that is the voice's of that label, for the two to be the same
NOBODY = re.compile(r"[\W_]+|unknown", re.IGNORECASE)
"""What people write for a voice whose name they do not know."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a label of a file means: a speaker, somebody new by name, or a voice that nobody has named.

    Attributes:
        speaker: The speaker.
        name: Of somebody new.
        voice: What the voice is called.
        heard: Whether that is a voice which was heard before.
    """

    speaker: Speaker | None = None
    name: str | None = None
    voice: str | None = None
    heard: bool = False

    @property
    def key(self) -> str:
        """One string for whoever it is, whatever the file calls them."""
        if self.speaker is not None:
            return self.speaker.id.hex
        return f"name {self.name}" if self.voice is None else f"{'voice' if self.heard else 'new voice'} {self.voice}"

    @property
    def is_nobody(self) -> bool:
        """Whether somebody says that they do not know who it is."""
        return self.voice is not None and NOBODY.fullmatch(self.voice) is not None

    @property
    def is_anybody(self) -> bool:
        """Whether nothing is said of who it is."""
        return self.voice is not None and not self.heard and not self.is_nobody

    @property
    def known_as(self) -> str | None:
        """The name, of somebody who has one or is to have one."""
        return self.name if self.speaker is None else self.speaker.name


@dataclass(frozen=True, eq=False)
class Before:
    """What was kept of a recording.

    Attributes:
        hearing: What was heard in it; None where nothing is kept.
        turns: Its turns.
        speakers: Whose its voices were said to be, by id.
    """

    hearing: Hearing | None
    turns: tuple[HeardTurn, ...]
    speakers: Mapping[UUID | None, Speaker]

    @classmethod
    def of(cls, corrections: Corrections, sha256: str) -> Self:
        """What is kept now of the recording whose audio has this hash."""
        store = corrections.store
        hearing = store.heard(corrections.gallery, sha256)
        if hearing is None:
            return cls(None, (), {})
        named = {voice.said.speaker for voice in hearing.voices if voice.said.speaker is not None}
        return cls(hearing, tuple(store.turns(hearing)), {person.id: person for person in store.people(named)})

    @property
    def voices(self) -> tuple[HeardVoice, ...]:
        """The voices that were heard."""
        return () if self.hearing is None else self.hearing.voices

    @cached_property
    def timeline(self) -> Timeline:
        """The turns, under the labels of the voices."""
        return Timeline(Turn(turn.segment, turn.label, turn.id) for turn in self.turns)

    @cached_property
    def said(self) -> set[UUID | None]:
        """Of whom a person had said that a voice is theirs; None where one is nobody's."""
        return {voice.said.speaker for voice in self.voices if voice.said.said_by is SaidBy.PERSON}

    @property
    def guessed(self) -> set[str]:
        """The labels of the voices of which the machine has said whose they are."""
        return {voice.label for voice in self.voices if voice.said.said_by is SaidBy.MACHINE}

    @cached_property
    def by_itself(self) -> set[UUID | None]:
        """The samples that the machine took by itself: they go with what was heard."""
        return {voice.sample for voice in self.voices if voice.said.said_by is SaidBy.MACHINE}

    @property
    def known(self) -> dict[str, Who]:
        """Whose each voice was said to be."""
        return {voice.label: self._whose(voice) for voice in self.voices}

    def _whose(self, voice: HeardVoice) -> Who:
        speaker = self.speakers.get(voice.said.speaker)
        return Who(voice=voice.label, heard=True) if speaker is None else Who(speaker)

    def meant(self, corrections: Corrections, turns: Timeline) -> dict[str, Who]:
        """Whom each label of corrected turns means.

        Labels without a name mean a voice that was heard where they have its turns: other programs number voices in
        their own way, or give them ids, and a stranger may be somebody else by now.

        Raises:
            InputError: no such name is possible.
        """
        spoken = self.timeline.by_label
        return {label: self._meant(corrections, label, theirs, spoken) for label, theirs in turns.by_label.items()}

    def _meant(
        self,
        corrections: Corrections,
        label: str,
        theirs: Sequence[Segment],
        spoken: Mapping[str, Sequence[Segment]],
    ) -> Who:
        some = [voice for voice in self.voices if voice.label == label]
        if not some and NOBODY.fullmatch(label):
            some = [voice for voice in self.voices if is_nobodys(voice)]
        elif not some and not NAMELESS.fullmatch(label):
            known = corrections.store.called(corrections.gallery, label)
            if len(known) == 1:
                return Who(known[0])
            if not stands_for_somebody(label):
                return Who(name=clean_name(label))
            some = list(self.voices)
        enough = SAME_VOICE * total(theirs)
        for voice in some:
            if total(shared(theirs, near(spoken.get(voice.label, ()), theirs))) >= enough:
                return self._whose(voice)
        return Who(voice=label)


def is_nobodys(voice: HeardVoice) -> bool:
    """Whether a person had said that a voice is nobody's."""
    return voice.said.said_by is SaidBy.PERSON and voice.said.speaker is None


def near(segments: Sequence[Segment], parts: Iterable[Segment]) -> Sequence[Segment]:
    """Those of some segments, in order and apart, that may share time with parts of a recording."""
    parts = tuple(parts)
    first = min((part.start for part in parts), default=0.0)
    last = max((part.end for part in parts), default=0.0)
    begin = bisect_right(segments, first, key=lambda segment: segment.end)
    return segments[begin : bisect_left(segments, last, begin, key=lambda segment: segment.start)]


def shared(segments: Iterable[Segment], others: Iterable[Segment]) -> tuple[Segment, ...]:
    """Where both are."""
    segments = tuple(segments)
    return subtract(segments, subtract(segments, others))
