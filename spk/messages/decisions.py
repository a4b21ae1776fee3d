"""Messages about decisions that are kept: what was said of recordings, why, and whether it comes out so again."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from spk.messages.base import Message, Moment

__all__ = [
    "DecidedToday",
    "DecisionInfo",
    "Difference",
    "Explained",
    "Replayed",
    "TodayVoice",
    "VoiceVerdict",
]

_ID = "3f2a9c1e-6f1e-4b8a-9d7c-0a4b8c2d9e10"


class VoiceVerdict(Message):
    """What was said of a voice.

    Attributes:
        label: Of the voice.
        verdict: known, unsure, unknown or too short; of a claim: same, unsure or different.
        name: Who it is said to be; None for nobody.
    """

    label: str
    verdict: str
    name: str | None


class DecisionInfo(Message):
    """A decision in a list.

    Attributes:
        decision_id: Its id.
        created: When it was made.
        kind: identify or verify.
        recording: Of which recording, as that was named.
        voices: What was said of its voices.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decision_id": _ID,
                    "created": "2026-11-20T12:00:17.568678+00:00",
                    "kind": "identify",
                    "recording": "call-17.wav",
                    "voices": [{"label": "SPEAKER_00", "verdict": "known", "name": "anna"}],
                }
            ]
        }
    )

    decision_id: UUID
    created: Moment
    kind: str
    recording: str
    voices: list[VoiceVerdict]


class Explained(Message):
    """What a decision rests on: evidence of the schema ``spk-evidence/1``, of which this names the outer fields.

    Attributes:
        kind: identify or verify.
        recording: Of which recording, as that was named.
        sha256: Of its audio.
        duration: In seconds.
        model: What made the embeddings: name, fingerprint and more.
        calibration: What turned scores into LLRs.
        gallery: What was searched.
        people: How many people a voice could be of.
        operating_point: What was asked for.
        needed: Log odds from which a person is named.
        attendees: To whom it was narrowed, by id; None where it was not.
        voices: What was found of each voice, with the numbers behind it.
        scorer_sha256: A hash of what the scorer took from the gallery.
        decision_id: Under which id it is kept; None where it is not.
        names: What people are called, by id.
        sources: What recordings are called, by id.
        schema_: ``spk-evidence/1``.
    """

    kind: str
    recording: str
    sha256: str
    duration: float
    model: dict[str, Any]
    calibration: dict[str, Any]
    gallery: dict[str, Any]
    people: int
    operating_point: dict[str, Any]
    needed: float
    attendees: list[str] | None
    voices: list[dict[str, Any]]
    scorer_sha256: str
    decision_id: str | None
    names: dict[str, str]
    sources: dict[str, str]
    schema_: Literal["spk-evidence/1"] = Field(alias="schema")


class Difference(Message):
    """A number or word that came out otherwise.

    Attributes:
        label: Of which voice; None where it is of none.
        what: What it is.
        recorded: As it was recorded.
        now: As it was computed again.
    """

    label: str | None
    what: str
    recorded: str
    now: str


class TodayVoice(Message):
    """What would be said of a voice today.

    Attributes:
        label: Of the voice.
        verdict: As in the decision.
        speaker_id: The best person, or the claimed one.
        name: What they are called.
        llr: Their LLR, natural log.
        probability: That it is they.
    """

    label: str
    verdict: str
    speaker_id: UUID | None
    name: str | None
    llr: float | None
    probability: float | None


class DecidedToday(Message):
    """What today's gallery would decide.

    Attributes:
        problem: Why that cannot be said; None where it can.
        calibration: By which calibration.
        voices: What would be said of them.
    """

    problem: str | None
    calibration: str | None
    voices: list[TodayVoice]


class Replayed(Message):
    """A decision, computed again.

    Attributes:
        decision_id: Which.
        same: Whether something was computed again, and all of it came out the same.
        compared: How many numbers and verdicts were computed again.
        differences: Those that came out otherwise.
        lost: What could not be computed again, and why.
        today: What today's gallery would decide.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decision_id": _ID,
                    "same": True,
                    "compared": 31,
                    "differences": [],
                    "lost": [],
                    "today": {
                        "problem": None,
                        "calibration": "3f9a01c27b4e8d60",
                        "voices": [
                            {
                                "label": "SPEAKER_00",
                                "verdict": "known",
                                "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
                                "name": "anna",
                                "llr": 11.8,
                                "probability": 0.9999,
                            }
                        ],
                    },
                }
            ]
        }
    )

    decision_id: UUID
    same: bool
    compared: int
    differences: list[Difference]
    lost: list[str]
    today: DecidedToday
