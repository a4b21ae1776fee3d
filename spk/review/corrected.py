"""Turns as a person corrected them, beside what was kept of the recording: what was touched, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from uuid import UUID

from spk.comparing import Changes, compare
from spk.errors import AudioError, InputError
from spk.formats.rttm import NAMELESS
from spk.review.correcting import Corrections
from spk.review.meaning import Before, Who, is_nobodys, near, shared
from spk.store.records import NewRecording, Sample, Speaker
from spk.timeline import Segment, Timeline, Turn, subtract, total, with_ids

__all__ = ["Corrected"]

SLACK = 0.5  # seconds by which turns may reach beyond the end of the recording
SPARED = 0.1  # share of a sample that may have become nobody's, with the sample to stay
SCRAP = 0.3  # seconds of a sample that may have become somebody else's


@dataclass(frozen=True, eq=False)
class Corrected:
    """Corrected turns beside what was kept of the recording; labels are keys of whom they mean.

    Attributes:
        recording: Which one.
        before: What was kept of it.
        after: The turns as they are to be, each with an id.
        changes: What was changed.
        who: Whom each key means.
        labels: What the voice of each key is called.
        fresh: The ids of the turns that a person made or changed now.
        again: Of those that were made or changed before.
        told: Of those by which a person says who speaks: a voice that was drawn without a name, and that the machine
            recognised then, is the machine's word.
        origins: By turn, the key of what it was before.
        renamed: By key, the strangers all of whose turns got that name.
        wrong: Samples of the recording that are not their speaker's any more.
        wronged: The keys of these speakers.
        everything: Whether all turns count as confirmed.
    """

    recording: NewRecording
    before: Before
    after: Timeline
    changes: Changes
    who: Mapping[str, Who]
    labels: Mapping[str, str]
    fresh: frozenset[str | None]
    again: frozenset[str | None]
    told: frozenset[str | None]
    origins: Mapping[str | None, str]
    renamed: Mapping[str, Sequence[Speaker]]
    wrong: tuple[Sample, ...]
    wronged: frozenset[str]
    everything: bool

    @property
    def was(self) -> UUID | None:
        """The id of what was kept of the recording."""
        return None if self.before.hearing is None else self.before.hearing.id

    @cached_property
    def touched(self) -> frozenset[str | None]:
        """The ids of the turns that are a person's word."""
        return frozenset(turn.id for turn in self.after) if self.everything else self.fresh | self.again

    @cached_property
    def doubtful(self) -> frozenset[str]:
        """The keys of the voices that have a turn which no person made or changed, now or before."""
        return frozenset(turn.label for turn in self.after if turn.id not in self.touched)

    @cached_property
    def alone(self) -> Mapping[str, Sequence[Segment]]:
        """Where each voice speaks and no other does, by key."""
        return self.after.alone_by_label

    @cached_property
    def _told_of(self) -> frozenset[str]:
        """The keys of the voices of which a turn says who speaks."""
        return frozenset(turn.label for turn in self.after if turn.id in self.told)

    @cached_property
    def _turns(self) -> Mapping[str, Sequence[Turn]]:
        """The turns of each voice, by key."""
        turns: dict[str, list[Turn]] = {}
        for turn in self.after:
            turns.setdefault(turn.label, []).append(turn)
        return turns

    def is_said(self, key: str) -> bool:
        """Whether it is a person's word that a voice is whose it is."""
        speaker = self.who[key].speaker
        return key in self._told_of or (speaker is not None and speaker.id in self.before.said)

    def is_nobody(self, key: str) -> bool:
        """Whether a person says that a voice is nobody's whom they know, or had said so."""
        had = any(voice.label == self.labels[key] and is_nobodys(voice) for voice in self.before.voices)
        return had or self.who[key].is_nobody

    def is_stored_by(self, model: str) -> bool:
        """Whether all of this is what is kept already, by a model of this fingerprint."""
        kept = self.before.hearing
        new = self.changes.touched or self.wrong or self.touched != self.again
        return kept is not None and kept.corrected and kept.model == model and not new

    def lessons(self, key: str, *, earlier: bool) -> Iterator[tuple[Segment, ...]]:
        """What somebody's profile is to learn from, as far as nobody else speaks there.

        Turns that were changed now, or also ``earlier``; all of them where a sample was wrong. They are apart by what
        they were before, so that one that is wrong does not hide among those that are right.
        """
        taken = self.told if earlier else self.fresh
        lessons: dict[str, list[Segment]] = {}
        for turn in self._turns[key]:
            if turn.id in taken or self.everything or key in self.wronged:
                lessons.setdefault(self.origins.get(turn.id, ""), []).append(turn.segment)
        return (shared(lesson, self.alone[key]) for lesson in lessons.values())

    @classmethod
    def of(cls, corrections: Corrections, recording: NewRecording, turns: Timeline, *, everything: bool) -> Corrected:
        """Compare corrected turns with what is kept.

        Raises:
            AudioError: they reach beyond the end of the recording.
            InputError: there are none, or they are another recording's.
        """
        if turns.end > recording.duration + SLACK:
            raise AudioError(
                recording.source,
                f"ends at {recording.duration:.2f} s, before {turns.end:g} s: check that these are its turns",
            )
        turns = turns.crop(Segment(0.0, recording.duration))
        if not turns:
            raise InputError("there are no turns: `spk recordings forget` forgets a recording")
        _check_recording(corrections, recording, turns)
        before = Before.of(corrections, recording.sha256)
        meant = before.meant(corrections, turns)
        who = {one.key: one for one in meant.values()}
        was = {label: one.key for label, one in before.known.items()}
        after = with_ids(turns.rename({label: one.key for label, one in meant.items()}))
        changes = compare(before.timeline.rename(was), after)
        became = list(zip(after, changes.of_after, strict=True))
        made_of = {turn.id: {one.id for one in change.before} for turn, change in became}
        guessed = before.guessed
        earlier = {turn.id for turn in before.turns if turn.touched}
        said = {turn.id for turn in before.turns if turn.touched and turn.label not in guessed}
        fresh = frozenset(turn.id for turn, change in became if change.touched)
        again = frozenset(id_ for id_, ids in made_of.items() if ids & earlier)
        told = frozenset(id_ for id_, ids in made_of.items() if everything or id_ in fresh or ids & said)
        strangers = {person.id.hex: person for person in before.speakers.values() if person.name is None}
        renamed: dict[str, list[Speaker]] = {}
        for key, new in changes.renamed.items():
            if key in strangers and who[new].known_as is not None:
                renamed.setdefault(new, []).append(strangers[key])
        says = _Said(
            speech=after.speech,
            taken=Timeline(turn for turn in after if turn.id in told and not who[turn.label].is_anybody).by_label,
            left=Timeline(turn for change in changes.touched for turn in change.before).by_label,
        )
        called = {stranger.id: key for key, some in renamed.items() for stranger in some}
        samples = {
            sample: called.get(sample.speaker, sample.speaker.hex)
            for sample in corrections.store.samples_from(corrections.gallery, recording.sha256)
            if sample.id not in before.by_itself or sample.speaker in called  # a name makes it a person's word
        }
        wrong = {sample: key for sample, key in samples.items() if says.is_wrong(sample, key)}
        return cls(
            recording=recording,
            before=before,
            after=after,
            changes=changes,
            who=who,
            labels=_labels(after, who, was, changes.renamed),
            fresh=fresh,
            again=again,
            told=told,
            origins={turn.id: change.before[0].label for turn, change in became if change.before},
            renamed=renamed,
            wrong=tuple(wrong),
            wronged=frozenset(wrong.values()),
            everything=everything,
        )


