"""A gallery in two dimensions."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spk.evaluate.overview import overview
from spk.store import Profile, Speaker, SpeakerState

NOBODY = UUID(int=0)


def profile(vectors: np.ndarray) -> Profile:
    speaker = Speaker(NOBODY, NOBODY, "somebody", SpeakerState.ENROLLED, datetime.now(UTC))
    return Profile(speaker, vectors.astype(np.float32), np.ones(len(vectors)), (), "model")


@given(count=st.integers(0, 12), dim=st.integers(1, 6), seed=st.integers(0, 99))
def test_it_has_a_place_for_everybody_and_is_always_the_same(count: int, dim: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 2, dim))
    people = [profile(one / np.linalg.norm(one, axis=1, keepdims=True)) for one in vectors]
    found = overview(people)
    assert found.places.shape == (count, 2)
    assert np.isfinite(found.places).all()
    assert -1e-9 <= found.explained[1] <= found.explained[0] <= 1 + 1e-9
    np.testing.assert_array_equal(overview(people).places, found.places)
    np.testing.assert_allclose(found.places.sum(axis=0), 0, atol=1e-6)


def test_two_groups_lie_apart_along_the_first_axis() -> None:
    rng = np.random.default_rng(1)
    ends = np.eye(8)[[0, 1]]
    people = [profile(ends[row % 2] + 0.05 * rng.normal(size=(3, 8))) for row in range(20)]
    found = overview(people)
    sides = np.sign(found.places[:, 0])
    assert abs(sides[::2].sum()) == abs(sides[1::2].sum()) == 10
    assert sides[0] != sides[1]
    assert found.explained[0] > 0.9
