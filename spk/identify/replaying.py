"""Computes a kept decision again, from what was stored of it and of the gallery, and says what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.errors import FormatError
from spk.identify.calibration import Calibration
from spk.identify.decision import Decision, Match
from spk.identify.evidence import Evidence, Person, VoiceEvidence, unpacked
from spk.identify.gallery import Comparison, GalleryScorer
from spk.identify.scoring import GalleryScorer as RecipeScorer
from spk.identify.verification import judge, with_rivals
from spk.store.records import (
    DecidedVoice,
    DecisionKind,
    DecisionRecord,
    Gallery,
    Profile,
    SamplePrint,
    Speaker,
    SpeakerState,
    samples_key,
)

if TYPE_CHECKING:
    from spk.store import Store

__all__ = ["TOLERANCE", "Difference", "Replay", "Today", "replay", "today"]

TOLERANCE = 1e-6
"""Numbers that differ by less, or by less than this share of them, are the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A number or word that came out otherwise: of which voice, what, as recorded, and as computed again."""

    label: str
    what: str
    recorded: str
    now: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of computing a decision again.

    Attributes:
        compared: How many numbers and verdicts were computed again.
        differences: Those that came out otherwise.
        lost: What could not be computed again, and why; the recorded numbers took its place.
    """

    compared: int
    differences: tuple[Difference, ...]
    lost: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether everything that could be computed again came out the same."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Today:
    """What would be said of a voice of a kept decision today.

    Attributes:
        label: Of the voice.
        verdict: The verdict.
        speaker: The best person, or the claimed one.
        llr: Their LLR.
        probability: That it is they.
    """

    label: str
    verdict: str
    speaker: Speaker | None
    llr: float | None
    probability: float | None