def _check_recording(corrections: Corrections, recording: NewRecording, turns: Timeline) -> None:
    """See that the turns are not those of another recording, going by their ids.

    Raises:
        InputError: some have ids of another recording's turns, and none an id of this one's.
    """
    ids = {turn.id for turn in turns if turn.id is not None}
    heard = corrections.store.recordings_of_turns(corrections.gallery, ids)
    if heard and recording.sha256 not in {one.sha256 for one in heard}:
        raise InputError(f"{recording.source}: these are turns of {heard[0].source}: name that recording")


def _labels(
    after: Timeline, who: Mapping[str, Who], was: Mapping[str, str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """What the voice of each key is called: as it is written, as before where it was there, else by the next number."""
    labels: dict[str, str] = {}
    given: set[str] = set()
    keys = after.labels
    taken = {label for label, before in was.items() if before in set(keys)}
    numbered = (one for number in count() if (one := f"SPEAKER_{number:02d}") not in was)
    for key in sorted(keys, key=lambda key: who[key].voice is None):  # what is written comes first
        own = [label for label, before in was.items() if key in (before, renamed.get(before))]
        if NAMELESS.fullmatch(written := who[key].voice or "") and written not in taken:
            own.insert(0, written)
        free = [label for label in own if label not in given]
        labels[key] = free[0] if free else next(one for one in numbered if one not in given)
        given.add(labels[key])
    return labels


@dataclass(frozen=True, slots=True)
class _Said:
    """What a person says by corrected turns, labelled by keys.

    Attributes:
        speech: Where anybody speaks; what nobody touched is the machine's word.
        taken: Where the person says that somebody speaks, by key.
        left: Where the turns lie that are not any more as they were, by what they were.
    """

    speech: Sequence[Segment]
    taken: Mapping[str, Sequence[Segment]]
    left: Mapping[str, Sequence[Segment]]

    def is_wrong(self, sample: Sample, key: str) -> bool:
        """Whether a sample is not its speaker's any more: somebody else says some of it, or nobody does."""
        parts = sample.parts
        others = [one for other, theirs in self.taken.items() if other != key for one in near(theirs, parts)]
        elses = shared(parts, others)
        left = near(self.left.get(sample.speaker.hex, ()), parts)
        nobodys = shared(subtract(parts, near(self.speech, parts)), left)
        return any(part.duration >= SCRAP for part in elses) or (total([*elses, *nobodys]) > SPARED * total(parts))
