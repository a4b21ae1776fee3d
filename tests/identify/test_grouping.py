"""Many voices of many recordings, grouped by person."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from spk.audio import load
from spk.embed import Speech, embed_speech
from spk.errors import InputError
from spk.identify import Calibration
from spk.identify.grouping import group
from spk.identify.scoring import CentredCosine

DIM = 32


def scorer(dim: int = DIM):
    recipe = CentredCosine()
    recipe.background_ = np.zeros(dim)
    calibration = Calibration("toy", "f", recipe, slope=40.0, offset=20.0)
    return SimpleNamespace(scorer=calibration.scorer(), calibration=calibration)


def voices(people: int, each: int, spread: float = 0.05, seed: int = 0):
    """Voices (n, dim) in random order, and whose they are."""
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(people), each))
    rows = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0][:people][owners] + spread * rng.normal(size=(len(owners), DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), owners


def partition(labels) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def test_one_group_a_person():
    rows, owners = voices(12, 7)
    labels = group(scorer(), rows, np.full(len(rows), 5.0))
    assert partition(labels) == partition(owners)
    first = [int(np.flatnonzero(labels == label)[0]) for label in range(12)]
    assert first == sorted(first)  # numbered in the order of their first voices


def test_the_order_does_not_matter():
    rows, _ = voices(9, 6, spread=0.12)
    seconds = np.random.default_rng(1).uniform(1, 9, len(rows))
    order = np.random.default_rng(2).permutation(len(rows))
    labels, shuffled = group(scorer(), rows, seconds), group(scorer(), rows[order], seconds[order])
    assert partition(shuffled) == {frozenset(np.argsort(order)[list(some)].tolist()) for some in partition(labels)}


def test_nothing_and_one():
    assert group(scorer(), np.zeros((0, DIM), np.float32), []).tolist() == []
    assert group(scorer(), np.eye(1, DIM, dtype=np.float32), [3.0]).tolist() == [0]


def test_too_little_speech_joins_nobody():
    rows, _ = voices(1, 4, spread=0.01)
    assert group(scorer(), rows, [0.01] * 4).tolist() == [0, 1, 2, 3]


def test_what_is_known_keeps_groups_apart():
    rows, _ = voices(1, 5, spread=0.01)
    labels = group(scorer(), rows, [5.0] * 5, kinds=[[0], [0], [1], [1], [-1]])
    assert labels[0] == labels[1] != labels[2] == labels[3]
    assert labels[4] in (labels[0], labels[2])


def test_a_group_that_is_a_little_like_everybody_takes_in_nobody_more():
    """Voices that resemble a mean of all, but hardly one another."""
    rng = np.random.default_rng(0)
    rows = 0.62 * np.eye(1, DIM)[0] + rng.normal(size=(200, DIM)) / np.sqrt(DIM)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    sizes = [np.bincount(group(scorer(), rows, np.full(200, 5.0), typical=typical)).max() for typical in (-99.0, 3.0)]
    assert sizes[0] > 100 > 2 * sizes[1]


def test_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="do not fit"):
        group(scorer(), np.eye(3, DIM, dtype=np.float32), [1.0, 2.0])


def test_progress_ends_with_all():
    told: list[tuple[int, int]] = []
    rows, _ = voices(3, 4)
    group(scorer(), rows, np.full(12, 5.0), progress=lambda done, total, _: told.append((done, total)))
    assert told[-1] == (12, 12)
    assert told == sorted(told)


def test_people_of_recordings(corpus, room):
    """Clips of a dozen people: one group each, or nearly."""
    people = list(dict.fromkeys(row["speaker"] for row in corpus.rows if row["role"] == "enroll"))[::4]
    files = [(who, file) for who in people for file in corpus.files("enroll", who)[:4]]
    speeches = [Speech(audio, room.vad(audio), alone=True) for audio in (load(file) for _, file in files)]
    vectors = embed_speech(room.embedder, speeches)
    labels = group(room.scorer, vectors, [speech.net_seconds for speech in speeches])
    owners = np.unique([who for who, _ in files], return_inverse=True)[1]
    same, joined = owners[:, None] == owners, labels[:, None] == labels
    pairs = np.triu_indices(len(labels), 1)
    right = (same & joined)[pairs].sum()
    assert right >= 0.95 * joined[pairs].sum()
    assert right >= 0.85 * same[pairs].sum()
