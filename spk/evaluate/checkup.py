"""What an examination of an enrolled person finds, and what it advises."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from spk.embed import ModelId
from spk.formats.lines import printable
from spk.store.records import PROVISIONAL_SECONDS, Sample, Speaker

__all__ = [
    "SCHEMA",
    "Advice",
    "Checkup",
    "Concern",
    "Duplicate",
    "LookAlike",
    "MissRate",
    "Retired",
    "SampleCheck",
    "Spread",
    "place",
]

SCHEMA = "spk-checkup/1"


class Concern(StrEnum):
    """What is wrong, the gravest first."""

    NO_CONSENT = "no consent"
    NO_PROFILE = "no profile"
    SOUNDS_LIKE = "sounds like another"
    ONE_VOICE = "one voice, two names"
    SHARED = "audio of two people"
    UNLIKE = "unlike the rest"
    RETIRED = "retired model"
    PROVISIONAL = "provisional"
    ONE_RECORDING = "one recording"
    MISSED = "often missed"
    LOOK_ALIKE = "look-alike"
    DOUBLED = "counted twice"
    FORCED = "forced"

    @property
    def doubtful(self) -> bool:
        """Whether somebody should listen: the profile may be wrong, and not only thin."""
        return self in {Concern.SOUNDS_LIKE, Concern.ONE_VOICE, Concern.SHARED, Concern.UNLIKE}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do, as a sentence."""

    concern: Concern
    text: str


@dataclass(frozen=True, slots=True)
class Spread:
    """How alike a person's samples are to one another: each against the rest.

    Attributes:
        lowest_score: Of the calibration's recipe; a cosine, for most.
        lowest_llr: Natural log.
    """

    lowest_score: float
    median_score: float
    lowest_llr: float
    median_llr: float


@dataclass(frozen=True, slots=True)
class MissRate:
    """Predicted FNIR: which share of the person's speech of this length will not bear the name.

    Attributes:
        seconds: Net speech.
        rate: From 0 to 1; None where the calibration cannot tell.
    """

    seconds: float
    rate: float | None


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Whoever sounds most like the person.

    Attributes:
        llr: The person's speech against the other's profile.
        llr_back: The other's speech against the person's profile.
        named: Whether either would make a name at the operating point.
    """

    speaker: Speaker
    llr: float
    llr_back: float
    named: bool

    @property
    def most(self) -> float:
        """The LLR of whichever way round is higher."""
        return max(self.llr, self.llr_back)


@dataclass(frozen=True, slots=True)
class SampleCheck:
    """A sample against the rest of the person's.

    Attributes:
        score: Against the speech of the other recordings; where there is one recording, of the other samples.
            None where there is nothing to compare with, or no voiceprint by the model in use.
        llr: The same as evidence, natural log.
        unlike: Whether it would be refused for that.
        sounds_like: Who it is instead, with certainty.
        other_llr: The evidence for that.
    """

    sample: Sample
    score: float | None = None
    llr: float | None = None
    unlike: bool = False
    sounds_like: Speaker | None = None
    other_llr: float | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A sample of the person that is the same audio as another one.

    Attributes:
        whose: Whose the other sample is; the person, or somebody else.
        overlap: Seconds that both hold; None where that is not known, but the voiceprints are the same.
        cosine: Of the voiceprints, where those say it.
    """

    sample: Sample
    other: Sample
    whose: Speaker
    overlap: float | None = None
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class Retired:
    """Voiceprints that only a model other than the one in use made.

    Attributes:
        model: Its fingerprint.
        samples: How many samples have no voiceprint but by such models.
    """

    model: str
    samples: int


