"""What is kept of a recording that was listened to: its turns, its voices, and whose they are said to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.store.records import NewRecording, Recording
from spk.timeline import Segment

__all__ = [
    "ChangeRecord",
    "HeardPiece",
    "HeardTurn",
    "HeardVoice",
    "Hearing",
    "Label",
    "NewHearing",
    "NewVoice",
    "SaidBy",
]


class SaidBy(StrEnum):
    """Who said whose a voice is."""

    MACHINE = "machine"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Label:
    """Whose a voice is said to be, by whom, and by what numbers.

    Attributes:
        said_by: The machine, which may change its mind when the gallery changes; or a person.
        speaker: Who it is; None where nobody is named.
        verdict: known, unsure or unknown.
        candidate: The best person, named or not.
        runner_up: The next best.
        judged_as: A number that the voices of the recording share which were judged as one.
        score: Of the calibration's recipe, against the candidate.
        llr: Natural log.
        margin: LLR of the candidate less that of the runner-up.
        probability: That it is the candidate.
        false_alarm: How often a stranger looks at least this much like somebody.
    """

    said_by: SaidBy = SaidBy.MACHINE
    speaker: UUID | None = None
    verdict: str = "unsure"
    candidate: UUID | None = None
    runner_up: UUID | None = None
    judged_as: int | None = None
    score: float | None = None
    llr: float | None = None
    margin: float | None = None
    probability: float | None = None
    false_alarm: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeardPiece:
    """A stretch of a voice that was embedded by itself: where it lies, and its vector (dim,)."""

    parts: tuple[Segment, ...]
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """One turn of a hearing.

    Attributes:
        id: What tells it from the others of the recording, in files, too.
        label: The label of its voice.
        segment: When, in seconds.
        touched: Whether a person made or changed it.
    """

    id: str
    label: str
    segment: Segment
    touched: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class NewVoice:
    """A voice as it arrives.

    Attributes:
        label: Of the diarization, or what a person calls it.
        vector: (dim,) float32, L2-normalised; None where too little was heard.
        pieces: The pieces that were embedded.
        net_seconds: All that the voice says alone, in seconds.
        heard: What was embedded of it, in seconds.
        parts: Where that lies.
        sha256: Of that audio.
        quality: What the quality gates measured.
        mixed: Whether it seems to be more than one person's.
        clip: A FLAC file to keep for review.
        said: Whose it is.
        sample: The id of the sample that was made of it, where it was heard before.
    """

    label: str
    vector: NDArray[np.float32] | None
    pieces: tuple[HeardPiece, ...]
    net_seconds: float
    heard: float
    parts: tuple[Segment, ...]
    sha256: str
    quality: Mapping[str, float]
    mixed: bool = False
    clip: bytes | None = field(default=None, repr=False)
    said: Label = field(default_factory=Label)
    sample: UUID | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NewHearing:
    """What was heard in a recording, to be kept.

    Attributes:
        recording: Of what.
        model: The fingerprint of the model of the vectors.
        dim: Their length.
        least: So many people speak, at least; None: as many as there are voices.
        point: The operating point, as plain data.
        attendees: The only people who were compared; None for everybody.
        strangers: Whether voices that nobody fits become unnamed speakers.
        corrected: Whether a person went over the turns.
        voices: One a label.
        turns: By time.
        levels: How loud the recording is over time, a byte for each stretch (`spk.audio.levels`); None as before.
    """

    recording: NewRecording
    model: str
    dim: int
    least: int | None
    point: Mapping[str, Any]
    attendees: tuple[UUID, ...] | None
    strangers: bool
    corrected: bool
    voices: tuple[NewVoice, ...]
    turns: tuple[HeardTurn, ...]
    levels: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class HeardVoice:
    """A voice as it is kept, with what is needed to judge it again; see `NewVoice`.

    Attributes:
        sample: The id of what was made of it for somebody's profile, or may be again.
    """

    id: UUID
    label: str
    vector: NDArray[np.float32] | None
    net_seconds: float
    heard: float
    sha256: str
    mixed: bool
    sample: UUID | None
    said: Label


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """What was heard in a recording, as it is kept; see `NewHearing`. The voices are in the order of their labels."""

    id: UUID
    recording: Recording
    created: datetime
    model: str
    dim: int
    least: int | None
    point: Mapping[str, Any]
    attendees: tuple[UUID, ...] | None
    strangers: bool
    corrected: bool
    voices: tuple[HeardVoice, ...]

    def sampled(self, voice: UUID) -> datetime:
        """When the sample of a voice counts as made: in an order that is the same wherever it is heard."""
        place = [one.id for one in self.voices].index(voice)
        return self.created + timedelta(microseconds=place)


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """Something that was changed, and can be undone.

    Attributes:
        number: What it is called.
        created: When.
        user: By whom, as the system knows them.
        what: In a few words, without names.
        about: Whom and which recordings it is about, the first few, as they are called.
        undone: When it was undone, if it was.
    """

    number: int
    created: datetime
    user: str
    what: str
    about: tuple[str, ...] = ()
    undone: datetime | None = None
