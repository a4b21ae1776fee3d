"""One suite for every recipe, then what each of them is there for."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spk.errors import InputError
from spk.identify.scoring import (
    BACKGROUND_WEIGHT,
    RECIPES,
    AsNorm,
    CentredCosine,
    Cosine,
    Fusion,
    LdaPlda,
    Plda,
    PrototypeCosine,
    gallery_centre,
    mean_profiles,
    recipe_from_json,
)

DIM = 16
HALVES = (6, 10)


@dataclass(frozen=True, eq=False)
class Voice:
    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def people(rng, count, samples=4, shift=0.0, spread=0.15):
    """People whose samples scatter around a place of their own, all of them shifted alike."""
    places = unit(rng.normal(size=(count, DIM)))
    made = [unit(place + spread * rng.normal(size=(samples, DIM)) + shift) for place in places]
    return [Voice(rows, np.full(samples, 3.0)) for rows in made]


def fitted(make, rng=None):
    some = people(rng or np.random.default_rng(99), 40, shift=0.1)
    rows = np.concatenate([voice.vectors for voice in some])
    return make().fit(rows, np.repeat(np.arange(40), 4))


def probes(voices):
    """One new sample of each person: their mean, a little off."""
    means = np.stack([voice.vectors.mean(axis=0) for voice in voices])
    return unit(means + 0.1 * np.random.default_rng(5).normal(size=means.shape))


MAKE = {**RECIPES, "fusion": lambda: Fusion(HALVES, (CentredCosine(), Plda()))}


@pytest.fixture(params=MAKE, scope="module")
def recipe(request):
    return fitted(MAKE[request.param])


def test_the_best_score_is_the_persons_own(recipe):
    voices = people(np.random.default_rng(0), 12)
    scores = recipe.scorer(voices)(probes(voices), voices)
    assert scores.shape == (12, 12)
    assert (scores.argmax(axis=1) == np.arange(12)).all()


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6), tests=st.integers(0, 5))
def test_a_batch_scores_as_its_voices_do_alone(recipe, seed, count, tests):
    rng = np.random.default_rng(seed)
    gallery = people(rng, count, samples=int(rng.integers(1, 5)))
    test = unit(rng.normal(size=(tests, DIM)))
    scorer = recipe.scorer(gallery)
    together = scorer(test, gallery)
    assert together.shape == (tests, count)
    assert np.isfinite(together).all()
    for voice in range(tests):
        for person in range(count):
            alone = scorer(test[voice : voice + 1], gallery[person : person + 1])
            assert np.allclose(together[voice, person], alone[0, 0])


def test_scores_do_not_depend_on_the_order_of_samples(recipe):
    voices = people(np.random.default_rng(3), 3, samples=5)
    backwards = [Voice(voice.vectors[::-1], voice.net_seconds[::-1]) for voice in voices]
    test = unit(np.random.default_rng(4).normal(size=(5, DIM)))
    scorer = recipe.scorer(voices)
    assert np.allclose(scorer(test, voices), scorer(test, backwards))


def test_what_is_saved_scores_the_same(recipe):
    voices = people(np.random.default_rng(6), 8)
    again = recipe_from_json(json.loads(json.dumps(recipe.to_json())))
    assert again.name == recipe.name
    assert again.to_json() == recipe.to_json()
    expected = recipe.scorer(voices)(probes(voices), voices)
    assert np.allclose(again.scorer(voices)(probes(voices), voices), expected, atol=1e-3)


def test_nobody_scores_nothing(recipe):
    assert recipe.scorer()(np.ones((3, DIM)), []).shape == (3, 0)


def test_what_cannot_be_scored_is_refused(recipe):
    person, scorer = Voice(unit(np.ones((2, DIM))), np.ones(2)), recipe.scorer()
    with pytest.raises(InputError, match=rf"\(n, {DIM}\)"):
        scorer(np.ones((3, 5)), [person])
    with pytest.raises(InputError, match="dimensions differ"):
        scorer(np.ones((3, DIM)), [Voice(unit(np.ones((2, 5))), np.ones(2))])
    with pytest.raises(InputError, match="without a sample"):
        scorer(np.ones((3, DIM)), [Voice(np.zeros((0, DIM), np.float32), np.zeros(0))])
    with pytest.raises(InputError, match="finite"):
        scorer(np.full((1, DIM), np.nan), [person])


@pytest.mark.parametrize("name", MAKE)
def test_what_cannot_be_fitted_is_refused(name):
    rows = np.random.default_rng(0).normal(size=(40, DIM))
    with pytest.raises(InputError, match="do not fit"):
        MAKE[name]().fit(rows, np.arange(39))
    with pytest.raises(InputError, match="finite"):
        MAKE[name]().fit(np.full((40, DIM), np.inf), np.arange(40) // 2)
    if name not in ("cosine", "centred-cosine", "prototype-cosine"):
        with pytest.raises(InputError, match="speakers"):
            MAKE[name]().fit(rows, np.zeros(40))


def test_only_cosines_are_called_so():
    cosines = {name for name, make in MAKE.items() if make().is_cosine}
    assert cosines == {"cosine", "centred-cosine", "prototype-cosine"}
    assert Fusion(HALVES, (Cosine(), CentredCosine())).is_cosine


def test_an_unknown_recipe_is_refused():
    with pytest.raises(InputError, match="'magic'"):
        recipe_from_json({"name": "magic"})


# Cosines


def test_centring_takes_away_what_everybody_shares():
    rng = np.random.default_rng(1)
    shift = 0.6 * unit(rng.normal(size=DIM))
    voices = people(rng, 30, shift=shift)
    strangers = unit(unit(rng.normal(size=(200, DIM))) + shift)
    assert fitted(Cosine).scorer(voices)(strangers, voices).mean() > 0.2
    assert abs(fitted(CentredCosine).scorer(voices)(strangers, voices).mean()) < 0.05


def test_a_small_gallery_leans_on_the_background():
    voices = people(np.random.default_rng(2), 40)
    background = np.full(DIM, 0.1)
    assert np.array_equal(gallery_centre([], background), background)
    alone = gallery_centre(voices[:1], background)
    expected = (mean_profiles(voices[:1])[0] + BACKGROUND_WEIGHT * background) / (1 + BACKGROUND_WEIGHT)
    assert np.allclose(alone, expected)
    many, own = gallery_centre(voices, background), mean_profiles(voices).mean(axis=0)
    assert np.linalg.norm(many - own) < np.linalg.norm(many - background)


def test_people_count_alike_however_many_samples_they_gave():
    one, other = unit(np.array([[1.0, 0.0]])), unit(np.array([[0.0, 1.0]]))
    few = [Voice(one, np.ones(1)), Voice(other, np.ones(1))]
    many = [Voice(np.repeat(one, 9, axis=0), np.ones(9)), Voice(other, np.ones(1))]
    assert np.allclose(gallery_centre(few, np.zeros(2)), gallery_centre(many, np.zeros(2)))


def test_a_vector_in_the_centre_scores_zero_and_not_nan():
    recipe = CentredCosine()
    recipe.background_ = unit(np.ones(4)).astype(np.float64)
    person = Voice(unit(np.ones((1, 4))), np.ones(1))
    assert recipe.scorer()(person.vectors, [person]).tolist() == [[0.0]]


def test_a_person_of_two_channels_has_prototypes_and_one_score():
    rng = np.random.default_rng(8)
    voice, telephone = unit(rng.normal(size=(2, DIM)))
    rows = unit(np.concatenate([np.tile(voice, (3, 1)), np.tile(voice * 0.2 + telephone, (3, 1))]))
    person = Voice(rows + unit(rng.normal(size=rows.shape)) * 0.05, np.ones(6))
    recipe = PrototypeCosine()
    recipe.background_ = np.zeros(DIM)
    assert len(recipe.prototypes(person, recipe.background_)) == 3
    heard = unit(voice[None] + 0.02 * rng.normal(size=(1, DIM)))
    plain = CentredCosine()
    plain.background_ = np.zeros(DIM)
    assert recipe.scorer()(heard, [person])[0, 0] > plain.scorer()(heard, [person])[0, 0] + 0.1
    even = Voice(rows[:3], np.ones(3))
    assert len(recipe.prototypes(even, recipe.background_)) == 1


# AS-Norm


def test_normalised_scores_are_as_the_paper_says():
    recipe, voices = fitted(AsNorm), people(np.random.default_rng(9), 2)
    heard = probes(voices)
    cohort = recipe.cohort()
    means = mean_profiles(voices)

    def nearest(row):
        top = np.sort(cohort @ row)[-recipe.top :]
        return top.mean(), top.std()

    (mean_t, sd_t), (mean_p, sd_p) = nearest(heard[0].astype(np.float64)), nearest(means[1])
    cosine = heard[0] @ means[1]
    expected = 0.5 * ((cosine - mean_t) / sd_t + (cosine - mean_p) / sd_p)
    assert recipe.scorer()(heard, voices)[0, 1] == pytest.approx(expected)


def test_the_cohort_is_nobody():
    some = people(np.random.default_rng(99), 40, shift=0.1)
    rows = np.concatenate([voice.vectors for voice in some])
    recipe = AsNorm().fit(rows, np.repeat(np.arange(40), 4))
    assert (recipe.cohort() @ mean_profiles(some).T).max() < 0.95


def test_cached_statistics_are_used():
    @dataclass(frozen=True, eq=False)
    class Cached(Voice):
        cohort_statistics: tuple[float, float] | None = None

    recipe, [person] = fitted(AsNorm), people(np.random.default_rng(10), 1)
    heard = probes([person])
    mean, deviation = recipe.cohort_statistics(person)
    same = Cached(person.vectors, person.net_seconds, (mean, deviation))
    other = Cached(person.vectors, person.net_seconds, (mean + 1, deviation))
    expected = recipe.scorer()(heard, [person])[0, 0]
    assert recipe.scorer()(heard, [same])[0, 0] == pytest.approx(expected)
    assert recipe.scorer()(heard, [other])[0, 0] < expected - 1


# PLDA


def two_covariance(rng, count, samples, dim=8):
    """Embeddings that are what the model says, and the covariances they were drawn with."""
    between, within = np.diag(np.linspace(0.5, 4.0, dim)), np.diag(np.linspace(1.0, 0.3, dim))
    places = rng.multivariate_normal(np.zeros(dim), between, size=count)
    noise = rng.multivariate_normal(np.zeros(dim), within, size=(count, samples))
    return (places[:, None] + noise).reshape(-1, dim), np.repeat(np.arange(count), samples)


def test_plda_scores_are_the_likelihood_ratio_of_its_two_gaussians():
    from scipy.stats import multivariate_normal

    rows, numbers = two_covariance(np.random.default_rng(0), 60, 6)
    recipe = Plda().fit(rows, numbers)
    voice, person = recipe._projected(unit(rows[:2] - recipe.background_).astype(np.float64))
    psi, eye = np.diag(recipe.psi_), np.eye(len(recipe.psi_))
    together = np.block([[psi + eye, psi], [psi, psi + eye]])
    apart = np.block([[psi + eye, 0 * psi], [0 * psi, psi + eye]])
    both = np.concatenate([voice, person])
    expected = multivariate_normal.logpdf(both, cov=together) - multivariate_normal.logpdf(both, cov=apart)
    profile = Voice(rows[1:2], np.ones(1))
    assert recipe.scorer()(rows[:1], [profile])[0, 0] == pytest.approx(expected, rel=1e-6)


def test_plda_finds_the_spread_that_was_there():
    rows, numbers = two_covariance(np.random.default_rng(1), 400, 6)
    # Length normalisation would change the covariances, so the estimator is asked itself.
    from spk.identify.scoring.plda import _two_covariances

    _, psi = _two_covariances(rows, numbers)
    truth = np.sort(np.linspace(0.5, 4.0, 8) / np.linspace(1.0, 0.3, 8))[::-1]
    assert psi == pytest.approx(truth, rel=0.35, abs=0.15)


def test_lda_keeps_fewer_dimensions_than_speakers():
    rows, numbers = two_covariance(np.random.default_rng(2), 12, 5, dim=30)
    assert LdaPlda().fit(rows, numbers).reduction_.shape == (30, 11)


def test_plda_needs_several_recordings_a_speaker():
    rows = np.random.default_rng(3).normal(size=(30, DIM))
    with pytest.raises(InputError, match="several recordings"):
        Plda().fit(rows, np.arange(30))


# Fusion


def test_a_fusion_leans_on_the_part_that_tells_people_apart():
    rng = np.random.default_rng(4)
    some = people(rng, 40)
    good = np.concatenate([voice.vectors for voice in some])[:, :10]
    noise = rng.normal(size=(160, 6))
    rows = np.concatenate([unit(noise), unit(good)], axis=1) / np.sqrt(2)
    recipe = Fusion(HALVES, (Cosine(), Cosine())).fit(rows, np.repeat(np.arange(40), 4))
    assert recipe.weights_[1] > 0.9
    assert recipe.weights_.sum() == pytest.approx(1.0)


def test_a_fusion_of_the_wrong_size_is_refused():
    with pytest.raises(InputError, match="no fusion"):
        Fusion((3, 4), (Cosine(), Cosine())).fit(np.ones((4, 8)), [0, 0, 1, 1])
    with pytest.raises(InputError, match="a recipe for each"):
        Fusion((3,), (Cosine(),))
