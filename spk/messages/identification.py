"""Messages about who speaks in a recording."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from spk.messages.base import Message

__all__ = ["Candidate", "CandidateList", "Identified", "IdentifiedTurn", "IdentifiedVoice", "ModelUsed", "Somebody"]

Verdict = Literal["known", "unsure", "unknown"]

_ANNA = "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10"
_WHO: dict[str, Any] = {
    "speaker_id": _ANNA,
    "name": "anna",
    "verdict": "known",
    "score": 0.71,
    "cosine": 0.71,
    "llr": 14.2,
}
_CANDIDATE: dict[str, Any] = {"speaker_id": _ANNA, "name": "anna"}


class Somebody(Message):
    """A person.

    Attributes:
        speaker_id: Their id.
        name: Their name, or the label of somebody unknown.
    """

    speaker_id: UUID
    name: str


class ModelUsed(Message):
    """The embedder that voices are compared by.

    Attributes:
        name: What it is called.
        fingerprint: Its exact identity.
    """

    name: str
    fingerprint: str


class IdentifiedTurn(Message):
    """A turn, and who speaks.

    Attributes:
        start: When it begins, in seconds.
        end: When it ends.
        label: The voice, within this recording.
        id: Of this turn alone.
        speaker_id: Who it is, if that may be said.
        name: What they are called; None unless somebody enrolled was recognised.
        verdict: Whether that is known, unsure, or nobody of the gallery.
        score: Of the voice against the candidate, by the calibration's recipe.
        cosine: The score, where it is one.
        llr: Evidence for the candidate, natural log.
    """

    start: float
    end: float
    label: str
    id: str | None
    speaker_id: UUID | None
    name: str | None
    verdict: Verdict
    score: float | None
    cosine: float | None
    llr: float | None


class IdentifiedVoice(Message):
    """A voice of a recording, and who it is.

    Attributes:
        label: The voice, within this recording.
        speaker_id: Who it is, if that may be said.
        name: What they are called; None unless somebody enrolled was recognised.
        verdict: Whether that is known, unsure, or nobody of the gallery.
        score: Of the voice against the candidate, by the calibration's recipe.
        cosine: The score, where it is one.
        llr: Evidence for the candidate, natural log.
        net_speech: All that it says alone, in seconds.
        probability: That it is the candidate.
        false_alarm: How often a stranger looks at least this much like somebody of the gallery.
        margin: LLR of the candidate less that of the runner-up.
        provisional: Whether the candidate's profile is.
        candidate: The best person; None in an empty gallery, or where too little was said.
        runner_up: The next best.
        same_voice_as: Labels that were taken for this very voice.
        too_short: Whether too little was said for any verdict.
        stranger: The label of the unnamed speaker that it is.
        kept: Whether it was kept now as that speaker: ``new``, or ``met`` before.
    """

    label: str
    speaker_id: UUID | None
    name: str | None
    verdict: Verdict
    score: float | None
    cosine: float | None
    llr: float | None
    net_speech: float
    probability: float
    false_alarm: float | None
    margin: float | None
    provisional: bool
    candidate: Somebody | None
    runner_up: Somebody | None
    same_voice_as: list[str]
    too_short: bool
    stranger: str | None
    kept: Literal["new", "met"] | None


class Identified(Message):
    """Who speaks when in a recording: ``spk-identification/1``.

    Attributes:
        schema_: Name and version of the schema.
        recording: As it was named.
        duration: Its length in seconds.
        gallery: Which one was searched.
        people: How many people it had.
        attendees: The only people who were compared; None for everybody.
        model: By what they were compared.
        turns: By time.
        speakers: The voices, by first speech.
        decision_id: What the decision is known by; None where decisions are not kept.
        corrected: Whether what is kept of the recording stays as a person has put it right.
        evidence: Why, where that was asked for; left out otherwise.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schema": "spk-identification/1",
                    "recording": "meeting.wav",
                    "duration": 12.0,
                    "gallery": "default",
                    "people": 2,
                    "attendees": None,
                    "model": {"name": "ecapa", "fingerprint": "09959f2b0e1cb639"},
                    "turns": [{"start": 0.0, "end": 3.499, "label": "SPEAKER_00", "id": "t1a2b3c4d", **_WHO}],
                    "speakers": [
                        {
                            "label": "SPEAKER_00",
                            **_WHO,
                            "net_speech": 4.359,
                            "probability": 0.999,
                            "false_alarm": 0.0001,
                            "margin": 12.1,
                            "provisional": False,
                            "candidate": _CANDIDATE,
                            "runner_up": {"speaker_id": "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9", "name": "bob"},
                            "same_voice_as": [],
                            "too_short": False,
                            "stranger": None,
                            "kept": None,
                        }
                    ],
                    "decision_id": "3f1d5a9e-2b7c-4d8e-9f0a-1b2c3d4e5f60",
                    "corrected": False,
                }
            ]
        }
    )

    schema_: Literal["spk-identification/1"] = Field(alias="schema")
    recording: str
    duration: float
    gallery: str
    people: int
    attendees: list[str] | None
    model: ModelUsed
    turns: list[IdentifiedTurn]
    speakers: list[IdentifiedVoice]
    decision_id: UUID | None
    corrected: bool
    evidence: dict[str, Any] | None = Field(default=None, exclude_if=lambda value: value is None)


class Candidate(Message):
    """Somebody whose voice a clip may be.

    Attributes:
        speaker_id: Their id.
        name: Their name, or the label of somebody unknown.
        score: Of the voice against their profile, by the calibration's recipe.
        cosine: The score, where it is one.
        llr: Evidence for them, natural log.
        probability: That it is they.
        verdict: Of the best; ``unknown`` for the others, for a voice is one person's.
    """

    speaker_id: UUID
    name: str
    score: float | None
    cosine: float | None
    llr: float
    probability: float
    verdict: Verdict


class CandidateList(Message):
    """Whose voice a clip is most like: ``spk-candidates/1``.

    Attributes:
        schema_: Name and version of the schema.
        recording: As it was named.
        people: How many people the gallery has.
        net_speech: Speech in the clip, in seconds.
        verdict: Whether it may be called the best one's.
        candidates: The nearest people, the best first.
        too_short: Whether too little was said for any verdict.
        met: Whether the best is a stranger who was met before.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schema": "spk-candidates/1",
                    "recording": "clip.wav",
                    "people": 2,
                    "net_speech": 4.2,
                    "verdict": "known",
                    "candidates": [
                        {
                            **_CANDIDATE,
                            "score": 0.71,
                            "cosine": 0.71,
                            "llr": 14.2,
                            "probability": 0.999,
                            "verdict": "known",
                        }
                    ],
                    "too_short": False,
                    "met": False,
                }
            ]
        }
    )

    schema_: Literal["spk-candidates/1"] = Field(alias="schema")
    recording: str
    people: int
    net_speech: float
    verdict: Verdict
    candidates: list[Candidate]
    too_short: bool
    met: bool
