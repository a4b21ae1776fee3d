"""A real PostgreSQL in a folder of its own, as nobody where we are root."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

__all__ = ["ADDRESS", "Server", "UnavailableError", "database", "database_name", "opened_at", "programs"]

START_SECONDS = 60.0
NOBODY = 65534
PASSWORD = "open sesame"  # noqa: S105 - of a server that lives for a test
TEMPLATE = "migrated"
ADDRESS = "SPK_TEST_POSTGRESQL"
"""The variable by which other processes learn of the server: its administrator's URL."""

SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "autovacuum": "off"}


class UnavailableError(Exception):
    """There is no PostgreSQL to run; says what to do."""


def programs() -> Path:
    """The folder of the programs: ``POSTGRES_BIN``, that of ``postgres``, or where Debian keeps the newest.

    Raises:
        UnavailableError: there is none.
    """
    if named := os.environ.get("POSTGRES_BIN"):
        candidates = [Path(named)]
    else:
        found = shutil.which("postgres")
        debian = Path("/usr/lib/postgresql").glob("*/bin")
        candidates = [Path(found).parent] if found else []
        candidates += sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists():
            return folder
    raise UnavailableError("install PostgreSQL (sudo apt install postgresql), or set POSTGRES_BIN to its folder bin")


class Server:
    """One PostgreSQL on 127.0.0.1, with an ordinary user ``spk`` who owns the databases."""

    def __init__(self) -> None:
        self._programs = programs()
        self._who: dict[str, Any] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        if os.getuid() == 0:
            self._who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.folder, NOBODY, NOBODY)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Where it keeps its databases."""
        return self.folder / "data"

    def address(self, database: str, *, user: str = "spk", password: str = PASSWORD) -> str:
        """The URL of a database."""
        return f"postgresql://{user}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    @property
    def administrator(self) -> str:
        """The URL by which everything may be done."""
        return self.address("postgres", user="postgres")

    def execute(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Do something as the administrator; the rows of the last statement."""
        import psycopg

        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(self.address(database, user="postgres"), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def files(self, database: str) -> list[Path]:
        """The files of a database's tables, with everything in them that the server has in memory."""
        rows = self.execute("postgres", "CHECKPOINT", "SELECT datname, oid FROM pg_database")
        return list((self.data / "base" / str(dict(rows)[database])).iterdir())

    def drop_databases(self) -> None:
        """Remove every database that is not the server's own, or to be copied."""
        rows = self.execute("postgres", "SELECT datname FROM pg_database WHERE datdba = 'spk'::regrole")
        self.execute("postgres", *(f"DROP DATABASE {name} WITH (FORCE)" for (name,) in rows if name != TEMPLATE))

    def initialise(self) -> None:
        """Make its folder, the user ``spk`` and a database with spk's tables, which others are copied from."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"]
        command = [self._programs / "initdb", "-D", self.data, *options, "--encoding=UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120, **self._who
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.start()
        self.execute("postgres", f"CREATE ROLE spk LOGIN PASSWORD '{PASSWORD}'")
        from spk.store import Store

        Store.open(self.folder / "home", database=database(self.administrator, TEMPLATE, "template1")).close()

    def start(self) -> None:
        """Run it, and wait until it answers."""
        until = time.monotonic() + START_SECONDS
        while not self._try_to_start(until):  # after a kill, its processes may need a moment to be gone
            if time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def _try_to_start(self, until: float) -> bool:
        import psycopg

        # The kernel ends it when we are gone, however we went.
        command = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
        command += [
            str(self._programs / "postgres"),
            "-D",
            str(self.data),
            "-k",
            str(self.folder),
            "-p",
            str(self.port),
        ]
        command += [f"--{name}={value}" for name, value in SETTINGS.items()] + ["--listen_addresses=127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._who)
        while self._process.poll() is None and time.monotonic() < until:
            try:
                psycopg.connect(self.administrator).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: by SIGINT it says goodbye, by SIGKILL it fails as a machine would."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def __enter__(self) -> Self:
        try:
            self.initialise()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def database(administrator: str, name: str, template: str = TEMPLATE) -> str:
    """The URL of a database, made if it is not there."""
    import psycopg

    there = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)  # another process may be first
    with psycopg.connect(administrator, autocommit=True) as connection, suppress(*there):
        connection.execute(f"CREATE DATABASE {name} OWNER spk TEMPLATE {template}")
    return f"{administrator.replace('//postgres:', '//spk:').rpartition('/')[0]}/{name}"


def database_name(home: Path) -> str:
    """What a home's database is called."""
    return f"home_{hashlib.sha256(str(home).encode()).hexdigest()[:24]}"


def opened_at(administrator: str, opens: Callable[..., Any]) -> Callable[..., Any]:
    """`Store.open`, with a database on the server for each home."""

    def open_there(home: Path, **how: Any) -> Any:
        if "database" not in how:
            how["database"] = database(administrator, database_name(home))
        return opens(home, **how)

    return open_there
