"""Messages about what was heard in recordings."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from spk.messages.base import Message, Moment
from spk.messages.outcomes import Outcome

__all__ = [
    "Applied",
    "CorrectedTurn",
    "RecordingDetail",
    "RecordingInfo",
    "RecordingTurn",
    "Taught",
    "TurnsFile",
    "VoiceHeard",
    "Waveform",
]

_VOICE: JsonDict = {
    "label": "SPEAKER_01",
    "net_speech": 24.7,
    "verdict": "known",
    "said_by": "machine",
    "who": "anna",
    "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
    "candidate": "anna",
    "score": 0.71,
    "llr": 9.3,
    "margin": 11.8,
    "probability": 0.9998,
    "false_alarm": 0.0004,
    "mixed": False,
    "sample_id": None,
}
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_RECORDING: JsonDict = {
    "recording": "call-17.wav",
    "hearing": "5a1f8c1e-3d0b-4f0e-9a54-7c1b6d2f0a11",
    "sha256": _SHA256,
    "duration": 61.4,
    "heard": "2026-11-20T12:00:17.568678+00:00",
    "corrected": False,
    "voices": [_VOICE],
}
_TURN: JsonDict = {"id": "t1a2b3c4d", "start": 3.2, "end": 9.8, "label": "SPEAKER_01", "who": "anna", "touched": False}


class VoiceHeard(Message):
    """A voice of a recording, and whose it is said to be.

    Attributes:
        label: What it is called within the recording.
        net_speech: What it says alone, in seconds.
        verdict: known, unsure or unknown.
        said_by: Whether the machine says so, or a person did.
        who: A name, or the label of a stranger; None for nobody.
        speaker_id: Their id.
        candidate: The best person, named or not.
        score: Of the calibration's recipe, against the candidate; None where a person said it, as what follows.
        llr: Natural log.
        margin: LLR of the candidate less that of the runner-up.
        probability: That it is the candidate.
        false_alarm: How often a stranger looks at least this much like somebody.
        mixed: Whether it seems to be two people's.
        sample_id: Of the sample that was made of it, if one was.
    """

    label: str
    net_speech: float
    verdict: str
    said_by: Literal["machine", "person"]
    who: str | None
    speaker_id: UUID | None
    candidate: str | None
    score: float | None
    llr: float | None
    margin: float | None
    probability: float | None
    false_alarm: float | None
    mixed: bool
    sample_id: UUID | None


class RecordingInfo(Message):
    """What was heard in a recording.

    Attributes:
        recording: As it was named.
        hearing: The id of what was heard; another one once it is corrected.
        sha256: Of the audio, which stays; its first digits find the recording, too.
        duration: In seconds.
        heard: When.
        corrected: Whether a person went over the turns.
        voices: One a label.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_RECORDING]})

    recording: str
    hearing: UUID
    sha256: str
    duration: float
    heard: Moment
    corrected: bool
    voices: list[VoiceHeard]


class RecordingTurn(Message):
    """Who speaks from when to when.

    Attributes:
        id: Of this turn alone, here and in files.
        start: When it begins, in seconds.
        end: When it ends.
        label: Of the voice.
        who: Whose it is said to be; None where that is nobody.
        touched: Whether a person made or changed it.
    """

    id: str
    start: float
    end: float
    label: str
    who: str | None
    touched: bool


class RecordingDetail(RecordingInfo):
    """A recording, its turns, and what can be listened to.

    Attributes:
        turns: By time.
        clips: By voice, what is kept to listen to: a file, or from a server an address.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_RECORDING,
                    "turns": [_TURN],
                    "clips": {"SPEAKER_01": f"/v1/galleries/default/recordings/{_SHA256}/voices/SPEAKER_01/audio"},
                }
            ]
        }
    )

    turns: list[RecordingTurn]
    clips: dict[str, str]


class CorrectedTurn(Message):
    """A turn as it is to be. One that was shown can be sent back as it is, or changed.

    Attributes:
        id: Of the turn that it was; None for a new one.
        start: When it begins, in seconds.
        end: When it ends.
        label: A name, new or known; the label of a stranger or of a voice.
        who: As it was shown, or another name; of ``label`` and ``who``, the one that was changed says whose it is.
        touched: As it was shown; ignored.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"id": "t1a2b3c4d", "start": 3.2, "end": 9.8, "label": "anna"}, _TURN]},
    )

    id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    start: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
    end: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    label: Annotated[
        str, Field(min_length=1, max_length=200, description="A name, or the label of a stranger or of a voice.")
    ]
    who: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="As it was shown, or another name: of `label` and `who`, the one that was changed says whose "
            "the turn is. Null, or left out: as `label` says.",
        ),
    ] = None
    touched: Annotated[bool | None, Field(description="As it was shown; ignored.")] = None


class Taught(Message):
    """What somebody's profile learnt.

    Attributes:
        name: Whose.
        samples: How many samples.
        net_speech: Of how much speech, in seconds.
    """

    name: str
    samples: int
    net_speech: float


class Applied(Outcome):
    """What became of corrected turns, or would: what `Outcome` says, and this.

    Attributes:
        turns: How many changes there are of each kind: unchanged, moved, relabelled, and so on.
        new: Who got a name that nobody had.
        gone: Who is not there any more, because nothing is left by which they were known.
        taught: Whose profile learnt how much.
        withdrawn: How many samples went that were not their speaker's, going by the turns.
        refused: What may not be learnt from, and why.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dry_run": False,
                    "change": 43,
                    "speakers": [],
                    "recordings": 3,
                    "labels": [],
                    "held": [],
                    "turns": {"unchanged": 6, "relabelled": 1},
                    "new": ["anna"],
                    "gone": [],
                    "taught": [{"name": "anna", "samples": 1, "net_speech": 10.4}],
                    "withdrawn": 0,
                    "refused": [],
                }
            ]
        }
    )

    turns: dict[str, int]
    new: list[str]
    gone: list[str]
    taught: list[Taught]
    withdrawn: int
    refused: list[str]


class TurnsFile(Message):
    """The turns of a recording in some format.

    Attributes:
        name: What to call the file.
        media_type: Of the format.
        text: The file.
    """

    name: str
    media_type: str
    text: str


class Waveform(Message):
    """How loud a recording is over time, to be drawn.

    Attributes:
        recording: As it was named.
        duration: In seconds.
        levels: The peak level of consecutive stretches of equal length, from 0 to 255 for the loudest of the
            recording; none where that is not kept.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"recording": "call-17.wav", "duration": 61.4, "levels": [0, 3, 120, 255, 80]}]}
    )

    recording: str
    duration: float
    levels: list[int]
