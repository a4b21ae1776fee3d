"""Turns as a person corrected them, beside what was kept of the recording: what was touched, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from spk.audio import Audio
from spk.comparing import Changes, compare
from spk.errors import AudioError, InputError, NotFoundError
from spk.formats.rttm import NAMELESS
from spk.review.correcting import Corrections
from spk.store.heard import HeardVoice, Hearing, SaidBy
from spk.store.names import clean_name, label_digits
from spk.store.records import Sample, Speaker
from spk.timeline import Segment, Timeline, Turn, subtract, total, with_ids

__all__ = ["Corrected", "Who"]

_People = Mapping[UUID | None, Speaker]
SLACK = 0.5  # seconds by which turns may reach beyond the end of the recording
SPARED = 0.1  # share of a sample that may have become nobody's, with the sample to stay
SCRAP = 0.3  # seconds of a sample that may have become somebody else's
SAME_VOICE = 0.5  # share of a nameless label's speech that is the voice's of that label, for the two to be the same
NOBODY = re.compile(r"[\W_]+|unknown", re.IGNORECASE)
"""What people write for a voice whose name they do not know."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a label of a file means: a speaker, somebody new by name, or a voice that nobody has named."""

    speaker: Speaker | None = None
    name: str | None = None
    voice: str | None = None

    @property
    def key(self) -> str:
        """One string for whoever it is, whatever the file calls them."""
        if self.speaker is not None:
            return self.speaker.id.hex
        return f"voice {self.voice}" if self.name is None else f"name {self.name}"

    @property
    def known_as(self) -> str | None:
        """The name, of somebody who has one or is to have one."""
        return self.name if self.speaker is None else self.speaker.name


@dataclass(frozen=True, eq=False)
class Corrected:
    """Corrected turns beside what was kept of the recording; labels are keys of whom they mean.

    Attributes:
        audio: The recording.
        before: What was kept of it, if anything was.
        after: The turns as they are to be, each with an id.
        changes: What was changed.
        who: Whom each key means.
        labels: What the voice of each key is called.
        touched: The ids of the turns that a person made or changed, now or before.
        fresh: Of those that were changed now.
        origins: By turn, the key of what it was before.
        renamed: By key, the strangers all of whose turns got that name.
        wrong: Samples of the recording that are not their speaker's any more.
        wronged: The keys of these speakers.
        everything: Whether all turns count as confirmed.
    """

    audio: Audio
    before: Hearing | None
    after: Timeline
    changes: Changes
    who: Mapping[str, Who]
    labels: Mapping[str, str]
    touched: frozenset[str | None]
    fresh: frozenset[str | None]
    origins: Mapping[str | None, str]
    renamed: Mapping[str, Sequence[Speaker]]
    wrong: tuple[Sample, ...]
    wronged: frozenset[str]
    everything: bool

    @property
    def was(self) -> UUID | None:
        """The id of what was kept of the recording."""
        return None if self.before is None else self.before.id

    def is_said(self, key: str) -> bool:
        """Whether it is a person's word that a voice is whose it is."""
        speaker = self.who[key].speaker
        said = {
            voice.said.speaker
            for voice in (self.before.voices if self.before else ())
            if voice.said.said_by is SaidBy.PERSON
        }
        touched = any(turn.label == key and turn.id in self.touched for turn in self.after)
        return self.everything or touched or (speaker is not None and speaker.id in said)

    def is_nobody(self, label: str) -> bool:
        """Whether a person had said that a voice is nobody's."""
        voices = self.before.voices if self.before else ()
        return any(
            voice.label == label and voice.said.said_by is SaidBy.PERSON and voice.said.speaker is None
            for voice in voices
        )

    def lessons(self, key: str, *, earlier: bool) -> Iterator[Timeline]:
        """What somebody's profile is to learn from, beside what the others say.

        Turns that were changed now, or also ``earlier``; all of them where a sample was wrong. They are apart by what
        they were before, so that one that is wrong does not hide among those that are right.
        """
        taken = self.touched if earlier else self.fresh
        others = [turn for turn in self.after if turn.label != key]
        lessons: dict[str, list[Turn]] = {}
        for turn in self.after:
            if turn.label == key and (self.everything or turn.id in taken or key in self.wronged):
                lessons.setdefault(self.origins.get(turn.id, ""), []).append(turn)
        return (Timeline([*others, *turns]) for turns in lessons.values())

    @classmethod
    def of(cls, corrections: Corrections, audio: Audio, turns: Timeline, *, everything: bool) -> Corrected:
        """Compare corrected turns with what is kept."""
        if not turns:
            raise InputError("there are no turns: `spk recordings forget` forgets a recording")
        if turns.end > audio.duration + SLACK:
            raise AudioError(
                audio.source,
                f"ends at {audio.duration:.2f} s, before {turns.end:g} s: these are another recording's turns",
            )
        store, gallery = corrections.store, corrections.gallery
        before = store.heard(gallery, audio.sha256)
        kept = [] if before is None else store.turns(before)
        voices = {} if before is None else {voice.label: voice for voice in before.voices}
        named = [voice.said.speaker for voice in voices.values() if voice.said.speaker is not None]
        speakers: _People = {person.id: person for person in store.people(named)}
        who: dict[str, Who] = {}
        meant: dict[str, str] = {}
        for label in turns.labels:
            one = _meant(corrections, label, voices, speakers)
            meant[label] = one.key
            who[one.key] = one
        was: dict[str, str] = {}
        for label, voice in voices.items():
            speaker = speakers.get(voice.said.speaker)
            was[label] = (Who(voice=label) if speaker is None else Who(speaker)).key
        old = Timeline(Turn(turn.segment, was[turn.label], turn.id) for turn in kept)
        after = with_ids(turns.crop(Segment(0.0, audio.duration)).rename(meant))
        changes = compare(old, after)
        earlier = {turn.id for turn in kept if turn.touched}
        became = list(zip(after, changes.of_after, strict=True))
        fresh = frozenset(turn.id for turn, change in became if change.touched)
        again = frozenset(turn.id for turn, change in became if any(one.id in earlier for one in change.before))
        by_key = {person.id.hex: person for person in speakers.values() if person.name is None}
        renamed: dict[str, list[Speaker]] = {}
        for key, new in changes.renamed.items():
            if key in by_key:
                renamed.setdefault(new, []).append(by_key[key])
        wrong = list(_wrong(store.samples_from(gallery, audio.sha256), after, before, renamed))
        return cls(
            audio=audio,
            before=before,
            after=after,
            changes=changes,
            who=who,
            labels=_labels(after, was, changes.renamed),
            touched=fresh | again,
            fresh=fresh,
            origins={turn.id: change.before[0].label for turn, change in became if change.before},
            renamed=renamed,
            wrong=tuple(sample for sample, _ in wrong),
            wronged=frozenset(key for _, key in wrong),
            everything=everything,
        )


