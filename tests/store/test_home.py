"""Homes that are new, old, newer, damaged, full, locked, or somebody else's."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spk.errors import StoreError, StoreVersionError
from spk.store import Store
from spk.store.database import HEAD
from spk.store.tables import metadata


def one_line(error):
    assert "\n" not in str(error)
    return str(error)


def test_a_new_home_is_for_its_owner_only(home):
    with Store.open(home / "deeper") as store:
        store.gallery("default", create=True)
        for path in [home / "deeper", *(home / "deeper").rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_home_opens_again(home, sample):
    with Store.open(home) as store:
        alice = store.enroll(store.gallery("default", create=True), "alice", [sample()]).speaker
    with Store.open(home, create=False) as store:
        assert store.speakers(store.gallery("default")) == [alice]
        assert store.path == home


def test_a_missing_home_is_made_only_when_asked(home):
    with pytest.raises(StoreError, match="no voiceprints are kept here") as error:
        Store.open(home, create=False)
    assert str(home) in one_line(error.value)
    assert not home.exists()


def test_the_migrations_make_the_tables_that_the_code_uses(home):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import spk.store

    with Store.open(home) as store, store._database.read() as tx:
        context = MigrationContext.configure(tx)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
    script = ScriptDirectory(str(Path(spk.store.__file__).parent / "migrations"))
    assert script.get_current_head() == HEAD
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True), "a larger number must be newer"


def test_a_home_that_died_while_it_was_made(home):
    home.mkdir()
    (home / "spk.db").touch()
    with Store.open(home) as store:
        assert store.galleries() == []


def test_a_home_of_a_newer_version_is_left_alone(home):
    Store.open(home).close()
    with sqlite3.connect(home / "spk.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreVersionError, match=r"newer spk .* upgrade spk") as error:
        Store.open(home)
    assert str(home) in one_line(error.value)


def test_a_database_of_another_program_is_left_alone(home):
    home.mkdir()
    with sqlite3.connect(home / "spk.db") as connection:
        connection.execute("CREATE TABLE precious (id)")
    connection.close()
    before = (home / "spk.db").read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store.open(home)
    assert (home / "spk.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"this is a text file\n" * 99, bytes(range(256)) * 40])
def test_a_file_that_is_no_database(home, content):
    home.mkdir()
    (home / "spk.db").write_bytes(content)
    with pytest.raises(StoreError, match="not a database of spk") as error:
        Store.open(home)
    one_line(error.value)


def test_a_damaged_database_never_gives_a_traceback_of_sqlite(home, sample):
    with Store.open(home) as store:
        gallery = store.gallery("default", create=True)
        store.enroll(gallery, "alice", [sample(f"{number}") for number in range(60)])
    whole = (home / "spk.db").read_bytes()
    for start in range(4096, len(whole), 4096):
        (home / "spk.db").write_bytes(whole[:start] + b"\xa5" * 4096 + whole[start + 4096 :])
        try:
            with Store.open(home) as store:
                store.samples(gallery)
                store.profiles(gallery, "a model")
                store.enroll(gallery, "bob", [sample("b")])
        except StoreError as error:
            one_line(error)


@pytest.mark.parametrize("where", ["home", "home/inside", "home/spk.db as folder", "home/clips as file"])
def test_files_and_folders_in_each_others_place(home, where):
    if where == "home/spk.db as folder":
        (home / "spk.db").mkdir(parents=True)
    elif where == "home/clips as file":
        home.mkdir()
        (home / "clips").touch()
    else:
        home.touch()
    with pytest.raises(StoreError) as error:
        Store.open(home / "inside" if where == "home/inside" else home)
    assert str(home) in one_line(error.value)


READ = "store = Store.open(home); print(store.speakers(store.gallery('default'))[0].name)"
ENROLL = "store = Store.open(home); store.enroll(store.gallery('default'), 'bob', [sample('b')]); print('stored')"
WARM_UP = """
with Store.open(Path(sys.argv[2])) as store:
    store.enroll(store.gallery("default", create=True), "bob", [sample("b")])
