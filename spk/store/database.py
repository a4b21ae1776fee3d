"""The database, in a file or on a server: its transactions, and its migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Literal, Protocol

from sqlalchemy import Connection, Engine, TextClause, select, text

from spk.errors import StoreError, StoreVersionError
from spk.store import tables
from spk.store.home import Home
from spk.store.problems import BUSY, BUSY_SECONDS, explained
from spk.store.sqlite import SQLiteFile
from spk.watching import stage

__all__ = ["HEAD", "Backend", "Database"]

HEAD = "0009"
"""The newest revision under ``migrations/versions``; they are numbered, so a larger one is newer than us."""


class Backend(Protocol):
    """What differs between SQLite and PostgreSQL.

    Attributes:
        where: What messages call the database; without a password.
        reading: Its transactions see everything as of one moment.
        writing: Its transactions are alone from their first statement.
        noting: Its transactions wait for others only where they write to the same rows, if the database can do that.
        migrating: As `writing`, for changes of the tables themselves.
        tables: Asks for the names of all tables, other programs' included.
    """

    where: str
    reading: Engine
    writing: Engine
    noting: Engine
    migrating: Engine
    tables: TextClause

    def prepare(self) -> None:
        """What is done once, before the first tables are made."""
        ...

    def lock(self, what: str, wait: float) -> AbstractContextManager[None]:
        """See `Database.lock`."""
        ...

    def scrub(self) -> bool:
        """See `Database.scrub`."""
        ...

    def damage(self) -> list[str]:
        """See `Database.damage`."""
        ...


class Database:
    """Transactions on a home's SQLite file, or on a server; every complaint of theirs comes out as a StoreError.

    Args:
        home: The home, whose file it is where no server is named.
        url: Of a PostgreSQL database.
        create: Whether it may be new.

    Raises:
        InputError: such a database is not supported.
        StoreError: it cannot be opened, or is new and may not be, or is not the one that the home belongs to.
        StoreVersionError: a newer spk wrote it.
    """

    def __init__(self, home: Home, url: str | None = None, *, create: bool = True) -> None:
        self._backend = _backend(home, url)
        self._turn = Lock()
        self.where = self._backend.where
        try:
            if self._version(create=create) != HEAD:
                with self.lock():
                    self._migrate()
            if url is not None:
                home.belong_to(self._id(), self.where)
        except StoreError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of everything, which holds up no writer."""
        with explained(self.where), self._backend.reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone among writers from its first moment; all of it is stored or none."""
        with stage("store"), self._in_turn(), self._writing(self._backend.writing) as connection:
            yield connection

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """One transaction that changes rows which nothing else rests on, by statements that each say of which state.

        On a server it is held up by nobody but who writes to the same rows. SQLite has one writer at a time: there it
        is as `write`.
        """
        engine = self._backend.noting
        turn = self._in_turn() if engine is self._backend.writing else nullcontext()
        with stage("store"), turn, self._writing(engine) as connection:
            yield connection

    @contextmanager
    def _writing(self, engine: Engine) -> Iterator[Connection]:
        with explained(self.where), engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Alone among the threads of this process, before others are asked.

        SQLite lets those who wait try again now and then, and some of many would never come to it; and a server would
        keep a connection for each.
        """
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise StoreError(f"{self.where}: {BUSY}")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def lock(self, what: Literal["", "-engine"] = "", wait: float = BUSY_SECONDS) -> Iterator[None]:
        """Alone among everybody who works on this database: for migrations and erasures, or to fill an engine.

        Raises:
            StoreError: somebody else has held it for longer than ``wait`` seconds.
        """
        with self._backend.lock(what, wait):
            yield

    def scrub(self) -> bool:
        """Leave nothing of what was deleted in the database's own files.

        Returns:
            Whether that was done; whoever reads for long may hold it up.
        """
        return self._backend.scrub()

    def damage(self) -> list[str]:
        """What the database itself finds wrong with its file, a line each; a server looks after its own."""
        return self._backend.damage()

    def close(self) -> None:
        """Let go of the file, or of the server."""
        self._backend.reading.dispose()

    def _id(self) -> str:
        """What tells this database from all others."""
        configured = tables.configuration.c
        with self.read() as tx:
            return str(tx.scalar(select(configured.value).where(configured.key == "store")))

    def _version(self, *, create: bool = True) -> str:
        """The stored revision; empty for a new database.

        Raises:
            StoreVersionError: a newer spk wrote it.
            StoreError: it is another program's database, or new without ``create``.
        """
        with self.read() as tx:
            there = set(tx.scalars(self._backend.tables))
            if not there and not create:
                raise StoreError(f"{self.where}: no voiceprints are kept here yet: enroll somebody, or name another")
            if not there:
                return ""
            if not {"alembic_version", tables.voiceprints.name} <= there:
                raise StoreError(f"{self.where}: a database of another program: choose another")
            version = str(tx.scalar(text("SELECT version_num FROM alembic_version")))
        if version > HEAD:
            raise StoreVersionError(
                f"{self.where}: written by a newer spk (revision {version}, ours is {HEAD}): upgrade spk"
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

        self._backend.prepare()
        script = ScriptDirectory(str(Path(__file__).parent / "migrations"))
        revisions = list(script.iterate_revisions(HEAD, version or "base"))
        with explained(self.where), self._backend.migrating.connect() as tx, tx.begin():
            context = MigrationContext.configure(tx)
            with Operations.context(context):
                for revision in reversed(revisions):
                    revision.module.upgrade()
                    context.stamp(script, revision.revision)


def _backend(home: Home, url: str | None) -> Backend:
    if url is None:
        return SQLiteFile(home)
    from spk.store.postgresql import PostgreSQLServer  # for those alone who have one

    return PostgreSQLServer(home, url)
