"""Is this the person? One voice against one claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.audio import Audio
from spk.diarize import VoiceActivity
from spk.embed import EmbeddedSpeech, Embedder, Speech, embed_pieces
from spk.errors import AudioError
from spk.identify.decision import VERIFICATION, Decision, OperatingPoint, gallery_llr, rounded_rate, score_fields
from spk.identify.gallery import CLEAR_SECONDS, LEAST_SECONDS, Comparison, GalleryScorer
from spk.identify.posterior import posterior
from spk.store.records import Profile, Speaker
from spk.watching import stage, tell_verdict

__all__ = ["HeardSpeech", "Verification", "Verifier", "judge", "with_rivals"]


@dataclass(frozen=True)
class Verification:
    """What may be said of a claim.

    Attributes:
        score: Of the calibration's recipe.
        llr: Natural log: above 0 speaks for the claim.
        decision: Same, different, or unsure.
        net_seconds: Speech in the tested recording, in seconds.
        false_alarm: How often a false claim has at least this much evidence; None where the calibration does not
            know.
        probability: Posterior probability of the claim, of what is known beforehand.
        stranger: That of a stranger.
        comparison: The voice against the claimed person, in the first column, and everybody else.
        is_cosine: Whether ``score`` is a cosine.
    """

    score: float
    llr: float
    decision: Decision
    net_seconds: float
    false_alarm: float | None = None
    probability: float | None = None
    stranger: float | None = None
    comparison: Comparison | None = field(default=None, repr=False, compare=False)
    is_cosine: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields that ``spk verify --json`` prints."""
        return {
            **score_fields(self.score, is_cosine=self.is_cosine),
            "llr": round(self.llr, 6),
            "decision": self.decision.value,
            "net_speech": round(self.net_seconds, 3),
            "false_alarm": rounded_rate(self.false_alarm),
        }


@dataclass(frozen=True, eq=False)
class HeardSpeech:
    """The speech of a recording of one voice, and its vector."""

    speech: Speech
    embedded: EmbeddedSpeech


@dataclass(frozen=True)
class Verifier:
    """Tests claims of identity.

    Args:
        scorer: The gallery that the claimed people are in, and whose other people a voice may suit better.
        embedder: The model of the gallery's vectors.
        vad: Finds the speech.
        point: When a verdict is given.

    Raises:
        InputError: false alarms are to be limited, and the calibration does not know them.
    """

    scorer: GalleryScorer
    embedder: Embedder
    vad: VoiceActivity
    point: OperatingPoint = VERIFICATION
    _profiles: dict[UUID, Profile] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.point.needed(1, self.scorer.calibration.false_alarms)

    def hear(self, audio: Audio) -> Profile:
        """The voice of a recording, as a profile of its one sample that belongs to nobody; see `listen`."""
        return self.voice(self.listen(audio))

    def voice(self, heard: HeardSpeech) -> Profile:
        """What was heard, as a profile of its one sample that belongs to nobody."""
        return self.scorer.anonymous(heard.embedded.vector[None], np.array([heard.speech.net_seconds]))

    def listen(self, audio: Audio) -> HeardSpeech:
        """The speech of a recording, embedded.

        Raises:
            AudioError: nobody speaks in it, or too little for the model.
        """
        speech = Speech(audio, self.vad(audio), alone=True)
        if not speech.parts:
            raise AudioError(audio.source, "holds no speech: check the recording and its level")
        return HeardSpeech(speech, embed_pieces(self.embedder, [speech])[0])

    @stage("score")
    def claim(self, speaker: Speaker, voice: Profile) -> Verification:
        """Is this voice that enrolled person's? The gallery's other people are weighed against the claim.

        Raises:
            NotFoundError: the speaker has no voiceprints.
            FingerprintError: the speaker is enrolled by other models only.
        """
        seconds = voice.net_seconds.tolist()
        found = judge(with_rivals(self.scorer, self._profile(speaker), voice.vectors, seconds), self.point)
        tell_verdict(self.scorer.gallery.name, found.decision.value)
        return found

    @stage("score")
    def compare(self, one: Profile, other: Profile) -> Verification:
        """Are two recordings one person's?"""
        return judge(self.scorer.against([one], other.vectors, other.net_seconds.tolist()), self.point)

    def _profile(self, speaker: Speaker) -> Profile:
        if speaker.id not in self._profiles:
            found = self.scorer.store.profile(speaker, self.embedder.model.fingerprint)
            self._profiles[speaker.id] = found
        return self._profiles[speaker.id]


def with_rivals(
    scorer: GalleryScorer, claimed: Profile, vectors: NDArray[np.float32], seconds: Sequence[float]
) -> Comparison:
    """Voices (n, dim) against the claimed person, in the first column, and the gallery's other people."""
    everybody, own = scorer.compare(vectors, seconds), scorer.against([claimed], vectors, seconds)
    rivals = [at for at, profile in enumerate(everybody.profiles) if profile.speaker.id != claimed.speaker.id]
    return replace(
        own,
        profiles=(claimed, *(everybody.profiles[at] for at in rivals)),
        score=np.hstack([own.score, everybody.score[:, rivals]]),
        llr=np.hstack([own.llr, everybody.llr[:, rivals]]),
    )


def judge(comparison: Comparison, point: OperatingPoint) -> Verification:
    """What may be said of the claim that a comparison's one voice is the person of its first column."""
    llr = float(gallery_llr(comparison.llr, people=comparison.people)[0, 0])
    seconds = float(comparison.seconds[0])
    belief = posterior(comparison.llr, point.prior_unknown, comparison.people)
    shorter = min(comparison.profiles[0].total_net_seconds, seconds)
    decision = point.judge(llr, comparison.false_alarms)
    if shorter < LEAST_SECONDS or (shorter < CLEAR_SECONDS and decision is Decision.DIFFERENT):
        decision = Decision.UNSURE
    return Verification(
        float(comparison.score[0, 0]),
        llr,
        decision,
        seconds,
        None if comparison.false_alarms is None else comparison.false_alarms.rate(llr, 1),
        float(belief.people[0, 0]),
        float(belief.stranger[0]),
        comparison,
        comparison.is_cosine,
    )