"""
COMPLAIN = "try:\n    {}\nexcept SpkError as error:\n    print(error)"


def as_nobody(start, home, code, warm):
    """Run code without the rights of root, where the tests have them."""
    # Once with all rights on another home, so that whatever code is needed is loaded before they are dropped.
    process = start(f"{WARM_UP}os.getuid() == 0 and os.setuid(65534)\n{COMPLAIN.format(code)}", home, warm)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.strip()


def test_a_home_without_write_permission(home, sample, start, tmp_path, tmp_path_factory):
    with Store.open(home) as store:
        store.enroll(store.gallery("default", create=True), "alice", [sample()])
    for folder in (tmp_path, tmp_path_factory.getbasetemp(), tmp_path_factory.getbasetemp().parent):
        folder.chmod(0o755)  # so that somebody else than root gets as far as the home
    for path in home.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    home.chmod(0o555)
    try:
        for code in (READ, ENROLL):
            answer = as_nobody(start, home, code, tmp_path / "warm")
            assert answer.startswith(f"{home}: no permission to write here"), answer
        answer = as_nobody(start, home / "new", READ, tmp_path / "warm")
        assert "no permission to write here" in answer, answer
        home.chmod(0o777)  # the folder may be written, the database may not
        for path in (home / "clips", home / "index"):
            path.chmod(0o777)
        answer = as_nobody(start, home, ENROLL, tmp_path / "warm")
        assert "no permission to write here" in answer, answer
    finally:
        home.chmod(0o755)


def test_a_home_that_somebody_keeps_locked(home, monkeypatch):
    monkeypatch.setattr("spk.store.sqlite.BUSY_SECONDS", 0.2)
    with Store.open(home) as store:
        holder = sqlite3.connect(home / "spk.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has held it"):
            store.gallery("default", create=True)
        assert store.galleries() == [], "readers go on"
        holder.execute("ROLLBACK")
        holder.close()
        with (
            store._home.lock(),
            pytest.raises(StoreError, match="another process has locked this home"),
            store._home.lock(wait=0.1),
        ):
            pass
        store.gallery("default", create=True)


FILL = """
store = Store.open(home)
gallery = store.gallery("default", create=True)
try:
    for number in range(10_000):
        new = [sample(f"{number} {take}", clip=os.urandom(20_000)) for take in range(3)]
        store.enroll(gallery, f"p{number}", new)
        print(number, flush=True)
except SpkError as error:
    print(error)
store.close()
"""


def check_after_full(home, output):
    """Every enrollment that was acknowledged is there, none half, and the home goes on working."""
    *numbers, complaint = output.splitlines()
    assert numbers, complaint
    with Store.open(home) as store:
        gallery = store.gallery("default")
        store.verify_audit()
        speakers = store.speakers(gallery)
        assert {speaker.name for speaker in speakers} == {f"p{number}" for number in numbers}
        for profile in store.profiles(gallery, "a model"):
            assert len(profile.samples) == 3
            assert len(store.clips(profile.speaker)) == 3
        assert len(list((home / "clips").iterdir())) == 3 * len(speakers), "nothing of the refused one is left"
        assert store.speakers(gallery)
    return complaint


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk(tmp_path, start):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        home = disk / "home"
        output, errors = start(FILL, home).communicate(timeout=60)
        assert errors == ""
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        complaint = check_after_full(home, output)
        assert "the disk is full, nothing was stored" in complaint
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_file_that_may_not_grow(home, start):
    """The other full disk that needs no root: a limit on the size of files."""
    Store.open(home).close()
    limit = (home / "spk.db").stat().st_size + 150_000
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n{FILL}"
    output, errors = start(code, home).communicate(timeout=60)
    assert errors == ""
    complaint = check_after_full(home, output)
    assert complaint.startswith(str(home))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_the_records_come_without_sqlalchemy():
    code = "import sys, spk.store; print([m for m in ('sqlalchemy', 'alembic', 'faiss') if m in sys.modules])"
    assert in_new_python(code) == "[]"


def test_a_command_on_a_home_brings_neither_alembic_nor_faiss(home, sample):
    with Store.open(home) as store:
        store.enroll(store.gallery("default", create=True), "alice", [sample()])
    code = (
        "import sys, numpy; from pathlib import Path; from spk.store import Store\n"
        "store = Store.open(Path(sys.argv[1])); gallery = store.gallery('default')\n"
        "assert store.candidates(gallery, 'a model', numpy.ones(16, dtype='f4'), 5)\n"
        "print([m for m in ('alembic', 'faiss') if m in sys.modules])"
    )
    assert in_new_python(code, home) == "[]"


def in_new_python(code, *arguments):
    import spk

    environment = os.environ | {"PYTHONPATH": str(Path(spk.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
