"""Turns that a person corrected come back: stored, learnt from, and everything that depended on a mistake follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from spk.audio import Audio
from spk.comparing import Changes
from spk.embed import embed_pieces
from spk.enroll import Enroller, excerpts_of_turns
from spk.enroll.enroller import Offered
from spk.errors import ConflictError, SpkError
from spk.identify import OperatingPoint, Voice
from spk.identify.identifier import NOT_HEARD, clearest
from spk.review.corrected import Corrected
from spk.review.correcting import Corrections, Outcome, drop_unknown, person_called
from spk.review.people import People, Rehearsal
from spk.review.relabel import Judge
from spk.review.remembering import new_voice
from spk.review.settling import Learn
from spk.store.changing import Change
from spk.store.heard import HeardTurn, Hearing, Label, NewHearing, SaidBy
from spk.store.records import NewRecording, Origin, Sample, Speaker
from spk.timeline import Timeline, total

__all__ = ["Applied", "Applier", "Taught"]


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
        new: Who got a name that nobody had.
        gone: Who is not there any more, because nothing is left by which they were known.
        taught: Whose profile learnt how much.
        refused: What may not be learnt from, and why.
        withdrawn: How many samples went that were not their speaker's, going by the corrected turns.
        outcome: What follows from it.
    """

    changes: Changes
    outcome: Outcome
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    taught: tuple[Taught, ...] = ()
    refused: tuple[SpkError, ...] = ()
    withdrawn: int = 0