@dataclass
class _Ledger:
    """What was compared so far."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def number(self, label: str, what: str, recorded: float | None, now: float | None) -> None:
        self.compared += 1
        if recorded is None or now is None:
            same = recorded is now
        else:
            same = abs(recorded - now) <= TOLERANCE * max(1.0, abs(recorded))
        if not same:
            self.differences.append(Difference(label, what, _shown(recorded), _shown(now)))

    def word(self, label: str, what: str, recorded: str, now: str) -> None:
        self.compared += 1
        if recorded != now:
            self.differences.append(Difference(label, what, recorded, now))


def replay(store: Store, record: DecisionRecord, evidence: Evidence, calibration: Calibration | None) -> Replay:
    """Compute a decision again: scores, LLRs, probabilities, verdicts.

    Args:
        store: Where the samples lie.
        record: The decision as the store keeps it.
        evidence: That of the record.
        calibration: The one that it was made by; None if that is gone.

    Raises:
        FormatError: what was kept does not fit together.
    """
    ledger = _Ledger()
    scorer = _scorer(record, evidence, calibration, ledger)
    rows = list(_rows(evidence))
    heard = [unpacked(voice.llrs) for voice in rows]
    if scorer is not None and calibration is not None:
        again = _Again(store, record, evidence, calibration, scorer, ledger)
        for voice, llrs in zip(rows, heard, strict=True):
            again.score(voice, llrs)
    if len({len(llrs) for llrs in heard}) > 1:
        raise FormatError(f"decision {record.id}", "compares its voices with different people: it is damaged")
    if calibration is None:
        ledger.lost.append("probabilities and verdicts: without the calibration")
    elif rows:
        _decide(evidence, rows, np.stack(heard), calibration, ledger)
    return Replay(ledger.compared, tuple(ledger.differences), tuple(dict.fromkeys(ledger.lost)))


def today(scorer: GalleryScorer, record: DecisionRecord, evidence: Evidence) -> list[Today]:
    """What would be said today of the kept voices, at the operating point of then."""
    rows = {voice.label: voice for voice in _rows(evidence)}
    voices = [voice for voice in record.voices if voice.label in rows]
    if not voices:
        return []
    vectors = np.stack([voice.vector for voice in voices])
    seconds = [rows[voice.label].heard or 0.0 for voice in voices]
    if record.kind is DecisionKind.VERIFY:
        claimed = _claimed(scorer.store, voices[0], rows[voices[0].label])
        if claimed is None:
            return []
        profile = scorer.store.profile(claimed, scorer.model.fingerprint)
        comparison = with_rivals(scorer, profile, vectors, seconds)
        found, llr = judge(comparison, evidence.operating_point), float(comparison.llr[0, 0])
        return [Today(voices[0].label, found.decision.value, claimed, llr, found.probability)]
    comparison = scorer.compare(vectors, seconds)
    matches = comparison.decide(evidence.operating_point, distinct=True)
    return [
        Today(voice.label, match.verdict.value, comparison.speakers.get(match.speaker), match.llr, match.probability)
        for voice, match in zip(voices, matches, strict=True)
    ]


def _claimed(store: Store, kept: DecidedVoice, voice: VoiceEvidence) -> Speaker | None:
    """Who was claimed, or whom they were merged into since; None if they are gone."""
    merged = kept.speaker if voice.outcome != Decision.DIFFERENT else None  # else the voice may be a third person's
    there = store.people([merged or UUID(voice.candidate.speaker)] if voice.candidate else ())
    return there[0] if there else None


def _rows(evidence: Evidence) -> Iterator[VoiceEvidence]:
    """One voice for each that was judged, in the order of then: clusters that are one voice count once."""
    for voice in evidence.voices:
        if voice.heard is not None and voice.label == min(voice.together, default=voice.label):
            yield voice


def _scorer(
    record: DecisionRecord, evidence: Evidence, calibration: Calibration | None, ledger: _Ledger
) -> RecipeScorer | None:
    if calibration is None:
        ledger.lost.append(f"scores and LLRs: calibration {evidence.calibration.id} is not kept any more")
        return None
    ledger.word("", "calibration", evidence.calibration.id, calibration.id)
    if record.state is None:
        ledger.lost.append("scores and LLRs: the gallery's centre was erased with somebody who was part of it")
        return None
    digest = hashlib.sha256(record.state.encode()).hexdigest()
    ledger.word("", "state of the scorer", evidence.scorer_sha256, digest)
    try:
        centre = np.array(json.loads(record.state)["centre"], dtype=np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"decision {record.id}", f"the state of its scorer is damaged ({error})") from error
    if centre.ndim != 1 or not np.isfinite(centre).all():
        raise FormatError(f"decision {record.id}", "the state of its scorer is damaged (no vector)")
    return RecipeScorer(calibration.recipe, centre)


@dataclass(frozen=True)
class _Again:
    """Computes the scores of one decision again."""

    store: Store
    record: DecisionRecord
    evidence: Evidence
    calibration: Calibration
    scorer: RecipeScorer
    ledger: _Ledger

    def score(self, voice: VoiceEvidence, llrs: NDArray[np.float64]) -> None:
        """Scores and LLRs of the people who are listed for a voice; the latter go into ``llrs`` (people,), too."""
        vectors = [one.vector for one in self.record.voices if one.label == voice.label]
        if not vectors:
            raise FormatError(f"decision {self.record.id}", f"has no vector of {voice.label}: it is damaged")
        profiles = self._profiles(voice)
        for person in voice.shortlist:
            name = self.evidence.names.get(person.speaker, person.speaker[:8])
            profile = profiles.get(person.speaker)
            if profile is None or samples_key(sample.id for sample in profile.samples) != person.samples_key:
                what = "is gone" if profile is None else "has other samples now"
                self.ledger.lost.append(f"score and LLR of {name} for {voice.label}: {name} {what}")
                continue
            score = float(self.scorer(vectors[0][None], [profile])[0, 0])
            llr = float(self.calibration.llr(score, voice.heard or 0.0, profile.total_net_seconds))
            self.ledger.number(voice.label, f"score of {name}", person.score, score)
            self.ledger.number(voice.label, f"LLR of {name}", person.llr, llr)
            llrs[person.column] = llr
        prints = self._prints(voice)
        for one in voice.samples:
            kept = prints.get(UUID(one.sample))
            if kept is None:
                self.ledger.lost.append(f"score of sample {one.sample[:8]} for {voice.label}: it is gone")
                continue
            single = _profile(_nobody(0), [kept.vector], [kept.sample.net_seconds])
            score = float(self.scorer(vectors[0][None], [single])[0, 0])
            self.ledger.number(voice.label, f"score of sample {one.sample[:8]}", one.score, score)

    def _prints(self, voice: VoiceEvidence) -> dict[UUID, SamplePrint]:
        return self.store.sample_prints(self.evidence.model.fingerprint, [UUID(one.sample) for one in voice.samples])

    def _profiles(self, voice: VoiceEvidence) -> dict[str, Profile]:
        """Those of the people listed, as they were; the candidate's samples may be another person's by now."""
        model, candidate = self.evidence.model.fingerprint, voice.candidate
        gallery = Gallery(self.record.gallery, self.evidence.gallery.name)
        listed = [UUID(person.speaker) for person in voice.shortlist]
        profiles = {str(one.speaker.id): self._then(one) for one in self.store.profiles(gallery, model, listed)}
        found = sorted(self._prints(voice).values(), key=lambda one: (one.sample.created, one.sample.id))
        if candidate is not None and len(found) == candidate.samples:
            whole = _profile(_nobody(0), [one.vector for one in found], [one.sample.net_seconds for one in found])
            profiles[candidate.speaker] = replace(whole, samples=tuple(one.sample for one in found))
        return profiles

    def _then(self, profile: Profile) -> Profile:
        """A profile without the samples that came later; as it is, where there were no others."""
        rows = [row for row, sample in enumerate(profile.samples) if sample.created <= self.record.created]
        if len(rows) in (0, len(profile.samples)):
            return profile
        samples = tuple(profile.samples[row] for row in rows)
        return replace(profile, vectors=profile.vectors[rows], net_seconds=profile.net_seconds[rows], samples=samples)


def _decide(
    evidence: Evidence,
    rows: Sequence[VoiceEvidence],
    llr: NDArray[np.float64],
    calibration: Calibration,
    ledger: _Ledger,
) -> None:
    """Compute probabilities and verdicts again from LLRs (voices, people)."""
    columns: dict[int, Person] = {person.column: person for voice in rows for person in voice.shortlist}
    profiles = [
        _profile(_nobody(column), [np.zeros(1, np.float32)], [columns[column].net_speech if column in columns else 0.0])
        for column in range(llr.shape[1])
    ]
    seconds = np.array([voice.heard for voice in rows], dtype=np.float64)
    comparison = Comparison(
        tuple(profiles), np.zeros_like(llr), llr, seconds, evidence.people, calibration.false_alarms
    )
    if evidence.kind == DecisionKind.VERIFY:
        [voice] = rows
        found = judge(comparison, evidence.operating_point)
        ledger.word(voice.label, "verdict", voice.outcome, found.decision.value)
        ledger.number(voice.label, "log odds", voice.log_odds, found.llr)
        ledger.number(voice.label, "probability", voice.probability, found.probability)
        ledger.number(voice.label, "probability of a stranger", voice.stranger, found.stranger)
        ledger.number(voice.label, "false-alarm rate", voice.false_alarm, found.false_alarm)
        return
    for voice, match in zip(rows, comparison.decide(evidence.operating_point, distinct=True), strict=True):
        _compare(voice, match, columns, ledger)


def _compare(voice: VoiceEvidence, match: Match, columns: Mapping[int, Person], ledger: _Ledger) -> None:
    best = columns.get(match.speaker.int) if match.speaker is not None else None
    ledger.word(
        voice.label,
        "candidate",
        voice.candidate.speaker if voice.candidate else "nobody",
        best.speaker if best else "nobody",
    )
    ledger.word(voice.label, "verdict", voice.outcome, match.verdict.value)
    ledger.number(voice.label, "probability", voice.probability, match.probability)
    ledger.number(voice.label, "probability of a stranger", voice.stranger, match.stranger)
    ledger.number(voice.label, "log odds", voice.log_odds, match.log_odds)
    ledger.number(voice.label, "margin", voice.margin, match.margin)
    ledger.number(voice.label, "false-alarm rate", voice.false_alarm, match.false_alarm)


def _nobody(number: int) -> Speaker:
    """Somebody who stands for a column."""
    return Speaker(UUID(int=number), UUID(int=0), None, SpeakerState.UNKNOWN, datetime.now(UTC))


def _profile(speaker: Speaker, vectors: Sequence[NDArray[np.float32]], seconds: Sequence[float]) -> Profile:
    return Profile(speaker, np.stack(vectors), np.array(seconds, dtype=np.float64), (), "")


def _shown(number: float | None) -> str:
    return "nothing" if number is None else f"{number:.8g}"
