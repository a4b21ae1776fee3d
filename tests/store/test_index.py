"""One contract for every vector engine, checked against a plain loop."""

from __future__ import annotations

from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk.store.index import IndexRow
from spk.store.index.exact import ExactIndex
from spk.store.index.faiss import FaissIndex

GALLERY, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture(params=["exact", "faiss"])
def index(request, tmp_path):
    return ExactIndex() if request.param == "exact" else FaissIndex(tmp_path / "snapshot.faiss")


def expected(rows, query, k, gallery):
    best = {}
    for row in rows:
        if row.gallery == gallery:
            best[row.speaker] = max(float(row.vector @ query), best.get(row.speaker, -2.0))
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:k]


def check(index, rows, query, k, gallery=GALLERY):
    found = index.search(query, k, gallery)
    best = expected(rows, query, k + 1, gallery)
    wanted = best[:k]
    assert [candidate.cosine for candidate in found] == pytest.approx([cosine for _, cosine in wanted], abs=1e-6)
    assert len({candidate.speaker for candidate in found}) == len(found)
    if len({round(cosine, 5) for _, cosine in best}) == len(best):  # no near ties, nor with the first left out
        assert [candidate.speaker for candidate in found] == [speaker for speaker, _ in wanted]


def crowd(vector, speakers, prints, gallery=GALLERY, seed=0):
    return [
        IndexRow(uuid4(), speaker, gallery, vector(seed + 1000 * number + copy))
        for number, speaker in enumerate(uuid4() for _ in range(speakers))
        for copy in range(prints)
    ]


def test_empty(index, vector):
    assert index.search(vector(0), 5, GALLERY) == []
    assert index.applied() == 0
    index.delete([uuid4()])
    index.upsert([])


@pytest.mark.parametrize("k", [1, 3, 10, 50, 1000])
def test_distinct_speakers_best_first(index, vector, k):
    rows = crowd(vector, speakers=50, prints=7)
    index.upsert(rows)
    for seed in range(5):
        check(index, rows, vector(10**6 + seed), k)


def test_a_speaker_with_nearly_every_print_does_not_hide_the_others(index, vector):
    query = vector(1)
    loud = uuid4()
    rows = [IndexRow(uuid4(), loud, GALLERY, query) for _ in range(300)] + crowd(vector, 5, 1)
    index.upsert(rows)
    check(index, rows, query, 3)


def test_galleries_do_not_see_each_other(index, vector):
    ours, theirs = crowd(vector, 5, 2), crowd(vector, 5, 2, OTHER, seed=50_000)
    index.upsert([*ours, *theirs])
    for gallery in (GALLERY, OTHER):
        check(index, ours + theirs, vector(7), 20, gallery)
    assert index.search(vector(7), 5, UUID(int=3)) == []


def test_upsert_replaces(index, vector):
    rows = crowd(vector, 5, 3)
    index.upsert(rows)
    index.upsert(rows)
    check(index, rows, vector(7), 20)
    moved = [IndexRow(row.id, rows[0].speaker, GALLERY, vector(99)) for row in rows[6:]]
    index.upsert(moved)
    check(index, rows[:6] + moved, vector(7), 20)


def test_upsert_into_another_gallery(index, vector):
    rows = crowd(vector, 4, 2)
    index.upsert(rows)
    moved = [IndexRow(row.id, row.speaker, OTHER, row.vector) for row in rows[:3]]
    index.upsert(moved)
    for gallery in (GALLERY, OTHER):
        check(index, rows[3:] + moved, vector(7), 20, gallery)


def test_delete(index, vector):
    rows = crowd(vector, 10, 3)
    index.upsert(rows)
    index.delete([row.id for row in rows[::2]])
    index.delete([row.id for row in rows[::2]])
    check(index, rows[1::2], vector(7), 20)
    index.delete([row.id for row in rows])
    assert index.search(vector(7), 5, GALLERY) == []


