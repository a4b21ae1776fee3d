"""What people say: who a stranger is, which sample is whose, whose voice it was; and all that follows from it.

Every correction is one transaction, which judges all recordings of the gallery again, tells which labels change by
that, and can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from spk.errors import ConflictError, InputError, NotFoundError
from spk.review.people import People, Rehearsal
from spk.review.relabel import Judge, relabel
from spk.review.settling import Learn
from spk.store.changing import Change
from spk.store.heard import ChangeRecord, HeardVoice, Hearing, Label, SaidBy
from spk.store.names import clean_name, new_name
from spk.store.records import Gallery, Sample, Speaker, SpeakerState

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["Corrections", "LabelChange", "Outcome", "drop_unknown", "person_called"]

STRANGE = -3.0
"""LLR against a profile under which a confirmed voice is held for review rather than taught."""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A voice of a recording that is said to be somebody else's than before.

    Attributes:
        recording: As it was named.
        hearing: The id of what was heard in it.
        voice: The label of the voice.
        seconds: What it says alone.
        before: Who it was: a name or the label of a stranger; None for nobody.
        after: Who it is.
        verdict_before: known, unsure or unknown.
        verdict_after: The same.
    """

    recording: str
    hearing: UUID
    voice: str
    seconds: float
    before: str | None
    after: str | None
    verdict_before: str
    verdict_after: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a correction did, or would do.

    Attributes:
        change: Its number, by which it is undone; 0 if it was only looked at, or nothing changed.
        speakers: Whom it is about, as they are now.
        labels: Which labels changed, by recording.
        recordings: How many recordings were judged again.
        held: Why something was not learnt, a line each.
    """

    change: int
    speakers: tuple[Speaker, ...]
    labels: tuple[LabelChange, ...]
    recordings: int
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What was undone, the newest change first, and which labels are others by that."""

    changes: tuple[ChangeRecord, ...]
    labels: tuple[LabelChange, ...]


