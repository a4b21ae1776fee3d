"""Messages about people who are enrolled."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from spk.messages.base import Message

__all__ = ["ConsentGiven", "Enrolled", "EnrolledTurns", "Refusal"]

_ANNA: dict[str, Any] = {
    "name": "anna",
    "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
    "added": 1,
    "already": 0,
    "net_speech": 8.72,
    "provisional": True,
    "refused": [],
}


class ConsentGiven(Message):
    """What somebody consents to by being enrolled.

    Attributes:
        purpose: What for; what the gallery requires, if None.
        given_by: Who gave it for the person; None where the person did.
        given: When; now, if None.
        until: When it runs out; never, if None.
        reference: Where what was signed lies.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"purpose": "recognition in calls", "reference": "folder 12"}]}
    )

    purpose: str | None = None
    given_by: str | None = None
    given: datetime | None = None
    until: datetime | None = None
    reference: str | None = None


class Refusal(Message):
    """Speech that was not stored, and why.

    Attributes:
        source: The recording, or the part or label of it.
        error: The name of a class in `spk.errors`.
        detail: One line for people, which names the source.
        reasons: Of the quality gates that refused it, a sentence each.
    """

    source: str
    error: str
    detail: str
    reasons: list[str]


class Enrolled(Message):
    """What became of an enrollment.

    Attributes:
        name: Of whom.
        speaker_id: Their id; None if all of it was refused.
        added: How many samples are new.
        already: How many were there.
        net_speech: Speech of the whole profile, in seconds.
        provisional: Whether that is too little to rely on.
        refused: What was not stored.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ANNA]})

    name: str
    speaker_id: UUID | None
    added: int
    already: int
    net_speech: float
    provisional: bool
    refused: list[Refusal]


class EnrolledTurns(Message):
    """What became of the people of a recording whose turns were corrected.

    Attributes:
        people: Those of whom something was stored.
        refused: What was not stored of anybody.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"people": [_ANNA], "refused": []}]})

    people: list[Enrolled]
    refused: list[Refusal]
