import copy
import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.embed import ModelId, campplus, ecapa, fused, resnet
from spk.errors import FingerprintError, FormatError, InputError, ModelError
from spk.identify.calibration import (
    Calibration,
    Calibrator,
    HeldOut,
    Interval,
    default_calibration,
)
from spk.identify.false_alarms import FalseAlarms
from spk.identify.scoring import AsNorm, CentredCosine, Cosine, Fusion, LdaPlda, Plda


@dataclass(frozen=True)
class Model:
    name: str
    fingerprint: str


@dataclass(frozen=True)
class Profile:
    vectors: np.ndarray
    net_seconds: np.ndarray


def flat(dim):
    recipe = CentredCosine()
    recipe.background_ = np.linspace(-0.5, 0.25, dim)
    return recipe


HERE = Calibration("model", "a" * 64, flat(3), slope=42.0, offset=12.0, constant=2.0, half_seconds=1.0)

FALSE_ALARMS = FalseAlarms((-2.5, -1.0, -0.9, 0.7, -0.1))

cosines = st.floats(-1, 1)
seconds = st.floats(0, 1e5)


def simulated(rng, trials):
    """Trials whose answers are drawn as HERE says, half of them the same person's."""
    test, profile = np.exp(rng.uniform(-1, 3, trials)), np.exp(rng.uniform(0, 4, trials))
    clarity = np.sqrt(test / (test + 1) * profile / (profile + 1))
    score = (HERE.offset * clarity + HERE.constant) / HERE.slope + rng.uniform(-0.3, 0.3, trials)
    same = rng.random(trials) < 1 / (1 + np.exp(-HERE.llr(score, test, profile)))
    return score, same, test, profile


@given(cosines, cosines, seconds, seconds)
def test_more_alike_is_never_less_evidence(one, other, test, profile):
    low, high = sorted([one, other])
    llr = HERE.llr([low, high], test, profile)
    assert llr[0] <= llr[1]


@given(cosines, cosines, st.floats(0.05, 1e4), st.floats(0.05, 1e4))
def test_clearly_more_alike_is_clearly_more_evidence(one, other, test, profile):
    low, high = sorted([one, other])
    if high - low > 1e-6:
        assert np.diff(HERE.llr([low, high], test, profile))[0] > 0


@given(cosines, st.floats(0, 1e-3), seconds)
def test_without_speech_there_is_no_evidence(cosine, short, other):
    bound = (HERE.slope + HERE.offset + HERE.constant) * short**0.25 + 1e-12
    assert abs(HERE.llr(cosine, short, other)) <= bound
    assert abs(HERE.llr(cosine, other, short)) <= bound
    assert HERE.llr(cosine, 0.0, other) == 0.0


@given(cosines, seconds, seconds)
def test_voice_and_profile_may_change_places(cosine, test, profile):
    assert HERE.llr(cosine, test, profile) == pytest.approx(HERE.llr(cosine, profile, test))


def test_shapes_are_broadcast():
    llr = HERE.llr(np.zeros((3, 2)), np.array([[1.0], [2.0], [3.0]]), np.array([30.0, 60.0]))
    assert llr.shape == (3, 2)
    assert HERE.llr(np.zeros((0, 2)), np.zeros((0, 1)), [1.0, 2.0]).shape == (0, 2)


def test_fitting_finds_what_made_the_answers():
    score, same, test, profile = simulated(np.random.default_rng(0), 40_000)
    fitted = Calibrator(half_seconds=1.0).fit(score, same, test_seconds=test, profile_seconds=profile)
    assert fitted.slope_ == pytest.approx(HERE.slope, rel=0.05)
    assert fitted.offset_ == pytest.approx(HERE.offset, rel=0.1)
    assert fitted.constant_ == pytest.approx(HERE.constant, abs=0.7)
    llr = fitted.calibration(Model("m", "f"), flat(3)).llr(score, test, profile)
    for low, high in [(-3, -2), (-0.5, 0.5), (2, 3)]:  # where so many more of one kind lie than of the other
        inside = (llr > low) & (llr < high)
        assert low - 0.3 < np.log(inside[same].mean() / inside[~same].mean()) < high + 0.3


def test_the_share_of_targets_does_not_matter():
    score, same, test, profile = simulated(np.random.default_rng(1), 20_000)
    every = Calibrator(half_seconds=1.0).fit(score, same, test_seconds=test, profile_seconds=profile)
    kept = same | (np.arange(len(same)) % 10 == 0)
    fewer = Calibrator(half_seconds=1.0).fit(
        score[kept], same[kept], test_seconds=test[kept], profile_seconds=profile[kept]
    )
    assert fewer.slope_ == pytest.approx(every.slope_, rel=0.1)
    assert fewer.offset_ + fewer.constant_ == pytest.approx(every.offset_ + every.constant_, rel=0.1)


def test_weights_count():
    score, same, test, profile = simulated(np.random.default_rng(2), 4000)
    half = np.arange(len(same)) % 2 == 0
    kept = Calibrator(half_seconds=1.0).fit(
        score[half], same[half], test_seconds=test[half], profile_seconds=profile[half]
    )
    weighed = Calibrator(half_seconds=1.0).fit(score, same, test_seconds=test, profile_seconds=profile, weight=half)
    assert weighed.slope_ == pytest.approx(kept.slope_, rel=1e-2)