@dataclass(frozen=True)
class Corrections:
    """Puts right what is known and said in one gallery.

    Args:
        store: Where.
        gallery: Whose people.
        judge_of: How recordings are judged, by the fingerprint of their model; None leaves them as they are.
        learn: Whether a voice that somebody confirms teaches the profile.
        dry_run: Whether only to say what would change.
    """

    store: Store
    gallery: Gallery
    judge_of: Callable[[str], Judge | None]
    learn: Learn = Learn.CONFIRMED
    dry_run: bool = False

    # Strangers

    def name(self, stranger: Speaker, name: str, *, force: bool = False) -> Outcome:
        """Say who a stranger is; the name of somebody who is enrolled makes the two one.

        Samples that do not sound like what that person is known by are held: the labels follow, the profile does
        not learn from them, unless ``force``.

        Raises:
            InputError: no such name is possible.
        """
        name, held = clean_name(name), list[str]()
        outcome = self.apply(
            "name an unknown", lambda change: [self.give_name(change, stranger, name, held, force=force)]
        )
        return replace(outcome, held=tuple(held))

    def merge(self, source: Speaker, into: Speaker, *, force: bool = False) -> Outcome:
        """Make two speakers one; samples that sound otherwise are held, as by `name`."""
        held: list[str] = []
        outcome = self.apply("merge", lambda change: [self._merge(change, source, into, held, force=force)])
        return replace(outcome, held=tuple(held))

    def give_name(
        self, change: Change, stranger: Speaker, name: str, held: list[str], *, force: bool = False
    ) -> Speaker:
        """As `name`, within a change; what is held goes to the list."""
        known = change.called(name)
        if len(known) == 1:
            return self._merge(change, stranger, known[0], held, force=force)
        _still(change, stranger)
        _confirm(change, stranger.id)
        return change.rename(stranger, new_name(name))

    def _merge(self, change: Change, source: Speaker, into: Speaker, held: list[str], *, force: bool) -> Speaker:
        for one in (source, into):
            if _still(change, one).name is None:
                _confirm(change, one.id)
        if not force:
            for sample, llr in self._unlike(change, source, into):
                change.give({sample.id: None})
                held.append(_held(sample.recording.source, f"{sample.net_seconds:.1f} s", into, llr))
        return change.merge(source, into)

    def unmerge(self, person: Speaker) -> Outcome:
        """Make whoever was last made one with somebody a speaker of their own again, whatever was changed since.

        Raises:
            NotFoundError: nobody was, or it is not kept any more.
        """

        def edit(change: Change) -> list[Speaker]:
            return [_still(change, person), change.unmerge(person)]

        return self.apply("unmerge", edit)

    def rename(self, speaker: Speaker, name: str) -> Outcome:
        """Give somebody another name; somebody without one is enrolled by that.

        Raises:
            ConflictError: another speaker of the gallery has the name.
        """

        def edit(change: Change) -> list[Speaker]:
            if _still(change, speaker).name is None:
                _confirm(change, speaker.id)
            return [change.rename(speaker, new_name(name))]

        return self.apply("rename", edit)

    def never(self, stranger: Speaker) -> Outcome:
        """Say that a stranger is not to be enrolled: known again wherever they are heard, and not asked about."""

        def edit(change: Change) -> list[Speaker]:
            _still(change, stranger)
            _confirm(change, stranger.id)
            change.set_speaker(stranger.id, name=None, state=SpeakerState.NEVER)
            change.audit("never", speaker=stranger.id)
            return [change.speaker(stranger.id)]

        return self.apply("never", edit)

    def discard(self, stranger: Speaker) -> Outcome:
        """Say that a stranger is nobody: noise, a mixture, not worth keeping. Their voices are nobody's for good."""

        def edit(change: Change) -> list[Speaker]:
            _still(change, stranger)
            change.label(
                {
                    voice.id: (voice.said, _by_a_person(None))
                    for hearing in change.hearings()
                    for voice in hearing.voices
                    if voice.said.speaker == stranger.id
                }
            )
            samples = change.samples_of(stranger.id)
            change.drop_speaker(stranger.id)
            change.audit("discard", speaker=stranger.id, samples=[str(sample.id) for sample in samples])
            return []

        return self.apply("discard an unknown", edit)

    def split(self, speaker: Speaker, samples: Sequence[UUID]) -> Outcome:
        """Make some samples of somebody, and the voices that they come from, a stranger of their own.

        Raises:
            InputError: that would leave nothing on either side.
        """

        def edit(change: Change) -> list[Speaker]:
            _still(change, speaker)
            theirs = change.samples_of(speaker.id)
            apart = [sample for sample in theirs if sample.id in set(samples)]
            if not apart or len(apart) == len(theirs):
                raise InputError(f"{speaker.label}: a split needs samples on both sides: name some, but not all")
            if speaker.name is None:
                _confirm(change, speaker.id)
            taken = {person.id for person in change.speakers()}
            ids = change.stranger_ids(f"split {min(sample.id.hex for sample in apart)}")  # as the preview showed
            other = change.make_speaker(None, id_=next((id_ for id_ in ids if id_ not in taken), None))
            _move(change, apart, other.id)
            change.audit("split", speaker=speaker.id, into=other.id, samples=[str(sample.id) for sample in apart])
            return [change.speaker(speaker.id), change.speaker(other.id)]

        return self.apply("split", edit)

    # The way back

    def undo(self, numbers: Sequence[int] = (), *, last: int = 1) -> Undone:
        """Undo changes of some numbers, or the last ones; see `Store.undo`."""
        with self.store.change(self.gallery, "undo", dry_run=self.dry_run) as change:
            before, called = change.hearings(), _called(change)
            undone = change.undo(numbers, last=last)
            labels = _compared(before, called, change.hearings(), _called(change))
        return Undone(tuple(undone), tuple(labels))

    # Samples

    def withdraw(self, samples: Sequence[str | UUID]) -> Outcome:
        """Take samples from whoever has them; somebody who has no others is gone."""
        ask = self.learn is not Learn.CONFIDENT  # else the profile learns it again by itself
        return self.apply("withdraw", lambda change: _give_away(change, samples, None, "withdraw", ask=ask))

    def move(self, samples: Sequence[str | UUID], to: str) -> Outcome:
        """Give samples, and the voices that they come from, to somebody else, new or known.

        Raises:
            ConflictError: that person has one of them already.
        """
        return self.apply("move", lambda change: _give_away(change, samples, person_called(change, to), "move"))

    # Recordings

    def say(self, hearing: Hearing, voices: Sequence[str], who: str | None, *, force: bool = False) -> Outcome:
        """Say whose the voices of a recording are: somebody's, new or known, or nobody's (None).

        What is heard of them teaches that person's profile, unless `learn` is never, or it is unlike the profile.

        Raises:
            NotFoundError: the recording has no such voice.
            ConflictError: it was heard anew meanwhile, or forgotten.
        """
        held: list[str] = []

        def edit(change: Change) -> list[Speaker]:
            now = _as_heard(change, hearing)
            found = {voice.label: voice for voice in now.voices}
            if missing := [label for label in voices if label not in found]:
                raise NotFoundError(
                    f"{hearing.recording.source} has no voice {missing[0]}, only {', '.join(sorted(found))}"
                )
            person = None if who is None else person_called(change, who)
            for label in voices:
                self._say(change, now, found[label], person, held, force=force)
            drop_unknown(change, {found[label].said.speaker for label in voices})
            change.audit(
                "say",
                speaker=None if person is None else person.id,
                hearing=hearing.id,
                voices=len(voices),
                force=force,
            )
            return [] if person is None else [change.speaker(person.id)]

        return replace(self.apply("say whose voice", edit), held=tuple(held))

    def forget(self, hearing: Hearing) -> Outcome:
        """Forget what was heard in a recording; samples that people gave to somebody stay.

        Raises:
            ConflictError: it was heard anew meanwhile, or forgotten.
        """

        def edit(change: Change) -> list[Speaker]:
            change.put_aside([_as_heard(change, hearing).id])
            change.audit("forget recording", hearing=hearing.id)
            return []

        return self.apply("forget a recording", edit)

    def again(self) -> Outcome:
        """Judge all recordings by the gallery as it is now."""
        return self.apply("judge again", lambda _: [])

    def _say(
        self,
        change: Change,
        hearing: Hearing,
        voice: HeardVoice,
        person: Speaker | None,
        held: list[str],
        *,
        force: bool,
    ) -> None:
        if person is None:
            change.label({voice.id: (voice.said, _by_a_person(None))})
            if voice.sample is not None:
                change.give({voice.sample: None})
            return
        change.label({voice.id: (voice.said, _by_a_person(person.id))})
        self.teach(change, hearing, voice, person, held, force=force)

    def teach(
        self, change: Change, hearing: Hearing, voice: HeardVoice, person: Speaker, held: list[str], *, force: bool
    ) -> None:
        """Let somebody's profile learn from a voice that a person says is theirs, within a change.

        Not where `learn` is never, or the voice is mixed or unlike the profile: the latter goes to the list.
        """
        if self.learn is Learn.NEVER or voice.vector is None or voice.mixed:
            if voice.sample is not None:
                change.give({voice.sample: None})
            return
        sample = change.sample_of(hearing, voice)
        llr = self._likeness(change, hearing, voice, person)
        if llr is not None and llr < STRANGE and not force:
            change.give({sample: None})
            held.append(_held(hearing.recording.source, voice.label, person, llr))
            return
        if llr is not None and llr < STRANGE:
            change.note_forced(sample, "unlike")
        change.give({sample: person.id})

    def _likeness(self, change: Change, hearing: Hearing, voice: HeardVoice, person: Speaker) -> float | None:
        """LLR of a voice against what somebody is known by, itself apart; None without anything."""
        how = self.judge_of(hearing.model)
        own = [] if voice.sample is None else [voice.sample]
        profiles = change.profiles(hearing.model)
        people = People(profiles, without=own)
        if how is None or voice.vector is None or not (known := people.profiles([person.id], hearing.model)):
            return None
        scorer = Rehearsal(people, self.gallery, how.model, how.calibration)
        return float(scorer.against(known, voice.vector[None], [voice.heard]).llr[0, 0])

    def _unlike(self, change: Change, source: Speaker, into: Speaker) -> Iterator[tuple[Sample, float]]:
        """Samples of one speaker that do not sound like another, with their LLRs."""
        for model in change.models():
            how, profiles = self.judge_of(model), {one.speaker.id: one for one in change.profiles(model)}
            theirs, known = profiles.get(source.id), profiles.get(into.id)
            if how is not None and theirs is not None and known is not None:
                scorer = Rehearsal(People(profiles.values()), self.gallery, how.model, how.calibration)
                llrs = scorer.against([known], theirs.vectors, theirs.net_seconds.tolist()).llr[:, 0]
                yield from ((one, float(llr)) for one, llr in zip(theirs.samples, llrs, strict=True) if llr < STRANGE)

    def apply(self, what: str, edit: Callable[[Change], Sequence[Speaker]]) -> Outcome:
        """Change something in one transaction, judge all recordings again, and tell which labels changed.

        Args:
            what: What it is, in a few words without names.
            edit: Does it, and tells whom it is about.
        """
        with self.store.change(self.gallery, what, dry_run=self.dry_run) as change:
            before, called = change.hearings(), _called(change)
            speakers = tuple(edit(change))
            after = relabel(change, self.judge_of)
            labels = _compared(before, called, after, _called(change))
        return Outcome(change.number, speakers, tuple(labels), len(after))


