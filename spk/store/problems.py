"""What the disk and the database complain about, said in one line each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from spk.errors import StoreError

__all__ = ["BUSY_SECONDS", "explained"]

BUSY_SECONDS = 30.0
"""How long one process waits for another."""

_FULL = "the disk is full, nothing was stored: free some space and try again"
_DENIED = "no permission to write here: change the owner or mode, or choose another home"
_UNOPENED = "cannot be opened: check that it is a file that you may write, or choose another home"
_BUSY = f"another process has held it for over {BUSY_SECONDS:.0f} s: try again, or end that process"
_DAMAGED = "not a database of spk, or damaged: restore it from a backup, or choose another home"
_UNWRITABLE = "the disk refuses to read or write: check its space, quota and health"

_BY_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _UNOPENED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_IOERR: _UNWRITABLE,
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
def explained(path: Path) -> Iterator[None]:
    """Turn what the disk or the database raises about ``path`` into a StoreError."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest only refines it
        raise StoreError(f"{path}: {_BY_SQLITE.get(code, str(cause))}") from error
    except OSError as error:
        raise StoreError(f"{path}: {_BY_ERRNO.get(error.errno or 0, str(error))}") from error
