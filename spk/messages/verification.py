"""Messages about claims: is it that person, are two recordings one person's?"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from spk.messages.base import Message

__all__ = ["Compared", "Verified"]

Decision = Literal["same", "unsure", "different"]

_FOUND: dict[str, Any] = {
    "score": 0.68,
    "cosine": 0.68,
    "llr": 11.8,
    "decision": "same",
    "net_speech": 5.422,
    "false_alarm": 0.0002,
}


class Verified(Message):
    """What may be said of a claim.

    Attributes:
        enroll: Whose voice it is said to be, as that was written.
        test: The recording, as it was named.
        score: Of the voice against the person's profile, by the calibration's recipe.
        cosine: The score, where it is one.
        llr: Evidence for the claim, natural log.
        decision: Whether it is the same person, a different one, or somebody should listen.
        net_speech: Speech in the recording, in seconds.
        false_alarm: How often a false claim has at least this much evidence.
        decision_id: What the decision is known by; None where decisions are not kept.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enroll": "anna",
                    "test": "call.wav",
                    **_FOUND,
                    "decision_id": "3f1d5a9e-2b7c-4d8e-9f0a-1b2c3d4e5f60",
                }
            ]
        }
    )

    enroll: str
    test: str
    score: float
    cosine: float | None
    llr: float
    decision: Decision
    net_speech: float
    false_alarm: float | None
    decision_id: UUID | None


class Compared(Message):
    """Whether two recordings hold one voice.

    Attributes:
        files: Their names.
        score: Of the second against the first, by the calibration's recipe.
        cosine: The score, where it is one.
        llr: Evidence that they are one person's, natural log.
        decision: Whether they are, or not, or somebody should listen.
        net_speech: Speech in the second, in seconds.
        false_alarm: How often two people have at least this much evidence.
        other_net_speech: Speech in the first, in seconds.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"files": ["monday.wav", "tuesday.wav"], **_FOUND, "other_net_speech": 7.1}],
        }
    )

    files: tuple[str, str]
    score: float
    cosine: float | None
    llr: float
    decision: Decision
    net_speech: float
    false_alarm: float | None
    other_net_speech: float
