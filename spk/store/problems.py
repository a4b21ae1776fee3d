"""What the disk and the database complain about, said in one line each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from spk.errors import StoreError

__all__ = ["BUSY", "BUSY_SECONDS", "LOCKED", "SCRUB_SECONDS", "explained"]

BUSY_SECONDS = 30.0
"""How long one process waits for another."""

SCRUB_SECONDS = 5.0
"""How long an erasure holds up everybody while it waits for somebody who reads."""

BUSY = f"another process has held it for over {BUSY_SECONDS:.0f} s: try again, or end that process"
"""What is said of a database that others write to."""

LOCKED = "another process has locked it for over {:.0f} s: try again, or end that process"
"""What is said of somebody who works alone."""

_FULL = "the disk is full, nothing was stored: free some space and try again"
_DENIED = "no permission to write here: change the owner or mode, or choose another home"
_UNOPENED = "cannot be opened: check that it is a file that you may write, or choose another home"
_DAMAGED = "not a database of spk, or damaged: restore it from a backup, or choose another home"
_UNWRITABLE = "the disk refuses to read or write: check its space, quota and health"

_BY_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _UNOPENED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_IOERR: _UNWRITABLE,
}
_LOST = "the connection was lost: see whether the last change is stored, and try again"
_BY_POSTGRESQL = {  # https://www.postgresql.org/docs/current/errcodes-appendix.html
    "25006": "the server only reads, as a replica does: name the one that writes",
    "3F000": "there is no schema to work in: create one, and name it in the user's search_path",
    "40P01": "two processes waited for each other: try again",
    "42501": "this user may not do that: let the user own the database, or spk's tables",
    "53100": "the server's disk is full, nothing was stored: free some space and try again",
    "53300": "the server has too many connections: try again, or raise its max_connections",
    "55P03": BUSY,
}
_BY_ERRNO = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.ENOTDIR: "a file stands where a folder is needed: choose another home",
    errno.EEXIST: "a file stands where a folder is needed: choose another home",
}


@contextmanager
def explained(where: Path | str) -> Iterator[None]:
    """Turn what the disk or the database raises about ``where`` into a StoreError."""
    try:
        yield
    except NoConnectionError as error:  # all of this process's are in use
        raise StoreError(f"{where}: {BUSY}") from error
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = _sqlite(cause) if isinstance(cause, sqlite3.Error) else _postgresql(error, cause)
        raise StoreError(f"{where}: {reason}") from error
    except OSError as error:
        raise StoreError(f"{where}: {_BY_ERRNO.get(error.errno or 0, str(error))}") from error


def _sqlite(cause: sqlite3.Error) -> str:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest only refines it
    return _BY_SQLITE.get(code, str(cause))


def _postgresql(error: Exception, cause: BaseException | None) -> str:
    state = getattr(cause, "sqlstate", None)
    if state in _BY_POSTGRESQL:
        return _BY_POSTGRESQL[state]
    if getattr(error, "connection_invalidated", False):
        return _LOST
    said = " ".join(str(cause).split())
    if state is not None:
        return f"the server complains: {said}"
    answer = said.rpartition("FATAL: ")[2].strip()
    if answer != said:
        return f"the server refused the connection ({answer}): check user, password and database in its URL"
    return f"the server cannot be reached ({said}): check that it runs, and the host and port in its URL"
