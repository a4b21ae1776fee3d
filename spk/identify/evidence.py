"""Why a voice was found to be somebody's: everything a decision rests on, to be read and to be computed again.

Evidence is JSON of the schema ``spk-evidence/1``, whose objects and fields are the classes and attributes of this
module. People and samples are ids throughout; what they are called stands in ``names`` and ``sources`` alone, so that
evidence can be kept without them.
"""

from __future__ import annotations

import json
import types
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import cache
from math import isfinite
from typing import Any, Self, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.errors import FormatError, InputError, SpkError
from spk.identify.decision import OperatingPoint
from spk.timeline import Segment

__all__ = [
    "SCHEMA",
    "CalibrationUsed",
    "Evidence",
    "GallerySeen",
    "ModelUsed",
    "Person",
    "Piece",
    "Rest",
    "SampleScore",
    "Standing",
    "VoiceEvidence",
    "packed",
    "unpacked",
]

SCHEMA = "spk-evidence/1"


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """What made the embeddings.

    Attributes:
        name: As in ``--model``.
        fingerprint: Hash of its weights and front end.
    """

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CalibrationUsed:
    """What turned scores into LLRs.

    Attributes:
        id: Hash of what it holds.
        generic: Whether it was fitted on other recordings than the user's.
        recipe: How the scores are made.
    """

    id: str
    generic: bool
    recipe: str


@dataclass(frozen=True, slots=True)
class GallerySeen:
    """The gallery as it was.

    Attributes:
        id: Its own.
        name: What it was called.
        people: How many it had, unknown ones included.
        samples: How many samples they had.
        samples_sha256: Hash over the sorted ids of those.
        audit_sequence: The last row of the home's audit log.
        audit_hash: That row's hash.
    """

    id: str
    name: str
    people: int
    samples: int
    samples_sha256: str
    audit_sequence: int
    audit_hash: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the gallery, for one voice.

    Attributes:
        speaker: Their id.
        column: Their place in ``llrs`` of the voice.
        score: Of the recipe, against their profile.
        llr: Calibrated evidence for them against a stranger, natural log.
        probability: Posterior probability that it is they, by this voice alone.
        samples: How many samples their profile had.
        samples_key: Hash of which.
        net_speech: Seconds of speech of the profile.
    """

    speaker: str
    column: int
    score: float
    llr: float
    probability: float
    samples: int
    samples_key: str
    net_speech: float


@dataclass(frozen=True, slots=True)
class SampleScore:
    """One sample of the candidate, and the score of the voice against it alone.

    Attributes:
        sample: Its id.
        recording: The id of the recording it is from.
        segment: Which seconds of that.
        net_speech: Seconds of speech in them.
        score: Of the recipe.
    """

    sample: str
    recording: str
    segment: Segment
    net_speech: float
    score: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the voice that was embedded by itself.

    Attributes:
        parts: Where it lies in the recording.
        speaker: Who suits it best; None in an empty gallery.
        llr: Their LLR.
    """

    parts: tuple[Segment, ...]
    speaker: str | None
    llr: float | None