def test_equal_cosines_come_in_the_order_of_the_ids(index, vector):
    speakers = [UUID(int=number) for number in (5, 3, 9, 7)]
    index.upsert([IndexRow(uuid4(), speaker, GALLERY, vector(1)) for speaker in speakers for _ in range(20)])
    index.upsert(crowd(vector, 30, 1, seed=900))
    found = index.search(vector(1), 3, GALLERY)
    assert [candidate.speaker.int for candidate in found] == [3, 5, 7]


def test_position(index):
    index.commit(17)
    assert index.applied() == 17


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_sequence_of_changes(tmp_path_factory, vector, data):
    """Both engines, through saving and loading, hold what a dictionary holds."""
    ids = [UUID(int=100 + number) for number in range(12)]
    speakers = [UUID(int=200 + number) for number in range(4)]
    folder = tmp_path_factory.mktemp("snapshots")
    exact, faiss, rows = ExactIndex(), FaissIndex(folder / "a"), {}
    for _ in range(data.draw(st.integers(1, 12))):
        some = data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=8))
        if data.draw(st.booleans()):
            new = [
                IndexRow(
                    id_,
                    data.draw(st.sampled_from(speakers)),
                    data.draw(st.sampled_from([GALLERY, OTHER])),
                    vector(data.draw(st.integers(0, 99))),
                )
                for id_ in some
            ]
            rows |= {row.id: row for row in new}
            exact.upsert(new)
            faiss.upsert(new)
        else:
            for id_ in some:
                rows.pop(id_, None)
            exact.delete(some)
            faiss.delete(some)
        if data.draw(st.booleans()):
            faiss.save()
            faiss = FaissIndex(folder / "a")
    for gallery in (GALLERY, OTHER):
        for k in (1, 3, 5):
            check(exact, rows.values(), vector(1234), k, gallery)
            check(faiss, rows.values(), vector(1234), k, gallery)
    assert len(exact) == len(faiss) == len(rows)


# The snapshot of the FAISS engine


@pytest.fixture
def saved(tmp_path, vector):
    index = FaissIndex(tmp_path / "snapshot.faiss")
    rows = crowd(vector, 20, 3) + crowd(vector, 5, 1, OTHER, seed=50_000)
    index.upsert(rows)
    index.commit(42)
    index.save()
    return tmp_path / "snapshot.faiss", rows


def test_a_snapshot_comes_back_whole(saved, vector):
    path, rows = saved
    index = FaissIndex(path)
    assert (len(index), index.applied(), index.unsaved) == (65, 42, 0)
    for gallery in (GALLERY, OTHER):
        check(index, rows, vector(7), 30, gallery)
    index.upsert(rows[:5])
    index.delete([row.id for row in rows[:10]])
    check(index, rows[10:], vector(7), 30)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.99, 0.9999])
def test_a_truncated_snapshot_is_noticed(saved, share):
    path, _ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    index = FaissIndex(path)
    assert (len(index), index.applied()) == (0, 0)


def test_any_altered_byte_is_noticed(saved):
    path, _ = saved
    content = path.read_bytes()
    header = content.index(b"\n") + 1
    places = [
        *range(header),
        *np.random.default_rng(0).integers(header, len(content), 150),
        len(content) - 1,
    ]
    for place in places:
        altered = bytearray(content)
        altered[place] ^= 1 << (int(place) % 8)
        path.write_bytes(altered)
        index = FaissIndex(path)
        assert (len(index), index.applied()) == (0, 0), place


def test_a_longer_snapshot_or_another_file_is_noticed(saved):
    path, _ = saved
    for content in (
        path.read_bytes() + b"x",
        b"{}\n",
        b"[]\n",
        b"\xff\xfe",
        b'{"format": "spk-index-1", "applied": 1, "galleries": [[1]]}\n',
        b"7\n",
    ):
        path.write_bytes(content)
        assert FaissIndex(path).applied() == 0


def test_a_snapshot_of_nothing(tmp_path):
    index = FaissIndex(tmp_path / "empty")
    index.commit(3)
    index.save()
    assert FaissIndex(tmp_path / "empty").applied() == 3
