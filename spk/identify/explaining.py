"""Gathers the evidence of an identification or of a verified claim, and what a home keeps of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.audio import Audio
from spk.embed import Piece as EmbeddedPiece
from spk.identify.calibration import Calibration
from spk.identify.decision import Match, OperatingPoint, Verdict
from spk.identify.evidence import (
    CalibrationUsed,
    Evidence,
    GallerySeen,
    ModelUsed,
    Person,
    Piece,
    Rest,
    SampleScore,
    Standing,
    VoiceEvidence,
    packed,
)
from spk.identify.gallery import Comparison, GalleryScorer
from spk.identify.identifier import Identification, Voice
from spk.identify.posterior import Posterior, posterior
from spk.identify.verification import HeardSpeech, Verification
from spk.store.records import CalibrationRecord, DecidedVoice, DecisionKind, NewDecision, Profile, Speaker, samples_key
from spk.timeline import total

__all__ = ["Collector", "Explained", "calibration_record"]

SHORTLIST = 10  # people who are listed one by one


@dataclass(frozen=True, eq=False)
class Explained:
    """A decision with its evidence.

    Attributes:
        evidence: To be read.
        kept: To be kept by `Store.record_decision`: the evidence without names, and the vectors behind it.
    """

    evidence: Evidence
    kept: NewDecision


@dataclass(frozen=True)
class _Single:
    """One sample, as a profile of its own."""

    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]


@dataclass(frozen=True)
class Collector:
    """Gathers evidence of what one scorer was asked.

    Make it before the recordings are heard: the gallery is noted as it was then.

    Args:
        scorer: The gallery that is searched.
    """

    scorer: GalleryScorer

    def __post_init__(self) -> None:
        _ = self.seen

    @cached_property
    def seen(self) -> GallerySeen:
        """The gallery as it is now."""
        gallery = self.scorer.gallery
        now = self.scorer.store.snapshot(gallery)
        return GallerySeen(
            str(gallery.id),
            gallery.name,
            now.people,
            now.samples,
            now.samples_sha256,
            now.audit_sequence,
            now.audit_hash,
        )

    @cached_property
    def state(self) -> str:
        """What the scorer took from the gallery, as JSON."""
        return json.dumps({"centre": self.scorer.scorer.centre.tolist()})

    def identification(self, found: Identification) -> Explained:
        """The evidence of an identification."""
        if found.judged is None:
            raise ValueError("an identification without what it was judged by cannot be explained")
        judged, comparison = found.judged, found.judged.comparison
        voices, decided = [], []
        about: dict[int, set[UUID | None]] = {}
        for voice in found.voices:
            if voice.row is None:
                voices.append(_unheard(voice))
                continue
            one = _One(self.scorer, comparison, voice.row, judged.vectors[voice.row], judged.point)
            told = one.evidence(voice.match, voice.pieces)
            same = tuple(sorted((voice.label, *voice.same_voice_as)))
            voices.append(
                replace(
                    told,
                    label=voice.label,
                    verdict=voice.verdict.value,
                    outcome=voice.match.verdict.value,
                    net_speech=voice.net_seconds,
                    speech=voice.speech.parts,
                    together=same,
                    provisional=voice.provisional,
                )
            )
            kept = DecidedVoice(voice.label, self._whose(voice, one), one.vector)
            if voice.label == same[0] or kept.speaker not in about.setdefault(voice.row, set()):
                decided.append(kept)  # once more where a part of it was kept as somebody else
            about.setdefault(voice.row, set()).add(kept.speaker)
        evidence = self._evidence(DecisionKind.IDENTIFY, found.audio, judged.point, comparison, voices)
        kept_as = {str(voice.kept_as.id): voice.kept_as.label for voice in found.voices if voice.kept_as}
        return self._explained(replace(evidence, names={**evidence.names, **kept_as}), decided)

    def verification(
        self, found: Verification, heard: HeardSpeech, claimed: Speaker, point: OperatingPoint
    ) -> Explained:
        """The evidence of a verified claim."""
        if found.comparison is None or found.probability is None:
            raise ValueError("a claim without the comparison behind it cannot be explained")
        comparison, audio = found.comparison, heard.speech.audio
        llrs = comparison.llr[0]
        others = [int(column) for column in np.argsort(-llrs, kind="stable")[:2] if column != 0]
        match = Match(
            speaker=claimed.id,
            score=found.score,
            llr=float(llrs[0]),
            probability=found.probability,
            margin=float(llrs[0] - llrs[others[0]]) if others else None,
            verdict=Verdict.UNSURE,
            runner_up=comparison.profiles[others[0]].speaker.id if others else None,
            log_odds=found.llr,
            false_alarm=found.false_alarm,
            stranger=found.stranger,
            is_cosine=found.is_cosine,
        )
        one = _One(self.scorer, comparison, 0, heard.embedded.vector, point)
        voice = replace(
            one.evidence(match, heard.embedded.pieces),
            label="SPEAKER_00",
            verdict=found.decision.value,
            outcome=found.decision.value,
            net_speech=heard.speech.net_seconds,
            speech=heard.speech.parts,
            together=("SPEAKER_00",),
            provisional=comparison.profiles[0].provisional,
        )
        speaker = self._suits(one) if found.decision.value == "different" else claimed.id
        evidence = self._evidence(DecisionKind.VERIFY, audio, point, comparison, [voice])
        return self._explained(evidence, [DecidedVoice("SPEAKER_00", speaker, one.vector)])

    def _whose(self, voice: Voice, one: _One) -> UUID | None:
        """Whom the vector is about, or may be: it is erased with them."""
        if voice.named is not None:
            return voice.named.id
        if voice.speaker is not None and voice.match.verdict is Verdict.UNSURE:
            return voice.speaker.id
        return self._suits(one)

    def _suits(self, one: _One) -> UUID | None:
        """For whom the voice speaks, of the whole gallery, also if they were not asked for; None for nobody."""
        comparison, row = one.comparison, one.row
        if self.scorer.attendees is not None:
            comparison, row = self._everybody.compare(one.vector[None], [float(comparison.seconds[row])]), 0
        llrs = comparison.llr[row]
        return comparison.profiles[int(llrs.argmax())].speaker.id if llrs.max(initial=0.0) > 0 else None

    @cached_property
    def _everybody(self) -> GalleryScorer:
        scorer = self.scorer
        return GalleryScorer(scorer.store, scorer.gallery, scorer.model, scorer.calibration)

    def _evidence(
        self,
        kind: DecisionKind,
        audio: Audio,
        point: OperatingPoint,
        comparison: Comparison,
        voices: Sequence[VoiceEvidence],
    ) -> Evidence:
        scorer, calibration = self.scorer, self.scorer.calibration
        attendees = scorer.attendees
        columns = sorted({voice.candidate.column for voice in voices if voice.candidate is not None})
        recordings = [sample.recording for column in columns for sample in comparison.profiles[column].samples]
        evidence = Evidence(
            kind=kind.value,
            recording=audio.source,
            sha256=audio.sha256,
            duration=audio.duration,
            model=ModelUsed(scorer.model.name, scorer.model.fingerprint),
            calibration=CalibrationUsed(calibration.id, calibration.generic, calibration.recipe.name),
            gallery=self.seen,
            people=comparison.people,
            operating_point=point,
            needed=point.needed(1 if kind is DecisionKind.VERIFY else comparison.people, comparison.false_alarms),
            attendees=None if attendees is None else tuple(str(one.id) for one in attendees),
            voices=tuple(voices),
            scorer_sha256=hashlib.sha256(self.state.encode()).hexdigest(),
            sources={str(one.id): one.source for one in recordings},
        )
        people = [*(attendees or ()), *comparison.speakers.values()]
        told = set(map(UUID, evidence.people_told))
        return replace(evidence, names={str(one.id): one.label for one in people if one.id in told})

    def _explained(self, evidence: Evidence, voices: Sequence[DecidedVoice]) -> Explained:
        kept = NewDecision(
            kind=DecisionKind(evidence.kind),
            sha256=evidence.sha256,
            source=evidence.recording,
            record=json.dumps(replace(evidence.nameless(), recording="").to_json()),
            state=self.state,
            voices=tuple(voices),
            as_of=evidence.gallery.audit_sequence,
        )
        return Explained(evidence, kept)


@dataclass(frozen=True, eq=False)
class _One:
    """One row of a comparison, looked at closely."""

    scorer: GalleryScorer
    comparison: Comparison
    row: int
    vector: NDArray[np.float32]
    point: OperatingPoint

    @cached_property
    def belief(self) -> Posterior:
        """By this voice alone."""
        return posterior(self.comparison.llr[[self.row]], self.point.prior_unknown, self.comparison.people)

    def evidence(self, match: Match, pieces: Sequence[EmbeddedPiece]) -> VoiceEvidence:
        """What is the same for identification and verification."""
        llrs = self.comparison.llr[self.row]
        columns = {profile.speaker.id: column for column, profile in enumerate(self.comparison.profiles)}
        order = [int(column) for column in np.argsort(-llrs, kind="stable")]
        best = [columns[id_] for id_ in (match.speaker, match.runner_up) if id_ is not None]
        chosen = sorted({*order[:SHORTLIST], *best}, key=order.index)
        rest = np.delete(llrs, chosen)
        candidate = self._person(columns[match.speaker]) if match.speaker is not None else None
        runner_up = self._person(columns[match.runner_up]) if match.runner_up is not None else None
        told = self._pieces(pieces)
        return VoiceEvidence(
            label="",
            verdict="",
            outcome="",
            net_speech=0.0,
            speech=(),
            heard=float(self.comparison.seconds[self.row]),
            candidate=candidate,
            runner_up=runner_up,
            margin=match.margin,
            probability=match.probability,
            stranger=match.stranger,
            log_odds=match.log_odds,
            false_alarm=match.false_alarm,
            shortlist=tuple(self._person(column) for column in chosen),
            rest=Rest(len(rest), float(np.logaddexp.reduce(rest)) if len(rest) else None),
            standings=tuple(self._standings(candidate)) if candidate else (),
            samples=self._samples(candidate) if candidate else (),
            pieces=told,
            agreement=_agreement(told, candidate),
            llrs=packed(llrs),
        )

    def _person(self, column: int) -> Person:
        profile = self.comparison.profiles[column]
        return Person(
            speaker=str(profile.speaker.id),
            column=column,
            score=float(self.comparison.score[self.row, column]),
            llr=float(self.comparison.llr[self.row, column]),
            probability=float(self.belief.people[0, column]),
            samples=len(profile.samples),
            samples_key=samples_key(sample.id for sample in profile.samples),
            net_speech=profile.total_net_seconds,
        )

    def _standings(self, candidate: Person) -> list[Standing]:
        others = np.delete(self.comparison.score[self.row], candidate.column)
        found = [_standing("gallery", candidate.score, others)] if len(others) else []
        cohort = self.scorer.calibration.recipe.cohort()
        if cohort is not None:
            made_up = [_Single(row[None], np.ones(1)) for row in cohort.astype(np.float32)]
            scores = self.scorer.scorer(self.vector[None], made_up)[0]
            found.append(_standing("synthetic", candidate.score, scores))
        return found

    def _samples(self, candidate: Person) -> tuple[SampleScore, ...]:
        profile: Profile = self.comparison.profiles[candidate.column]
        each = [_Single(profile.vectors[[row]], profile.net_seconds[[row]]) for row in range(len(profile.samples))]
        scores = self.scorer.scorer(self.vector[None], each)[0]
        told = [
            SampleScore(str(sample.id), str(sample.recording.id), sample.segment, sample.net_seconds, float(score))
            for sample, score in zip(profile.samples, scores, strict=True)
        ]
        return tuple(sorted(told, key=lambda one: -one.score))

    def _pieces(self, pieces: Sequence[EmbeddedPiece]) -> tuple[Piece, ...]:
        profiles = self.comparison.profiles
        if not profiles:
            return tuple(Piece(piece.parts, None, None) for piece in pieces)
        vectors = np.stack([piece.vector for piece in pieces])
        llrs = self.scorer.against(profiles, vectors, [total(piece.parts) for piece in pieces]).llr
        best = llrs.argmax(axis=1)
        return tuple(
            Piece(piece.parts, str(profiles[column].speaker.id), float(llrs[row, column]))
            for row, (piece, column) in enumerate(zip(pieces, best, strict=True))
        )


def _unheard(voice: Voice) -> VoiceEvidence:
    verdict = voice.verdict.value
    return VoiceEvidence(voice.label, verdict, verdict, voice.net_seconds, voice.speech.parts)


def _standing(among: str, score: float, others: NDArray[np.float64]) -> Standing:
    spread = float(others.std())
    deviations = (score - float(others.mean())) / spread if len(others) > 1 and spread > 0 else None
    return Standing(among, len(others), float(np.mean(others < score)), deviations)


def _agreement(pieces: Sequence[Piece], candidate: Person | None) -> float | None:
    """The share of seconds in pieces that suit the candidate best; None for one piece, which says nothing more."""
    if candidate is None or len(pieces) < 2:
        return None
    own = sum(total(piece.parts) for piece in pieces if piece.speaker == candidate.speaker)
    return own / sum(total(piece.parts) for piece in pieces)


def calibration_record(calibration: Calibration) -> CalibrationRecord:
    """A calibration as the store keeps it."""
    text = json.dumps(calibration.to_json(), ensure_ascii=False)
    return CalibrationRecord(calibration.id, calibration.fingerprint, calibration.model, calibration.recipe.name, text)