@dataclass
class _Report:
    """What is to be told of it, as it happens."""

    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    taught: list[Taught] = field(default_factory=list)
    refused: list[SpkError] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Applier:
    """Stores corrected turns of a recording, and enrolls from them.

    Args:
        corrections: Puts right what is known and said.
        enroller: Listens to what is to be learnt.
        how: How recordings are judged.
        point: When a verdict is given, in a recording that was not heard before.
    """

    corrections: Corrections
    enroller: Enroller
    how: Judge
    point: OperatingPoint

    def __call__(self, audio: Audio, turns: Timeline, *, everything: bool = False, force: bool = False) -> Applied:
        """Store corrected turns.

        Labels are names, labels of strangers, or those of the diarization, which mean nobody. Where every turn of a
        stranger got one name, the stranger is that person in all recordings. Profiles learn from the turns that the
        person touched; samples of this recording that are not their speaker's any more are withdrawn.

        Args:
            audio: The recording.
            turns: All of its turns, as they are to be.
            everything: Whether all turns are taken for confirmed, not only those that were touched.
            force: Learn also from what the quality gates refuse.

        Raises:
            InputError: there are no turns.
            AudioError: they reach beyond the end of the recording.
            ConflictError: somebody changed the recording meanwhile.
        """
        work = Corrected.of(self.corrections, audio, turns, everything=everything)
        if work.is_stored_by(self.how.model.fingerprint) and not force:
            return Applied(work.changes, Outcome(0, (), (), 0))
        new = self._hearing(work)
        offered = self._offered(work, force=force)
        report = _Report()

        def edit(change: Change) -> list[Speaker]:
            before = change.heard(audio.sha256)
            if (before and before.id) != work.was:
                raise ConflictError(f"{audio.source}: somebody else corrected it meanwhile: look at their turns first")
            names = {person.name for person in change.speakers()}
            people = self._name(change, work, report.held, force=force)
            hearing = change.hear(new)
            change.give(dict.fromkeys(sample.id for sample in work.wrong))
            self._say(change, hearing, work, people)
            for key in sorted(offered, key=lambda key: (key not in work.wronged, work.who[key].speaker is None)):
                self._teach(change, people[key], offered[key], report, force=force)
            report.gone += _drop(change, work, people.values())
            change.audit("apply", hearing=hearing.id, withdrawn=len(work.wrong), taught=len(report.taught))
            known = [change.speaker(person.id) for person in people.values() if person.name is not None]
            report.new += sorted(person.label for person in known if person.name not in names)
            return known

        outcome = self.corrections.apply("apply corrected turns", edit)
        return Applied(
            changes=work.changes,
            outcome=replace(outcome, held=tuple(report.held)),
            new=tuple(report.new),
            gone=tuple(report.gone),
            taught=tuple(report.taught),
            refused=tuple(report.refused),
            withdrawn=len(work.wrong),
        )

    def _hearing(self, work: Corrected) -> NewHearing:
        """The corrected turns with their voices, embedded anew."""
        audio, embedder = work.audio, self.enroller.embedder
        speeches = {key: clearest(audio, work.after.alone(key)) for key in work.after.labels}
        heard = [
            key for key, speech in speeches.items() if speech.parts and speech.joined().duration >= embedder.min_seconds
        ]
        embedded = dict(zip(heard, embed_pieces(embedder, [speeches[key] for key in heard]), strict=True))
        voices = []
        for key, speech in speeches.items():
            one = embedded.get(key)
            voice = Voice(
                label=work.labels[key],
                speech=speech,
                net_seconds=total(work.after.alone(key)),
                vector=one.vector if one else None,
                match=NOT_HEARD,
                pieces=one.pieces if one else (),
            )
            named = work.who[key].known_as is not None
            voices.append(new_voice(voice, keep=None if named else self.enroller.keep))
        before = work.before.hearing
        return NewHearing(
            recording=NewRecording(audio.sha256, audio.source, audio.duration),
            model=embedder.model.fingerprint,
            dim=embedder.dim,
            least=len(heard),  # a person told them apart
            point=asdict(self.point) if before is None else before.point,
            attendees=None if before is None else before.attendees,
            strangers=before is not None and before.strangers,
            corrected=True,
            voices=tuple(voices),
            turns=tuple(
                HeardTurn(turn.id or "", work.labels[turn.label], turn.segment, turn.id in work.touched)
                for turn in work.after
            ),
        )

    def _offered(self, work: Corrected, *, force: bool) -> dict[str, Offered]:
        """What is to be learnt from, by person."""
        if self.corrections.learn is Learn.NEVER:
            return {}
        offered = {}
        for key in work.after.labels:
            if work.who[key].known_as is not None:
                lessons = work.lessons(key, earlier=force)  # what was refused before may be forced now
                some = [dict(excerpts_of_turns(work.audio, lesson)).get(key, []) for lesson in lessons]
                if excerpts := [excerpt for each in some for excerpt in each]:
                    offered[key] = self.enroller.listen(excerpts, Origin.CORRECTED)
        return offered

    def _name(self, change: Change, work: Corrected, held: list[str], *, force: bool) -> dict[str, Speaker]:
        """Everybody whom the turns name, by key; made, or put together, where they are not there yet."""
        people: dict[str, Speaker] = {}
        for key, who in work.who.items():
            if key in work.renamed and who.known_as is not None:
                for stranger in work.renamed[key]:
                    people[key] = self.corrections.give_name(change, stranger, who.known_as, held, force=force)
            elif who.speaker is not None:
                people[key] = change.speaker(who.speaker.id)
            elif who.name is not None:
                people[key] = person_called(change, who.name)
        return people

    def _say(self, change: Change, hearing: Hearing, work: Corrected, people: Mapping[str, Speaker]) -> None:
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

    def _teach(self, change: Change, person: Speaker, offered: Offered, report: _Report, *, force: bool) -> None:
        people = People(change.profiles(self.how.model.fingerprint))
        scorer = Rehearsal(people, self.corrections.gallery, self.how.model, self.how.calibration)
        sifted = replace(self.enroller, scorer=scorer).sift(person.label, offered, force=force)
        report.refused += sifted.refused
        added: list[Sample] = []
        for sample in sifted.samples:
            try:
                added += change.enroll(person, [sample], force=force).added
            except ConflictError as error:
                report.refused.append(error)
        if added:
            seconds = sum(sample.net_seconds for sample in added)
            report.taught.append(Taught(person.label, len(added), seconds))


def _drop(change: Change, work: Corrected, people: Iterable[Speaker]) -> list[str]:
    """Whoever had a name, and was known by nothing but what was wrong here, is gone; their names."""
    here = [voice.said.speaker for voice in work.before.voices]
    some = {*here, *(sample.speaker for sample in work.wrong)} - {person.id for person in people}
    return [person.label for person in drop_unknown(change, some)]
