"""One change of people, samples and labels: what can be done in it, and undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, insert, select

from spk.errors import ConflictError, InputError, NotFoundError
from spk.store import audit, changes, consenting, enrolling, hearings, queries, tables, unmerging
from spk.store.changes import Journal
from spk.store.heard import ChangeRecord, HeardVoice, Hearing, Label, NewHearing, NewVoice, SaidBy
from spk.store.home import Home, StagedClip
from spk.store.names import clean_name, new_name
from spk.store.problems import explained
from spk.store.records import (
    Consent,
    Enrollment,
    Gallery,
    NewConsent,
    NewSample,
    Origin,
    Profile,
    Sample,
    Speaker,
    SpeakerState,
)

__all__ = ["Change"]

_P, _S, _V, _H, _R = (
    tables.speakers.c,
    tables.samples.c,
    tables.voices.c,
    tables.hearings.c,
    tables.recordings.c,
)


class Change:
    """What is changed in one transaction; everything is read as it has been changed so far.

    Args:
        journal: Remembers what stood there.
        gallery: Whose people they are.
        home: Where clips lie.
        staged: Where clips lie until they are placed, and are removed from if they are not.

    Attributes:
        number: What the change is called, once it is made; 0 where nothing changed.
        placed: The clips that it keeps.
    """

    def __init__(self, journal: Journal, gallery: Gallery, home: Home, staged: ExitStack) -> None:
        self.journal = journal
        self.gallery = gallery
        self.number = 0
        self._tx = journal.tx
        self._home = home
        self._staged = staged
        self.placed: list[StagedClip] = []
        self._undid = False

    @property
    def moves_voiceprints(self) -> bool:
        """Whether somebody is known by others now."""
        return self._undid or self.journal.moves_voiceprints

    # Reading

    def hearings(self) -> list[Hearing]:
        """What was heard in all recordings, in the order in which they were."""
        return hearings.find(self._tx, self.gallery.id)

    def heard(self, sha256: str) -> Hearing | None:
        """What was heard in the recording whose audio has this hash, if anything is kept of it."""
        return next(iter(hearings.find(self._tx, self.gallery.id, _R.sha256 == sha256)), None)

    def heard_voices(self, hearing: Hearing) -> list[NewVoice]:
        """The voices of a hearing, by their labels, with all that is kept of them: to be kept again."""
        return hearings.as_new(self._tx, hearing.id)

    def speakers(self) -> list[Speaker]:
        """Everybody of the gallery."""
        return queries.speakers(self._tx, self.gallery.id)

    def people(self, ids: Iterable[UUID]) -> list[Speaker]:
        """The speakers of these ids who are there."""
        return queries.people(self._tx, ids)

    def speaker(self, who: str | UUID) -> Speaker:
        """As `Store.speaker`."""
        return queries.find_speaker(self._tx, self.gallery, who)

    def called(self, who: str | UUID) -> list[Speaker]:
        """As `Store.called`."""
        return queries.called(self._tx, self.gallery, who)

    def models(self) -> list[str]:
        """The fingerprints of the models that made the gallery's voiceprints."""
        return queries.fingerprints(self._tx, _P.gallery == self.gallery.id)

    def same(self, speaker: Speaker) -> Speaker:
        """A speaker as stored now.

        Raises:
            NotFoundError: it was deleted or merged meanwhile.
        """
        return queries.same_speaker(self._tx, speaker)

    def profiles(self, model: str) -> list[Profile]:
        """The profiles of everybody by one model."""
        return list(queries.profiles(self._tx, self.gallery.id, model))

    def sample(self, which: str | UUID) -> Sample:
        """A sample that somebody has, by its id or the first digits of it.

        Raises:
            NotFoundError: there is none, or several begin like this.
        """
        return queries.find_sample(self._tx, self.gallery.id, which)

    def samples_of(self, speaker: UUID) -> list[Sample]:
        """The samples of a speaker, oldest first."""
        return queries.samples(self._tx, _S.speaker == speaker)

    def learnt(self) -> dict[UUID, UUID | None]:
        """The samples that the machine took from current recordings by itself, and whose they are."""
        query = (
            select(_S.id, _S.speaker).join(tables.voices, _V.sample == _S.id).join(tables.hearings, _H.id == _V.hearing)
        )
        query = query.join(tables.recordings, _R.id == _H.recording)
        rows = self._tx.execute(query.where(_R.gallery == self.gallery.id, _H.current, _V.said_by == SaidBy.MACHINE))
        return {row.id: row.speaker for row in rows}

    def founded(self) -> set[UUID]:
        """Everybody who is known by what a person said: an enrollment, a name, a merger."""
        by_itself = select(_V.id).where(_V.sample == _S.id, _V.said_by == SaidBy.MACHINE).exists()
        enrolled = select(_S.speaker).join(tables.speakers, _P.id == _S.speaker)
        enrolled = enrolled.where(_P.gallery == self.gallery.id, ~by_itself).distinct()
        said = select(_V.speaker).join(tables.hearings, _H.id == _V.hearing)
        said = said.where(_H.current, _V.said_by == SaidBy.PERSON, _V.speaker.is_not(None)).distinct()
        return {*self._tx.scalars(enrolled), *self._tx.scalars(said)}

    # People

    def make_speaker(self, name: str | None, *, id_: UUID | None = None) -> Speaker:
        """Somebody new, with an id if one is given.

        Raises:
            ConflictError: somebody of the gallery has the name.
        """
        ids = (uuid4() for _ in range(16)) if id_ is None else (id_,)
        self._check_free(name)
        return enrolling.make_speaker(self.journal, self.gallery, name and new_name(name), ids)

    def stranger_ids(self, seed: str) -> list[UUID]:
        """The ids that a stranger may have who is always to get the same one, the likeliest first."""
        return [uuid5(self.gallery.id, f"{seed} {attempt}") for attempt in range(16)]

    def rename(self, speaker: Speaker, name: str) -> Speaker:
        """As `Store.rename`."""
        speaker = queries.same_speaker(self._tx, speaker)
        if speaker.name != name:
            self.set_speaker(speaker.id, name=name, state=SpeakerState.ENROLLED)
            self.audit("rename", speaker=speaker.id, was=speaker.state)
        return queries.same_speaker(self._tx, speaker)

    def merge(self, source: Speaker, into: Speaker) -> Speaker:
        """As `Store.merge`."""
        source, into = (queries.same_speaker(self._tx, one) for one in (source, into))
        if source.id == into.id:
            raise ConflictError(f"{source.label} cannot be merged with itself: name two speakers")
        if source.gallery != into.gallery:
            raise ConflictError(f"{source.label} and {into.label} are in two galleries: merge within one gallery")
        samples = self.samples_of(source.id)
        doubled = self._doubled(samples, into)
        moved = [sample.id for sample in samples if sample.id not in doubled]
        self.give(dict.fromkeys(moved, into.id) | dict.fromkeys(doubled))
        self._repoint(source.id, into.id)
        self._invite(source.id, into.id)
        consenting.move(self.journal, source.id, into.id)
        self.drop_speaker(source.id)
        if into.name is None and source.name is not None:
            self.set_speaker(into.id, name=source.name, state=SpeakerState.ENROLLED)
        self.audit("merge", speaker=source.id, into=into.id, moved=[str(id_) for id_ in moved], dropped=len(doubled))
        return queries.same_speaker(self._tx, into)

    def unmerge(self, person: Speaker) -> Speaker:
        """Make the last one who was merged into somebody a speaker of their own again, whatever was changed since.

        Raises:
            NotFoundError: nobody was, or it is not kept any more.
            ConflictError: another speaker has got the name.
        """
        merger = unmerging.last_merger(self._tx, self.gallery.id, person.id)
        if merger is None:
            raise NotFoundError(
                f"no merger into {person.label} is kept that could be taken back: see `spk undo --list`, "
                "or move samples with `spk speakers move`"
            )
        unmerging.take_back(self.journal, merger)
        self.audit("unmerge", speaker=merger.source, out_of=person.id, change=merger.number)
        return self.speaker(merger.source)

    def _repoint(self, source: UUID, into: UUID | None) -> None:
        """Voices of one person are another's from now on."""
        for table in (tables.decided_voices, tables.voices):
            keys = [column.name for column in table.primary_key]
            rows = self._tx.execute(select(table).where(table.c.speaker == source)).mappings().all()
            changed = [({key: row[key] for key in keys}, {"speaker": source}, {"speaker": into}) for row in rows]
            self.journal.update(table, changed)

    def _invite(self, source: UUID, into: UUID) -> None:
        """Whoever was expected in a recording as one person is as another from now on."""
        query = select(_H.id, _H.attendees).join(tables.recordings, _R.id == _H.recording)
        rows = self._tx.execute(query.where(_R.gallery == self.gallery.id, _H.attendees.is_not(None)))
        changed = []
        for row in rows.all():
            now = list(dict.fromkeys(into.hex if one == source.hex else one for one in row.attendees))
            changed.append(({"id": row.id}, {"attendees": row.attendees}, {"attendees": now}))
        self.journal.update(tables.hearings, changed)

    def _doubled(self, samples: Sequence[Sample], into: Speaker) -> set[UUID]:
        """Those of ``samples`` whose audio ``into`` has too, with voiceprints by the same models."""
        speakers = [into.id, *{sample.speaker for sample in samples}]
        models = queries.models_by_sample(self._tx, _S.speaker.in_(speakers))
        theirs = self.samples_of(into.id)
        doubled = set()
        for sample in samples:
            same = [other for other in theirs if enrolling.same_audio(sample, other)]
            if same and not models[sample.id].difference(*(models[other.id] for other in same)):
                doubled.add(sample.id)
        return doubled

    def set_speaker(self, speaker: UUID, *, name: str | None, state: SpeakerState) -> None:
        """Give somebody another name or state.

        Raises:
            ConflictError: another person of the gallery has the name.
        """
        self._check_free(name, _P.id != speaker)
        self.journal.set(tables.speakers, {"id": speaker}, name=name, state=state.value)

    def _check_free(self, name: str | None, *who: ColumnElement[bool]) -> None:
        if name is not None and queries.speakers(self._tx, self.gallery.id, _P.name == clean_name(name), *who):
            raise ConflictError(f'another speaker is called "{name}": choose another name, or merge the two')

    def drop_speaker(self, speaker: UUID) -> None:
        """Remove somebody; what they have, or was said to be theirs, is nobody's."""
        consenting.remove(self.journal, speaker)
        self.give(dict.fromkeys(self._tx.scalars(select(_S.id).where(_S.speaker == speaker))))
        self._repoint(speaker, None)
        self.journal.delete(tables.speakers, speaker)

    # Samples

    def give(self, samples: Mapping[UUID, UUID | None]) -> None:
        """Give samples to people, whoever has them: for each, who gets it; None is nobody."""
        changed = [
            ({"id": row.id}, {"speaker": row.speaker}, {"speaker": samples[row.id]})
            for some in queries.portions(samples)
            for row in self._tx.execute(select(_S.id, _S.speaker).where(_S.id.in_(some)))
        ]
        self.journal.update(tables.samples, changed)

    def note_forced(self, sample: UUID, reason: str) -> None:
        """Note on a sample which reason against it is overridden."""
        forced = self._tx.scalar(select(_S.forced).where(_S.id == sample)) or []
        self.journal.set(tables.samples, {"id": sample}, forced=sorted({*forced, reason}))

    def enroll(self, speaker: Speaker, samples: Sequence[NewSample], *, force: bool = False) -> Enrollment:
        """As `Store.enroll`."""
        enrolling.check(samples)
        staged = [None if new.clip is None else self._stage(new.clip) for new in samples]
        return enrolling.enroll(self.journal, self.gallery, speaker, samples, staged, placed=self.placed, force=force)

    # Consent

    def add_consent(self, speaker: Speaker, consent: NewConsent) -> Consent:
        """Note what somebody consents to; an undo does not take it back."""
        return consenting.add(self._tx, speaker, consent)

    def keeps_strangers(self) -> bool:
        """Whether people may be kept without a name: not where consent is required, which a stranger has not given."""
        return consenting.required(self._tx, self.gallery.id) is None

    def lacking_consent(self) -> set[UUID]:
        """Those who may not be matched, because the gallery requires a consent that they have not given."""
        return consenting.lacking(self._tx, self.gallery.id)

    def sample_of(self, hearing: Hearing, voice: HeardVoice) -> UUID:
        """The sample that is made of a voice for somebody's profile, nobody's at first.

        Raises:
            InputError: too little was heard of the voice for a voiceprint.
        """
        if voice.sample is not None:
            return voice.sample
        if voice.vector is None:
            raise InputError(f"{hearing.recording.source}: too little is heard of {voice.label} for a voiceprint")
        row = self._tx.execute(select(_V.parts, _V.quality).where(_V.id == voice.id)).one()
        id_ = uuid4()
        self._tx.execute(
            insert(tables.samples),
            {
                "id": id_,
                "speaker": None,
                "recording": hearing.recording.id,
                "start": row.parts[0][0],
                "end": row.parts[-1][1],
                "parts": row.parts,
                "sha256": voice.sha256,
                "net_seconds": voice.heard,
                "quality": row.quality,
                "origin": Origin.ONLINE,
                "forced": [],
                "created": hearing.sampled(voice.id),
            },
        )
        enrolling.insert_voiceprints(self._tx, id_, {hearing.model: voice.vector})
        self.journal.update(tables.voices, [({"id": voice.id}, {"sample": None}, {"sample": id_})])
        return id_

    # What was heard

    def hear(self, new: NewHearing) -> Hearing:
        """Keep what was heard in a recording, in place of what was kept of it before, and in its place in the order."""
        recording = enrolling.recording_of(self._tx, self.gallery, new.recording)
        current = select(_H.id, _H.created).where(_H.recording == recording.id, _H.current)
        before = self._tx.execute(current).all()
        created = min((row.created for row in before), default=datetime.now(UTC))
        hearing = hearings.add(self._tx, recording, new, created)
        if before:
            self.put_aside([row.id for row in before])
        self.journal.update(tables.hearings, [({"id": hearing.id}, {"current": False}, {"current": True})])
        clips = {voice.label: voice.clip for voice in new.voices}
        return replace(
            hearing, voices=tuple(self._with_clip(hearing, voice, clips[voice.label]) for voice in hearing.voices)
        )

    def _with_clip(self, hearing: Hearing, voice: HeardVoice, content: bytes | None) -> HeardVoice:
        """A voice with a sample that can be listened to, if there is anything to listen to."""
        if content is None or voice.vector is None:
            return voice
        clip = self._stage(content)
        self.placed.append(clip)
        sample = self.sample_of(hearing, voice)
        self._tx.execute(insert(tables.clips), {"sample": sample, "sha256": clip.sha256})
        return replace(voice, sample=sample)

    def put_aside(self, which: Sequence[UUID]) -> None:
        """What was heard there counts no more; nor does what profiles learnt from it by themselves."""
        mine = select(_S.id).join(tables.voices, _V.sample == _S.id).where(_V.hearing.in_(which))
        learnt = self._tx.scalars(mine.where(_V.said_by == SaidBy.MACHINE, _S.speaker.is_not(None)))
        self.give(dict.fromkeys(learnt))
        self.journal.update(
            tables.hearings, [({"id": hearing}, {"current": True}, {"current": False}) for hearing in which]
        )

    def label(self, labels: Mapping[UUID, tuple[Label, Label]]) -> None:
        """Say whose voices are: for each, the label as it is and as it is to be."""
        self.journal.update(
            tables.voices,
            (
                ({"id": id_}, hearings.labelled(was), hearings.labelled(now))
                for id_, (was, now) in labels.items()
                if was != now
            ),
        )

    def undo(self, numbers: Sequence[int] = (), *, last: int = 1) -> list[ChangeRecord]:
        """As `Store.undo`: each is a change of its own."""
        if numbers:
            found = [changes.find(self._tx, self.gallery.id, number) for number in sorted(set(numbers), reverse=True)]
        else:
            found = changes.latest(self._tx, self.gallery.id, last, undone=False)
            if len(found) < last:
                raise NotFoundError(f"{len(found)} changes are kept that could be undone: see `spk undo --list`")
        for one in found:
            number = changes.revert(self._tx, self.gallery.id, one)
            self.audit("undo", change=one.number, as_change=number, was=one.what)
        self._undid = True
        return found

    def audit(self, action: str, **detail: object) -> None:
        """Note in the audit log what is done."""
        audit.append(self._tx, action, gallery=self.gallery.id, **detail)

    def _stage(self, content: bytes) -> StagedClip:
        with explained(self._home.path):
            clip = self._home.stage(content)
        self._staged.callback(clip.discard)
        return clip
