"""Messages about who speaks when, whoever it is."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from spk.messages.base import Message

__all__ = ["Diarized", "SpokenTurn"]


class SpokenTurn(Message):
    """Who speaks from when to when.

    Attributes:
        start: When it begins, in seconds.
        end: When it ends.
        label: The voice, within this recording.
        id: Of this turn alone.
    """

    start: float
    end: float
    label: str
    id: str | None


class Diarized(Message):
    """Who speaks when in a recording: ``spk-diarization/1``.

    Attributes:
        schema_: Name and version of the schema.
        recording: As it was named.
        duration: Its length in seconds.
        turns: By time; two people at once are two turns.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schema": "spk-diarization/1",
                    "recording": "meeting.wav",
                    "duration": 12.0,
                    "turns": [{"start": 0.0, "end": 3.499, "label": "SPEAKER_00", "id": "t1a2b3c4d"}],
                }
            ]
        }
    )

    schema_: Literal["spk-diarization/1"] = Field(alias="schema")
    recording: str
    duration: float | None
    turns: list[SpokenTurn]
