from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spk.errors import InputError
from spk.identify.scoring import BACKGROUND_WEIGHT, CentredCosine, gallery_centre, mean_profiles


@dataclass(frozen=True, eq=False)
class Voice:
    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def voices(rng, people, dim=16, most=4, shift=0.0):
    """People whose samples scatter around a place of their own, all of them shifted alike."""
    places = unit(rng.normal(size=(people, dim)))
    made = []
    for place in places:
        samples = place + 0.15 * rng.normal(size=(rng.integers(1, most + 1), dim)) + shift
        made.append(Voice(unit(samples), np.full(len(samples), 3.0)))
    return places, made


def test_the_best_score_is_the_persons_own():
    rng = np.random.default_rng(0)
    places, people = voices(rng, 12)
    scores = CentredCosine(gallery_centre(people, np.zeros(16)))(unit(places), people)
    assert scores.shape == (12, 12)
    assert (scores.argmax(axis=1) == np.arange(12)).all()
    assert np.abs(scores).max() <= 1 + 1e-12


def test_centring_takes_away_what_everybody_shares():
    rng = np.random.default_rng(1)
    shift = 0.6 * unit(rng.normal(size=16))
    _, people = voices(rng, 30, shift=shift)
    strangers = unit(unit(rng.normal(size=(200, 16))) + shift)
    plain = CentredCosine(np.zeros(16))(strangers, people)
    centred = CentredCosine(gallery_centre(people, np.zeros(16), weight=0))(strangers, people)
    assert plain.mean() > 0.2
    assert abs(centred.mean()) < 0.05


def test_a_small_gallery_leans_on_the_background():
    _, people = voices(np.random.default_rng(2), 40)
    background = np.full(16, 0.1)
    assert np.array_equal(gallery_centre([], background), background)
    alone = gallery_centre(people[:1], background)
    expected = (mean_profiles(people[:1])[0] + BACKGROUND_WEIGHT * background) / (1 + BACKGROUND_WEIGHT)
    assert np.allclose(alone, expected)
    many = gallery_centre(people, background)
    own = mean_profiles(people).mean(axis=0)
    assert np.linalg.norm(many - own) < np.linalg.norm(many - background)


def test_people_count_alike_however_many_samples_they_gave():
    one, other = unit(np.array([[1.0, 0.0]])), unit(np.array([[0.0, 1.0]]))
    few = [Voice(one, np.ones(1)), Voice(other, np.ones(1))]
    many = [Voice(np.repeat(one, 9, axis=0), np.ones(9)), Voice(other, np.ones(1))]
    assert np.allclose(gallery_centre(few, np.zeros(2)), gallery_centre(many, np.zeros(2)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 5))
def test_a_batch_scores_as_its_voices_do_alone(seed, people, tests):
    rng = np.random.default_rng(seed)
    _, gallery = voices(rng, people, dim=8)
    test = unit(rng.normal(size=(tests, 8)))
    scorer = CentredCosine(gallery_centre(gallery, np.zeros(8)))
    together = scorer(test, gallery)
    assert together.shape == (tests, people)
    assert np.isfinite(together).all()
    for voice in range(tests):
        for person in range(people):
            alone = scorer(test[voice : voice + 1], gallery[person : person + 1])
            assert np.allclose(together[voice, person], alone[0, 0])


def test_scores_do_not_depend_on_the_order_of_samples():
    _, people = voices(np.random.default_rng(3), 3, most=5)
    backwards = [Voice(person.vectors[::-1], person.net_seconds[::-1]) for person in people]
    test = unit(np.random.default_rng(4).normal(size=(5, 16)))
    scorer = CentredCosine(np.zeros(16))
    assert np.allclose(scorer(test, people), scorer(test, backwards))


def test_an_empty_gallery_scores_nothing():
    assert CentredCosine(np.zeros(4))(np.ones((3, 4)), []).shape == (3, 0)


def test_a_vector_in_the_centre_scores_zero_and_not_nan():
    person = Voice(unit(np.array([[1.0, 1.0]])), np.ones(1))
    scorer = CentredCosine(person.vectors[0].astype(np.float64))
    assert scorer(person.vectors, [person]).tolist() == [[0.0]]


def test_what_cannot_be_scored_is_refused():
    person = Voice(unit(np.ones((2, 4))), np.ones(2))
    with pytest.raises(InputError, match=r"\(n, 4\)"):
        CentredCosine(np.zeros(4))(np.ones((3, 5)), [person])
    with pytest.raises(InputError, match="dimensions differ"):
        CentredCosine(np.zeros(5))(np.ones((3, 5)), [person])
    with pytest.raises(InputError, match="without a sample"):
        mean_profiles([Voice(np.zeros((0, 4), np.float32), np.zeros(0))])
