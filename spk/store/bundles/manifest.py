"""What a bundle says of itself: what is in it, and the checksum of each part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import PositiveInt, TypeAdapter, ValidationError

from spk.errors import FormatError
from spk.store.bundles.rows import KINDS, STRICT, Moment, Name, Sha256, Text, reason

__all__ = [
    "CHECKSUM",
    "FORMAT",
    "NAME",
    "PLAIN",
    "Format",
    "Manifest",
    "MemberRecord",
    "ModelRecord",
    "checksum",
    "kinds_of",
]

Format = Literal["spk-bundle/1", "spk-bundle/2"]
PLAIN: Format = "spk-bundle/1"
"""Of galleries without consents, so that an older spk can read them."""
FORMAT: Format = "spk-bundle/2"
NAME, CHECKSUM = "manifest.json", "manifest.json.sha256"


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model, and how many voiceprints of how many numbers there are by it."""

    __pydantic_config__ = STRICT

    fingerprint: Text
    dim: PositiveInt
    voiceprints: PositiveInt


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """How long a member is, and its checksum."""

    __pydantic_config__ = STRICT

    bytes: int
    sha256: Sha256


@dataclass(frozen=True)
class Manifest:
    """What stands in ``manifest.json``.

    Attributes:
        format: Of the bundle.
        spk: The version that made it.
        created: When.
        gallery: The name of the gallery that it is of.
        counts: How many lines each file has.
        models: In the order of the fingerprints; ``voiceprints-0.safetensors`` is the first one's.
        members: All that there is beside it.
        consent: The purpose for which the gallery requires consent, if it does.
    """

    __pydantic_config__ = STRICT

    format: Format
    spk: Text
    created: Moment
    gallery: Name
    counts: dict[str, int]
    models: list[ModelRecord]
    members: dict[str, MemberRecord]
    consent: Name | None = None

    def __post_init__(self) -> None:
        fingerprints = [one.fingerprint for one in self.models]
        if fingerprints != sorted(set(fingerprints)):
            raise ValueError("models that are not in the order of their fingerprints")
        if self.format == PLAIN and self.consent is not None:
            raise ValueError("a requirement that this version has not got")
        expected = {f"{kind}.jsonl" for kind in kinds_of(self.format)}
        expected |= {f"voiceprints-{number}.safetensors" for number in range(len(self.models))}
        expected |= {f"clips/{one.sha256}.flac" for name, one in self.members.items() if name.startswith("clips/")}
        if self.members.keys() != expected:
            raise ValueError("other members than a bundle has")

    @classmethod
    def parse(cls, text: bytes, source: Path) -> Self:
        """Out of JSON; what it says of the members is not compared with them yet.

        Raises:
            FormatError: it is of another version, or there can be no such bundle.
        """
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            if (first["type"], first["loc"]) == ("literal_error", ("format",)):
                why = f"was written by another spk ({first['input']!s:.40}, ours is {FORMAT}): upgrade spk"
            else:
                why = f"is not as spk writes bundles ({NAME}, {reason(error)}): export it again"
            raise FormatError(source, why) from error

    def serialize(self) -> bytes:
        """As JSON."""
        return TypeAdapter(type(self)).dump_json(self, indent=1, exclude_none=True) + b"\n"


def kinds_of(version: Format) -> list[str]:
    """The files of lines that bundles of a version have, without ``.jsonl``."""
    return [kind for kind in KINDS if version != PLAIN or kind != "consents"]


def checksum(manifest: bytes) -> bytes:
    """What stands in ``manifest.json.sha256``, as ``sha256sum`` writes it."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {NAME}\n".encode()
