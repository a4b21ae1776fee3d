"""Messages about corrections: what they did, or would do."""

from __future__ import annotations

from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from spk.messages.base import Message

__all__ = ["Called", "LabelChange", "Outcome", "PersonRef"]

_CHANGED: JsonDict = {
    "recording": "call-17.wav",
    "hearing": "5a1f8c1e-3d0b-4f0e-9a54-7c1b6d2f0a11",
    "voice": "SPEAKER_01",
    "net_speech": 12.4,
    "before": {"who": "unknown-7f3a", "verdict": "known"},
    "after": {"who": "anna", "verdict": "known"},
}


class PersonRef(Message):
    """Somebody, as they are now.

    Attributes:
        speaker_id: Their id, which stays when the name changes.
        name: Their name; None for somebody unknown.
        label: The name, or ``unknown-`` and digits of the id.
    """

    speaker_id: UUID
    name: str | None
    label: str


class Called(Message):
    """What a voice is said to be.

    Attributes:
        who: A name, or the label of a stranger; None for nobody.
        verdict: known, unsure or unknown.
    """

    who: str | None
    verdict: str


class LabelChange(Message):
    """A voice of a recording that is said to be somebody else's than before.

    Attributes:
        recording: As it was named.
        hearing: The id of what was heard in it.
        voice: The label of the voice.
        net_speech: What it says alone, in seconds.
        before: What it was said to be.
        after: What it is said to be now.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGED]})

    recording: str
    hearing: UUID
    voice: str
    net_speech: float
    before: Called
    after: Called


class Outcome(Message):
    """What a correction did, or would do.

    Attributes:
        dry_run: Whether it was only looked at.
        change: The number by which it is undone; None if nothing was changed.
        speakers: Whom it is about, as they are now.
        recordings: How many recordings were judged again.
        labels: Which labels changed, by recording.
        held: What was not learnt, and why, a line each.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dry_run": False,
                    "change": 42,
                    "speakers": [
                        {"speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10", "name": "anna", "label": "anna"}
                    ],
                    "recordings": 3,
                    "labels": [_CHANGED],
                    "held": [],
                }
            ]
        }
    )

    dry_run: bool
    change: int | None = Field(ge=1)
    speakers: list[PersonRef]
    recordings: int
    labels: list[LabelChange]
    held: list[str]
