"""What is PostgreSQL's own: databases that are not ours, servers that fail, locks, and what an erasure leaves."""

from __future__ import annotations

import math
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from servers import postgresql as servers

from spk.config import Settings
from spk.errors import InputError, StoreError, StoreVersionError
from spk.store import NewRecording, Store, outbox, samples_key
from spk.store.database import HEAD
from spk.store.tables import metadata, to_bytes

MODEL = "a model"  # whose vectors the `sample` fixture makes


@pytest.fixture
def url(postgresql):
    yield servers.database(postgresql.administrator, "test")
    postgresql.drop_databases()


@pytest.fixture
def empty(url, postgresql):
    """A database without any tables."""
    return servers.database(postgresql.administrator, "empty", "template1")


@pytest.fixture
def store(home, url):
    with Store.open(home, database=url) as opened:
        yield opened


def guest_of(postgresql):
    """The URL of somebody who owns nothing."""
    drop, create = "DROP ROLE IF EXISTS guest", f"CREATE ROLE guest LOGIN PASSWORD '{servers.PASSWORD}'"
    postgresql.execute("postgres", drop, create)
    return postgresql.address("test", user="guest")


def refusal(home, url, error=StoreError):
    with pytest.raises(error) as raised:
        Store.open(home, database=url)
    said = str(raised.value)
    assert "\n" not in said
    assert servers.PASSWORD not in said
    assert "sesame" not in said
    return said


def test_the_migrations_make_the_tables_that_the_code_uses(home, empty):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Store.open(home, database=empty) as store, store._database.read() as tx:
        context = MigrationContext.configure(tx)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
    assert not (home / "spk.db").exists()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg", " postgresql"])
def test_urls_that_are_understood(home, url, scheme):
    with Store.open(home, database=url.replace("postgresql", scheme, 1)) as store:
        assert store.galleries() == []


@pytest.mark.parametrize(
    "address",
    [
        "mysql://u:sesame@h/n",
        "sesame",
        "postgresql://u:open@sesame@h/n",
        "postgresql://u:sesame@h:port/n",
        "sqlite:///x",
    ],
)
def test_urls_that_are_not(home, address):
    assert re.search("write postgresql://user:password@host/name|as %40", refusal(home, address, InputError))


def test_a_password_is_shown_nowhere(home, url):
    settings = Settings.read({"SPK_DATABASE": url, "SPK_HOME": str(home)})
    with settings.open_store() as store:
        for shown in (settings, store._database, store._database._backend.reading, store.location):
            assert "sesame" not in f"{shown!r} {shown}"


