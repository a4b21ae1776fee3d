"""The database as a file of the home, by SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from spk.store.home import Home
from spk.store.problems import BUSY_SECONDS, SCRUB_SECONDS, explained

__all__ = ["SQLiteFile"]


class SQLiteFile:
    """What is SQLite's own: see `spk.store.database.Backend`."""

    tables = text("SELECT name FROM sqlite_master WHERE type = 'table'")

    def __init__(self, home: Home) -> None:
        self.where = str(home.database)
        self._home = home
        url = URL.create("sqlite+pysqlite", database=self.where)
        # A service has many threads, each with a connection while it reads: they are open files, and cost little.
        # What was asked is in no error: names, and voiceprints, would come into logs.
        self.reading: Engine = create_engine(
            url, connect_args={"timeout": BUSY_SECONDS}, max_overflow=60, hide_parameters=True
        )
        self.writing: Engine = self.reading.execution_options(write=True)
        self.noting: Engine = self.writing
        self.migrating: Engine = self.reading.execution_options(write=True, foreign_keys=False)
        event.listen(self.reading, "connect", _prepare)
        event.listen(self.reading, "begin", _begin)

    def prepare(self) -> None:
        """Set the journal's mode, which is done outside transactions."""
        with explained(self.where):
            connection = self.reading.raw_connection()
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            connection.close()

    @contextmanager
    def lock(self, what: str, wait: float) -> Iterator[None]:
        """By a file in the home."""
        with self._home.lock(what, wait):
            yield

    def scrub(self) -> bool:
        """Write the file anew and empty its log.

        ``secure_delete`` alone leaves copies in the gaps of pages that were split or joined (seen in 1 of 200
        erasures): 0.1 s for ten thousand voiceprints, seconds for a million.

        Returns:
            Whether that was done; a process that reads for long may hold up the emptying of the log.
        """
        with explained(self.where):
            connection = self.reading.raw_connection()  # neither can run in a transaction
            connection.detach()  # from the pool: nobody else is to wait for so short
            try:
                connection.cursor().execute("VACUUM")
                connection.cursor().execute(f"PRAGMA busy_timeout = {1000 * SCRUB_SECONDS:.0f}")
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
        return not busy

    def damage(self) -> list[str]:
        """What SQLite's own check finds."""
        with explained(self.where), self.reading.connect() as connection:
            found = [str(line) for line in connection.scalars(text("PRAGMA integrity_check"))]
        return [] if found == ["ok"] else [f"{self.where}: {line}" for line in found]


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    """Set what SQLite forgets with each connection."""
    connection.isolation_level = None  # we begin transactions ourselves, see `_begin`
    connection.create_function("spk_folded", 1, _folded, deterministic=True)
    for pragma in ("synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _folded(value: str | None) -> str | None:
    """A text without its case."""
    return None if value is None else value.casefold()


def _begin(connection: Connection) -> None:
    """Writers queue up before they read, so that what they read still holds when they write."""
    options = connection.get_execution_options()
    # Not while a table is replaced by another one: whatever refers to it would go with the old one.
    keys = "ON" if options.get("foreign_keys", True) else "OFF"
    if connection.info.get("foreign_keys") != keys:
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {keys}")
        connection.info["foreign_keys"] = keys
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write", False) else "BEGIN")
