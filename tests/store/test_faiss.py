"""The snapshot of the FAISS engine."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from spk.store.index import IndexRows, keys, to_uuid
from spk.store.index.faiss import FaissIndex

DIM = 16  # of the `vector` fixture
GALLERY, OTHER = UUID(int=1), UUID(int=2)


def crowd(vector, speakers, prints, gallery=GALLERY, seed=0):
    count = speakers * prints
    ids = [UUID(int=10_000 + seed + number) for number in range(count)]
    people = [UUID(int=20_000 + seed + number // prints) for number in range(count)]
    vectors = np.stack([vector(seed + number) for number in range(count)])
    return IndexRows(keys(ids), keys(people), keys([gallery] * count), vectors)


@pytest.fixture
def saved(tmp_path, vector):
    index = FaissIndex(tmp_path / "snapshot.faiss", DIM)
    rows, others = crowd(vector, 20, 3), crowd(vector, 5, 1, OTHER, seed=50_000)
    index.upsert(rows)
    index.upsert(others)
    index.commit(42)
    index.save()
    return tmp_path / "snapshot.faiss", rows, others


def test_a_snapshot_comes_back_whole(saved):
    path, *both = saved
    index = FaissIndex(path, DIM)
    assert (len(index), index.applied(), index.unsaved) == (65, 42, 0)
    for rows, gallery in zip(both, (GALLERY, OTHER), strict=True):
        for vector, found in zip(rows.vectors, index.search(rows.vectors, 1, gallery), strict=True):
            assert found[0].cosine == pytest.approx(1.0, abs=1e-6), vector
    rows = both[0]
    index.upsert(rows[:5])
    index.delete([to_uuid(key) for key in rows.ids[:10].tolist()])
    assert len(index) == 55
    assert index.search(rows.vectors[:1], 1, GALLERY)[0][0].cosine < 0.999
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.99, 0.9999])
def test_a_truncated_snapshot_is_noticed(saved, share):
    path, *_ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    index = FaissIndex(path, DIM)
    assert (len(index), index.applied()) == (0, 0)


def test_any_altered_byte_is_noticed(saved):
    path, *_ = saved
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
        index = FaissIndex(path, DIM)
        assert (len(index), index.applied()) == (0, 0), place


def test_a_longer_snapshot_or_another_file_is_noticed(saved):
    path, *_ = saved
    for content in (
        path.read_bytes() + b"x",
        b"{}\n",
        b"[]\n",
        b"\xff\xfe",
        b'{"format": "spk-index-1", "applied": 1, "galleries": [[1]]}\n',
        b"7\n",
    ):
        path.write_bytes(content)
        assert FaissIndex(path, DIM).applied() == 0


def test_a_snapshot_of_nothing(tmp_path):
    index = FaissIndex(tmp_path / "empty", DIM)
    index.commit(3)
    index.save()
    assert FaissIndex(tmp_path / "empty", DIM).applied() == 3
