"""Who changed what, and when: rows that only grow, each bound to the one before by its hash.

They hold ids, counts and reasons; no names of speakers, no vectors and no audio, so that they can stay
when a person is erased.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from spk.errors import StoreError
from spk.store import tables

__all__ = ["AuditCheck", "AuditEntry", "AuditHead", "append", "entries", "last", "verify"]

_START = "0" * 64  # what the first row is bound to


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: when, by which user of the system, what, and the ids and counts of it."""

    sequence: int
    at: datetime
    user: str
    action: str
    detail: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """A chain that holds: how many rows, and the last hash. Note it elsewhere to notice a cut end."""

    entries: int
    head: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last row: its number, 0 before the first, and its hash."""

    sequence: int
    hash: str


def append(tx: Connection, action: str, **detail: object) -> None:
    """Add a row, in the transaction of the change it is about."""
    previous = last(tx)
    sequence = previous.sequence + 1
    entry = _canonical(
        {
            "sequence": sequence,
            "at": datetime.now(UTC).isoformat(),
            "user": _user(),
            "action": action,
            "detail": detail,
        }
    )
    tx.execute(insert(tables.audit).values(sequence=sequence, entry=entry, hash=_chained(previous.hash, entry)))


def last(tx: Connection) -> AuditHead:
    """The end of the chain."""
    columns = (tables.audit.c.sequence, tables.audit.c.hash)
    row = tx.execute(select(*columns).order_by(tables.audit.c.sequence.desc()).limit(1)).first()
    return AuditHead(row.sequence, row.hash) if row else AuditHead(0, _START)


def entries(tx: Connection) -> list[AuditEntry]:
    """Every row, oldest first."""
    rows = tx.execute(select(tables.audit).order_by(tables.audit.c.sequence))
    found = []
    for row in rows:
        entry = json.loads(row.entry)
        at = datetime.fromisoformat(entry["at"])
        found.append(AuditEntry(row.sequence, at, entry["user"], entry["action"], entry["detail"], row.hash))
    return found


def verify(tx: Connection) -> AuditCheck:
    """Follow the chain.

    Raises:
        StoreError: a row was changed, removed or put in between.
    """
    count, head = 0, _START
    for row in tx.execute(select(tables.audit).order_by(tables.audit.c.sequence)):
        count += 1
        whole = row.sequence == count and row.hash == _chained(head, row.entry)
        if not (whole and json.loads(row.entry)["sequence"] == count):
            raise StoreError(f"the audit log was tampered with at row {count}: what follows cannot be trusted")
        head = row.hash
    return AuditCheck(count, head)


def _canonical(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _chained(previous: str, entry: str) -> str:
    return hashlib.sha256(f"{previous}{entry}".encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry: KeyError before Python 3.13
        return str(os.getuid())