@dataclass(frozen=True)
class Checkup:
    """One person, examined.

    Attributes:
        model: The one in use.
        net_seconds: Speech of all samples that the model in use knows.
        sessions: Days on which samples were enrolled, if they are several; else recordings.
        spread: None where fewer than two samples can be compared.
        misses: Predicted FNIR for some lengths of speech; none without a profile.
        typical: The length that is spoken of first.
        needed_llr: What makes a name at the operating point.
        nearest: None where nobody else is enrolled.
        checks: Every sample, oldest first.
        consents: Whether the person may be matched; False where the gallery requires a consent that is missing or over.
    """

    speaker: Speaker
    model: ModelId
    net_seconds: float
    recordings: int
    sessions: int
    spread: Spread | None
    misses: tuple[MissRate, ...]
    typical: float
    needed_llr: float
    nearest: LookAlike | None
    checks: tuple[SampleCheck, ...]
    duplicates: tuple[Duplicate, ...] = ()
    retired: tuple[Retired, ...] = ()
    advice: tuple[Advice, ...] = field(default=())
    consents: bool = True

    @property
    def provisional(self) -> bool:
        """Whether there is too little speech yet to rely on."""
        return self.net_seconds < PROVISIONAL_SECONDS

    @property
    def fnir(self) -> float | None:
        """Predicted for the typical length; None where it cannot be."""
        return next((miss.rate for miss in self.misses if miss.seconds == self.typical), None)

    @property
    def urgency(self) -> tuple[int, float, str]:
        """Sorts the worst first."""
        order = list(Concern)
        first = order.index(self.advice[0].concern) if self.advice else len(order)
        return first, -(1.0 if self.fnir is None else self.fnir), self.speaker.label

    def to_json(self) -> dict[str, Any]:
        """Plain data; the fields as in the reference of JSON, LLRs in natural log."""
        return {
            "schema": SCHEMA,
            "name": self.speaker.label,
            "speaker_id": str(self.speaker.id),
            "state": self.speaker.state.value,
            "model": {"name": self.model.name, "fingerprint": self.model.fingerprint},
            "net_speech": round(self.net_seconds, 3),
            "provisional": self.provisional,
            "recordings": self.recordings,
            "sessions": self.sessions,
            "spread": self.spread
            and {
                "lowest_score": round(self.spread.lowest_score, 4),
                "median_score": round(self.spread.median_score, 4),
                "lowest_llr": round(self.spread.lowest_llr, 4),
                "median_llr": round(self.spread.median_llr, 4),
            },
            "needed_llr": round(self.needed_llr, 4),
            "fnir": [{"seconds": miss.seconds, "rate": _rounded(miss.rate)} for miss in self.misses],
            "nearest": self.nearest
            and {
                **_named(self.nearest.speaker),
                "llr": round(self.nearest.llr, 4),
                "llr_back": round(self.nearest.llr_back, 4),
                "named": self.nearest.named,
            },
            "samples": [_sample(check) for check in self.checks],
            "duplicates": [_duplicate(duplicate) for duplicate in self.duplicates],
            "retired": [{"fingerprint": old.model, "samples": old.samples} for old in self.retired],
            "advice": [{"concern": advice.concern.value, "text": advice.text} for advice in self.advice],
        }


def place(sample: Sample) -> str:
    """Where a sample is to be heard, for people: the file, and from when to when if that is not all of it."""
    recording, segment = printable(sample.recording.source), sample.segment
    if segment.start <= 0 and segment.end >= sample.recording.duration - 0.05:
        return recording
    return f"{recording} ({segment.start:.1f}-{segment.end:.1f} s)"


def _sample(check: SampleCheck) -> dict[str, Any]:
    sample = check.sample
    return {
        "sample_id": str(sample.id),
        "recording": sample.recording.source,
        "start": sample.segment.start,
        "end": sample.segment.end,
        "net_speech": round(sample.net_seconds, 3),
        "origin": sample.origin.value,
        "forced": list(sample.forced),
        "score": _rounded(check.score),
        "llr": _rounded(check.llr),
        "unlike": check.unlike,
        "sounds_like": check.sounds_like and {**_named(check.sounds_like), "llr": _rounded(check.other_llr)},
    }


def _duplicate(duplicate: Duplicate) -> dict[str, Any]:
    return {
        "sample_id": str(duplicate.sample.id),
        "other_sample_id": str(duplicate.other.id),
        "whose": _named(duplicate.whose),
        "overlap": _rounded(duplicate.overlap),
        "cosine": _rounded(duplicate.cosine),
    }


def _named(speaker: Speaker) -> dict[str, str]:
    return {"speaker_id": str(speaker.id), "name": speaker.label}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