def _meant(corrections: Corrections, label: str, voices: Mapping[str, HeardVoice], speakers: _People) -> Who:
    """Whom a label of a file means."""
    if label in voices and (speaker := speakers.get(voices[label].said.speaker)) is not None:
        return Who(speaker)
    if label in voices or NAMELESS.fullmatch(label):
        return Who(voice=label)
    try:
        return Who(corrections.store.speaker(corrections.gallery, label))
    except NotFoundError:
        return Who(voice=label) if label_digits(label) else Who(name=clean_name(label))  # a stranger who is gone


def _labels(after: Timeline, was: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, str]:
    """What the voice of each key is called: as before where it was there, else by the next number."""
    labels: dict[str, str] = {}
    for key in after.labels:
        own = [label for label, before in was.items() if key in (before, renamed.get(before))]
        if key.startswith("voice "):
            own.append(key.removeprefix("voice "))
        free = [label for label in own if label not in labels.values()]
        numbered = (f"SPEAKER_{number:02d}" for number in count())
        labels[key] = free[0] if free else next(one for one in numbered if one not in {*was, *labels.values()})
    return labels


def _wrong(
    samples: Iterable[Sample], after: Timeline, before: Hearing | None, renamed: Mapping[str, Sequence[Speaker]]
) -> Iterator[tuple[Sample, str]]:
    """Samples that are not their speaker's any more, going by the turns, and the keys of the speakers.

    What the machine learnt by itself is not among them: it goes with what was heard before.
    """
    by_itself = {voice.sample for voice in before.voices if voice.said.said_by is SaidBy.MACHINE} if before else set()
    called = {stranger.id: key for key, strangers in renamed.items() for stranger in strangers}
    for sample in samples:
        key = called.get(sample.speaker, sample.speaker.hex)
        theirs = total(both for part in sample.parts for turn in after.of(key) if (both := part & turn))
        if sample.id not in by_itself and theirs < COVERED * total(sample.parts):
            yield sample, key
