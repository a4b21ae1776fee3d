"""Messages about the log of changes, and about erasures."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from spk.messages.base import Message, Moment

__all__ = ["AuditChecked", "AuditPlace", "AuditRow", "Check", "ErasureReceipt"]

_HASH = "ff617a59c30ad1a9a2e4a1f1a77f9ee3dfc7fb6bd4a3f0b3ad5c0be7ce3a2d10"
_ID = "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10"


class AuditRow(Message):
    """One change.

    Attributes:
        sequence: The number of the row, from 1.
        at: When.
        user: Who did it: a user of the machine, or ``key:`` and the name of a key.
        action: What.
        detail: Ids, counts and reasons.
        hash: Of this row and, by that of the one before, of all before it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sequence": 8,
                    "at": "2026-11-20T12:00:17.568678+00:00",
                    "user": "key:front-desk",
                    "action": "rename",
                    "detail": {"speaker": _ID},
                    "hash": _HASH,
                }
            ]
        }
    )

    sequence: int
    at: Moment
    user: str
    action: str
    detail: dict[str, Any]
    hash: str


class AuditChecked(Message):
    """The log as it should be: each row bound to the one before.

    Attributes:
        entries: How many rows it has.
        head: The last hash. Noted elsewhere, it lets a later check see whether the end was cut off.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"entries": 8, "head": _HASH}]})

    entries: int
    head: str


class AuditPlace(Message):
    """A row of the log.

    Attributes:
        sequence: Its number.
        hash: Its hash.
    """

    sequence: int
    hash: str


class Check(Message):
    """One way in which something of an erased person was looked for.

    Attributes:
        what: What was looked for.
        looked_for: How many of it.
        where: In what.
        found: Where some of it was found.
        note: What could not be looked for, and why.
    """

    what: str
    looked_for: int
    where: str
    found: list[str]
    note: str


class ErasureReceipt(Message):
    """What an erasure did, how it was proved, and a signature. It names nobody.

    The signature is of the JSON with two spaces of indentation, a line break at the end and an empty ``signature``.

    Attributes:
        format: Of the receipt.
        proved: Whether everything was looked for and nothing was found.
        id: Its own.
        gallery: Whose people they were.
        speakers: Who was erased: ids that stand in the audit log and nowhere else.
        at: When.
        user: By whom.
        counts: How much went: samples, voiceprints, clips, decisions, exports, sources (names of recordings that held
            theirs), voices in recordings, changes that cannot be undone any more, and so on.
        engine: ``done``, or ``pending`` where the vector engine did not answer: it is told when it does.
        left: What could not be erased, for somebody to look after.
        checks: How it was looked for.
        audit: The rows of the audit log about the erasure, one a person.
        public_key: Ed25519, in hexadecimal digits.
        signature: Of all that stands before it, in hexadecimal digits.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "format": "spk-erasure/1",
                    "proved": True,
                    "id": "42b54354-4f77-47ae-b206-b5879d1ab25b",
                    "gallery": "47691f19-3f3e-42f1-8a22-229db4779d94",
                    "speakers": [_ID],
                    "at": "2026-11-20T12:00:17.568678+00:00",
                    "user": "key:front-desk",
                    "counts": {
                        "samples": 1,
                        "voiceprints": 1,
                        "clips": 1,
                        "decisions": 0,
                        "exports": 1,
                        "sources": 0,
                        "voices": 0,
                        "changes": 1,
                    },
                    "engine": "done",
                    "left": [],
                    "checks": [
                        {
                            "what": "ids in tables",
                            "looked_for": 3,
                            "where": "every table but audit, outbox",
                            "found": [],
                            "note": "",
                        }
                    ],
                    "audit": [{"sequence": 8, "hash": _HASH}],
                    "public_key": "ade06a02",
                    "signature": "df386164",
                }
            ]
        }
    )

    format: Literal["spk-erasure/1"]
    proved: bool
    id: UUID
    gallery: UUID
    speakers: list[UUID]
    at: str = Field(json_schema_extra={"format": "date-time"})  # as it was signed
    user: str
    counts: dict[str, int]
    engine: Literal["done", "pending"]
    left: list[str]
    checks: list[Check]
    audit: list[AuditPlace]
    public_key: str
    signature: str
