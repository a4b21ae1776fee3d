"""The SQLite file: how it is opened, its transactions, and its migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from spk.errors import StoreError, StoreVersionError
from spk.store.home import Home
from spk.store.problems import BUSY_SECONDS, explained

__all__ = ["HEAD", "Database"]

HEAD = "0002"
"""The newest revision under ``migrations/versions``; they are numbered, so a larger one is newer than us."""


class Database:
    """Transactions on one home's SQLite file; every complaint of SQLite comes out as a StoreError."""

    def __init__(self, home: Home) -> None:
        self.path = home.database
        self._engine = _engine(self.path)
        try:
            if self._version() != HEAD:
                with home.lock():
                    self._migrate()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of everything, which holds up no writer."""
        with explained(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone among writers from its first moment; all of it is stored or none."""
        with (
            explained(self.path),
            self._engine.connect() as connection,
            connection.execution_options(write=True).begin(),
        ):
            yield connection

    def scrub(self) -> bool:
        """Leave nothing in the file or its log of what was deleted.

        ``secure_delete`` alone leaves copies in the gaps of pages that were split or joined (seen in 1 of 200
        erasures), so the file is written anew: 0.1 s for ten thousand voiceprints, seconds for a million.

        Returns:
            Whether that was done; a process that reads for long may hold up the emptying of the log.
        """
        with explained(self.path):
            connection = self._engine.raw_connection()  # neither can run in a transaction
            try:
                connection.cursor().execute("VACUUM")
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
        return not busy

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _version(self) -> str:
        """The stored revision; empty for a new file.

        Raises:
            StoreVersionError: a newer spk wrote it.
            StoreError: it is another program's database.
        """
        with self.read() as tx:
            tables = tx.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
            if not tables:
                return ""
            if "alembic_version" not in tables:
                raise StoreError(f"{self.path}: a database of another program: choose another home")
            version = str(tx.scalar(text("SELECT version_num FROM alembic_version")))
        if version > HEAD:
            raise StoreVersionError(
                f"{self.path}: written by a newer spk (revision {version}, ours is {HEAD}): upgrade spk"
            )
        return version

    def _migrate(self) -> None:
        """Bring the tables up to date; another process may have done so while we waited for the lock."""
        version = self._version()
        if version == HEAD:
            return
        # A quarter of a second that only a new or old home pays.
        from alembic.migration import MigrationContext
        from alembic.operations import Operations
        from alembic.script import ScriptDirectory

        with explained(self.path):
            connection = self._engine.raw_connection()  # the journal's mode is set outside transactions
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            connection.close()
        script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
        revisions = list(script.iterate_revisions(HEAD, version or "base"))
        with self.write() as tx:
            context = MigrationContext.configure(tx)
            with Operations.context(context):
                for revision in reversed(revisions):
                    revision.module.upgrade()
                    context.stamp(script, revision.revision)


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    """Set what SQLite forgets with each connection."""
    connection.isolation_level = None  # we begin transactions ourselves, see `_begin`
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Writers queue up before they read, so that what they read still holds when they write."""
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
