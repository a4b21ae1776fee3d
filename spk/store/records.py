"""What the store hands out and takes in: frozen records, without any SQL in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.timeline import Segment

__all__ = [
    "PROVISIONAL_SECONDS",
    "CalibrationRecord",
    "Compacted",
    "Consent",
    "DecidedVoice",
    "DecisionKind",
    "DecisionRecord",
    "EngineCheck",
    "EngineDown",
    "EngineStatus",
    "Enrollment",
    "Gallery",
    "NewConsent",
    "NewDecision",
    "NewRecording",
    "NewSample",
    "Origin",
    "Profile",
    "ProfileStatistics",
    "Recording",
    "Sample",
    "SamplePrint",
    "Snapshot",
    "Speaker",
    "SpeakerState",
    "StoreCheck",
    "StoredModel",
    "Voiceprint",
    "samples_key",
]

PROVISIONAL_SECONDS = 30.0
"""Under so many seconds of net speech a profile is provisional."""


EngineDown = Literal["exact", "refuse"]
"""Whether a process searches by itself where a shared vector engine does not answer, or fails."""


class SpeakerState(StrEnum):
    """Whether somebody has said who this is; ``never``: that it is nobody who is to be enrolled."""

    ENROLLED = "enrolled"
    UNKNOWN = "unknown"
    NEVER = "never"


class Origin(StrEnum):
    """How a sample came to belong to its speaker."""

    ENROLLED = "enrolled"
    CORRECTED = "corrected"
    CONFIRMED = "confirmed"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class Gallery:
    """A named set of speakers that is searched together."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """One person of one gallery; without a name, somebody unknown who awaits review.

    >>> nobody = UUID("7f3a0000-0000-4000-8000-000000000000")
    >>> Speaker(nobody, nobody, None, SpeakerState.UNKNOWN, datetime(2026, 1, 1)).label
    'unknown-7f3a'
    """

    id: UUID
    gallery: UUID
    name: str | None
    state: SpeakerState
    created: datetime

    @property
    def label(self) -> str:
        """The name, or ``unknown-`` and the first four digits of the id."""
        return self.name or f"unknown-{self.id.hex[:4]}"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that samples were cut from; the audio itself is not kept."""

    id: UUID
    gallery: UUID
    sha256: str
    source: str
    duration: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Speech that somebody is known by.

    Attributes:
        segment: From where to where in the recording, in seconds.
        parts: The stretches of ``segment`` the speech was taken from, in seconds.
        sha256: Of the speech itself.
        net_seconds: Speech of this one voice, without silence and overlap.
        quality: What the quality gates measured.
        forced: The reasons against it that somebody overrode.
    """

    id: UUID
    speaker: UUID
    recording: Recording
    segment: Segment
    parts: tuple[Segment, ...]
    sha256: str
    net_seconds: float
    quality: Mapping[str, float] = field(hash=False)
    origin: Origin
    forced: tuple[str, ...]
    created: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Voiceprint:
    """The embedding of one sample by one model: ``vector`` is (dim,) float32, L2-normalised."""

    id: UUID
    sample: UUID
    model: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Every voiceprint of one speaker by one model.

    Attributes:
        vectors: (n, dim) float32, one L2-normalised row a sample.
        net_seconds: (n,) float64, the net speech behind each row.
        samples: The sample behind each row.
        model: The fingerprint of the model that made the vectors.
        cohort_statistics: Mean and deviation of the profile's scores against a cohort, where they were kept.
    """

    speaker: Speaker
    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]
    samples: tuple[Sample, ...]
    model: str
    cohort_statistics: tuple[float, float] | None = None

    @property
    def total_net_seconds(self) -> float:
        """Net speech behind the whole profile, in seconds."""
        return float(self.net_seconds.sum())

    @property
    def provisional(self) -> bool:
        """Whether there is too little speech yet to rely on."""
        return self.total_net_seconds < PROVISIONAL_SECONDS


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording as it arrives: the hash of its audio, where it came from, seconds."""

    sha256: str
    source: str
    duration: float


@dataclass(frozen=True, slots=True, eq=False)
class NewSample:
    """Speech to enroll.

    Attributes:
        sha256: Of the speech itself, so that the same audio is noticed.
        vectors: One (dim,) L2-normalised float32 vector for each model's fingerprint.
        forced: The reasons against it that are overridden. They stay in the audit log for ever,
            so they name nobody.
        clip: A FLAC file to keep for review.
        parts: The stretches of ``segment`` the speech was taken from; the whole segment if empty.
    """

    recording: NewRecording
    segment: Segment
    sha256: str
    net_seconds: float
    quality: Mapping[str, float]
    origin: Origin
    vectors: Mapping[str, NDArray[np.float32]]
    forced: tuple[str, ...] = ()
    clip: bytes | None = field(default=None, repr=False)
    parts: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrollment:
    """What an enrollment did: samples added, and those that were there already.

    A known sample that got its first voiceprint by another model counts as added.
    """

    speaker: Speaker
    added: tuple[Sample, ...]
    already: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class NewConsent:
    """Somebody's consent to being known by the voice, as it is to be noted.

    Attributes:
        purpose: What for; it stays in the audit log for ever, so it names nobody. None is what the gallery requires.
        given_by: Who gave it for the person, in free words; None where the person did.
        given: When; now, if None.
        until: When it runs out, if it does.
        reference: Where what was signed lies.
    """

    purpose: str | None = None
    given_by: str | None = None
    given: datetime | None = None
    until: datetime | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Somebody's consent; see `NewConsent`.

    Attributes:
        recorded: When it was noted.
        recorded_by: By whom, as the audit log knows them.
        withdrawn: When it ended before its time, if it did.
        withdrawn_by: Who noted that.

    >>> day = datetime(2026, 11, 20, tzinfo=UTC)
    >>> nobody = UUID(int=0)
    >>> Consent(nobody, nobody, "calls", None, day, day.replace(year=2027), None, day, "admin").state(day)
    'valid'
    """

    id: UUID
    speaker: UUID
    purpose: str
    given_by: str | None
    given: datetime
    until: datetime | None
    reference: str | None
    recorded: datetime
    recorded_by: str
    withdrawn: datetime | None = None
    withdrawn_by: str | None = None

    def state(self, at: datetime | None = None) -> Literal["valid", "expired", "withdrawn"]:
        """How it stands; now, if no other moment is given."""
        if self.withdrawn is not None:
            return "withdrawn"
        over = self.until is not None and self.until <= (at or datetime.now(UTC))
        return "expired" if over else "valid"


