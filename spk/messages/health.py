"""Messages about how well people are enrolled."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from spk.messages.base import Message
from spk.messages.identification import ModelUsed, Somebody
from spk.messages.speakers import Origin, State

__all__ = [
    "Advice",
    "Checkup",
    "Duplicate",
    "MissRate",
    "Nearest",
    "Retired",
    "SampleCheck",
    "SoundsLike",
    "Spread",
]

_ID = "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10"


class SoundsLike(Somebody):
    """Somebody else whose voice a sample is; ``llr`` is the evidence for that, natural log."""

    llr: float | None


class Nearest(Somebody):
    """Whoever sounds most like a person.

    Attributes:
        llr: The person's speech against the other's profile, natural log.
        llr_back: The other's speech against the person's profile.
        named: Whether either would make a name at the operating point.
    """

    llr: float
    llr_back: float
    named: bool


class Spread(Message):
    """How alike a person's samples are, each against the rest: scores of the recipe, and LLRs in natural log."""

    lowest_score: float
    median_score: float
    lowest_llr: float
    median_llr: float


class MissRate(Message):
    """Which share of speech of so many seconds will not bear the name; None where the calibration cannot tell."""

    seconds: float
    rate: float | None


class SampleCheck(Message):
    """A sample against the rest of the person's.

    Attributes:
        sample_id: Which.
        recording: What it was cut from, as that was named.
        start: From when in the recording, in seconds.
        end: To when.
        net_speech: Seconds of the one voice in between.
        origin: enrolled, corrected, confirmed, or online.
        forced: The gates that were overridden.
        score: Against the rest, of the recipe; None where there is nothing to compare with.
        llr: The same as evidence, natural log.
        unlike: Whether it would be refused for that.
        sounds_like: Who it is instead, with certainty.
    """

    sample_id: UUID
    recording: str
    start: float
    end: float
    net_speech: float
    origin: Origin
    forced: list[str]
    score: float | None
    llr: float | None
    unlike: bool
    sounds_like: SoundsLike | None


class Duplicate(Message):
    """A sample that is the same audio as another one.

    Attributes:
        sample_id: Which.
        other_sample_id: Which other.
        whose: Whose the other is.
        overlap: Seconds that both hold; None where that is not known.
        cosine: Of the voiceprints, where those say it.
    """

    sample_id: UUID
    other_sample_id: UUID
    whose: Somebody
    overlap: float | None
    cosine: float | None


class Retired(Message):
    """How many samples only other models know, and the fingerprint of one."""

    fingerprint: str
    samples: int


class Advice(Message):
    """One thing to do, as a sentence, and why, in a word."""

    concern: str
    text: str


class Checkup(Message):
    """One person, examined.

    Attributes:
        schema_: ``spk-checkup/1``.
        name: Their name or label.
        speaker_id: Their id.
        state: As of a person.
        model: The model in use.
        net_speech: Seconds of speech that it knows.
        provisional: Whether they are too few to rely on yet.
        recordings: From how many recordings.
        sessions: From how many days, if they are several; else recordings.
        spread: None where there are no two samples to compare.
        needed_llr: What makes a name at the operating point.
        fnir: Predicted for some lengths of speech.
        nearest: Who sounds most alike; None where nobody else is enrolled.
        samples: Each against the rest.
        duplicates: Samples that are the same audio as another.
        retired: Samples that only other models know.
        advice: What to do, the gravest first.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "schema": "spk-checkup/1",
                    "name": "anna",
                    "speaker_id": _ID,
                    "state": "enrolled",
                    "model": {"name": "ecapa", "fingerprint": "9f86d081884c7d65"},
                    "net_speech": 8.72,
                    "provisional": True,
                    "recordings": 1,
                    "sessions": 1,
                    "spread": None,
                    "needed_llr": 6.1,
                    "fnir": [{"seconds": 3.0, "rate": 0.04}],
                    "nearest": None,
                    "samples": [],
                    "duplicates": [],
                    "retired": [],
                    "advice": [{"concern": "provisional", "text": "record 22 s more speech"}],
                }
            ]
        }
    )

    schema_: Literal["spk-checkup/1"] = Field(alias="schema")
    name: str
    speaker_id: UUID
    state: State
    model: ModelUsed
    net_speech: float
    provisional: bool
    recordings: int
    sessions: int
    spread: Spread | None
    needed_llr: float
    fnir: list[MissRate]
    nearest: Nearest | None
    samples: list[SampleCheck]
    duplicates: list[Duplicate]
    retired: list[Retired]
    advice: list[Advice]
