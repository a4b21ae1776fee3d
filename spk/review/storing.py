"""Corrected turns of a recording are stored: whose its voices are by them, and what nobody is known by any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from spk.comparing import Changes
from spk.errors import ConflictError, SpkError
from spk.review.corrected import Corrected
from spk.review.correcting import Corrections, Outcome, drop_unknown, person_called
from spk.store.changing import Change
from spk.store.heard import HeardTurn, Hearing, Label, NewHearing, SaidBy
from spk.store.records import Speaker

__all__ = ["Applied", "Report", "Taught", "corrected_turns", "store_turns"]


@dataclass(frozen=True, slots=True)
class Taught:
    """What somebody's profile learnt: how many samples, and of how much speech in seconds."""

    name: str
    samples: int
    net_seconds: float


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of corrected turns.

    Attributes:
        changes: What the person changed.
        outcome: What follows from it.
        new: Who got a name that nobody had.
        gone: Who is not there any more, because nothing is left by which they were known.
        taught: Whose profile learnt how much.
        refused: What may not be learnt from, and why.
        withdrawn: How many samples went that were not their speaker's, going by the corrected turns.
    """

    changes: Changes
    outcome: Outcome
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    taught: tuple[Taught, ...] = ()
    refused: tuple[SpkError, ...] = ()
    withdrawn: int = 0


@dataclass
class Report:
    """What is to be told of it, as it happens; see `Applied`."""

    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    taught: list[Taught] = field(default_factory=list)
    refused: list[SpkError] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


def store_turns(
    corrections: Corrections,
    work: Corrected,
    heard: Callable[[Change], NewHearing],
    teach: Callable[[Change, Hearing, Mapping[str, Speaker], Report], None],
    *,
    force: bool,
) -> Applied:
    """Keep corrected turns in place of what was kept of the recording, and see to all that follows.

    Args:
        corrections: Puts right what is known and said.
        work: The turns, beside what was kept.
        heard: The voices that they make.
        teach: Lets people's profiles learn from them; the people are by keys, as in ``work``.
        force: Whether a stranger's samples teach whom the stranger turns out to be, also where they sound otherwise.

    Raises:
        ConflictError: somebody changed the recording meanwhile.
    """
    report = Report()

    def edit(change: Change) -> list[Speaker]:
        before = change.heard(work.recording.sha256)
        if (before and before.id) != work.was:
            raise ConflictError(
                f"{work.recording.source}: somebody else corrected it meanwhile: look at their turns first"
            )
        names = {person.name for person in change.speakers()}
        people = _name(corrections, change, work, report.held, force=force)
        hearing = change.hear(heard(change))
        change.give(dict.fromkeys(sample.id for sample in work.wrong))
        _say(change, hearing, work, people)
        teach(change, hearing, people, report)
        report.gone += _drop(change, work, people.values())
        change.audit("apply", hearing=hearing.id, withdrawn=len(work.wrong), taught=len(report.taught))
        now = {person.id: person for person in change.people(person.id for person in people.values())}
        known = [now[person.id] for person in people.values() if person.name is not None]
        report.new += sorted(person.label for person in known if person.name not in names)
        return known

    outcome = corrections.apply("apply corrected turns", edit)
    return Applied(
        changes=work.changes,
        outcome=replace(outcome, held=tuple(report.held)),
        new=tuple(report.new),
        gone=tuple(report.gone),
        taught=tuple(report.taught),
        refused=tuple(report.refused),
        withdrawn=len(work.wrong),
    )


def corrected_turns(work: Corrected) -> tuple[HeardTurn, ...]:
    """The turns as they are kept."""
    return tuple(
        HeardTurn(turn.id or "", work.labels[turn.label], turn.segment, turn.id in work.touched) for turn in work.after
    )


def _name(
    corrections: Corrections, change: Change, work: Corrected, held: list[str], *, force: bool
) -> dict[str, Speaker]:
    """Everybody whom the turns name, by key; made, or put together, where they are not there yet."""
    people: dict[str, Speaker] = {}
    for key, who in work.who.items():
        if key in work.renamed and who.known_as is not None:
            for stranger in work.renamed[key]:
                people[key] = corrections.give_name(change, stranger, who.known_as, held, force=force)
        elif who.speaker is not None:
            people[key] = change.speaker(who.speaker.id)
        elif who.name is not None:
            people[key] = person_called(change, who.name)
    return people


def _say(change: Change, hearing: Hearing, work: Corrected, people: Mapping[str, Speaker]) -> None:
    """Whose the voices are, where the person said so."""
    keys = {label: key for key, label in work.labels.items()}
    learnt = [(voice.said.speaker, voice.sample) for voice in work.before.voices]
    for voice in hearing.voices:
        key = keys[voice.label]
        if key in people and work.is_said(key):
            person = people[key]
            verdict = "unknown" if person.name is None else "known"
            change.label({voice.id: (voice.said, Label(SaidBy.PERSON, person.id, verdict))})
            if person.name is None and voice.vector is not None:
                for whose, sample in learnt:  # the voice as it is now, in place of what it was
                    if whose == person.id and sample is not None:
                        change.give({sample: None})
                change.give({change.sample_of(hearing, voice): person.id})
        elif key not in people and work.is_nobody(key):
            change.label({voice.id: (voice.said, Label(SaidBy.PERSON, verdict="unknown"))})


def _drop(change: Change, work: Corrected, people: Iterable[Speaker]) -> list[str]:
    """Whoever had a name, and was known by nothing but what was wrong here, is gone; their names."""
    here = [voice.said.speaker for voice in work.before.voices]
    some = {*here, *(sample.speaker for sample in work.wrong)} - {person.id for person in people}
    return [person.label for person in drop_unknown(change, some)]
