"""Search by voice: where somebody speaks in a recording, and whom of the gallery a clip is most like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spk.identify.decision import Verdict, score_fields
from spk.identify.posterior import posterior
from spk.store.records import Speaker
from spk.timeline import Segment

if TYPE_CHECKING:
    from spk.identify.identifier import Identification

__all__ = ["Candidate", "Place", "candidates", "places"]


@dataclass(frozen=True)
class Place:
    """Where somebody speaks, or may.

    Attributes:
        segment: When.
        llr: Evidence that the voice which speaks there, in the whole recording, is that person's; natural log.
        probability: Of that.
        verdict: Known; unsure, so that somebody had better listen; or unknown, of a stranger who was met before.
    """

    segment: Segment
    llr: float
    probability: float
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The fields that ``spk find --json`` prints."""
        return {
            "start": round(self.segment.start, 3),
            "end": round(self.segment.end, 3),
            "llr": round(self.llr, 4),
            "probability": round(self.probability, 6),
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True)
class Candidate:
    """Somebody whose voice a clip may be.

    Attributes:
        speaker: The person.
        llr: Evidence for the person against a stranger, natural log.
        score: Of the calibration's recipe.
        is_cosine: Whether that is a cosine.
        probability: That it is the person.
        verdict: On the best, unknown where that is a stranger who was met before; unknown for the others, for a voice
            is one person's.
    """

    speaker: Speaker
    llr: float
    score: float
    is_cosine: bool
    probability: float
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """An entry of what ``spk who-is --json`` prints."""
        return {
            "speaker_id": str(self.speaker.id),
            "name": self.speaker.label,
            **score_fields(self.score, is_cosine=self.is_cosine),
            "llr": round(self.llr, 4),
            "probability": round(self.probability, 6),
            "verdict": self.verdict.value,
        }


def places(found: Identification, speaker: Speaker, least: float | None = None) -> tuple[Place, ...]:
    """Where somebody speaks in a recording that was compared with the whole gallery, by time.

    Args:
        found: Who speaks in it.
        speaker: Who is looked for.
        least: The evidence from which a voice counts that nobody of the gallery is more like; without one, voices that
            are known or may be the person's.
    """
    result: list[Place] = []
    for voice in found.voices:
        match = voice.match
        if voice.speaker is None or match.llr is None or voice.speaker.id != speaker.id:
            continue
        if match.verdict is not Verdict.UNKNOWN if least is None else match.llr >= least:
            result += [
                Place(segment, match.llr, match.probability, voice.verdict) for segment in found.turns.of(voice.label)
            ]
    return tuple(sorted(result, key=lambda place: place.segment))


def candidates(found: Identification, top: int) -> tuple[Candidate, ...]:
    """The people whom the one voice of a clip is most like, the best first; none where too little could be heard."""
    voice, judged = found.voices[0], found.judged
    if voice.row is None or judged is None:
        return ()
    comparison = judged.comparison
    llr, score = comparison.llr[voice.row], comparison.score[voice.row]
    belief = posterior(llr[None], judged.point.prior_unknown, comparison.people).people[0]
    return tuple(
        Candidate(
            comparison.profiles[at].speaker,
            float(llr[at]),
            float(score[at]),
            comparison.is_cosine,
            float(belief[at]),
            voice.verdict if comparison.profiles[at].speaker.id == voice.match.speaker else Verdict.UNKNOWN,
        )
        for at in np.argsort(-llr, kind="stable")[:top].tolist()
    )
