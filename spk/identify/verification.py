"""Is this the person? One voice against one claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.audio import Audio
from spk.diarize import VoiceActivity
from spk.embed import Embedder, Speech, embed_speech
from spk.errors import AudioError
from spk.identify.decision import VERIFICATION, Decision, Thresholds, gallery_llr
from spk.identify.gallery import LEAST_SECONDS, GalleryScorer
from spk.store.records import Profile, Speaker

__all__ = ["Verification", "Verifier"]


@dataclass(frozen=True)
class Verification:
    """What may be said of a claim.

    Attributes:
        cosine: Of the calibration's recipe.
        llr: Natural log: above 0 speaks for the claim.
        decision: Same, different, or unsure.
        net_seconds: Speech in the tested recording, in seconds.
    """

    cosine: float
    llr: float
    decision: Decision
    net_seconds: float

    def to_json(self) -> dict[str, Any]:
        """The fields that ``spk verify --json`` prints."""
        return {
            "cosine": round(self.cosine, 6),
            "llr": round(self.llr, 6),
            "decision": self.decision.value,
            "net_speech": round(self.net_seconds, 3),
        }


@dataclass(frozen=True)
class Verifier:
    """Tests claims of identity.

    Args:
        scorer: The gallery that the claimed people are in, and whose other people a voice may suit better.
        embedder: The model of the gallery's vectors.
        vad: Finds the speech.
        thresholds: How probable an answer must be.
    """

    scorer: GalleryScorer
    embedder: Embedder
    vad: VoiceActivity
    thresholds: Thresholds = VERIFICATION
    _profiles: dict[UUID, Profile] = field(default_factory=dict, init=False, repr=False)

    def hear(self, audio: Audio) -> Profile:
        """The voice of a recording, as a profile of its one sample that belongs to nobody.

        Raises:
            AudioError: nobody speaks in it, or too little.
        """
        speech = Speech(audio, self.vad(audio), alone=True)
        if not speech.parts:
            raise AudioError(audio.source, "holds no speech: check the recording and its level")
        if speech.net_seconds < LEAST_SECONDS:
            reason = f"{speech.net_seconds:.2f} s of speech are too short to judge, {LEAST_SECONDS:g} s are needed"
            raise AudioError(audio.source, f"{reason}: record more")
        vectors = embed_speech(self.embedder, [speech])
        return self.scorer.anonymous(vectors, np.array([speech.net_seconds]))

    def claim(self, speaker: Speaker, voice: Profile) -> Verification:
        """Is this voice that enrolled person's? The gallery's other people are weighed against the claim.

        Raises:
            NotFoundError: the speaker has no voiceprints.
            FingerprintError: the speaker is enrolled by other models only.
        """
        claimed = self._profile(speaker)
        everybody = self.scorer.compare(voice.vectors, voice.net_seconds.tolist())
        rivals = [profile for profile in everybody.profiles if profile.speaker.id != speaker.id]
        return self._judged([claimed, *rivals], voice)

    def compare(self, one: Profile, other: Profile) -> Verification:
        """Are two recordings one person's?"""
        return self._judged([one], other)

    def _judged(self, profiles: Sequence[Profile], voice: Profile) -> Verification:
        comparison = self.scorer.against(profiles, voice.vectors, voice.net_seconds.tolist())
        llr: NDArray[np.float64] = gallery_llr(comparison.llr, comparison.prior_stranger)
        return Verification(
            float(comparison.cosine[0, 0]),
            float(llr[0, 0]),
            self.thresholds.judge(float(llr[0, 0])),
            voice.total_net_seconds,
        )

    def _profile(self, speaker: Speaker) -> Profile:
        if speaker.id not in self._profiles:
            found = self.scorer.store.profile(speaker, self.embedder.model.fingerprint)
            self._profiles[speaker.id] = found
        return self._profiles[speaker.id]