def test_trials_that_teach_nothing_are_refused():
    score, same, test, profile = simulated(np.random.default_rng(3), 2000)
    with pytest.raises(InputError, match="both kinds"):
        Calibrator(half_seconds=1.0).fit(score, np.ones(2000, bool), test_seconds=test, profile_seconds=profile)
    with pytest.raises(InputError, match="check the labels"):
        Calibrator(half_seconds=1.0).fit(score, ~same, test_seconds=test, profile_seconds=profile)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_impossible_scores_are_refused(score):
    with pytest.raises(InputError, match="finite"):
        HERE.llr(score, 3.0, 10.0)
    with pytest.raises(InputError, match="finite"):
        Calibrator().fit([score, 0.1], [True, False], test_seconds=[1, 1], profile_seconds=[1, 1])


@pytest.mark.parametrize("net", [-1.0, float("nan"), float("inf")])
def test_impossible_seconds_are_refused(net):
    with pytest.raises(InputError, match="net speech"):
        HERE.llr(0.5, net, 10.0)


@pytest.mark.parametrize("wrong", [{"slope": 0.0}, {"slope": float("nan")}, {"offset": np.inf}, {"half_seconds": 0.0}])
def test_impossible_coefficients_are_refused(wrong):
    with pytest.raises(InputError, match="slope"):
        replace(HERE, **wrong)


def test_saving_and_loading_changes_nothing(tmp_path):
    rate = Interval(0.1, 0.05, 0.2)
    calibration = replace(
        HERE,
        data="two people and a dog — “really”",
        speakers=2,
        trials={"target": 3, "nontarget": 4},
        held_out=HeldOut(rate, rate, rate),
        false_alarms=FALSE_ALARMS,
        generic=False,
    )
    calibration.save(tmp_path / "c.json")
    loaded = Calibration.load(tmp_path / "c.json", Model("model", "a" * 64))
    assert loaded.to_json() == calibration.to_json()
    assert repr(loaded) == repr(calibration)
    assert loaded.id == calibration.id != HERE.id
    assert "held_out" in json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))


def test_another_model_is_refused(tmp_path):
    HERE.save(tmp_path / "c.json")
    with pytest.raises(FingerprintError, match="bbbbbbbbbbbb"):
        Calibration.load(tmp_path / "c.json", Model("model", "b" * 64))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        '{"format": "spk-calibration/1"}',
        '{"format": "spk-calibration/9", "recipe": ""}',
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path, text):
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"c\.json"):
        Calibration.load(tmp_path / "c.json")


@pytest.mark.parametrize(
    "change",
    [
        {"slope": "much"},
        {"slope": -1},
        {"surprise": 1},
        {"recipe": "x"},
        {"recipe": {"name": "x"}},
        {"false_alarms": [1]},
    ],
)
def test_a_damaged_calibration_is_refused(tmp_path, change):
    HERE.save(tmp_path / "c.json")
    record = json.loads((tmp_path / "c.json").read_text(encoding="utf-8")) | change
    (tmp_path / "c.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(FormatError, match=r"c\.json"):
        Calibration.load(tmp_path / "c.json")


VOICES = np.random.default_rng(0).normal(size=(60, 6)) * 0.3 + np.repeat(np.eye(20, 6), 3, axis=0)
RECIPES = {
    recipe.name: recipe.fit(VOICES, np.repeat(np.arange(20), 3))
    for recipe in (Cosine(), AsNorm(top=5, size=20), Plda(), LdaPlda(), Fusion([3, 3], [Cosine(), CentredCosine()]))
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("value", [None, "x", float("nan"), -1, 10**400, [], [1.0, 2.0], [[1.0]], {}])
def test_a_calibration_of_which_any_one_part_is_damaged(name, value):
    """It is read whole, or refused; what was read can score."""
    whole = json.loads(json.dumps(replace(HERE, recipe=RECIPES[name], false_alarms=FALSE_ALARMS).to_json()))
    person = Profile(np.eye(1, 6, dtype=np.float32), np.ones(1))
    for path in _paths(whole):
        record = copy.deepcopy(whole)
        *way, last = path
        reduce(lambda place, key: place[key], way, record)[last] = value
        with suppress(FormatError):
            read = Calibration.parse(json.dumps(record))
            if len(read.recipe.background_) == 6:  # of another model, else
                read.llr(read.scorer([person])(np.eye(2, 6), [person]), 1.0, 1.0)


def _paths(value, path=()):
    """Of every part but the whole; of long lists, of the first two."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _paths(part, (*path, key))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"c\.json"):
        Calibration.load(tmp_path / "c.json")


def test_a_model_without_a_calibration_says_so():
    with pytest.raises(ModelError, match="no calibration ships for the model mine"):
        default_calibration(Model("mine", "f"))


SHIPPED = {recipe.MODEL.name: (recipe.MODEL, recipe.DIM) for recipe in (ecapa, resnet, campplus)}
SHIPPED["ecapa+resnet34"] = (
    ModelId.of("ecapa+resnet34", fused.VERSION, ecapa.MODEL.fingerprint, resnet.MODEL.fingerprint),
    ecapa.DIM + resnet.DIM,
)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_calibrations_belong_to_their_models(name):
    model, dim = SHIPPED[name]
    calibration = default_calibration(model)
    assert calibration.generic
    assert calibration.recipe.background_.shape == (dim,)
    assert calibration.false_alarms is not None
    assert calibration.false_alarms.rate(3.0, 100) < 0.05
    assert calibration.speakers >= 50
    assert calibration.held_out is not None
    assert calibration.held_out.min_cllr.value <= calibration.held_out.cllr.value < 0.3
    with pytest.raises(FingerprintError, match=re.escape(name)):
        default_calibration(replace(model, fingerprint="of another version"))
