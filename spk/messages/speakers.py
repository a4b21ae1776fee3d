"""Messages about people."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from spk.messages.base import Message, Moment

__all__ = [
    "Deleted",
    "Disclosed",
    "ExportedDecision",
    "ExportedPerson",
    "ExportedPrint",
    "GalleryMap",
    "Held",
    "LookAlike",
    "MapPoint",
    "SampleInfo",
    "SpeakerDetail",
    "SpeakerInfo",
]

_ANNA: JsonDict = {
    "name": "anna",
    "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
    "state": "enrolled",
    "created": "2026-11-20T12:00:17.568678+00:00",
    "samples": 2,
    "recordings": 2,
    "net_speech": 38.72,
    "provisional": False,
}
_SAMPLE: JsonDict = {
    "sample_id": "5e1f02ab-94d6-4c53-8d30-2a2f5c8e7f61",
    "recording": "interview.wav",
    "start": 7.55,
    "end": 31.92,
    "net_speech": 21.4,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "quality": {"net_seconds": 21.4, "snr_db": 27.1, "clipped": 0.0, "level_db": -23.5},
    "origin": "enrolled",
    "forced": [],
    "created": "2026-11-20T12:00:17.568678+00:00",
    "audio": True,
}

State = Literal["enrolled", "unknown", "never"]
Origin = Literal["enrolled", "corrected", "confirmed", "online"]


class SpeakerInfo(Message):
    """A person of a gallery, with what the samples sum up to.

    Attributes:
        name: Their name, or the label ``unknown-…`` of somebody who has none.
        speaker_id: Their id, which stays when the name changes.
        state: enrolled; unknown, awaiting review; or never, somebody who is not asked about any more.
        created: Since when they are there.
        samples: By how many samples they are known.
        recordings: From how many recordings those are.
        net_speech: Seconds of speech behind the profile.
        provisional: Whether that is too little to rely on yet.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ANNA]})

    name: str
    speaker_id: UUID
    state: State
    created: Moment
    samples: int
    recordings: int
    net_speech: float
    provisional: bool


class SampleInfo(Message):
    """Speech that somebody is known by.

    Attributes:
        sample_id: Its id.
        recording: What it was cut from, as that was named.
        start: From when in the recording, in seconds.
        end: To when.
        net_speech: Seconds of this one voice in between, without silence and overlap.
        sha256: Of the speech itself, as 16-bit numbers.
        quality: What the quality gates measured.
        origin: enrolled, corrected, confirmed, or online (a stranger who was kept).
        forced: The gates that were overridden.
        created: When it was stored.
        audio: Whether a clip is kept to listen to.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_SAMPLE]})

    sample_id: UUID
    recording: str
    start: float
    end: float
    net_speech: float
    sha256: str
    quality: dict[str, float | None]
    origin: Origin
    forced: list[str]
    created: Moment
    audio: bool


class Held(Message):
    """A voice that a person gave to somebody whose profile did not learn from it.

    Attributes:
        kind: ``held``, which tells it from strangers in the queue.
        recording: In which it was heard, as that was named.
        voice: The label of the voice.
        name: Whose it is said to be.
        speaker_id: Their id.
        net_speech: What it says alone, in seconds.
        llr: Against the profile, natural log; None where the voice itself seems to be two people's.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "held",
                    "recording": "call-17.wav",
                    "voice": "SPEAKER_01",
                    "name": "anna",
                    "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
                    "net_speech": 6.3,
                    "llr": -4.1,
                }
            ]
        }
    )

    kind: Literal["held"] = "held"
    recording: str
    voice: str
    name: str
    speaker_id: UUID
    net_speech: float
    llr: float | None


