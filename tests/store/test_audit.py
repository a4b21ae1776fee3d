"""The audit log: every change is in it, nobody's name is, and tampering is noticed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from spk.errors import ConflictError, StoreError
from spk.store import Store

pytestmark = pytest.mark.usefixtures("either_database")

UNGUARDED = {
    "sqlite": ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"],
    "postgresql": ["ALTER TABLE audit DISABLE TRIGGER USER", "ALTER TABLE audit DROP CONSTRAINT audit_pkey"],
}
TAMPERING = [
    "UPDATE audit SET entry = replace(entry, 'enroll', 'unroll') WHERE sequence = 2",
    "UPDATE audit SET hash = 'x' WHERE sequence = 3",
    "UPDATE audit SET sequence = 9 WHERE sequence = 4",
    "DELETE FROM audit WHERE sequence = 1",
    "DELETE FROM audit WHERE sequence = 2",
    "INSERT INTO audit SELECT 5, entry, hash FROM audit WHERE sequence = 4",
    "UPDATE audit SET entry = replace(entry, 'enrolled', 'unknown') WHERE sequence = 3",
    "UPDATE audit SET sequence = 9 WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3; "
    "UPDATE audit SET sequence = 3 WHERE sequence = 9",
    "UPDATE audit SET entry = 'x' WHERE sequence = 2",
]


@pytest.fixture
def written(home, sample):
    """A home with four changes in its log; nobody has it open."""
    with Store.open(home) as store:
        gallery = store.gallery("default", create=True)
        alice = store.enroll(gallery, "Quintilia", [sample("a")]).speaker
        store.rename(alice, "Xerxes")
        store.delete(alice)
    return home


def test_every_change_is_in_it(written):
    with Store.open(written) as store:
        entries = list(store.audit_log())
        check = store.verify_audit()
    assert [entry.action for entry in entries] == ["create gallery", "enroll", "rename", "delete"]
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert (check.entries, check.head) == (4, entries[-1].hash)
    assert all(entry.user for entry in entries)
    assert not any(name in str(entry) for entry in entries for name in ("Quintilia", "Xerxes", "wav"))


def test_what_did_not_happen_is_not(store, gallery, sample):
    store.enroll(gallery, "alice", [sample("a")])
    store.enroll(gallery, "bob", [sample("b")])
    before = store.verify_audit()
    store.enroll(gallery, "alice", [sample("a")])
    bob = store.speaker(gallery, "bob")
    with pytest.raises(ConflictError):
        store.rename(bob, "alice")
    with pytest.raises(ConflictError):
        store.enroll(gallery, "bob", [sample("a")])
    assert store.verify_audit() == before


@pytest.mark.parametrize("statement", ["UPDATE audit SET entry = ''", "DELETE FROM audit"])
def test_it_only_grows(written, statement):
    with Store.open(written) as store, pytest.raises(StoreError, match="only grows"), store._database.write() as tx:
        tx.exec_driver_sql(statement)


@pytest.mark.parametrize("statement", TAMPERING)
def test_tampering_is_noticed(written, statement):
    tamper(written, *statement.split("; "))
    with Store.open(written) as store, pytest.raises(StoreError, match="tampered with at row"):
        store.verify_audit()


def tamper(home, *statements):
    with Store.open(home) as store, store._database.write() as tx:
        for statement in (*UNGUARDED[tx.dialect.name], *statements):
            tx.exec_driver_sql(statement)


def test_a_cut_end_is_noticed_by_whoever_noted_the_head(written):
    with Store.open(written) as store:
        head = store.verify_audit().head
        assert store.verify_audit(head).entries == 4
    tamper(written, "DELETE FROM audit WHERE sequence = 4")
    with Store.open(written) as store:
        assert store.verify_audit().entries == 3
        with pytest.raises(StoreError, match=f"cut or written anew.*3 rows.*{head}"):
            store.verify_audit(head)


def test_what_was_noted_earlier_is_in_it_still(written, sample):
    with Store.open(written) as store:
        head = store.verify_audit().head
        store.enroll(store.gallery("default"), "bob", [sample("b")])
        assert store.verify_audit(head).entries == 5
        assert store.verify_audit("0" * 64).entries == 5, "of an empty log"


def test_a_log_written_anew_is_noticed(written):
    """Somebody who knows the hash can forge every row, but not a head that was noted."""
    with Store.open(written) as store:
        head = store.verify_audit().head
    with Store.open(written) as store, store._database.read() as tx:
        entries = tx.exec_driver_sql("SELECT sequence, entry FROM audit ORDER BY sequence").all()
    statements, previous = [], "0" * 64
    for sequence, entry in entries:
        forged = entry.replace('"rename"', '"nothing"')
        previous = hashlib.sha256(f"{previous}{forged}".encode()).hexdigest()
        change = f"UPDATE audit SET entry = '{forged}', hash = '{previous}' WHERE sequence = {sequence}"  # noqa: S608 - our own
        statements.append(change)
    tamper(written, *statements)
    with Store.open(written) as store:
        store.verify_audit()
        with pytest.raises(StoreError, match="written anew"):
            store.verify_audit(head)


def test_a_row_that_cannot_be_read_is_named(written):
    tamper(written, "UPDATE audit SET entry = '[]' WHERE sequence = 2")
    with Store.open(written) as store, pytest.raises(StoreError, match=r"tampered with at row 2.*audit verify"):
        list(store.audit_log())


def test_what_is_asked_for_of_it(store, gallery, sample):
    alice = store.enroll(gallery, "alice", [sample("a")]).speaker
    bob = store.enroll(gallery, "bob", [sample("b")]).speaker
    now = datetime.now(UTC)
    store.merge(bob, alice)

    def asked(**conditions):
        return [entry.sequence for entry in store.audit_log(**conditions)]

    assert asked() == [1, 2, 3, 4]
    assert asked(about=bob.id) == [3, 4]
    assert asked(about=alice.id) == [2, 4]
    assert asked(action="enroll") == [2, 3]
    assert asked(action="roll") == []
    assert asked(since=now) == [4]
    assert asked(limit=2) == [3, 4]
    assert asked(limit=1, action="enroll") == [3]
    assert asked(about=bob.id, since=now, limit=9) == [4]


def test_a_clock_that_goes_backwards(store, gallery, sample, monkeypatch):
    class Slow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=1000)

    monkeypatch.setattr("spk.store.audit.datetime", Slow)
    monkeypatch.setattr("spk.store.enrolling.datetime", Slow)
    store.enroll(gallery, "alice", [sample("a")])
    first, second = store.audit_log()
    assert second.at < first.at
    assert store.verify_audit().entries == 2
    assert [entry.sequence for entry in store.audit_log()] == [1, 2]
