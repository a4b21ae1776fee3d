"""Messages about strangers who await review."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict
from pydantic.config import JsonDict, JsonValue

from spk.messages.base import Message, Moment
from spk.messages.speakers import Held

__all__ = ["Clips", "Likeness", "Queue", "StretchHeard", "TwoVoices", "Unknown", "UnknownDetail"]

_UNKNOWN: JsonDict = {
    "kind": "unknown",
    "name": "unknown-7f3a",
    "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
    "net_speech": 74.2,
    "recordings": 3,
    "samples": 2,
    "last_heard": "2026-11-20T12:00:17.568678+00:00",
    "nearest": [{"name": "anna", "speaker_id": "0b9c2a34-2a8c-4a0e-8a49-6c9a7b1c8d22", "llr": -6.4}],
    "merge": [],
    "two_voices": None,
}
_CLIPS: list[JsonValue] = ["/v1/galleries/default/unknowns/7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10/audio/9f86d081884c7d65"]
_HEARD: JsonDict = {
    "recording": "call-17.wav",
    "voice": "SPEAKER_01",
    "net_speech": 24.7,
    "sample_id": "5e1f02ab-94d6-4c53-8d30-2a2f5c8e7f61",
    "turns": [[3.2, 9.8], [31.0, 49.1]],
}


class Likeness(Message):
    """Somebody who sounds like a stranger.

    Attributes:
        name: Their name or label.
        speaker_id: Their id.
        llr: That the two are one person, natural log.
    """

    name: str
    speaker_id: UUID
    llr: float


class TwoVoices(Message):
    """Why a stranger seems to be two people.

    Attributes:
        llr: That the two voices are one person's, natural log.
        net_speech: Of each, in seconds, the longer first.
        samples: Those of the second voice, which a split would set apart; none where both are in one sample.
    """

    llr: float
    net_speech: list[float]
    samples: list[UUID]


class _Stranger(Message):
    """What is said of a stranger wherever one is listed or shown."""

    kind: Literal["unknown"] = "unknown"
    name: str
    speaker_id: UUID
    net_speech: float
    recordings: int
    samples: int
    last_heard: Moment
    nearest: list[Likeness]
    merge: list[Likeness]
    two_voices: TwoVoices | None


class Unknown(_Stranger):
    """A stranger who awaits review, and what one answer would label.

    Attributes:
        kind: ``unknown``, which tells it from what is held.
        name: The label, ``unknown-`` and digits of the id.
        speaker_id: The id, which stays when there is a name.
        net_speech: The speech that would get a name, in seconds.
        recordings: In how many recordings.
        samples: By how many samples they are known.
        last_heard: When a recording with them was last heard.
        nearest: Enrolled people who sound most like them, the closest first.
        merge: Other strangers who may be the same person.
        two_voices: Why they seem to be two people, if they do.
        clips: What is kept to listen to: files, or from a server addresses.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{**_UNKNOWN, "clips": _CLIPS}]})

    clips: list[str]


class StretchHeard(Message):
    """Where somebody is heard.

    Attributes:
        recording: As it was named.
        voice: The label of the voice; None where nothing but a sample is kept.
        net_speech: Seconds of it.
        sample_id: Of the sample that was made of it, if one was.
        turns: Start and end of each turn, in seconds.
    """

    recording: str
    voice: str | None
    net_speech: float
    sample_id: UUID | None
    turns: list[tuple[float, float]]


class UnknownDetail(_Stranger):
    """A stranger, and where they are heard; what `Unknown` says, and this.

    Attributes:
        heard: The voices, and the samples of which nothing else is kept.
        clips: What is kept to listen to: files, or from a server addresses.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{**_UNKNOWN, "heard": [_HEARD], "clips": _CLIPS}]})

    heard: list[StretchHeard]
    clips: list[str]


class Queue(Message):
    """What awaits a person's answer.

    Attributes:
        gallery: Of which gallery.
        items: Strangers, in the order in which to ask.
        held: Voices that profiles did not learn from, by recording.
        people: How many strangers there are, listed here or not.
        next: What to give as ``after`` for those that follow; None at the end.
    """

    gallery: str
    items: list[Unknown]
    held: list[Held]
    people: int
    next: str | None = None


class Clips(Message):
    """What is kept to listen to of a stranger.

    Attributes:
        name: The label.
        clips: Files, or from a server addresses.
    """

    name: str
    clips: list[str]