@dataclass(frozen=True, slots=True)
class SamplePrint:
    """A sample with its voiceprint by one model: ``vector`` is (dim,) float32, L2-normalised."""

    sample: Sample
    vector: NDArray[np.float32] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """A calibration as the store keeps it.

    Attributes:
        id: Sixteen hexadecimal digits: a hash of the content.
        fingerprint: Of the model whose scores it is for.
        model: What users call that model.
        recipe: The name of the recipe that the scores are of.
        record: The calibration itself, as JSON.
        created: When it was kept.
        in_use: Whether its gallery is judged by it.
    """

    id: str
    fingerprint: str
    model: str
    recipe: str
    record: str = field(repr=False)
    created: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)
    in_use: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model that made voiceprints of this store: its number here, and the length of its vectors."""

    number: int
    fingerprint: str
    dim: int


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How the vector engine stands to the voiceprints of one model.

    Attributes:
        engine: ``exact``, ``faiss``, or the address of a Qdrant.
        voiceprints: How many SQL has.
        indexed: How many the engine has.
        behind: How many changes it has not got yet.
        problem: Why it does not answer, or is to be filled anew; empty where all is well.
    """

    model: StoredModel
    engine: str
    voiceprints: int
    indexed: int
    behind: int
    problem: str = ""

    @property
    def state(self) -> str:
        """``ready``, ``behind`` (it catches up when it is next asked), or ``down``."""
        if self.problem:
            return "down"
        return "behind" if self.behind else "ready"


