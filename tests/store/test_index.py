"""One contract for every vector engine, checked against a plain loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from threading import Event, Lock
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spk.errors import FingerprintError, InputError
from spk.store.index import IndexRows, VectorIndex, keys
from spk.store.index.exact import ExactIndex
from spk.store.index.faiss import FaissIndex

DIM = 16  # of the `vector` fixture
GALLERY, OTHER = UUID(int=1), UUID(int=2)
ENGINES = ["exact", "faiss", "faiss by means", "qdrant http", "qdrant grpc"]


class Exact:
    """Makes engines that last as long as a test; ``lock`` is what whoever changes or asks one holds."""

    def __init__(self) -> None:
        self.lock: AbstractContextManager = Lock()

    def make(self, model: str = "a model", dim: int = DIM) -> VectorIndex:  # noqa: ARG002 - others need it
        return ExactIndex(dim)

    def reopened(self, index: VectorIndex) -> VectorIndex:
        return index


class Faiss(Exact):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def make(self, model: str = "a model", dim: int = DIM) -> VectorIndex:
        return FaissIndex(self._folder / f"{model} {uuid4()}", dim)

    def reopened(self, index: VectorIndex) -> VectorIndex:
        index.save()
        return FaissIndex(index._snapshot, index._dim)


class Qdrant(Exact):
    def __init__(self, address: Callable[..., str], transport: str) -> None:
        self.lock = nullcontext()  # it looks after itself
        self._address, self._transport = address, transport
        self._nodes = None

    def make(self, model: str = "a model", dim: int = DIM) -> VectorIndex:
        from spk.store.index.qdrant import QdrantIndex
        from spk.store.index.qdrant_address import QdrantAddress
        from spk.store.index.qdrant_nodes import Nodes

        self._nodes = self._nodes or Nodes(QdrantAddress.parse(self._address(self._transport)), None)
        return QdrantIndex(self._nodes, model, dim)

    def reopened(self, index: VectorIndex) -> VectorIndex:
        self._nodes.close()
        self._nodes = None
        return self.make(index._fingerprint)


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path, monkeypatch) -> Iterator[Exact]:
    name, _, how = request.param.partition(" ")
    if name == "exact":
        return Exact()
    if name == "faiss":
        if how:
            monkeypatch.setattr("spk.store.index.faiss.CENTROIDS_FROM", 1)
        return Faiss(tmp_path)
    return Qdrant(request.getfixturevalue("qdrant_address"), how)


@pytest.fixture
def index(engine):
    return engine.make()


def rows_of(*rows: tuple[UUID, UUID, UUID, np.ndarray]) -> IndexRows:
    """Of an id, a speaker, a gallery and a vector each."""
    ids, speakers, galleries, vectors = zip(*rows, strict=True) if rows else ((), (), (), ())
    return IndexRows(keys(ids), keys(speakers), keys(galleries), np.array(vectors, np.float32).reshape(-1, DIM))


def together(*parts: IndexRows) -> IndexRows:
    columns = ("ids", "speakers", "galleries", "vectors")
    return IndexRows(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def ids_of(column) -> list[UUID]:
    return [UUID(bytes=key.ljust(16, b"\0")) for key in column.tolist()]


def crowd(vector, speakers, prints, gallery=GALLERY, seed=0) -> IndexRows:
    return rows_of(
        *(
            (uuid4(), speaker, gallery, vector(seed + 1000 * number + copy))
            for number, speaker in enumerate(uuid4() for _ in range(speakers))
            for copy in range(prints)
        )
    )


def expected(rows: IndexRows, query, k, gallery):
    best = {}
    people = zip(ids_of(rows.speakers), ids_of(rows.galleries), rows.vectors, strict=True)
    for speaker, where, vector in people:
        if where == gallery:
            best[speaker] = max(float(vector @ query), best.get(speaker, -2.0))
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:k]


def check(index, rows, query, k, gallery=GALLERY):
    compare(index.search(query[None], k, gallery)[0], rows, query, k, gallery)


def compare(found, rows, query, k, gallery=GALLERY):
    best = expected(rows, query, k + 1, gallery)
    wanted = best[:k]
    assert [candidate.cosine for candidate in found] == pytest.approx([cosine for _, cosine in wanted], abs=1e-6)
    assert len({candidate.speaker for candidate in found}) == len(found)
    if len({round(cosine, 5) for _, cosine in best}) == len(best):  # no near ties, nor with the first left out
        assert [candidate.speaker for candidate in found] == [speaker for speaker, _ in wanted]


def test_empty(index, vector):
    assert index.search(vector(0)[None], 5, GALLERY) == [[]]
    assert (len(index), index.applied(), sum(map(len, index.rows()))) == (0, 0, 0)
    index.delete([uuid4()])
    index.delete([])
    index.upsert(rows_of())
    assert (len(index), index.applied()) == (0, 0)


@pytest.mark.parametrize("k", [1, 3, 10, 50, 1000])
def test_distinct_speakers_best_first(index, vector, k):
    rows = crowd(vector, speakers=50, prints=7)
    index.upsert(rows)
    for seed in range(3):
        check(index, rows, vector(10**6 + seed), k)


def test_several_queries_are_answered_as_each_alone(index, vector):
    rows = crowd(vector, speakers=20, prints=3)
    index.upsert(rows)
    queries = np.stack([vector(seed) for seed in range(11)])
    found = index.search(queries, 6, GALLERY)
    assert len(found) == 11
    for query, some in zip(queries, found, strict=True):
        compare(some, rows, query, 6)
    assert index.search(queries[:0], 6, GALLERY) == []


def test_a_speaker_with_nearly_every_print_does_not_hide_the_others(index, vector):
    query, loud = vector(1), uuid4()
    rows = together(rows_of(*((uuid4(), loud, GALLERY, query) for _ in range(300))), crowd(vector, 30, 1))
    index.upsert(rows)
    for k in (3, 20):
        check(index, rows, query, k)


def test_many_prints_near_to_the_query_do_not_use_up_the_answer(index, vector):
    """Forty people of fifty prints each, all as near as can be: the best thirty speakers are still found."""
    rng, query, rows = np.random.default_rng(0), vector(1), []
    for _ in range(40):
        speaker = uuid4()
        for noise in rng.normal(scale=0.02, size=(50, DIM)):
            near = (query + noise).astype(np.float32)
            rows.append((uuid4(), speaker, GALLERY, near / np.linalg.norm(near)))
    rows = rows_of(*rows)
    index.upsert(rows)
    check(index, rows, query, 30)


def test_galleries_do_not_see_each_other(index, vector):
    rows = together(crowd(vector, 5, 2), crowd(vector, 5, 2, OTHER, seed=50_000))
    index.upsert(rows)
    for gallery in (GALLERY, OTHER):
        check(index, rows, vector(7), 20, gallery)
    assert index.search(vector(7)[None], 5, UUID(int=3)) == [[]]


def test_models_do_not_see_each_other(engine, vector):
    one, two = engine.make("a model"), engine.make("modèle 声 /../*")
    ours, theirs = crowd(vector, 5, 2), crowd(vector, 7, 2, seed=50_000)
    for index, rows, position in ((one, ours, 3), (two, theirs, 4)):
        index.upsert(rows)
        index.commit(position)
    for index, rows, position in ((one, ours, 3), (two, theirs, 4)):
        check(index, rows, vector(7), 20)
        assert (len(index), index.applied()) == (len(rows), position)


def test_upsert_replaces(index, vector):
    rows = crowd(vector, 5, 3)
    index.upsert(rows)
    index.upsert(rows)
    check(index, rows, vector(7), 20)
    moved = rows_of(*((id_, UUID(int=88), GALLERY, vector(99)) for id_ in ids_of(rows.ids)[6:]))
    index.upsert(moved)
    check(index, together(rows[:6], moved), vector(7), 20)
    assert len(index) == len(rows)


def test_upsert_into_another_gallery(index, vector):
    rows = crowd(vector, 4, 2)
    index.upsert(rows)
    moved = IndexRows(rows.ids[:3], rows.speakers[:3], keys([OTHER] * 3), rows.vectors[:3])
    index.upsert(moved)
    for gallery in (GALLERY, OTHER):
        check(index, together(rows[3:], moved), vector(7), 20, gallery)


def test_delete(index, vector):
    rows = crowd(vector, 10, 3)
    index.upsert(rows)
    for _ in range(2):
        index.delete(ids_of(rows.ids)[::2])
        check(index, rows[1::2], vector(7), 20)
    index.delete(ids_of(rows.ids))
    assert index.search(vector(7)[None], 5, GALLERY) == [[]]
    assert len(index) == 0


@pytest.mark.parametrize("equal", [4, 40])
def test_equal_cosines_come_in_the_order_of_the_ids(index, vector, equal):
    speakers = [UUID(int=256 * number) for number in range(equal, 0, -1)]  # ids that end in zeros
    index.upsert(rows_of(*((uuid4(), speaker, GALLERY, vector(1)) for speaker in speakers for _ in range(9))))
    index.upsert(crowd(vector, 30, 1, seed=900))
    (found,) = index.search(vector(1)[None], 3, GALLERY)
    assert [candidate.speaker.int // 256 for candidate in found] == [1, 2, 3]


def test_rows_are_all_that_was_put_in(index, vector):
    rows = together(crowd(vector, 40, 3), crowd(vector, 5, 1, OTHER, seed=50_000))
    index.upsert(rows)
    index.commit(7)
    there = together(*index.rows())
    assert len(there) == len(index) == len(rows)
    ours, theirs = np.argsort(rows.ids), np.argsort(there.ids)
    for column in ("ids", "speakers", "galleries", "vectors"):
        assert (getattr(rows, column)[ours] == getattr(there, column)[theirs]).all(), column


def test_the_position_is_kept_and_is_no_voiceprint(engine, vector):
    index = engine.make()
    index.commit(17)
    assert (index.applied(), len(index), sum(map(len, index.rows()))) == (17, 0, 0)
    index.upsert(crowd(vector, 2, 2))
    assert (index.applied(), len(index)) == (17, 4)
    index.commit(2**40)
    index = engine.reopened(index)
    assert (index.applied(), len(index)) == (2**40, 4)


def test_what_is_not_committed_yet_may_be_searched(index, vector):
    rows = crowd(vector, 3, 1)
    index.upsert(rows)
    assert index.applied() == 0
    check(index, rows, vector(7), 5)


def test_vectors_of_another_length(index):
    wrong = np.ones((1, DIM + 1), np.float32)
    with pytest.raises(FingerprintError, match=r"\(1, 17\)"):
        index.upsert(IndexRows(keys([uuid4()]), keys([uuid4()]), keys([GALLERY]), wrong))
    for queries in (wrong, wrong[0]):
        with pytest.raises(FingerprintError, match="embed the audio with its model"):
            index.search(queries, 1, GALLERY)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite(index, vector, value):
    wrong = vector(1)[None].copy()
    wrong[0, 3] = value
    with pytest.raises(InputError, match="not finite"):
        rows_of((uuid4(), uuid4(), GALLERY, wrong[0]))
    with pytest.raises(InputError, match="not finite"):
        index.search(wrong, 1, GALLERY)


def test_threads_that_write_and_read(engine, index, vector):
    """Each writer finds what it wrote, whatever the others do; in the end everything is there once."""
    parts = [crowd(vector, 6, 4, seed=10_000 * number) for number in range(4)]

    def write(rows):
        for start in range(0, len(rows), 4):
            some = rows[start : start + 4]
            with engine.lock:
                index.upsert(some)
            with engine.lock:
                (found,) = index.search(some.vectors[:1], 1, GALLERY)
            assert found[0].cosine == pytest.approx(1.0, abs=1e-6)
            with engine.lock:
                index.delete(ids_of(some.ids[3:]))

    with ThreadPoolExecutor(len(parts)) as threads:
        list(threads.map(write, parts))
    kept = together(*parts)[np.arange(4 * 24) % 4 < 3]
    assert len(index) == len(kept)
    check(index, kept, vector(7), 50)


def test_rebuild_while_searches_go_on(engine, index, vector):
    rows = crowd(vector, 20, 3)
    index.upsert(rows)
    index.upsert(crowd(vector, 1, 1, OTHER))  # as left by a mistake: a rebuild is rid of it
    index.commit(5)
    stop, query = Event(), vector(7)

    def search():
        count = 0
        while not stop.is_set():
            with engine.lock:
                check(index, rows, query, 10)
            count += 1
        return count

    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(2))
        stack.callback(stop.set)
        searching = [threads.submit(search) for _ in range(2)]
        for position in (6, 7, 8):
            with engine.lock:
                fresh = index.fresh()
            assert (len(fresh), fresh.applied()) == (0, 0)
            fresh.upsert(rows)
            fresh.commit(position)
            assert index.applied() in (5, position - 1)  # until then nobody notices
            with engine.lock:
                fresh.publish()
            check(fresh, rows, query, 10)
            assert (fresh.applied(), len(fresh)) == (position, len(rows))
        stop.set()
        assert all(search.result() > 0 for search in searching)
    reopened = engine.reopened(fresh)
    assert (reopened.applied(), len(reopened)) == (8, len(rows))


def test_dropping_leaves_nothing(engine, vector):
    index = engine.make()
    index.upsert(crowd(vector, 4, 2))
    index.commit(5)
    index.drop()
    assert (len(index), index.applied()) == (0, 0)
    assert index.search(vector(7)[None], 5, GALLERY) == [[]]
    rows = crowd(vector, 2, 2)
    index.upsert(rows)
    check(index, rows, vector(7), 5)


def test_any_sequence_of_changes(engine, vector):
    """Every engine, closed and opened again, holds what a dictionary holds."""
    ids = [UUID(int=100 + number) for number in range(12)]
    speakers = [UUID(int=200 + number) for number in range(4)]

    @settings(max_examples=5 if isinstance(engine, Qdrant) else 40, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data):
        index, rows = engine.make(str(uuid4())), {}
        for _ in range(data.draw(st.integers(1, 12))):
            some = data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=8))
            if data.draw(st.booleans()):
                new = {
                    id_: (
                        id_,
                        data.draw(st.sampled_from(speakers)),
                        data.draw(st.sampled_from([GALLERY, OTHER])),
                        vector(data.draw(st.integers(0, 99))),
                    )
                    for id_ in some
                }
                rows |= new
                index.upsert(rows_of(*new.values()))
            else:
                for id_ in some:
                    rows.pop(id_, None)
                index.delete(some)
            if data.draw(st.booleans()):
                index = engine.reopened(index)
        for gallery in (GALLERY, OTHER):
            for k in (1, 3, 5):
                check(index, rows_of(*rows.values()), vector(1234), k, gallery)
        assert len(index) == len(rows)

    run()