def _called(change: Change) -> dict[UUID, str]:
    return {person.id: person.label for person in change.speakers()}


def _compared(
    before: Sequence[Hearing], called: Mapping[UUID, str], after: Sequence[Hearing], called_now: Mapping[UUID, str]
) -> list[LabelChange]:
    """Which voices are said to be somebody else's."""
    was = {(one.recording.id, voice.label): voice.said for one in before for voice in one.voices}
    found = []
    for hearing in after:
        for voice in hearing.voices:
            old, new = was.get((hearing.recording.id, voice.label), Label()), voice.said
            one = LabelChange(
                recording=hearing.recording.source,
                hearing=hearing.id,
                voice=voice.label,
                seconds=voice.net_seconds,
                before=called.get(old.speaker) if old.speaker else None,
                after=called_now.get(new.speaker) if new.speaker else None,
                verdict_before=old.verdict,
                verdict_after=new.verdict,
            )
            if (one.before, one.verdict_before) != (one.after, one.verdict_after):
                found.append(one)
    return sorted(found, key=lambda one: (one.recording, one.voice))


def _held(recording: str, what: str, person: Speaker, llr: float) -> str:
    return (
        f"{recording}, {what}: does not sound like the rest of {person.label}'s speech (LLR {llr:.1f}), so the profile "
        "learns nothing from it: listen again; `spk recordings label` with --force --yes teaches it all the same"
    )


