"""Who changed what, and when: rows that only grow, each bound to the one before by its hash.

They hold ids, counts and reasons; no names of speakers, no vectors and no audio, so that they can stay
when a person is erased.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select

from spk.errors import AuditError
from spk.store import tables

__all__ = [
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "acting",
    "append",
    "erased",
    "last",
    "matching",
    "user",
    "verify",
]

_ERASING = ("delete", "erase")  # the actions by which somebody is erased
_ERASED = or_(*(tables.audit.c.entry.contains(f'"action":"{action}"') for action in _ERASING))
_START = "0" * 64  # what the first row is bound to
_BATCH = 1_000  # rows in memory at a time
_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: when, by which user of the system or by which key, what, and the ids and counts of it."""

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
            "user": user(),
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


def matching(
    tx: Connection,
    *,
    about: UUID | None = None,
    action: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
    before: int | None = None,
) -> Iterator[AuditEntry]:
    """The last ``limit`` rows that are about a person, of an action, not older, or before another: the newest last.

    They are read some at a time, each when it is asked for.
    """
    conditions = [tables.audit.c.entry.contains(text) for text in (about and str(about), action) if text]
    conditions += [] if before is None else [tables.audit.c.sequence < before]
    with closing(_rows(tx, *conditions, newest_first=limit is not None)) as rows:
        wanted = (
            entry
            for entry in map(_entry, rows)
            if (action is None or entry.action == action) and (since is None or entry.at >= since)
        )
        yield from wanted if limit is None else reversed(list(islice(wanted, limit)))


def erased(tx: Connection, after: int = 0) -> set[UUID]:
    """The people who were erased after a row."""
    rows = _rows(tx, tables.audit.c.sequence > after, _ERASED)
    return {UUID(entry.detail["speaker"]) for entry in map(_entry, rows) if entry.action in _ERASING}


def verify(tx: Connection, noted: str | None = None) -> AuditCheck:
    """Follow the chain.

    Args:
        noted: The head of an earlier check, which must be in it still.

    Raises:
        AuditError: a row was changed, removed or put in between, or is not there any more.
    """
    count, head, met = 0, _START, noted in (None, _START)
    with closing(_rows(tx)) as rows:
        for row in rows:
            count += 1
            if not (row.sequence == count and row.hash == _chained(head, row.entry) and _number(row.entry) == count):
                raise AuditError(f"the audit log was tampered with at row {count}: what follows cannot be trusted")
            head = row.hash
            met = met or head == noted
    if not met:
        raise AuditError(
            f"the audit log was cut or written anew: it holds {count} rows, and none has the hash that was noted, "
            f"{noted}: get the rest from a backup of that time"
        )
    return AuditCheck(count, head)


def _rows(
    tx: Connection, *conditions: ColumnElement[bool], newest_first: bool = False
) -> Generator[Row[Any], None, None]:
    order = tables.audit.c.sequence.desc() if newest_first else tables.audit.c.sequence
    query = select(tables.audit).where(*conditions).order_by(order)
    with tx.execute(query.execution_options(yield_per=_BATCH)) as rows:
        yield from rows


def _entry(row: Row[Any]) -> AuditEntry:
    """A row, parsed; AuditError where it is none of ours."""
    try:
        entry = json.loads(row.entry)
        at = datetime.fromisoformat(entry["at"])
        return AuditEntry(row.sequence, at, entry["user"], entry["action"], entry["detail"], row.hash)
    except (ValueError, TypeError, KeyError) as error:
        reason = f"the audit log was tampered with at row {row.sequence}: `spk audit verify` says where it begins"
        raise AuditError(reason) from error


def _number(entry: str) -> object:
    """The number that a row says it has; None where it says nothing that can be read."""
    try:
        return json.loads(entry)["sequence"]
    except (ValueError, TypeError, KeyError):
        return None


def _canonical(entry: Mapping[str, object]) -> str:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _chained(previous: str, entry: str) -> str:
    return hashlib.sha256(f"{previous}{entry}".encode()).hexdigest()


@contextmanager
def acting(who: str) -> Iterator[None]:
    """What is done within was done by somebody whom the system does not know: ``key:front-desk``, say.

    It holds for tasks and threads that are started within in the ways that take their context along
    (``asyncio.to_thread``, what a web framework runs in threads), and for nothing else.
    """
    before = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(before)


def user() -> str:
    """Who works here: whoever is `acting`, or else the user, as the system calls them."""
    if (who := _acting.get()) is not None:
        return who
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry: KeyError before Python 3.13
        return str(os.getuid())
