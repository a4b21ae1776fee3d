"""The audit log: every change is in it, nobody's name is, and tampering is noticed."""

from __future__ import annotations

import sqlite3

import pytest

from spk.errors import ConflictError, StoreError
from spk.store import Store

TAMPERING = [
    "UPDATE audit SET entry = replace(entry, 'enroll', 'unroll') WHERE sequence = 2",
    "UPDATE audit SET hash = 'x' WHERE sequence = 3",
    "UPDATE audit SET sequence = 9 WHERE sequence = 4",
    "DELETE FROM audit WHERE sequence = 1",
    "DELETE FROM audit WHERE sequence = 2",
    "INSERT INTO audit SELECT 5, entry, hash FROM audit WHERE sequence = 4",
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
        entries = store.audit()
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
    with sqlite3.connect(written / "spk.db") as connection, pytest.raises(sqlite3.Error, match="only grows"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("statement", TAMPERING)
def test_tampering_is_noticed(written, statement):
    with sqlite3.connect(written / "spk.db") as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute(statement)
    connection.close()
    with Store.open(written) as store, pytest.raises(StoreError, match="tampered with at row"):
        store.verify_audit()
