"""What can be asked about decisions that are kept: why, and whether they come out the same again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from spk.desk.paging import since, word
from spk.errors import NotFoundError, SpkError
from spk.messages.base import Page
from spk.messages.decisions import (
    DecidedToday,
    DecisionInfo,
    Difference,
    Explained,
    Replayed,
    TodayVoice,
    VoiceVerdict,
)
from spk.workbench import Workbench

if TYPE_CHECKING:
    from spk.identify import Calibration
    from spk.identify.evidence import Evidence, VoiceEvidence
    from spk.store import DecisionRecord, Gallery, Speaker, Store

__all__ = ["Decisions"]


class Decisions:
    """The decisions of a gallery. ``which`` is an id, or its first digits.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(self, *, limit: int = 20, after: str | None = None) -> Page[DecisionInfo]:
        """Some decisions, the newest first.

        Args:
            limit: How many at most.
            after: ``next`` of the page before.

        Raises:
            InputError: ``after`` is no such thing.
        """
        records = self.bench.store.decisions(self.bench.gallery, limit, after=None if after is None else since(after))
        last = records[-1] if len(records) == limit else None
        following = None if last is None else word(last.created.isoformat(), last.id.hex)
        return Page[DecisionInfo](items=[self._listed(record) for record in records], next=following)

    def explain(self, which: str, label: str | None = None, *, anywhere: bool = False) -> Explained:
        """What a decision rests on.

        Args:
            which: The decision.
            label: The only voice to tell of.
            anywhere: Whether it may be of another gallery of the home.

        Raises:
            NotFoundError: there is no such decision, or it has no such voice.
        """
        evidence = _kept(self.bench.store, self._find(which, anywhere=anywhere))
        chosen = tuple(voice for voice in evidence.voices if label in (None, voice.label))
        if label is not None and not chosen:
            labels = ", ".join(voice.label for voice in evidence.voices)
            raise NotFoundError(f"the decision has no voice {label}; it has: {labels}")
        return Explained.model_validate(replace(evidence, voices=chosen).to_json())

    def replay(self, which: str, *, anywhere: bool = False) -> Replayed:
        """Compute a decision again, as of its day and as of today.

        Args:
            which: The decision.
            anywhere: Whether it may be of another gallery of the home.

        Raises:
            NotFoundError: there is no such decision.
        """
        from spk.identify.replaying import replay

        store, record = self.bench.store, self._find(which, anywhere=anywhere)
        evidence = _kept(store, record)
        where = _gallery(store, record, evidence)
        found = replay(store, record, evidence, _calibration(store, where, evidence))
        return Replayed(
            decision_id=record.id,
            same=found.same and found.compared > 0,
            compared=found.compared,
            differences=[
                Difference(label=one.label or None, what=one.what, recorded=one.recorded, now=one.now)
                for one in found.differences
            ],
            lost=list(found.lost),
            today=self._decided_today(where, record, evidence),
        )

    def _find(self, which: str, *, anywhere: bool) -> DecisionRecord:
        return self.bench.store.decision(which, None if anywhere else self.bench.gallery)

    def _decided_today(self, gallery: Gallery, record: DecisionRecord, evidence: Evidence) -> DecidedToday:
        """What today's gallery would decide, or why that cannot be said."""
        from spk.embed import ModelId
        from spk.identify import GalleryScorer
        from spk.identify.replaying import today

        there = Workbench(self.bench.settings.changed(gallery=gallery.name), parts=self.bench.parts)
        model = ModelId(evidence.model.name, evidence.model.fingerprint)
        try:
            calibration = there.calibration_of(model)
            scorer = GalleryScorer(there.store, gallery, model, calibration, _attendees(there.store, evidence))
            scorer.check()
            now = today(scorer, record, evidence)
        except SpkError as error:
            return DecidedToday(problem=str(error), calibration=None, voices=[])
        voices = [
            TodayVoice(
                label=one.label,
                verdict=one.verdict,
                speaker_id=one.speaker.id if one.speaker else None,
                name=one.speaker.label if one.speaker else None,
                llr=one.llr,
                probability=one.probability,
            )
            for one in now
        ]
        return DecidedToday(problem=None, calibration=calibration.id, voices=voices)

    def _listed(self, record: DecisionRecord) -> DecisionInfo:
        evidence = _kept(self.bench.store, record)
        return DecisionInfo(
            decision_id=record.id,
            created=record.created,
            kind=record.kind.value,
            recording=record.source,
            voices=[
                VoiceVerdict(label=voice.label, verdict=voice.verdict, name=_who(evidence, voice))
                for voice in evidence.voices
            ],
        )


def _who(evidence: Evidence, voice: VoiceEvidence) -> str | None:
    """The name that was given, if one was."""
    if voice.verdict not in ("known", "same") or voice.candidate is None:
        return None
    speaker = voice.candidate.speaker
    if speaker is None:
        return "nobody"
    return evidence.names.get(speaker) or f"({speaker[:8]}, erased)"


def _kept(store: Store, record: DecisionRecord) -> Evidence:
    """The evidence of a kept decision, with what people and recordings are called today."""
    from spk.identify.evidence import Evidence

    evidence = Evidence.parse(record.record, source=f"decision {record.id}")
    owners = {voice.label: voice.speaker for voice in record.voices}
    told = [UUID(one) for one in evidence.people_told]
    people = store.people([*told, *filter(None, owners.values())])
    names = {str(speaker.id): speaker.label for speaker in people}
    for voice in evidence.voices:
        owner = owners.get(voice.label)
        one = voice.candidate
        if (
            one is not None
            and owner is not None
            and one.speaker not in names
            and voice.outcome in ("known", "same", "unsure")
        ):
            names[one.speaker] = names.get(str(owner), "")  # merged into somebody since
    ids = [UUID(one.sample) for voice in evidence.voices for one in voice.samples]
    prints = store.sample_prints(evidence.model.fingerprint, ids).values()
    sources = {str(one.sample.recording.id): one.sample.recording.source for one in prints}
    return replace(evidence, decision_id=str(record.id), recording=record.source, names=names, sources=sources)


def _gallery(store: Store, record: DecisionRecord, evidence: Evidence) -> Gallery:
    from spk.store import Gallery

    found = [gallery for gallery in store.galleries() if gallery.id == record.gallery]
    return found[0] if found else Gallery(record.gallery, evidence.gallery.name)


def _calibration(store: Store, gallery: Gallery, evidence: Evidence) -> Calibration | None:
    """The calibration that a decision was made by; None if it is gone."""
    from spk.identify import Calibration

    try:
        kept = store.find_calibration(gallery, evidence.calibration.id)
    except NotFoundError:
        return None
    return Calibration.parse(kept.record, source=f"calibration {kept.id}")


def _attendees(store: Store, evidence: Evidence) -> list[Speaker] | None:
    """The only people who could be meant and are there still; None where it could be anybody.

    Raises:
        NotFoundError: none of them is.
    """
    if evidence.attendees is None:
        return None
    if attendees := store.people(UUID(one) for one in evidence.attendees):
        return attendees
    raise NotFoundError("none of the attendees is there any more")
