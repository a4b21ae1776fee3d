"""The voices of a recording together: against sums over every naming there is, and on real recordings."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spk.identify import joint
from spk.identify.joint import assign, one_voice_each, together
from spk.identify.posterior import posterior, weights

FEW = st.integers(1, 4)
PRIORS = st.floats(0.05, 0.95)


def tables(voices=FEW, people=FEW):
    sizes = st.tuples(voices, people)
    return sizes.flatmap(lambda size: arrays(np.float64, size, elements=st.floats(-40, 40)))


def every_naming(llr, prior, near=None):
    """(voices, 1 + people) posteriors by adding up every naming in which none of ``near`` is named twice."""
    logs = weights(llr, prior)
    voices, people = llr.shape
    near = set(range(1, people + 1)) if near is None else near
    total = np.full_like(logs, -np.inf)
    for names in product(range(people + 1), repeat=voices):
        taken = [name for name in names if name in near]
        if len(taken) == len(set(taken)):
            worth = sum(logs[voice, name] for voice, name in enumerate(names))
            for voice, name in enumerate(names):
                total[voice, name] = np.logaddexp(total[voice, name], worth)
    total = np.exp(total - total.max(axis=1, keepdims=True))
    return total / total.sum(axis=1, keepdims=True)


@given(tables(), PRIORS)
def test_posteriors_are_the_share_of_the_namings(llr, prior):
    found = together(llr, prior).belief
    assert np.allclose(np.exp(found.logs), every_naming(llr, prior))


@settings(max_examples=30)
@given(tables(st.integers(2, 3), st.integers(3, 5)), PRIORS)
def test_of_a_large_gallery_only_the_nearest_exclude_one_another(llr, prior):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "NEAREST", 1)
        found = together(llr, prior).belief
    near = {1 + int(person) for person in np.argsort(-weights(llr, prior)[:, 1:], axis=1, kind="stable")[:, 0]}
    assert np.allclose(np.exp(found.logs), every_naming(llr, prior, near))


def test_twenty_people_are_enough():
    """On evidence like that of real galleries, all others being too unlike to matter."""
    llr = np.random.default_rng(0).normal(-6.0, 4.0, (4, 300))
    llr[0, 7], llr[1, 7], llr[2, 9] = 12.0, 9.0, 10.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "NEAREST", 300)
        exact = together(llr).belief
    assert np.abs(np.exp(together(llr).belief.logs) - np.exp(exact.logs)).max() < 1e-3


@given(tables())
def test_no_person_has_two_voices(llr):
    naming = together(llr)
    assert naming.belief.people.sum(axis=0).max() <= 1 + 1e-9
    named = [person for person in naming.given if person is not None]
    assert len(named) == len(set(named))


@given(tables(voices=st.just(1)), PRIORS)
def test_a_voice_alone_is_judged_alone(llr, prior):
    assert np.allclose(together(llr, prior).belief.logs, posterior(llr, prior).logs)


def test_many_voices_and_overwhelming_evidence():
    llr = np.random.default_rng(0).normal(0.0, 300.0, (12, 60))
    belief = together(llr).belief
    assert np.isfinite(belief.logs).all()
    assert np.allclose(belief.people.sum(axis=1) + belief.stranger, 1)
    assert np.allclose(together(np.full((12, 3), 900.0)).belief.people, 1 / 12)


def test_more_voices_than_can_be_summed_are_assigned():
    llr = np.full((13, 13), -5.0)
    np.fill_diagonal(llr, 9.0)
    llr[12] = llr[0]
    llr[12, 0] = 8.0
    naming = together(llr)
    assert naming.given == (*range(12), None)
    assert np.allclose(naming.belief.logs, posterior(llr).logs)


def test_nobody_at_all():
    assert together(np.zeros((2, 0))).given == (None, None)
    assert together(np.zeros((0, 3))).given == ()
    assert assign(np.zeros((2, 0))) == [None, None]
    assert assign(np.zeros((0, 3))) == []
    assert one_voice_each(np.zeros((0, 0))) == []
    assert one_voice_each(np.zeros((1, 1))) == [(0,)]


@given(tables(), PRIORS)
def test_the_assignment_is_the_best_there_is(llr, prior):
    logs = weights(llr, prior)
    gain = logs[:, 1:] - logs[:, :1]

    def worth(names):
        return sum(gain[voice, name] for voice, name in enumerate(names) if name is not None)

    def distinct(names):
        named = [name for name in names if name is not None]
        return len(named) == len(set(named))

    found = assign(llr, prior)
    assert distinct(found)
    every = product([None, *range(llr.shape[1])], repeat=len(llr))
    assert worth(found) == pytest.approx(max(worth(names) for names in every if distinct(names)), abs=1e-6)


def test_more_voices_than_people():
    assert assign(np.full((3, 1), 9.0)).count(0) == 1


@given(st.integers(1, 7).flatmap(lambda size: arrays(np.float64, (size, size), elements=st.floats(-9, 9))))
def test_every_pair_of_a_group_supports_it(llr):
    groups = one_voice_each(llr)
    assert sorted(row for group in groups for row in group) == list(range(len(llr)))
    for group in groups:
        pairs = [(one, other) for one in group for other in group if one != other]
        assert all(llr[pair] >= joint.SAME_VOICE for pair in pairs)


def test_no_fewer_groups_than_there_are_people():
    assert one_voice_each(np.full((4, 4), 9.0)) == [(0, 1, 2, 3)]
    assert len(one_voice_each(np.full((4, 4), 9.0), least=3)) == 3
