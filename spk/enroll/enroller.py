"""Enrollment: speech in, samples of a person in the store, or the reasons why not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spk.diarize import Diarizer, VoiceActivity
from spk.embed import Embedder, Speech, embed_speech
from spk.enroll.excerpts import Excerpt
from spk.enroll.keeping import KeptAudio
from spk.enroll.quality import Gates, Reason, measure
from spk.errors import ConflictError, RefusedError, SpkError
from spk.identify.decision import OperatingPoint, Verdict
from spk.identify.gallery import GalleryScorer
from spk.identify.joint import SAME_VOICE
from spk.store.records import Enrollment, NewConsent, NewRecording, NewSample, Origin, Profile, Speaker, SpeakerState
from spk.timeline import Segment, union

__all__ = ["Candidate", "Enroller", "EnrollmentReport", "Offered", "Sifted"]

LONG_ENOUGH = 5.0  # seconds of speech in which a second voice is looked for
SECOND_VOICE = 1.0  # seconds of a second voice that make a recording unfit, unless it is the first by its sound
STRANGE = -3.0  # LLR against the rest of a set under which a sample is somebody else's


@dataclass(frozen=True)
class EnrollmentReport:
    """What became of an enrollment.

    Attributes:
        name: Of whom.
        enrollment: What was stored; None if everything was refused.
        refused: One error for each excerpt that was not.
        net_seconds: Speech of the person's whole profile now.
        provisional: Whether that is too little to rely on.
    """

    name: str
    enrollment: Enrollment | None
    refused: tuple[SpkError, ...]
    net_seconds: float = 0.0
    provisional: bool = True


@dataclass(frozen=True, eq=False)
class Candidate:
    """An excerpt that was heard and measured, with its reasons against."""

    source: str
    sample: NewSample
    reasons: tuple[Reason, ...]

    @property
    def vector(self) -> NDArray[np.float32]:
        """(dim,), L2-normalised."""
        return next(iter(self.sample.vectors.values()))

    def but(self, gate: str, text: str) -> Candidate:
        """The same with one more reason against it."""
        return replace(self, reasons=(*self.reasons, Reason(gate, text)))

    def refusal(self) -> RefusedError:
        """What to say where it is refused."""
        return RefusedError(self.source, tuple(reason.text for reason in self.reasons))


@dataclass(frozen=True, eq=False)
class Offered:
    """Speech that was heard and measured, and one error for each excerpt that could not be."""

    candidates: tuple[Candidate, ...]
    refused: tuple[SpkError, ...] = ()


@dataclass(frozen=True, eq=False)
class Sifted:
    """Samples that may be stored, and one error for each excerpt that may not."""

    samples: tuple[NewSample, ...]
    refused: tuple[SpkError, ...]


@dataclass(frozen=True)
class Enroller:
    """Adds speech to people's profiles, and refuses what would poison them.

    Args:
        scorer: The gallery to enroll into.
        embedder: Makes the voiceprints.
        vad: Finds the speech.
        diarizer: Notices a second voice.
        gates: The least that a sample must have.
        keep: What is kept of each sample, to be listened to.
    """

    scorer: GalleryScorer
    embedder: Embedder
    vad: VoiceActivity
    diarizer: Diarizer
    gates: Gates = field(default_factory=Gates)
    keep: KeptAudio = KeptAudio.CLIPS

    def __call__(
        self,
        name: str,
        excerpts: Iterable[Excerpt],
        *,
        origin: Origin = Origin.ENROLLED,
        force: bool = False,
        consent: NewConsent | None = None,
    ) -> EnrollmentReport:
        """Enroll one person from some excerpts; those that pass are stored in one transaction.

        Args:
            name: Whom; somebody known gets more samples.
            excerpts: The speech.
            origin: How it came to be this person's.
            force: Store also what the gates refuse, with their names; not what cannot be embedded at all.
            consent: What the person consents to by it.
        """
        offered = self.listen(excerpts, origin)
        sifted = self.sift(name, offered, force=force)
        if not sifted.samples:
            return EnrollmentReport(name, None, sifted.refused)
        return self._stored(name, sifted, force=force, consent=consent)

    def listen(self, excerpts: Iterable[Excerpt], origin: Origin) -> Offered:
        """Find, measure and embed the speech of some excerpts; what cannot be is refused."""
        candidates: list[Candidate] = []
        refused: list[SpkError] = []
        for excerpt in excerpts:
            try:
                candidates.append(self._hear(excerpt, origin))
            except SpkError as error:
                refused.append(error)
        return Offered(tuple(candidates), tuple(refused))

    def sift(self, name: str, offered: Offered, *, force: bool = False) -> Sifted:
        """Part what may stand for somebody from what would poison the profile; see `__call__`."""
        fit, refused = list(offered.candidates), list(offered.refused)
        existing = self.scorer.known(name)
        for gate in (_as_heard, self._unlike_the_rest, self._somebody_else, self._too_little):
            judged = gate(name, fit, existing)
            fit = [candidate for candidate in judged if force or not candidate.reasons]
            refused += [candidate.refusal() for candidate in judged if candidate not in fit]
        samples = (
            replace(candidate.sample, forced=tuple(reason.gate for reason in candidate.reasons)) for candidate in fit
        )
        return Sifted(tuple(samples), tuple(refused))

    def _hear(self, excerpt: Excerpt, origin: Origin) -> Candidate:
        """Find, measure and embed the speech of an excerpt."""
        speech = self._speech(excerpt)
        if not speech.parts:
            raise RefusedError(excerpt.source, ("holds no speech: check the recording and its level",))
        vector = embed_speech(self.embedder, [speech])[0]
        quality = measure(speech)
        reasons = self.gates.reasons(quality)
        if excerpt.parts is None and quality.net_seconds >= LONG_ENOUGH:
            reasons += self._second_voice(speech)
        audio = excerpt.audio
        return Candidate(
            excerpt.source,
            NewSample(
                recording=NewRecording(audio.sha256, audio.source, audio.duration),
                segment=excerpt.segment or Segment(0.0, audio.duration),
                sha256=speech.joined().sha256,
                net_seconds=quality.net_seconds,
                quality=quality.as_mapping(),
                origin=origin,
                vectors={self.embedder.model.fingerprint: vector},
                parts=speech.parts,
                clip=self.keep.of(speech),
            ),
            reasons,
        )

    def _speech(self, excerpt: Excerpt) -> Speech:
        audio = excerpt.audio
        if excerpt.segment is None and excerpt.parts is None:
            return Speech(audio, self.vad(audio), alone=True)
        offered = excerpt.segment or Segment(0.0, audio.duration)
        heard = [part + offered.start for part in self.vad(audio.crop(offered))]
        if excerpt.parts is None:
            return Speech(audio, tuple(heard))
        # Turns that people draw have pauses in them.
        return Speech(audio, union(both for part in excerpt.parts for other in heard if (both := part & other)))

    def _second_voice(self, speech: Speech) -> tuple[Reason, ...]:
        """Where the diarizer takes one person for two, the gallery's own model has the last word."""
        joined = speech.audio.take(speech.parts)
        turns = self.diarizer(joined).turns
        voices = [Speech(joined, turns.alone(label)) for label in turns.labels]
        voices = sorted(voices, key=lambda voice: -voice.net_seconds)
        voices = [voice for voice in voices if voice.net_seconds >= SECOND_VOICE]
        if len(voices) < 2:
            return ()
        vectors = embed_speech(self.embedder, voices)
        seconds = np.array([voice.net_seconds for voice in voices])
        others = seconds[1:][self._llr(vectors[1:], seconds[1:], vectors[:1], seconds[:1]) < SAME_VOICE]
        if not len(others):
            return ()
        text = (
            f"more than one voice: somebody else speaks for {others.sum():.1f} s: "
            "cut the recording, or correct its turns and enroll those"
        )
        return (Reason("second voice", text),)

    def _unlike_the_rest(self, name: str, candidates: list[Candidate], existing: Profile | None) -> list[Candidate]:
        """Refuse what does not sound like the other candidates and what is known of the person."""
        kept = list(candidates)
        strange: list[Candidate] = []
        while len(kept) + (existing is not None) >= 2:
            llrs = [self._against_rest(number, kept, existing) for number in range(len(kept))]
            if min(llrs) >= STRANGE:
                break
            text = f"does not sound like the rest of {name}'s speech (LLR {min(llrs):.1f})"
            if len(kept) == 2 and existing is None:
                text += ": of two voices nobody knows which is right, so give more recordings"
                return strange + [candidate.but("unlike", text) for candidate in kept]
            worst = kept.pop(int(np.argmin(llrs)))
            strange.append(worst.but("unlike", f"{text}: check whose voice it is"))
        return strange + kept

    def _against_rest(self, number: int, kept: Sequence[Candidate], existing: Profile | None) -> float:
        candidate = kept[number]
        rest = [other for other in kept if other is not candidate]
        vectors = [other.vector[None] for other in rest]
        seconds = [np.array([other.sample.net_seconds]) for other in rest]
        if existing is not None:
            vectors.append(existing.vectors)
            seconds.append(existing.net_seconds)
        own = np.array([candidate.sample.net_seconds])
        return float(self._llr(candidate.vector[None], own, np.concatenate(vectors), np.concatenate(seconds))[0])

    def _llr(
        self,
        vectors: NDArray[np.float32],
        seconds: NDArray[np.float64],
        profile: NDArray[np.float32],
        profile_seconds: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Evidence (n,) that voices (n, dim) are the person's of a profile (m, dim)."""
        person = self.scorer.anonymous(profile, profile_seconds)
        return self.scorer.against([person], vectors, seconds.tolist()).llr[:, 0]

    def _somebody_else(self, name: str, candidates: list[Candidate], existing: Profile | None) -> list[Candidate]:
        """Refuse a voice that the gallery knows, with certainty, under another name."""
        if not candidates:
            return []
        mean = np.mean([candidate.vector for candidate in candidates], axis=0, keepdims=True)
        seconds = sum(candidate.sample.net_seconds for candidate in candidates)
        comparison = self.scorer.compare(mean / np.linalg.norm(mean), [seconds])
        [match] = comparison.decide(OperatingPoint(), distinct=False)
        other = comparison.speakers.get(match.speaker)
        own = existing is not None and existing.speaker.id == match.speaker
        own = own or (other is not None and other.label == name)  # enrolled by another process meanwhile
        if other is None or own or match.verdict is not Verdict.KNOWN:
            return candidates
        return [candidate.but("known otherwise", _known_as(other, name, match.llr or 0.0)) for candidate in candidates]

    def _too_little(self, _name: str, candidates: list[Candidate], existing: Profile | None) -> list[Candidate]:
        """Refuse everything where it is too little in all; the same audio given twice counts once."""
        offered = {candidate.sample.sha256: candidate.sample.net_seconds for candidate in candidates}
        seconds = sum(offered.values()) + (existing.total_net_seconds if existing else 0.0)
        if seconds >= self.gates.total_seconds:
            return candidates
        needed = f"{self.gates.total_seconds:g} s are needed: give more recordings"
        return [c.but("total", f"only {seconds:.1f} s of speech in all, {needed}") for c in candidates]

    def _stored(self, name: str, sifted: Sifted, *, force: bool, consent: NewConsent | None) -> EnrollmentReport:
        store, gallery = self.scorer.store, self.scorer.gallery
        try:
            enrollment = store.enroll(gallery, name, sifted.samples, force=force, consent=consent)
        except ConflictError as error:
            return EnrollmentReport(name, None, (*sifted.refused, error))
        profile = store.profile(enrollment.speaker, self.embedder.model.fingerprint)
        self.scorer.keep_statistics(profile)
        return EnrollmentReport(name, enrollment, sifted.refused, profile.total_net_seconds, profile.provisional)


def _as_heard(_name: str, candidates: list[Candidate], _existing: Profile | None) -> list[Candidate]:
    """Refuse what has reasons against it already."""
    return candidates


def _known_as(other: Speaker, name: str, llr: float) -> str:
    if other.state is SpeakerState.UNKNOWN:
        return f"this voice is kept as {other.label} (LLR {llr:.1f}): `spk unknowns name {other.label} {name}` names it"
    return f"this voice is enrolled as {other.label} (LLR {llr:.1f}): check whose it is, or use that name"
