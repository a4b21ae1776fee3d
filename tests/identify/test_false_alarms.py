import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.errors import InputError
from spk.identify.false_alarms import FalseAlarmFit, FalseAlarms, Strangers

CURVE = FalseAlarms((-2.5, -1.0, -0.9, 0.7, -0.1))

rates = st.floats(1e-4, 0.9)
sizes = st.integers(1, 1_000_000)


@given(rates, sizes)
def test_a_rate_and_its_threshold_belong_together(fpir, people):
    assert CURVE.rate(CURVE.log_odds(fpir, people), people) == pytest.approx(fpir)


@given(st.floats(-20, 20), st.floats(-20, 20), sizes)
def test_surer_names_are_rarer_among_strangers(one, other, people):
    low, high = sorted([one, other])
    assert CURVE.rate(high, people) <= CURVE.rate(low, people)


@given(rates)
def test_a_growing_gallery_asks_for_less_and_less_more(fpir):
    needed = [CURVE.log_odds(fpir, people) for people in (5, 50, 500, 5000)]
    steps = np.diff(needed)
    assert (steps > -1e-9).all()
    assert steps[0] > steps[1] > steps[2]


@pytest.mark.parametrize("fpir", [0.0, 1.0, 2.0, -0.1, float("nan")])
def test_an_impossible_rate_is_refused(fpir):
    with pytest.raises(InputError, match="between 0 and 1"):
        CURVE.log_odds(fpir, 10)


@pytest.mark.parametrize(
    "wrong", [(1.0,), (-2.5, 1.0, -0.9, 0.7, -0.1), (-2.5, -1.0, 0.9, 0.7, -0.1), (float("nan"), -1, -1, 0, 0)]
)
def test_an_impossible_curve_is_refused(wrong):
    with pytest.raises(InputError):
        FalseAlarms(wrong)


def strangers(rng, people, count=4000):
    """Best odds of strangers as they are when LLRs are normal and calibrated: N(-s2/2, s2)."""
    spread = 3.0
    llr = rng.normal(-(spread**2) / 2, spread, size=(count, people))
    logs = llr - np.log(people)
    best = logs.max(axis=1)
    rest = np.log(1.0 + np.exp(logs).sum(axis=1) - np.exp(best))
    return Strangers(people, best - rest, np.ones(count))


def test_the_curve_holds_for_sizes_it_was_not_fitted_on():
    rng = np.random.default_rng(0)
    curve = FalseAlarmFit().fit([strangers(rng, people) for people in (1, 2, 5, 10, 20, 40, 80)]).false_alarms_
    for people in (7, 60, 400):
        heard = strangers(rng, people, 20_000 if people < 100 else 5000)
        for fpir in (0.01, 0.05, 0.1):
            delivered = np.mean(heard.log_odds >= curve.log_odds(fpir, people))
            assert delivered < 1.5 * fpir
            # Independent LLRs, unlike voices, average out in a crowd: there the curve stays on the safe side.
            assert delivered > 0.5 * fpir or people == 400


def test_calibrated_strangers_stay_under_the_bound():
    heard = strangers(np.random.default_rng(1), 200)
    for odds in (2.0, 5.0, 20.0):
        assert np.mean(heard.log_odds >= np.log(odds)) < 1 / odds


def test_without_strangers_there_is_nothing_to_fit():
    with pytest.raises(InputError, match="no strangers"):
        FalseAlarmFit().fit([Strangers(5, np.zeros(0), np.zeros(0))])
