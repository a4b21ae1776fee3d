"""A home of an older spk is brought up to date with everything that is in it."""

from __future__ import annotations

import os
from datetime import datetime
from uuid import UUID, uuid4

import numpy as np
import pytest
from servers import postgresql as postgresql_server
from sqlalchemy import MetaData, Table, create_engine, insert, select, text

from spk.store import Origin, SpeakerState, Store, database
from spk.store.tables import to_bytes

pytestmark = pytest.mark.usefixtures("either_database")

MODEL = "a model"
WHEN = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture
def older(home, request, monkeypatch, either_database):
    """The engine of a database of revision 0003, without anything in it."""
    if either_database == "sqlite":
        address = f"sqlite+pysqlite:///{home / 'spk.db'}"
    else:  # the one that others are copied from is up to date
        administrator = os.environ[postgresql_server.ADDRESS]
        made = postgresql_server.database(administrator, postgresql_server.database_name(home), "template1")
        address = made.replace("postgresql:", "postgresql+psycopg:")
    with monkeypatch.context() as patch:
        patch.setattr(database, "HEAD", "0003")
        Store.open(home).close()
    engine = create_engine(address)
    yield engine
    engine.dispose()


def fill(engine, vector):
    """Two people with two samples each, of one recording, with clips; what was there then, by table."""
    metadata = MetaData()
    metadata.reflect(engine)
    gallery, recording = uuid4(), uuid4()
    people = [uuid4(), uuid4()]
    samples = [(uuid4(), person) for person in people for _ in range(2)]
    rows = {
        "galleries": [{"id": gallery, "name": "default"}],
        "models": [{"id": 1, "fingerprint": MODEL, "dim": 16, "floor": 0}],
        "speakers": [
            {"id": people[0], "gallery": gallery, "name": "alice", "state": "enrolled", "created": WHEN},
            {"id": people[1], "gallery": gallery, "name": None, "state": "unknown", "created": WHEN},
        ],
        "recordings": [{"id": recording, "gallery": gallery, "sha256": "0" * 64, "source": "a.wav", "duration": 60.0}],
        "samples": [
            {
                "id": id_,
                "speaker": person,
                "recording": recording,
                "start": 10.0 * number,
                "end": 10.0 * number + 9,
                "parts": [[10.0 * number, 10.0 * number + 9]],
                "sha256": f"{number:064x}",
                "net_seconds": 9.0,
                "quality": {"snr": float("nan")},
                "origin": "enrolled",
                "forced": [],
                "created": WHEN,
            }
            for number, (id_, person) in enumerate(samples)
        ],
        "voiceprints": [
            {"id": uuid4(), "sample": id_, "model": 1, "vector": to_bytes(vector(number))}
            for number, (id_, _) in enumerate(samples)
        ],
        "clips": [{"sample": id_, "sha256": f"{number:064x}"} for number, (id_, _) in enumerate(samples)],
    }
    rows["outbox"] = [
        {"sequence": number + 1, "model": 1, "voiceprint": row["id"]} for number, row in enumerate(rows["voiceprints"])
    ]
    with engine.begin() as tx:
        for name, some in rows.items():
            tx.execute(insert(metadata.tables[name]), [plain(tx, metadata.tables[name], row) for row in some])
    return people


def plain(tx, table: Table, row):
    """A row as the reflected types of each database take it."""
    return {
        name: value.hex
        if isinstance(value, UUID) and tx.dialect.name == "sqlite"
        else text_of(tx, value)
        if isinstance(value, list | dict)
        else value
        for name, value in row.items()
    }


def text_of(tx, value):
    import json

    return value if tx.dialect.name == "sqlite" else json.dumps(value)


def dump(engine):
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as tx:
        return {name: sorted(map(repr, tx.execute(select(one)).all())) for name, one in metadata.tables.items()}


def test_everybody_is_there(home, older, vector, sample):
    people = fill(older, vector)
    before = dump(older)
    with Store.open(home) as store:
        after = dump(older)
        new = {"hearings", "voices", "turns", "changes", "consents", "api_keys", "jobs", "requests", "waveforms"}
        new |= {"ended_sessions"}
        assert after.keys() - before.keys() == new
        widened = {"alembic_version", "galleries"}
        assert {name: rows for name, rows in after.items() if name not in new | widened} == {
            name: rows for name, rows in before.items() if name not in widened
        }
        assert [store.required_consent(gallery) for gallery in store.galleries()] == [None]
        assert not any(after[name] for name in new)
        gallery = store.gallery("default")
        alice, stranger = store.speakers(gallery)
        assert [alice.id, stranger.id] == people
        assert (alice.name, stranger.state) == ("alice", SpeakerState.UNKNOWN)
        assert [one.origin for one in store.samples(alice)] == [Origin.ENROLLED] * 2
        found = np.sort(store.profile(alice, MODEL).vectors, axis=0)
        assert np.array_equal(found, np.sort([vector(0), vector(1)], axis=0))
        assert store.candidates(gallery, MODEL, vector(2), 1)[0].speaker == stranger.id
        if store.location.startswith("/"):
            with older.connect() as tx:
                assert tx.execute(text("PRAGMA foreign_key_check")).all() == []
                assert len(tx.execute(text("PRAGMA index_list(samples)")).all()) == 4
        store.merge(stranger, alice)
        assert len(store.samples(alice)) == 4
        store.undo(gallery)
        assert len(store.samples(alice)) == 2
        assert store.enroll(gallery, "bob", [sample("b")]).added
        assert store.erase([alice]).proved
        assert [one.id for one in store.speakers(gallery)][1:] == [stranger.id]
        store.verify_audit()


def test_what_hangs_on_a_person_goes_with_them_still(home, older, vector):
    """A table that is replaced by another one keeps what refers to it."""
    fill(older, vector)
    with Store.open(home) as store:
        gallery = store.gallery("default")
        for person in store.speakers(gallery):
            store.delete(person)
    left = dump(older)
    assert [left[name] for name in ("speakers", "samples", "voiceprints", "clips", "recordings")] == [[]] * 5
    assert len(left["audit"]) == 2
