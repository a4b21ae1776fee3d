"""Which engine answers, what happens when it cannot, and how it is looked after; a real Qdrant where one is needed."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from servers.qdrant import Server

from spk.errors import EngineError, InputError
from spk.store import Store, outbox, shared
from spk.store.index.qdrant import QdrantIndex

MODEL = "a model"


def enroll(store, gallery, sample, numbers):
    return [store.enroll(gallery, f"p{number}", [sample(f"{number}", seed=number)]).speaker for number in numbers]


def nearest(store, gallery, vector, number):
    found = store.candidates(gallery, MODEL, vector(number), 3)
    return found[0].speaker if found and found[0].cosine > 0.999 else None


@pytest.fixture
def server(qdrant_program):
    """A Qdrant that a test may do anything to."""
    with Server(qdrant_program) as alone:
        yield alone


@pytest.fixture
def filled(store, gallery, sample):
    return enroll(store, gallery, sample, range(8))


@pytest.fixture(params=["http", "grpc"])
def moved(request, store, filled, qdrant_address):
    """A store whose engine is a Qdrant."""
    store.move_engine(qdrant_address(request.param))
    return store


# The engines of this process


def test_a_new_store_has_no_engine_to_speak_of(store):
    assert store.engine_status() == store.rebuild_engines() == []
    assert store.check().whole


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr("spk.store.inprocess.SMALL", 0)
    monkeypatch.setattr("spk.store.inprocess.SAVE_AFTER", 0)


def test_status_rebuild_and_check_of_faiss(large, store, gallery, sample, vector, filled):
    (before,) = store.engine_status()
    assert (before.engine, before.voiceprints, before.indexed, before.behind) == ("faiss", 8, 0, 8)
    assert before.state == "behind"
    (after,) = store.rebuild_engines()
    assert (after.voiceprints, after.indexed, after.behind, after.state) == (8, 8, 0, "ready")
    assert store.check().whole
    with Store.open(store.path) as other:  # has the snapshot
        assert other.engine_status()[0].indexed == 8
        assert nearest(other, gallery, vector, 3) == filled[3].id


def test_a_snapshot_of_what_was_erased_elsewhere_is_written_again(large, home, store, gallery, vector, filled):
    """As another machine of the same database does it: its snapshot has somebody who is gone from SQL."""
    store.rebuild_engines()
    gone = vector(5).astype("<f4").tobytes()
    (snapshot,) = (home / "index").iterdir()
    content = snapshot.read_bytes()
    assert gone in content
    store.delete(filled[5])
    snapshot.write_bytes(content)
    with Store.open(home) as other:
        assert nearest(other, gallery, vector, 5) is None
        assert gone not in snapshot.read_bytes()
        assert nearest(other, gallery, vector, 6) == filled[6].id


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
def test_a_damaged_snapshot_is_made_anew(large, home, store, gallery, vector, filled, damage, caplog):
    store.rebuild_engines()
    (snapshot,) = (home / "index").iterdir()
    content = snapshot.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    snapshot.write_bytes({"truncated": content[:middle], "flipped": flipped, "emptied": b""}[damage])
    with Store.open(home) as other:
        assert nearest(other, gallery, vector, 5) == filled[5].id
        assert "it will be rebuilt" in caplog.text
        assert other.check().whole
    assert len(snapshot.read_bytes()) == len(content)
    with Store.open(home) as other:
        assert other.engine_status()[0].state == "ready"


def test_an_engine_that_is_far_behind_is_filled_anew(large, monkeypatch, store, gallery, sample, vector, filled):
    store.rebuild_engines()
    monkeypatch.setattr("spk.store.inprocess.FAR_BEHIND", 3)
    monkeypatch.setattr(outbox, "replay", lambda *_: pytest.fail("one by one"))
    with Store.open(store.path) as other:
        new = enroll(store, gallery, sample, range(20, 30))
        monkeypatch.setattr("spk.store.inprocess.InProcess._save", lambda *_: None)  # which replays nothing
        assert nearest(other, gallery, vector, 25) == new[5].id


def test_compacting_forgets_changes_and_loses_nobody(large, store, gallery, sample, vector, filled):
    with Store.open(store.path) as old:  # has an engine from before
        assert nearest(old, gallery, vector, 1) == filled[1].id
        enroll(store, gallery, sample, [8])
        done = store.compact()
        assert (done.changes, done.scrubbed) == (9, True)
        assert store.compact().changes == 0
        for one in (store, old):
            assert nearest(one, gallery, vector, 8)
            assert one.engine_status()[0].state == "ready"
        (new,) = enroll(store, gallery, sample, [9])
        for one in (store, old):
            assert nearest(one, gallery, vector, 9) == new.id
        assert store.check().whole


def test_a_check_tells_what_an_engine_has_wrong(large, store, gallery, sample, vector, filled):
    store.rebuild_engines()
    engine = store._retrieval.own.as_it_is(store._retrieval.models()[0])
    (rows,) = engine.rows()
    engine.delete([store.voiceprints(filled[0])[0].id])
    rows = rows[1:3]
    rows.vectors[0] = vector(99)
    engine.upsert(rows)
    found = store.check()
    (wrong,) = found.engines
    assert (wrong.missing, wrong.different, wrong.stray) == (1, 1, 0) or wrong.missing + wrong.different == 2
    assert not found.whole
    store.rebuild_engines()
    assert store.check().whole


def test_a_check_tells_of_clips_and_of_the_audit_log(home, store, gallery, sample):
    store.enroll(gallery, "alice", [sample("a", clip=b"clip one"), sample("b", clip=b"clip two")])
    assert store.check().whole
    one, two = sorted((home / "clips").iterdir())
    one.unlink()
    two.write_bytes(b"something else")
    missing, altered = store.check().problems
    assert "1 of 2 clips are not in" in missing
    assert "altered" in altered


# A shared engine


def test_another_engine_is_used_by_everybody_at_once(store, gallery, sample, vector, filled, qdrant_address):
    with Store.open(store.path) as other:
        assert nearest(other, gallery, vector, 2) == filled[2].id
        (status,) = store.move_engine(qdrant_address("grpc"))
        assert (status.indexed, status.state) == (8, "ready")
        assert status.engine.startswith("qdrant://127.0.0.1:")
        assert other._retrieval.shared() is not None
        assert nearest(other, gallery, vector, 2) == filled[2].id
        (new,) = enroll(other, gallery, sample, [8])
        assert nearest(store, gallery, vector, 8) == new.id, "searchable at once"
        store.delete(new)
        assert nearest(other, gallery, vector, 8) is None
        assert store.check().whole
        assert [entry.action for entry in store.audit_log()].count("use engine") == 1
        with pytest.raises(InputError, match="in use already"):
            store.move_engine(qdrant_address("grpc"))
        (status,) = store.move_engine("faiss")
        assert status.engine in {"exact", "faiss"}
        assert nearest(other, gallery, vector, 2) == filled[2].id


def test_an_engine_that_does_not_answer_is_not_used_even_by_an_empty_store(store):
    with pytest.raises(EngineError, match=r"127\.0\.0\.1"):
        store.move_engine("qdrant://127.0.0.1:1?timeout=1")
    assert store._retrieval.shared() is None


def test_what_was_left_is_empty(moved, qdrant, gallery, vector, filled):
    there = shared_collections(qdrant, moved)
    assert there
    moved.move_engine("faiss")
    assert not shared_collections(qdrant, moved, there)
    assert nearest(moved, gallery, vector, 2) == filled[2].id


def shared_collections(qdrant, store, wanted=None):
    names = {one["name"] for one in qdrant.request("GET", "/collections")["result"]["collections"]}
    engine = store._retrieval.shared()
    prefix = wanted and min(wanted).rpartition("-")[0]
    prefix = prefix or engine.engine(store._retrieval.models()[0])._alias
    return {name for name in names if name.startswith(prefix)}


def test_two_stores_at_one_address_do_not_meet(tmp_path, moved, gallery, sample, vector):
    address = moved.engine_status()[0].engine
    with Store.open(tmp_path / "another") as other:
        theirs = other.gallery("default", create=True)
        (stranger,) = enroll(other, theirs, sample, [77])
        other.move_engine(address)
        assert nearest(other, theirs, vector, 77) == stranger.id
        assert nearest(moved, gallery, vector, 77) is None
        assert other.check().whole
        assert moved.check().whole


def test_a_wrong_address_or_engine_leaves_everything_as_it_was(store, gallery, vector, filled):
    with pytest.raises(InputError):
        store.move_engine("milvus://somewhere")
    with pytest.raises(EngineError, match="does not answer"):
        store.move_engine("qdrant://127.0.0.1:1?timeout=1")
    with pytest.raises(InputError, match="in use already"):
        store.move_engine("faiss")
    assert store._retrieval.shared() is None
    assert nearest(store, gallery, vector, 2) == filled[2].id


@pytest.fixture
def alone(store, filled, server):
    """A store whose engine is a Qdrant that can be stopped."""
    store.move_engine(server.address(timeout=10))
    return store


def test_while_it_is_down_and_when_it_is_back(alone, server, gallery, sample, vector, filled, caplog, monkeypatch):
    monkeypatch.setattr("spk.store.index.qdrant_nodes.REST", 0.0)
    server.kill()
    with caplog.at_level(logging.WARNING):
        (new,) = enroll(alone, gallery, sample, [8])  # is stored all the same
        assert nearest(alone, gallery, vector, 8) == new.id
        assert nearest(alone, gallery, vector, 3) == filled[3].id
    assert len([record for record in caplog.records if "does not answer" in record.message]) == 1, "said once"
    with pytest.raises(EngineError, match="the change itself is stored"):
        alone.delete(filled[4])
    (status,) = alone.engine_status()
    assert (status.state, status.voiceprints) == ("down", 8)
    assert "does not answer" in status.problem
    with Store.open(alone.path, engine_down="refuse") as strict, pytest.raises(EngineError, match="does not answer"):
        strict.candidates(gallery, MODEL, vector(3), 3)
    (problem,) = alone.check().problems
    assert "does not answer" in problem
    server.start()
    (status,) = alone.engine_status()
    assert (status.state, status.behind) == ("behind", 2)
    with Store.open(alone.path, engine_down="refuse") as strict:
        assert nearest(strict, gallery, vector, 8) == new.id, "it has caught up"
        assert nearest(strict, gallery, vector, 4) is None
        assert strict.engine_status()[0].state == "ready"
        assert strict.check().whole


def test_a_server_that_was_wiped_is_filled_again(alone, server, gallery, vector, filled, monkeypatch):
    assert nearest(alone, gallery, vector, 3) == filled[3].id
    server.remove("spk-")
    with Store.open(alone.path, engine_down="refuse") as strict:
        assert nearest(strict, gallery, vector, 3) == filled[3].id
    assert nearest(alone, gallery, vector, 3) == filled[3].id, "also where it was seen a moment ago"
    server.remove("spk-")
    monkeypatch.setattr(shared, "AT_ONCE", 5)  # too many to wait for
    with (
        Store.open(alone.path, engine_down="refuse") as strict,
        pytest.raises(EngineError, match="fill it by `spk store rebuild`"),
    ):
        strict.candidates(gallery, MODEL, vector(3), 3)
    assert "spk store rebuild" in alone.engine_status()[0].problem
    assert alone.rebuild_engines()[0].state == "ready"
    assert alone.check().whole


def test_it_catches_up_step_by_step(alone, server, gallery, sample, vector, monkeypatch):
    monkeypatch.setattr(shared, "AT_ONCE", 10)
    monkeypatch.setattr("spk.store.index.qdrant_nodes.REST", 0.0)
    server.kill()
    new = enroll(alone, gallery, sample, range(100, 125))
    server.start()
    with Store.open(alone.path, engine_down="refuse") as strict:
        for _ in range(2):
            with pytest.raises(EngineError, match="changes behind"):
                strict.candidates(gallery, MODEL, vector(3), 3)
        assert nearest(strict, gallery, vector, 124) == new[-1].id


def test_a_database_from_a_backup_is_what_counts(alone, home, tmp_path, gallery, sample, vector, filled):
    alone.close()
    for name in ("spk.db", "spk.db-wal", "spk.db-shm"):
        (home / name).exists() and (tmp_path / name).write_bytes((home / name).read_bytes())
    with Store.open(home) as store:
        later = enroll(store, gallery, sample, [50])
        assert nearest(store, gallery, vector, 50) == later[0].id
    for name in ("spk.db", "spk.db-wal", "spk.db-shm"):
        (home / name).unlink(missing_ok=True)
        (tmp_path / name).exists() and (home / name).write_bytes((tmp_path / name).read_bytes())
    with Store.open(home, engine_down="refuse") as store:
        assert nearest(store, gallery, vector, 50) is None
        assert nearest(store, gallery, vector, 3) == filled[3].id
        assert store.check().whole


def test_a_backup_after_which_as_much_was_changed(alone, home, tmp_path, gallery, sample, vector):
    """As many changes since as the engine has seen: only chance in their positions tells the two courses apart."""
    alone.close()
    (tmp_path / "spk.db").write_bytes((home / "spk.db").read_bytes())
    with Store.open(home) as store:
        enroll(store, gallery, sample, [50])
    for name in ("spk.db-wal", "spk.db-shm"):
        (home / name).unlink(missing_ok=True)
    (home / "spk.db").write_bytes((tmp_path / "spk.db").read_bytes())
    with Store.open(home, engine_down="refuse") as store:
        (other,) = enroll(store, gallery, sample, [60])
        assert nearest(store, gallery, vector, 60) == other.id
        assert nearest(store, gallery, vector, 50) is None
        assert store.check().whole


def test_an_engine_that_is_left_while_it_is_down_is_emptied_later(alone, server, gallery, vector, filled, monkeypatch):
    monkeypatch.setattr("spk.store.index.qdrant_nodes.REST", 0.0)
    gone = vector(4).astype("<f4").tobytes()
    server.kill()
    with pytest.raises(EngineError, match="the engine is told when it answers"):
        alone.delete(filled[4])
    address = alone.engine_status()[0].engine
    with pytest.raises(EngineError, match="is in use now"):
        alone.move_engine("faiss")
    assert alone.engines_left() == [address]
    assert alone._home.erasing, "the erasure is not done before that"
    assert nearest(alone, gallery, vector, 3) == filled[3].id
    with pytest.raises(EngineError):
        alone.compact()
    server.start()
    Store.open(alone.path).close()
    assert not alone._home.erasing
    assert alone.engines_left() == []
    assert server.request("GET", "/collections")["result"]["collections"] == []
    assert soon(lambda: holding(server, gone) == [])


def test_an_engine_that_never_comes_back_is_given_up(alone, server):
    server.kill()
    with pytest.raises(EngineError, match="is in use now"):
        alone.move_engine("faiss")
    alone.forget_engines_left()
    assert alone.engines_left() == []
    assert alone.compact().scrubbed
    assert list(alone.audit_log(action="forget engine"))


def test_only_one_writes_at_a_time(alone, gallery, sample, vector, filled, monkeypatch):
    """Another process is at it for longer than a search waits: then this one searches by itself, or says so."""
    monkeypatch.setattr(shared, "PATIENCE", 0.05)
    with Store.open(alone.path) as writer, Store.open(alone.path, engine_down="refuse") as strict:
        with writer._retrieval.shared().writing():
            (new,) = enroll(alone, gallery, sample, [8])
            assert nearest(alone, gallery, vector, 8) == new.id
            with pytest.raises(EngineError, match="another process has been writing"):
                strict.candidates(gallery, MODEL, vector(8), 3)
        assert nearest(strict, gallery, vector, 8) == new.id


def test_searches_go_on_during_a_rebuild(moved, gallery, vector, filled, monkeypatch):
    seen = []
    upsert = QdrantIndex.upsert

    def searched(self, rows):
        upsert(self, rows)
        seen.append(nearest(moved, gallery, vector, 3))

    monkeypatch.setattr(QdrantIndex, "upsert", searched)
    moved.rebuild_engines()
    assert seen == [filled[3].id]


def test_erased_bytes_leave_the_server(alone, server, gallery, vector, filled):
    gone = vector(4).astype("<f4").tobytes()
    assert holding(server, gone)
    alone.delete(filled[4])
    assert soon(lambda: holding(server, gone) == [])
    assert alone.check().whole


def soon(happened):
    """Whether it happens within some time: Qdrant removes files some moments after it says so."""
    until = time.monotonic() + 30
    while not (there := happened()) and time.monotonic() < until:
        time.sleep(0.1)
    return there


def holding(server, needle):
    found = []
    for folder, _, names in os.walk(server.storage):
        for file in (Path(folder) / name for name in names):
            with suppress(FileNotFoundError):  # it is just being removed
                found += [file] if needle in file.read_bytes() else []
    return found


def test_queries_are_answered_together_as_alone(moved, gallery, vector):
    vectors = np.stack([vector(number) for number in range(12)])
    together = moved.search(gallery, MODEL, vectors, 4)
    assert together == [moved.candidates(gallery, MODEL, one, 4) for one in vectors]


# Two at once


@pytest.fixture
def after_filling(monkeypatch):
    """``after_filling(do)``: something is done between the two readings of the next rebuild."""

    def after_filling(do):
        fill = outbox.fill

        def filled(*arguments):
            monkeypatch.setattr(outbox, "fill", fill)
            fill(*arguments)
            do()

        monkeypatch.setattr(outbox, "fill", filled)

    return after_filling


def test_compacted_during_a_rebuild(large, home, store, gallery, sample, vector, filled, after_filling):
    with Store.open(home) as other:

        def change():
            other.delete(filled[4])
            enroll(other, gallery, sample, [50])
            other.compact()

        after_filling(change)
        store.rebuild_engines()
    assert store.check().whole
    assert nearest(store, gallery, vector, 50)
    assert all(vector(4).tobytes() not in file.read_bytes() for file in (home / "index").iterdir())


def test_two_rebuilds_of_a_shared_engine(moved, gallery, vector, filled, after_filling):
    with Store.open(moved.path) as other:
        after_filling(moved.rebuild_engines)
        with pytest.raises(EngineError, match="is gone while it was written to"):
            other.rebuild_engines()
    assert moved.engine_status()[0].state == "ready"
    assert moved.engine_status()[0].indexed == 8


def test_a_move_to_the_same_server_by_another_address(moved, qdrant, qdrant_address, monkeypatch):
    before = moved.engine_status()[0].engine
    monkeypatch.setattr(shared, "AT_ONCE", 5)
    (status,) = moved.move_engine(qdrant_address("http" if "grpc&" in before else "grpc", shards=2))
    assert (status.indexed, status.state) == (8, "ready")
    assert len(shared_collections(qdrant, moved)) == 1


def test_a_search_that_is_late_leaves_nothing_where_nobody_looks(moved, qdrant, gallery, vector, filled, monkeypatch):
    with Store.open(moved.path) as late:
        left = late._retrieval.shared()
        there = shared_collections(qdrant, moved)
        moved.move_engine("faiss")
        monkeypatch.setattr(late._retrieval, "shared", lambda: left)
        assert nearest(late, gallery, vector, 2) == filled[2].id
    assert not shared_collections(qdrant, moved, there)


def test_what_changes_during_a_compaction_stays_listed(moved, gallery, sample, vector, monkeypatch):
    rebuild = moved.rebuild_engines
    monkeypatch.setattr(shared, "AT_ONCE", 5)
    with Store.open(moved.path) as other:
        monkeypatch.setattr(other._retrieval, "push", lambda: None)  # as an import or a merge does
        monkeypatch.setattr(moved, "rebuild_engines", lambda _: (rebuild(), enroll(other, gallery, sample, [60])))
        assert moved.compact().changes == 8
    assert moved.engine_status()[0].state == "behind"
    assert nearest(moved, gallery, vector, 60)