@dataclass(frozen=True, slots=True)
class Rest:
    """Everybody who was compared and is not in the shortlist.

    Attributes:
        people: How many.
        llr: Log of the sum of their likelihood ratios; None without any.
    """

    people: int
    llr: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the candidate's score lies among those of other people.

    Attributes:
        among: ``gallery``, the others of the gallery; or ``synthetic``, made-up voices of the calibration.
        people: How many those are.
        below: The share of them with a lower score.
        deviations: The score less their mean, in their standard deviations; None where they are alike.
    """

    among: str
    people: int
    below: float
    deviations: float | None


@dataclass(frozen=True, slots=True)
class VoiceEvidence:
    """One voice: the numbers, and what they rest on.

    Attributes:
        label: Of the diarization.
        verdict: What was said: known, unsure, unknown; or same, unsure, different of a claim.
        outcome: The verdict that the numbers give: a stranger who is kept, and met again, is known by them.
        net_speech: Seconds of this voice alone.
        speech: What was embedded of it.
        heard: Net speech that was compared, in seconds, of all clusters that are this voice; None if too little was.
        together: The labels of all clusters that were taken for this one voice.
        candidate: The best person, or the claimed one.
        runner_up: The next best.
        margin: LLR of the candidate less that of the runner-up.
        probability: That it is the candidate, given the other voices of the recording.
        stranger: Probability of a stranger.
        log_odds: Of the candidate against everybody else, a stranger being as probable beforehand as the gallery;
            of a claim, as it is as probable as not.
        false_alarm: How often a stranger would look at least this much like somebody of the gallery.
        provisional: Whether the candidate's profile has little speech.
        shortlist: The best people.
        rest: The others.
        standings: The candidate's score among those of others.
        samples: Which of the candidate's samples spoke for them, the best first.
        pieces: The voice in pieces, one after the other.
        agreement: Share of its seconds in pieces that suit the candidate best; None for a voice of one piece.
        llrs: (people,) LLRs of everybody, as :func:`packed`.
    """

    label: str
    verdict: str
    outcome: str
    net_speech: float
    speech: tuple[Segment, ...]
    heard: float | None = None
    together: tuple[str, ...] = ()
    candidate: Person | None = None
    runner_up: Person | None = None
    margin: float | None = None
    probability: float | None = None
    stranger: float | None = None
    log_odds: float | None = None
    false_alarm: float | None = None
    provisional: bool = False
    shortlist: tuple[Person, ...] = ()
    rest: Rest = field(default_factory=lambda: Rest(0, None))
    standings: tuple[Standing, ...] = ()
    samples: tuple[SampleScore, ...] = ()
    pieces: tuple[Piece, ...] = ()
    agreement: float | None = None
    llrs: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a recording's voices were found to be, and why.

    Attributes:
        kind: ``identify`` or ``verify``.
        recording: As it was named.
        sha256: Of its audio.
        duration: Seconds.
        model: What made the embeddings.
        calibration: What turned scores into LLRs.
        gallery: What was searched.
        people: How many people a voice could be of: the gallery, or the attendees.
        operating_point: What was asked for.
        needed: Log odds from which a person is named.
        attendees: To whom it was narrowed, if it was.
        voices: One for each label of the diarization.
        scorer_sha256: Hash of what the scorer took from the gallery, which a home keeps beside the evidence.
        decision_id: Under which a home keeps it, if it does.
        names: What people are called, by id.
        sources: What recordings are called, by id.
        schema: ``spk-evidence/1``.
    """

    kind: str
    recording: str
    sha256: str
    duration: float
    model: ModelUsed
    calibration: CalibrationUsed
    gallery: GallerySeen
    people: int
    operating_point: OperatingPoint
    needed: float
    attendees: tuple[str, ...] | None
    voices: tuple[VoiceEvidence, ...]
    scorer_sha256: str
    decision_id: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    schema: str = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """The evidence as plain data; numbers are not rounded, so that they can be compared."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @property
    def people_told(self) -> set[str]:
        """The ids of everybody who is mentioned."""
        told = set(self.attendees or ())
        for voice in self.voices:
            told |= {person.speaker for person in (*voice.shortlist, voice.candidate, voice.runner_up) if person}
            told |= {piece.speaker for piece in voice.pieces if piece.speaker}
        return told

    def nameless(self) -> Evidence:
        """The same without what anybody or any recording of theirs is called, as a home keeps it."""
        return replace(self, names={}, sources={})

    @classmethod
    def from_json(cls, record: object, *, source: str = "evidence") -> Self:
        """What `to_json` gave; ``source`` is what it is from, for messages.

        Raises:
            FormatError: it is no evidence, one of another version, or something in it is impossible.
        """
        if not isinstance(record, Mapping) or record.get("schema") != SCHEMA:
            raise FormatError(source, f"not evidence of {SCHEMA}: write it anew with `spk identify --evidence`")
        try:
            evidence: Self = _read(cls, record, "evidence")
            for voice in evidence.voices:
                for one in voice.samples:
                    UUID(one.sample)
                if voice.candidate is not None and None in (voice.heard, voice.probability, voice.stranger):
                    raise InputError(f"{voice.label} has a candidate, but no probabilities")
                if voice.runner_up is not None and voice.margin is None:
                    raise InputError(f"{voice.label} has a runner-up, but no margin")
                llrs = unpacked(voice.llrs)
                if any(not 0 <= one.column < len(llrs) for one in voice.shortlist):
                    raise InputError(f"the LLRs of {voice.label} are not those of its shortlist")
            for speaker in evidence.people_told:
                UUID(speaker)
        except (SpkError, ValueError, OverflowError) as error:
            raise FormatError(source, f"damaged evidence ({error}): write it anew") from error
        return evidence

    @classmethod
    def parse(cls, text: str, *, source: str = "evidence") -> Self:
        """Read the JSON text of one recording's evidence.

        Raises:
            FormatError: as for `from_json`.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError(source, f"not evidence ({error}): write it anew") from error
        return cls.from_json(record, source=source)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A value of a class of this module as plain data; `dataclasses.asdict` copies every number of it as well."""
    if is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return dict(value) if isinstance(value, Mapping) else value


def packed(numbers: NDArray[Any]) -> str:
    """Numbers (n,) as text: base64 of little-endian doubles, exact and short.

    >>> packed(np.array([0.5])), unpacked("AAAAAAAA4D8=")
    ('AAAAAAAA4D8=', array([0.5]))
    """
    return b64encode(np.asarray(numbers, dtype="<f8").tobytes()).decode()


def unpacked(text: str) -> NDArray[np.float64]:
    """What :func:`packed` gave.

    Raises:
        InputError: it is none, or a number is not finite.
    """
    try:
        numbers = np.frombuffer(b64decode(text, validate=True), dtype="<f8").astype(np.float64)
    except ValueError as error:
        raise InputError(f"packed numbers cannot be read: {error}") from error
    if not np.isfinite(numbers).all():
        raise InputError("a packed number is not finite")
    return numbers


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _read(kind: Any, value: object, where: str) -> Any:  # noqa: ANN401 - a value of the type that is named
    """A value of a type of this module from what JSON made of it.

    Raises:
        InputError: it is none.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(arguments[0], value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_read(arguments[0], one, where) for one in value)
    if origin is Mapping and isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values()):
        return dict(value)
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        given = {}
        for one in fields(kind):
            if one.name in value:
                given[one.name] = _read(_hints(kind)[one.name], value[one.name], one.name)
            elif one.default is MISSING and one.default_factory is MISSING:
                raise InputError(f"{where} has no {one.name}")
        return kind(**given)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    if isinstance(kind, type) and type(value) is kind and not isinstance(value, float):
        return value
    raise InputError(f"{where} cannot be {str(value)[:40]!r}")
