"""Error rates on cases small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spk.identify.metrics import (
    Binned,
    act_dcf,
    cllr,
    clopper_pearson,
    eer,
    fnir,
    min_cllr,
    min_dcf,
    posterior_bins,
    speaker_draws,
)

SAME = np.array([True, True, True, True, False, False, False, False])
SCORE = np.array([4.0, 3.0, 2.0, -1.0, 2.5, 0.0, -2.0, -3.0])
ONES = np.ones(8)


def test_eer_is_where_both_rates_meet():
    # At a threshold of 2.5 or 2: two of four missed and one alarm, or one missed and one alarm.
    assert eer(SCORE, SAME, ONES) == pytest.approx(0.25)


def test_eer_is_interpolated_between_thresholds():
    # 0 and 1/2 missed against 1 and 0 alarms: the line between crosses at a third.
    assert eer(np.array([1.0, 3.0, 2.0]), np.array([True, True, False]), np.ones(3)) == pytest.approx(0.5)
    assert eer(np.array([2.0, 3.0, 1.0]), np.array([True, True, False]), np.ones(3)) == 0


def test_a_weight_counts_a_trial_so_often():
    weight = np.array([1, 2, 0, 1, 3, 1, 1, 0])
    repeated = np.repeat(SCORE, weight), np.repeat(SAME, weight)
    for rate in (eer, min_dcf, cllr, min_cllr):
        assert rate(SCORE, SAME, weight.astype(float)) == pytest.approx(rate(*repeated, np.ones(len(repeated[0]))))


def test_min_dcf_takes_the_cheapest_threshold():
    # No alarm costs two misses of four, 0.5; one alarm of four costs 0.99 / 0.01 / 4 and more.
    assert min_dcf(SCORE, SAME, ONES) == pytest.approx(0.5)


def test_min_dcf_never_costs_more_than_refusing_everybody():
    assert min_dcf(-SCORE, SAME, ONES) == 1


def test_cllr_of_no_evidence_is_one_bit():
    assert cllr(np.zeros(8), SAME, ONES) == pytest.approx(1.0)


def test_cllr_by_hand():
    llr = np.array([math.log(3), -math.log(3)])
    # Both kinds of trial cost log2(1 + 1/3) bits.
    assert cllr(llr, np.array([True, False]), np.ones(2)) == pytest.approx(math.log2(4 / 3))


def test_min_cllr_forgives_a_wrong_scale_and_nothing_else():
    assert min_cllr(SCORE, SAME, ONES) == pytest.approx(min_cllr(100 * SCORE + 7, SAME, ONES))
    assert min_cllr(SCORE, SAME, ONES) < cllr(100 * SCORE + 7, SAME, ONES)


@pytest.mark.parametrize(("fpir", "expected"), [(0.0, 0.75), (0.25, 0.5), (0.5, 0.25)])
def test_fnir_counts_the_missed_and_the_misnamed(fpir, expected):
    # Four enrolled, one of them misnamed with the best score of all; four strangers, whose best are 7, 4, 2 and 1.
    best = np.array([9.0, 8.0, 6.0, 3.0, 7.0, 4.0, 2.0, 1.0])
    right = np.array([False, True, True, True, False, False, False, False])
    enrolled = np.arange(8) < 4
    assert fnir(best, right, enrolled, ONES, fpir) == pytest.approx(expected)


def test_act_dcf_by_hand():
    # At a prior of 1 % a trial is accepted from ln 99 = 4.6: one of two missed, and one of four alarms.
    llr = np.array([5.0, 4.0, 6.0, 4.5, 0.0, -5.0])
    same = np.array([True, True, False, False, False, False])
    assert act_dcf(llr, same, np.ones(6)) == pytest.approx((0.01 * 0.5 + 0.99 * 0.25) / 0.01)
    assert act_dcf(llr, same, np.array([0, 1, 0, 1, 1, 1])) == pytest.approx(1.0)


def test_act_dcf_is_never_less_than_min_dcf():
    llr = np.random.default_rng(0).normal(size=200)
    same = llr + np.random.default_rng(1).normal(size=200) > 0.5
    for prior in (0.01, 0.05, 0.5):
        assert act_dcf(llr, same, np.ones(200), prior) >= min_dcf(llr, same, np.ones(200), prior) - 1e-12


def test_exact_intervals():
    # None of n: the upper end is where none of n would come in 2.5 % of all cases.
    assert clopper_pearson(0, 80) == pytest.approx((0.0, 1 - 0.025 ** (1 / 80)))
    assert clopper_pearson(5, 5) == pytest.approx((0.025 ** (1 / 5), 1.0))


def test_posteriors_that_keep_their_word():
    # LLR ln 3 in 3 of 4 trials of one person, and 1 of 4 of two: posterior 0.75, and so it is.
    llr = np.log(np.repeat([3.0, 1 / 3, 3.0, 1 / 3], [3, 1, 1, 3]))
    same = np.repeat([True, False], 4)
    low, high = posterior_bins(llr, same, 0.5, np.array([0.0, 0.5, 1.0]))
    assert (low.foretold, low.observed, low.count) == pytest.approx((0.25, 0.25, 4))
    assert (high.foretold, high.observed, high.count) == pytest.approx((0.75, 0.75, 4))
    assert low.low < 0.25 < low.high


def test_another_prior_weighs_the_kinds_otherwise():
    llr = np.log(np.repeat([3.0, 1 / 3, 3.0, 1 / 3], [3, 1, 1, 3]))
    [_, high] = posterior_bins(llr, np.repeat([True, False], 4), 0.25, np.array([0.0, 0.4, 1.0]))
    assert (high.foretold, high.observed) == pytest.approx((0.5, 0.5))


def test_draws_keep_groups_apart_and_come_again():
    groups = np.array([0, 1, 0, 1, 1])
    draws = speaker_draws(groups, 50)
    assert all((draw[groups == 0].sum(), draw[groups == 1].sum()) == (2, 3) for draw in draws)
    assert [draw.tolist() for draw in draws] == [draw.tolist() for draw in speaker_draws(groups, 50)]
    assert draws[0].tolist() != draws[1].tolist() or draws[1].tolist() != draws[2].tolist()


def test_bins_measure_what_the_trials_do():
    rng = np.random.default_rng(3)
    for count in (50, 20_000):
        same = rng.random(count) < 0.3
        score = np.where(same, 3.0, -3.0) + 2.5 * rng.normal(size=count)
        weight = rng.integers(0, 4, size=count).astype(float)
        binned = Binned.of(score, same)(weight)
        for measure, within in ((eer, 2e-3), (min_cllr, 2e-3), (min_dcf, 0.02)):
            assert measure(*binned) == pytest.approx(measure(score, same, weight), abs=within)
