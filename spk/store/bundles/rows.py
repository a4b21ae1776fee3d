"""The lines of a bundle: what a gallery's tables hold, a JSON object a row. Pydantic checks them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from spk.errors import InputError
from spk.store.names import clean_name, storable
from spk.store.records import Origin, SpeakerState
from spk.timeline import Segment

__all__ = [
    "KINDS",
    "STRICT",
    "BundledCalibration",
    "BundledConsent",
    "BundledRecording",
    "BundledSample",
    "BundledSpeaker",
    "Moment",
    "Name",
    "Sha256",
    "Text",
    "parse",
    "reason",
    "serialize",
]

STRICT = ConfigDict(strict=True, extra="forbid")


def _stored(text: str) -> str:
    if storable(text) != text:
        raise ValueError("no database can hold it")
    return text


def _clean(name: str) -> str:
    with suppress(InputError):
        if clean_name(name) == name:
            return name
    raise ValueError("no name that spk allows")


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("before or after all time") from error


def _span(span: list[float]) -> list[float]:
    Segment(*span)  # complains
    return span


Text = Annotated[str, AfterValidator(_stored)]
Name = Annotated[str, AfterValidator(_clean)]
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
Span = Annotated[list[FiniteFloat], Field(min_length=2, max_length=2), AfterValidator(_span)]


@dataclass(frozen=True, slots=True)
class BundledSpeaker:
    """Somebody of the gallery."""

    __pydantic_config__ = STRICT

    id: UUID
    name: Name | None
    state: SpeakerState
    created: Moment

    def __post_init__(self) -> None:
        if (self.name is None) is (self.state is SpeakerState.ENROLLED):
            raise ValueError("a name and a state that contradict each other")


@dataclass(frozen=True, slots=True)
class BundledRecording:
    """A recording that samples were cut from."""

    __pydantic_config__ = STRICT

    id: UUID
    sha256: Sha256
    source: Text
    duration: Seconds


@dataclass(frozen=True, slots=True)
class BundledSample:
    """Speech that somebody is known by; ``clip`` is the hash of what is kept to listen to."""

    __pydantic_config__ = STRICT

    id: UUID
    speaker: UUID
    recording: UUID
    start: FiniteFloat
    end: FiniteFloat
    parts: list[Span]
    sha256: Sha256
    net_seconds: Seconds
    quality: dict[Text, FiniteFloat]
    origin: Origin
    forced: list[Text]
    created: Moment
    clip: Sha256 | None

    def __post_init__(self) -> None:
        Segment(self.start, self.end)  # complains


@dataclass(frozen=True, slots=True)
class BundledCalibration:
    """A calibration that is kept for the gallery; see ``spk.store.CalibrationRecord``."""

    __pydantic_config__ = STRICT

    id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    fingerprint: Text
    model: Text
    recipe: Text
    record: Text
    created: Moment
    in_use: bool


@dataclass(frozen=True, slots=True)
class BundledConsent:
    """What somebody consented to; see ``spk.store.Consent``."""

    __pydantic_config__ = STRICT

    id: UUID
    speaker: UUID
    purpose: Name
    given_by: Text | None
    given: Moment
    until: Moment | None
    reference: Text | None
    recorded: Moment
    recorded_by: Text
    withdrawn: Moment | None
    withdrawn_by: Text | None


KINDS: dict[str, TypeAdapter[Any]] = {
    "speakers": TypeAdapter(BundledSpeaker),
    "recordings": TypeAdapter(BundledRecording),
    "samples": TypeAdapter(BundledSample),
    "calibrations": TypeAdapter(BundledCalibration),
    "consents": TypeAdapter(BundledConsent),
}
"""The files of lines, without ``.jsonl``, and what reads and writes a line; consents are of the second version."""


def parse(kind: str, content: bytes, report: Callable[[int], None]) -> tuple[Any, ...]:
    """The rows of a file; reports the bytes that it is past.

    Raises:
        ValueError: one is none, or of an id that another has; names its line.
    """
    rows, ids = [], set()
    for number, line in enumerate(BytesIO(content), start=1):
        try:
            row = KINDS[kind].validate_json(line)
        except ValidationError as error:
            raise ValueError(f"{kind}.jsonl, line {number}: {reason(error)}") from error
        if row.id in ids:
            raise ValueError(f"{kind}.jsonl, line {number}: an id that comes twice")
        rows.append(row)
        ids.add(row.id)
        report(len(line))
    return tuple(rows)


def serialize(kind: str, row: object) -> bytes:
    """A line."""
    return KINDS[kind].dump_json(row) + b"\n"


def reason(error: ValidationError) -> str:
    """The first complaint, in one line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