def _still(change: Change, speaker: Speaker) -> Speaker:
    """Somebody as they are now, under the same name, or none, as when they were looked up.

    Raises:
        NotFoundError: they are gone.
        ConflictError: they got another name.
    """
    now = change.same(speaker)
    if now.name != speaker.name:
        raise ConflictError(f"{speaker.label} was called {now.label} meanwhile: look again, and say it of {now.label}")
    return now


def _as_heard(change: Change, hearing: Hearing) -> Hearing:
    """What was heard in a recording, with what is said of it now.

    Raises:
        ConflictError: something else was heard in it since, or it is forgotten.
    """
    now = change.heard(hearing.recording.sha256)
    if now is None or now.id != hearing.id:
        raise ConflictError(f"{hearing.recording.source} was heard anew, or forgotten, meanwhile: look at it again")
    return now


def person_called(change: Change, who: str) -> Speaker:
    """Somebody by name or label; a new name makes somebody new."""
    known = change.called(who)
    return known[0] if len(known) == 1 else change.make_speaker(who)


def drop_unknown(change: Change, some: Collection[UUID | None]) -> list[Speaker]:
    """Those of some people who have a name, and are known by nothing any more, are gone; who they were."""
    voices = (voice.said for hearing in change.hearings() for voice in hearing.voices)
    said = {one.speaker for one in voices if one.said_by is SaidBy.PERSON}
    left = [person for person in change.speakers() if person.id in some and person.id not in said]
    gone = [person for person in left if person.name is not None and not change.samples_of(person.id)]
    for person in gone:
        change.drop_speaker(person.id)
    return gone


def _by_a_person(speaker: UUID | None) -> Label:
    """Whose a voice is because a person says so, which rests on no numbers; `relabel` sees whether they have a name."""
    return Label(said_by=SaidBy.PERSON, speaker=speaker, verdict="unknown")


def _confirm(change: Change, speaker: UUID) -> None:
    """The voices of somebody are theirs because a person says so, no longer by the machine's word."""
    change.label(
        {
            voice.id: (voice.said, _by_a_person(speaker))
            for hearing in change.hearings()
            for voice in hearing.voices
            if voice.said.speaker == speaker and voice.said.said_by is SaidBy.MACHINE
        }
    )


def _give_away(
    change: Change, which: Sequence[str | UUID], to: Speaker | None, action: str, *, ask: bool = False
) -> list[Speaker]:
    samples = [change.sample(one) for one in which]
    owners = {sample.speaker for sample in samples}
    if to is not None and to.id in owners:
        raise ConflictError(f"{to.label} has that sample already")
    _move(change, samples, None if to is None else to.id, ask=ask)
    ids = [str(sample.id) for sample in samples]
    change.audit(action, samples=ids, speaker=sorted(map(str, owners)), into=None if to is None else to.id)
    for owner in sorted(owners):
        if not change.samples_of(owner):
            change.drop_speaker(owner)
    left = {person.id: person for person in change.speakers()}
    concerned = [*sorted(owners), *([] if to is None else [to.id])]
    return [left[one] for one in concerned if one in left]


def _move(change: Change, samples: Sequence[Sample], to: UUID | None, *, ask: bool = False) -> None:
    """Give samples to somebody, with the voices that they come from.

    With ``ask``, the machine is asked again whose these voices are; but not for strangers, whom it would find anew.
    """
    owners = {sample.id: change.speaker(sample.speaker) for sample in samples}
    change.give(dict.fromkeys(owners, to))
    labels: dict[UUID, tuple[Label, Label]] = {}
    for voice in (voice for hearing in change.hearings() for voice in hearing.voices):
        if voice.sample in owners:
            asked = ask and owners[voice.sample].name is not None
            labels[voice.id] = (voice.said, Label() if asked else _by_a_person(to))
    change.label(labels)
