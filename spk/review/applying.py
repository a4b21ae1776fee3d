"""Turns that a person corrected come back: stored, learnt from, and everything that depended on a mistake follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from spk.audio import Audio
from spk.audio.levels import levels
from spk.embed import embed_pieces
from spk.enroll import Enroller, excerpts_of
from spk.enroll.enroller import Offered
from spk.errors import ConflictError
from spk.identify import OperatingPoint, Voice
from spk.identify.identifier import NOT_HEARD, clearest
from spk.review.corrected import Corrected
from spk.review.correcting import Corrections, Outcome
from spk.review.people import People, Rehearsal
from spk.review.relabel import Judge
from spk.review.remembering import new_voice
from spk.review.settling import Learn
from spk.review.storing import Applied, Report, Taught, corrected_turns, store_turns
from spk.store.changing import Change
from spk.store.heard import Hearing, NewHearing
from spk.store.records import NewRecording, Origin, Sample, Speaker
from spk.timeline import Timeline, total

__all__ = ["Applied", "Applier", "Taught"]


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
        recording = NewRecording(audio.sha256, audio.source, audio.duration)
        work = Corrected.of(self.corrections, recording, turns, everything=everything)
        if work.is_stored_by(self.how.model.fingerprint) and not force:
            return Applied(work.changes, Outcome(0, (), (), 0))
        new = self._hearing(work, audio)
        offered = self._offered(work, audio, force=force)

        def teach(change: Change, _: Hearing, people: Mapping[str, Speaker], report: Report) -> None:
            for key in sorted(offered, key=lambda key: (key not in work.wronged, work.who[key].speaker is None)):
                self._teach(change, people[key], offered[key], report, force=force)

        return store_turns(self.corrections, work, lambda _: new, teach, force=force)

    def _hearing(self, work: Corrected, audio: Audio) -> NewHearing:
        """The corrected turns with their voices, embedded anew."""
        embedder = self.enroller.embedder
        speeches = {key: clearest(audio, alone) for key, alone in work.alone.items()}
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
                net_seconds=total(work.alone[key]),
                vector=one.vector if one else None,
                match=NOT_HEARD,
                pieces=one.pieces if one else (),
            )
            named = work.who[key].known_as is not None
            voices.append(new_voice(voice, keep=None if named else self.enroller.keep))
        before = work.before.hearing
        return NewHearing(
            recording=work.recording,
            model=embedder.model.fingerprint,
            dim=embedder.dim,
            least=len(heard),  # a person told them apart
            point=asdict(self.point) if before is None else before.point,
            attendees=None if before is None else before.attendees,
            strangers=before is not None and before.strangers,
            corrected=True,
            voices=tuple(voices),
            turns=corrected_turns(work),
            levels=levels(audio),
        )

    def _offered(self, work: Corrected, audio: Audio, *, force: bool) -> dict[str, Offered]:
        """What is to be learnt from, by person."""
        if self.corrections.learn is Learn.NEVER:
            return {}
        offered = {}
        for key in work.after.labels:
            if work.who[key].known_as is not None:
                lessons = work.lessons(key, earlier=force)  # what was refused before may be forced now
                if excerpts := [excerpt for lesson in lessons for excerpt in excerpts_of(audio, lesson)]:
                    offered[key] = self.enroller.listen(excerpts, Origin.CORRECTED)
        return offered

    def _teach(self, change: Change, person: Speaker, offered: Offered, report: Report, *, force: bool) -> None:
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