@dataclass(frozen=True, slots=True)
class EngineCheck:
    """A vector engine compared with SQL, voiceprint by voiceprint.

    Attributes:
        voiceprints: How many SQL has.
        missing: Of them, those that the engine has not got.
        different: Those that it has with another vector, speaker or gallery.
        stray: Those that it has and SQL does not.
    """

    model: StoredModel
    engine: str
    voiceprints: int
    missing: int
    different: int
    stray: int

    @property
    def whole(self) -> bool:
        """Whether it agrees with SQL in everything."""
        return not (self.missing or self.different or self.stray)


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What is wrong with a store, if anything.

    Attributes:
        problems: Of the database, the audit log and the clips, a line each.
        engines: The vector engine compared with SQL, model by model.
        audit_entries: How many rows the audit log has.
        audit_head: Its last hash.
    """

    problems: tuple[str, ...]
    engines: tuple[EngineCheck, ...]
    audit_entries: int
    audit_head: str

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and all(engine.whole for engine in self.engines)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was given back.

    Attributes:
        changes: How many listed changes were forgotten.
        scrubbed: Whether the database's file could be written anew; somebody may have been reading for long.
    """

    changes: int
    scrubbed: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which people and samples a gallery had at one moment.

    Attributes:
        people: How many speakers, the unknown ones included.
        samples: How many samples they have.
        samples_sha256: Hash over the sorted ids of the samples: see :func:`samples_key`, in full.
        audit_sequence: The last row of the home's audit log.
        audit_hash: Its hash.
    """

    people: int
    samples: int
    samples_sha256: str
    audit_sequence: int
    audit_hash: str


class DecisionKind(StrEnum):
    """What was asked."""

    IDENTIFY = "identify"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class DecidedVoice:
    """One voice that was decided on.

    Attributes:
        label: Of the diarization.
        speaker: Who it is or may be, with whom it is erased; None for nobody who is enrolled.
        vector: (dim,) float32, L2-normalised.
    """

    label: str
    speaker: UUID | None
    vector: NDArray[np.float32] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision to keep.

    Attributes:
        sha256: Of the recording's audio.
        source: Where the recording came from.
        record: The evidence as JSON. It may outlive the people in it, so it names nobody: ids alone.
        state: What the scorer took from the gallery's voiceprints, as JSON.
        voices: Those that had enough speech for a vector.
        as_of: The last row of the audit log when the gallery was read.
    """

    kind: DecisionKind
    sha256: str
    source: str
    record: str = field(repr=False)
    state: str | None = field(repr=False)
    voices: tuple[DecidedVoice, ...]
    as_of: int


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision as it is kept; ``state`` is None where somebody who took part in it was erased since."""

    id: UUID
    gallery: UUID
    created: datetime
    kind: DecisionKind
    sha256: str
    source: str
    record: str = field(repr=False)
    state: str | None = field(repr=False)
    voices: tuple[DecidedVoice, ...]


@dataclass(frozen=True, slots=True)
class ProfileStatistics:
    """How one person's profile scores against a calibration's cohort.

    Attributes:
        samples: The :func:`samples_key` of the profile they were computed from.
        mean: Of the scores.
        deviation: Their standard deviation.
    """

    speaker: UUID
    samples: str
    mean: float
    deviation: float


def samples_key(samples: Iterable[UUID | str], digits: int = 16) -> str:
    """A hash of which samples, by id or its hexadecimal digits: the same for the same ones in any order.

    >>> one, other = UUID(int=1), UUID(int=2)
    >>> samples_key([one, other]) == samples_key([other, one]) != samples_key([one])
    True
    """
    return sha256("".join(sorted(id_ if isinstance(id_, str) else id_.hex for id_ in samples)).encode()).hexdigest()[
        :digits
    ]