def test_without_what_speaks_to_it(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'spk-voiceprints[postgresql]'" in refusal(home, "postgresql://u@h/n", InputError)


def test_a_database_of_another_program_is_left_alone(home, empty, postgresql):
    postgresql.execute("empty", "CREATE TABLE precious (id int)")
    assert "another program" in refusal(home, empty)
    assert postgresql.execute("empty", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("precious",)]


def test_another_programs_migrations_are_not_taken_for_ours(home, empty, postgresql):
    postgresql.execute(
        "empty",
        "CREATE TABLE alembic_version (version_num varchar)",
        "INSERT INTO alembic_version VALUES ('0001')",
        "GRANT SELECT ON alembic_version TO spk",
    )
    assert "another program" in refusal(home, empty)


def test_a_database_of_a_newer_version_is_left_alone(home, url, postgresql):
    postgresql.execute("test", "UPDATE alembic_version SET version_num = '9999'")
    assert "upgrade spk" in refusal(home, url, StoreVersionError)


def test_a_database_that_cannot_keep_every_name(home, postgresql, url):
    postgresql.execute(
        "postgres",
        "CREATE DATABASE latin OWNER spk TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    assert "its encoding is LATIN1" in refusal(home, postgresql.address("latin"))


def test_a_new_database_is_made_only_when_asked(home, empty):
    with pytest.raises(StoreError, match="no voiceprints are kept here"):
        Store.open(home, create=False, database=empty)
    Store.open(home, database=empty).close()
    with Store.open(home.parent / "another machine's", create=False, database=empty) as store:
        assert store.galleries() == []


def test_a_home_belongs_to_one_database(home, url, empty):
    """Or else its clips would be swept away, as nobody's."""
    Store.open(home, database=url).close()
    assert "belongs to another database" in refusal(home, empty)
    with pytest.raises(StoreError, match="set SPK_DATABASE"):
        Store.open(home)
    Store.open(home.parent / "other").close()
    assert "a database of its own" in refusal(home.parent / "other", url)


def test_what_a_server_says_to_strangers(home, url, postgresql):
    assert "refused the connection" in refusal(home, postgresql.address("test", password="wrong sesame"))  # noqa: S106
    assert 'database "nowhere" does not exist' in refusal(home, postgresql.address("nowhere"))
    assert "cannot be reached" in refusal(home, url.replace(f":{postgresql.port}/", ":1/"))
    assert "cannot be reached" in refusal(home, "postgresql://spk:sesame@/test?host=/nowhere")
    assert "may not do that" in refusal(home, guest_of(postgresql))


def test_names_sort_as_in_sqlite(store, gallery, sample):
    names = ["Zoe", "alice", "Ärger", "_", "émile", "bob", "Bob", "a b", "ab", "李", "👩"]
    for name in names:
        store.enroll(gallery, name, [sample(name)])
        store.gallery(name, create=True)
    assert [speaker.name for speaker in store.speakers(gallery)] == sorted(names)
    assert [each.name for each in store.galleries()] == sorted([*names, "default"])


def test_values_that_postgresql_is_particular_about(store, gallery, sample):
    odd = sample("odd", quality={"snr": math.nan, "peak": -math.inf})
    nul = replace(sample("nul"), recording=NewRecording("0" * 64, "a\0b\udcff.wav", 9.5))
    alice = store.enroll(gallery, "alice", [odd, nul]).speaker
    first, second = store.samples(alice)
    assert math.isnan(first.quality["snr"])
    assert first.quality["peak"] == -math.inf
    assert second.recording.source == "a?b?.wav"
    assert second.recording.duration == 9.5
    assert store.people([alice.id, *(uuid4() for _ in range(25_000))]) == [alice]


def test_a_snapshot_has_the_same_hash_as_in_sqlite(store, gallery, sample):
    store.enroll(gallery, "alice", [sample("a"), sample("b")])
    ids = [one.id for one in store.samples(gallery)]
    assert store.snapshot(gallery).samples_sha256 == samples_key(ids, digits=64)


@pytest.mark.parametrize("statement", ["TRUNCATE audit", "DELETE FROM audit WHERE false"])
def test_the_audit_log_only_grows(store, gallery, statement):
    with pytest.raises(StoreError, match="only grows"), store._database.write() as tx:
        tx.exec_driver_sql(statement)
    store.verify_audit()


def test_a_reader_sees_one_moment(store, gallery, sample):
    with store._database.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM speakers").scalar() == 0
        store.enroll(gallery, "alice", [sample()])
        assert tx.exec_driver_sql("SELECT count(*) FROM speakers").scalar() == 0
        with pytest.raises(StoreError, match="only reads"), store._database.read() as other:
            other.exec_driver_sql("DELETE FROM samples")


def test_a_writer_who_keeps_others_waiting(home, url, sample, monkeypatch):
    monkeypatch.setattr("spk.store.postgresql.BUSY_SECONDS", 0.2)
    with Store.open(home, database=url) as one, Store.open(home.parent / "other", database=url) as two:
        with one._database.write():
            with pytest.raises(StoreError, match="another process has held it"):
                two.gallery("default", create=True)
            assert two.galleries() == [], "readers go on"
        two.gallery("default", create=True)


def test_one_holds_the_lock_at_a_time(home, url):
    """Of one process's threads, too; and in whatever home."""
    with Store.open(home, database=url) as one, Store.open(home.parent / "other", database=url) as two:
        for other in (one, two):
            with (
                one._database.lock(),
                pytest.raises(StoreError, match="another process has locked"),
                other._database.lock(wait=0.1),
            ):
                pass
            with one._database.lock(), other._database.lock("-engine", wait=0):
                pass
        inside = []

        def work(store):
            for _ in range(10):
                with store._database.lock():
                    inside.append(1)
                    assert len(inside) == 1
                    inside.pop()

        with ThreadPoolExecutor() as pool:
            list(pool.map(work, [one, two, one]))


HOLD = """
import time
store = Store.open(home, database=sys.argv[2])
with store._database.lock(), store._database.write():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_lets_go_of_every_lock(store, url, start):
    holder = start(HOLD, store.path, url)
    assert holder.stdout.readline() == "held\n", holder.stderr.read()
    with pytest.raises(StoreError, match="locked"), store._database.lock(wait=0):
        pass
    holder.kill()
    holder.communicate()
    with store._database.lock():
        store.gallery("default", create=True)


def test_a_connection_that_is_cut_in_the_middle_of_a_write(store, gallery, sample, postgresql, monkeypatch):
    """As an administrator does it; the next call goes on."""
    note = outbox.note

    def cut(tx, changed):
        note(tx, changed)
        pid = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        postgresql.execute("postgres", f"SELECT pg_terminate_backend({pid}, 5000)")

    new = sample("a", clip=b"a clip")
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "note", cut)
        with pytest.raises(StoreError, match="the connection was lost"):
            store.enroll(gallery, "alice", [new])
    assert store.speakers(gallery) == []
    assert list((store.path / "clips").iterdir()) == []
    alice = store.enroll(gallery, "alice", [new]).speaker
    assert store.candidates(gallery, MODEL, new.vectors[MODEL], 1)[0].speaker == alice.id
    store.verify_audit()


FILL = """
store = Store.open(home, database=sys.argv[2])
gallery = store.gallery("default", create=True)
try:
    for number in range(100_000):
        name = f"{os.getpid()} {number}"
        store.enroll(gallery, name, [sample(f"{name} {take}") for take in range(3)])
        print(number, flush=True)
except SpkError as error:
    print(error)
"""


def test_a_server_that_is_killed_has_what_was_acknowledged(store, gallery, sample, url, start, postgresql):
    acknowledged = 0
    for run in range(3):
        writer = start(FILL, store.path, url)
        for _ in range(5 + 3 * run):
            assert writer.stdout.readline().strip().isdigit()
        postgresql.stop(signal.SIGKILL)
        try:
            output, errors = writer.communicate(timeout=60)
            with pytest.raises(StoreError):
                store.speakers(gallery)
        finally:
            postgresql.start()  # other tests need it
        *numbers, complaint = output.splitlines()
        assert errors == ""
        assert re.search("the connection was lost|cannot be reached|refused the connection", complaint)
        acknowledged += 5 + 3 * run + len(numbers)
        people = store.speakers(gallery)  # the very store that was open before
        # What was stored just before the kill may not have been acknowledged any more.
        assert acknowledged <= len(people) <= acknowledged + 1
        acknowledged = len(people)
        assert {len(profile.samples) for profile in store.profiles(gallery, MODEL)} == {3}
        store.verify_audit()


def test_an_erasure_leaves_nothing_in_the_servers_tables(store, gallery, sample, vector, postgresql):
    """Nor among the examples of columns that its planner keeps."""
    for name in map("Person {:02}".format, range(30)):
        voice = {MODEL: vector(int(name[-2:]), dim=192)}
        # The same twenty times: often enough to be an example.
        store.enroll(gallery, name, [sample(f"{name} {take}", vectors=voice) for take in range(20)])
    postgresql.execute("test", "ANALYZE")
    gone = [b"Person 07", to_bytes(vector(7, dim=192)), sample("Person 07 3").sha256.encode()]

    def kept():
        contents = [file.read_bytes() for file in postgresql.files("test")]
        return [sum(needle in content for content in contents) for needle in gone]

    assert all(kept())
    store.delete(store.speaker(gallery, "Person 07"))
    assert kept() == [0, 0, 0]
    assert not (store.path / ".erasing").exists()


def test_somebody_who_reads_for_long_holds_an_erasure_up(store, gallery, sample, url, monkeypatch):
    monkeypatch.setattr("spk.store.postgresql.SCRUB_SECONDS", 0.2)
    store.enroll(gallery, "alice", [sample()])
    with closing(Store.open(store.path, database=url)) as other:
        with other._database.read() as tx:
            tx.exec_driver_sql("SELECT 1 FROM galleries").all()  # whatever is deleted now, this one may still read
            with store._database.write() as writing:
                writing.exec_driver_sql("DELETE FROM clips")
                writing.exec_driver_sql("DELETE FROM voiceprints")
            assert not store._database.scrub()
        with other._database.read() as tx:
            tx.exec_driver_sql("SELECT 1 FROM samples").all()
            assert not store._database.scrub(), "it reads this very table"
    assert store._database.scrub()


def test_who_does_not_own_the_tables_cannot_write_them_anew(store, gallery, home, postgresql):
    url = guest_of(postgresql)
    postgresql.execute("test", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    with Store.open(home.parent / "other", database=url) as other:
        assert other.galleries() == [gallery]
        assert not other._database.scrub()
    postgresql.execute("test", "DROP OWNED BY guest")


def test_two_machines_with_a_home_each(home, url, sample):
    """They search the same people; clips are where they were made."""
    with Store.open(home, database=url) as one, Store.open(home.parent / "other", database=url) as two:
        gallery = one.gallery("default", create=True)
        new = sample("a", clip=b"a clip")
        alice = one.enroll(gallery, "alice", [new]).speaker
        assert two.candidates(gallery, MODEL, new.vectors[MODEL], 1)[0].speaker == alice.id
        assert [clip.read_bytes() for clip in one.clips(alice)] == [b"a clip"]
        assert two.clips(alice) == []
        two.delete(alice)
        assert one.candidates(gallery, MODEL, new.vectors[MODEL], 1) == []


def test_vectors_come_back_bit_by_bit(store, gallery, sample):
    vector = np.nextafter(np.full(16, 0.25, np.float32), np.float32(1))
    alice = store.enroll(gallery, "alice", [sample(vectors={MODEL: vector})]).speaker
    assert store.profile(alice, MODEL).vectors.tobytes() == vector.tobytes()
