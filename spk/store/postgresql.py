"""The database on a PostgreSQL server."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from spk.errors import InputError, StoreError
from spk.store.home import Home
from spk.store.problems import BUSY_SECONDS, LOCKED, SCRUB_SECONDS, explained

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgreSQLServer"]

_POLL_SECONDS = 0.02
_DRIVERS = {"postgresql", "postgres", "postgresql+psycopg"}
_FORM = "write postgresql://user:password@host/name"

# All that hold anything of people, and the list of changes, which is emptied at times.
_SCRUBBED = (
    "speakers, consents, recordings, samples, voiceprints, clips, decisions, decided_voices, profile_statistics, "
    "exports, hearings, voices, turns, changes, outbox, jobs, requests"
)

# Both ends notice within a minute that the other machine is gone, so that no lock is held by a dead one.
_CONNECT = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # where something was sent, nobody looks whether the other one is there
}
_SESSION = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}


class PostgreSQLServer:
    """What is PostgreSQL's own: see `spk.store.database.Backend`.

    Raises:
        InputError: no such URL is understood, or what speaks to PostgreSQL is not installed.
    """

    tables = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")

    def __init__(self, home: Home, address: str) -> None:
        url = _url(address)
        self.where = url.set(drivername="postgresql", query={}).render_as_string()  # which hides the password
        self._home = home
        try:
            arguments = {name: value for name, value in _CONNECT.items() if name not in url.query}
            # Each connection is tried before it is used: the server may have been started again meanwhile.
            # What was asked is in no error: names, and voiceprints, would come into logs.
            engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, hide_parameters=True)
        except ImportError:
            raise InputError(
                f"{self.where}: PostgreSQL needs another package: pip install 'spk-voiceprints[postgresql]'"
            ) from None
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        self.reading: Engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # What is written rests on what all earlier writers stored: each statement sees it, since `_begin` waits first.
        self.writing: Engine = engine.execution_options(isolation_level="READ COMMITTED", write=True)
        self.noting: Engine = engine.execution_options(isolation_level="READ COMMITTED")
        self.migrating: Engine = self.writing
        self._alone = engine.execution_options(isolation_level="AUTOCOMMIT")

    def prepare(self) -> None:
        """See that every name can be kept.

        Raises:
            StoreError: the database has another encoding than UTF-8.
        """
        with explained(self.where), self.reading.connect() as connection:
            encoding = connection.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise StoreError(f"{self.where}: its encoding is {encoding}: create the database with ENCODING 'UTF8'")

    @contextmanager
    def lock(self, what: str, wait: float) -> Iterator[None]:
        """By an advisory lock, which a killed process lets go of; and by the home's, so that threads wait there."""
        deadline = time.monotonic() + wait
        with self._home.lock(what, wait), ExitStack() as stack:
            with explained(self.where):
                session = stack.enter_context(self._alone.connect())
                while not session.scalar(select(func.pg_try_advisory_lock(_key(what)))):
                    if time.monotonic() >= deadline:
                        raise StoreError(f"{self.where}: {LOCKED.format(wait)}")
                    time.sleep(_POLL_SECONDS)
            stack.callback(_unlock, session, what)
            yield

    def scrub(self) -> bool:
        """Write the tables of people anew, so that the server's table files hold nothing of what was deleted.

        Everybody else waits for that long. What remains is the server's: its write-ahead log, until it is
        overwritten or archived elsewhere, replicas that lag, and backups.

        Returns:
            Whether that was done. Somebody who reads for long holds it up, and who does not own the tables may not.
        """
        deadline = time.monotonic() + SCRUB_SECONDS
        with explained(self.where), self._alone.connect() as connection:
            left: list[bool] = []
            driver: Any = connection.connection.driver_connection
            driver.add_notice_handler(lambda notice: left.append(_left(notice)))
            connection.detach()  # from the pool: nobody else is to have its settings
            connection.exec_driver_sql(f"SET lock_timeout = '{SCRUB_SECONDS:g}s'")
            while True:
                left.clear()
                try:
                    connection.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {_SCRUBBED}")
                except DBAPIError as error:
                    if getattr(error.orig, "sqlstate", "") == "55P03":  # nobody let go in time
                        return False
                    raise
                if not any(left):
                    return True
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL_SECONDS)

    def damage(self) -> list[str]:
        """Nothing: to check its files is the server's own business."""
        return []


def _url(address: str) -> URL:
    """The URL of a database.

    Raises:
        InputError: it is none; does not repeat what may be a password.
    """
    try:
        url = make_url(address.strip())
    except (ArgumentError, ValueError):
        raise InputError(f"the database is no URL that can be read: {_FORM}") from None
    if url.drivername not in _DRIVERS:
        raise InputError(f"{url.drivername}: no such database is supported: {_FORM}, or leave it out for SQLite")
    if "@" in (url.host or ""):
        raise InputError("the database's URL has an @ too many: write one that belongs to the password as %40")
    return url.set(drivername="postgresql+psycopg")


def _prepare(connection: psycopg.Connection, _: object) -> None:
    """Set what holds for a whole session."""
    settings = _SESSION | {"lock_timeout": f"{BUSY_SECONDS:g}s"}
    connection.autocommit = True
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    # What was acknowledged is on the disk, whatever the server's own setting says.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'local', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.autocommit = False


def _begin(connection: Connection) -> None:
    """Writers queue up, so that there is one end of the outbox and one of the audit log, and no gap in either."""
    if connection.get_execution_options().get("write", False):
        connection.execute(select(func.pg_advisory_xact_lock(_key("write"))))


def _key(what: str) -> int:
    """The number of a lock: PostgreSQL has no names for them."""
    return int.from_bytes(hashlib.sha256(f"spk {what}".encode()).digest()[:8], signed=True)


def _unlock(session: Connection, what: str) -> None:
    try:
        session.execute(select(func.pg_advisory_unlock(_key(what))))
    except DBAPIError:  # the connection is lost, and the lock with it
        session.invalidate()


def _left(notice: psycopg.errors.Diagnostic) -> bool:
    """Whether a table was passed over, or keeps deleted rows that somebody may still read.

    Of each table it is said how many such rows there are; that is the first number of the detail in every language.
    """
    count = re.search(r"\d+", notice.message_detail or "")
    return notice.severity_nonlocalized == "WARNING" or (count is not None and int(count[0]) > 0)