class SpeakerDetail(Message):
    """A person, the samples behind the profile, and what it did not learn from.

    Attributes:
        name: Their name, or the label ``unknown-…`` of somebody who has none.
        speaker_id: Their id, which stays when the name changes.
        state: As of a person in a list.
        created: Since when they are there.
        samples: The samples, oldest first.
        recordings: From how many recordings those are.
        net_speech: Seconds of speech behind the profile.
        provisional: Whether that is too little to rely on yet.
        held: Voices that a person gave to them, from which the profile did not learn.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{**_ANNA, "samples": [_SAMPLE], "held": []}]})

    name: str
    speaker_id: UUID
    state: State
    created: Moment
    samples: list[SampleInfo]
    recordings: int
    net_speech: float
    provisional: bool
    held: list[Held]


class ExportedPrint(Message):
    """A voiceprint. It is biometric data.

    Attributes:
        sample_id: Of which sample.
        model: The fingerprint of the model that made it.
        vector: It, of length 1.
    """

    sample_id: UUID
    model: str
    vector: list[float]


class ExportedDecision(Message):
    """A decision in which a voice was found to be somebody's, or perhaps.

    Attributes:
        decision_id: Its id.
        created: When it was made.
        kind: identify or verify.
        recording: Of which recording, as that was named.
        label: Which voice of it.
        vector: That voice.
    """

    decision_id: UUID
    created: Moment
    kind: str
    recording: str
    label: str
    vector: list[float]


class ExportedPerson(Message):
    """Everything that is kept about somebody.

    Attributes:
        name: Their name, or the label ``unknown-…`` of somebody who has none.
        speaker_id: Their id, which stays when the name changes.
        state: As of a person in a list.
        created: Since when they are there.
        samples: The samples, oldest first.
        recordings: From how many recordings those are.
        net_speech: Seconds of speech behind the profile.
        provisional: Whether that is too little to rely on yet.
        voiceprints: Those of the samples, by every model.
        decisions: Those about them.
    """

    name: str
    speaker_id: UUID
    state: State
    created: Moment
    samples: list[SampleInfo]
    recordings: int
    net_speech: float
    provisional: bool
    voiceprints: list[ExportedPrint]
    decisions: list[ExportedDecision]


class Deleted(Message):
    """Somebody who is there no more.

    Attributes:
        deleted: How they were called.
        speaker_id: Their id, under which the audit log goes on to know them.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"deleted": "anna", "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10"}]}
    )

    deleted: str
    speaker_id: UUID


class Disclosed(Message):
    """An archive of what is kept about somebody, for that person.

    Attributes:
        name: Their name or label.
        speaker_id: Their id.
        output: Where it was written.
        sha256: Of the file.
        files: How many files are in it.
        bytes: How long it is.
    """

    name: str
    speaker_id: UUID
    output: str
    sha256: str
    files: int
    bytes: int


class LookAlike(Message):
    """Somebody who sounds like another.

    Attributes:
        name: Their name or label.
        speaker_id: Their id.
        state: As of a person.
        llr: That the other's speech, as one voice, is theirs, by their profile: natural log.
        llr_back: That their speech, as one voice, is the other's.
        named: Whether either would make a name at the operating point.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "beth",
                    "speaker_id": "0b9c2a34-2a8c-4a0e-8a49-6c9a7b1c8d22",
                    "state": "enrolled",
                    "llr": -1.9,
                    "llr_back": -2.2,
                    "named": False,
                }
            ]
        }
    )

    name: str
    speaker_id: UUID
    state: State
    llr: float
    llr_back: float
    named: bool


class MapPoint(Message):
    """A person on the map of a gallery.

    Attributes:
        name: Their name or label.
        speaker_id: Their id.
        state: As of a person.
        x: Along the direction in which the profiles differ most.
        y: Along the next one.
        net_speech: Seconds of speech behind the profile.
    """

    name: str
    speaker_id: UUID
    state: State
    x: float
    y: float
    net_speech: float


class GalleryMap(Message):
    """The profiles of a gallery in two dimensions, to look around in.

    The two axes hold a small part of what tells voices apart, as ``explained`` says: people who lie far apart are
    unlike each other, but people who lie side by side need not be alike. What is alike, look-alikes say.

    Attributes:
        model: Which model's profiles they are.
        people: How many people have a profile by that model, or more than are shown.
        explained: Which share of the differences each axis holds, from 0 to 1.
        points: The people; an even sample where there are more than can be shown.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "ecapa",
                    "people": 1,
                    "explained": [0.11, 0.08],
                    "points": [
                        {
                            "name": "anna",
                            "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
                            "state": "enrolled",
                            "x": 0.21,
                            "y": -0.13,
                            "net_speech": 38.72,
                        }
                    ],
                }
            ]
        }
    )

    model: str
    people: int
    explained: list[float] = Field(min_length=2, max_length=2)
    points: list[MapPoint]
