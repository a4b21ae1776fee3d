from dataclasses import dataclass
from functools import partial
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from spk.audio import load
from spk.diarize.vad import load_vad
from spk.embed import load_embedder
from spk.errors import InputError
from spk.identify.calibration import default_calibration
from spk.identify.decision import (
    Decision,
    OperatingPoint,
    Verdict,
    decide,
    gallery_llr,
    posterior,
)
from spk.identify.false_alarms import FalseAlarms
from spk.timeline import total

ALARMS = FalseAlarms((-2.2, -1.0, -0.9, 0.8, -0.1))
PEOPLE = [UUID(int=number) for number in range(1, 10)]
ROLES = ("enroll", "test", "unknown-test")
FEW = st.integers(1, 5)


def tables(voices=FEW, people=FEW):
    sizes = st.tuples(voices, people)
    return sizes.flatmap(lambda size: arrays(np.float64, size, elements=st.floats(-40, 40)))


def one(*llrs, **settings):
    row = np.array([llrs], dtype=np.float64)
    return decide(row, row / 40, PEOPLE[: len(llrs)], **settings)[0]


@given(tables())
def test_posteriors_are_probabilities(llr):
    belief = posterior(llr)
    assert np.allclose(belief.people.sum(axis=1) + belief.stranger, 1)
    assert belief.people.min() >= 0
    best = llr == llr.max(axis=1, keepdims=True)
    assert np.allclose(belief.people[best], np.repeat(belief.people.max(axis=1), best.sum(axis=1)))


def test_without_evidence_the_prior_stays():
    belief = posterior(np.zeros((1, 4)), prior_stranger=0.2)
    assert belief.stranger[0] == pytest.approx(0.2)
    assert belief.people[0] == pytest.approx([0.2] * 4)


@given(st.floats(-40, 40), st.floats(0.05, 0.95))
def test_a_gallery_of_one_leaves_the_llr_as_it_is(llr, prior):
    assert gallery_llr(np.array([[llr]]), prior)[0, 0] == pytest.approx(llr, abs=1e-9)


@given(tables())
def test_gallery_llrs_are_what_turns_the_prior_into_the_posterior(llr):
    each = 0.5 / llr.shape[1]
    odds = np.exp(gallery_llr(llr)) * each / (1 - each)
    assert np.allclose(odds / (1 + odds), posterior(llr).people)


@given(tables(people=st.integers(2, 5)), st.integers(0, 4), st.floats(0.1, 20))
def test_somebody_else_sounding_more_alike_speaks_against_a_claim(llr, other, more):
    other %= llr.shape[1]
    louder = llr.copy()
    louder[:, other] += more
    rest = np.arange(llr.shape[1]) != other
    assert (gallery_llr(louder)[:, rest] <= gallery_llr(llr)[:, rest] + 1e-9).all()
    assert (gallery_llr(louder)[:, other] > gallery_llr(llr)[:, other]).all()


def test_overwhelming_evidence_stays_finite():
    assert np.isfinite(gallery_llr(np.array([[900.0, 900.0, -900.0]]))).all()


def test_a_clear_voice_is_known():
    match = one(-3.0, 12.0, 1.0)
    assert match.verdict is Verdict.KNOWN
    assert (match.speaker, match.runner_up) == (PEOPLE[1], PEOPLE[2])
    assert (match.llr, match.margin, match.score) == (12.0, 11.0, 0.3)


def test_a_stranger_is_unknown_but_the_nearest_is_named():
    match = one(-6.0, -9.0)
    assert (match.verdict, match.speaker) == (Verdict.UNKNOWN, PEOPLE[0])


def test_two_alike_make_nobody_sure():
    assert one(11.0, 11.0).verdict is Verdict.UNSURE
    assert one(11.0, 4.0).verdict is Verdict.KNOWN


def test_no_evidence_is_unsure():
    assert one(0.0, 0.0, 0.0).verdict is Verdict.UNSURE


def test_a_gallery_of_one_has_no_runner_up():
    match = one(8.0)
    assert (match.margin, match.runner_up) == (None, None)
    assert match.verdict is Verdict.KNOWN


def test_an_empty_gallery_knows_nobody():
    match = decide(np.zeros((2, 0)), np.zeros((2, 0)), [])
    assert [one.verdict for one in match] == [Verdict.UNKNOWN] * 2
    assert match[0].speaker is None
    assert gallery_llr(np.zeros((2, 0))).shape == (2, 0)


@given(st.integers(1, 9), st.floats(-20, 20), st.sampled_from([OperatingPoint(), OperatingPoint(prior_unknown=0.1)]))
def test_the_evidence_needed_is_where_known_begins(people, llr, point):
    needed = point.needed_llr(people)
    if abs(llr - needed) > 1e-6:
        known = one(llr, *[-200.0] * (people - 1), point=point).verdict is Verdict.KNOWN
        assert known == (llr > needed)


@given(st.integers(1, 9), st.floats(-20, 20), st.floats(0.001, 0.5), st.floats(0.01, 0.99))
def test_so_it_is_with_a_false_alarm_rate_whatever_the_prior(people, llr, fpir, prior):
    point = OperatingPoint(fpir=fpir, prior_unknown=prior)
    match = one(llr, *[-200.0] * (people - 1), point=point, false_alarms=ALARMS)
    needed = point.needed_llr(people, ALARMS)
    if abs(llr - needed) > 1e-6:
        assert (match.verdict is Verdict.KNOWN) == (llr > needed) == (match.false_alarm < fpir)


@given(tables(voices=st.just(1)), st.integers(0, 4), st.floats(0, 30))
def test_more_evidence_never_costs_a_name(llr, person, more):
    person %= llr.shape[1]
    before = decide(llr, llr, PEOPLE[: llr.shape[1]])[0]
    louder = llr.copy()
    louder[0, person] += more
    after = decide(louder, louder, PEOPLE[: llr.shape[1]])[0]
    if before.verdict is Verdict.KNOWN and before.speaker == PEOPLE[person]:
        assert (after.verdict, after.speaker) == (before.verdict, before.speaker)


def test_fewer_false_alarms_ask_for_more():
    levels = [OperatingPoint.from_fpir(fpir).needed(10, ALARMS) for fpir in (0.2, 0.05, 0.01, 0.001)]
    assert levels == sorted(levels)
    larger = [OperatingPoint.from_fpir(0.01).needed(people, ALARMS) for people in (1, 10, 100)]
    assert larger == sorted(larger)


def test_a_large_gallery_of_which_few_are_compared():
    assert one(4.0, -9.0).verdict is Verdict.KNOWN
    assert one(4.0, -9.0, people=100).verdict is Verdict.UNSURE


def test_who_is_likelier_to_be_a_stranger_needs_more_to_be_known():
    verdicts = [one(4.0, point=OperatingPoint(prior_unknown=prior)).verdict for prior in (0.1, 0.5, 0.9, 0.999)]
    assert verdicts == [Verdict.KNOWN, Verdict.KNOWN, Verdict.UNSURE, Verdict.UNKNOWN]


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0, 1))
def test_costs_choose_the_verdict_that_is_expected_to_cost_least(miss, false, review, probability):
    """Of a gallery of one, where the chances are probability and the rest."""
    point = OperatingPoint.from_costs(miss=miss, false=false, prior=0.5, review=review)
    expected = {
        Decision.SAME: (1 - probability) * false,
        Decision.DIFFERENT: probability * miss,
        Decision.UNSURE: review,
    }
    odds = np.log(max(probability, 1e-300) / max(1 - probability, 1e-300))
    assert expected[point.judge(odds)] <= min(expected.values()) * (1 + 1e-6) + 1e-9


def test_the_default_review_is_half_of_the_cheaper_mistake():
    assert OperatingPoint.from_costs(4, 10, 0.3) == OperatingPoint.from_costs(4, 10, 0.3, review=2)


@given(*[st.floats(0.01, 1e6)] * 2, st.floats(0.001, 0.999), st.permutations([0, 1, 2]))
def test_costs_are_read_as_they_are_written(miss, false, prior, order):
    parts = [f"miss={miss!r}", f" false = {false!r}", f"prior={prior!r} "]
    text = ",".join(parts[place] for place in order)
    assert OperatingPoint.parse_costs(text) == OperatingPoint.from_costs(miss, false, prior)


@given(st.text(max_size=30))
def test_whatever_is_no_cost_is_an_error_of_one_line(text):
    with pytest.raises(InputError) as caught:
        OperatingPoint.parse_costs(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no part of a cost, which reads like miss=1,false=10,prior=0.3"),
        ("miss=1,false=10,prior=0.3,", "'' is no part of a cost"),
        ("miss=1,false=10", "does not say prior"),
        ("miss=1,prior=0.3", "does not say false"),
        ("miss=1,fales=10,prior=0.3", "'fales=10' is no part of a cost"),
        ("miss=1,miss=1,false=10,prior=0.3", "miss stands twice"),
        ("miss=one,false=10,prior=0.3", "miss is a number, not 'one'"),
        ("miss,false=10,prior=0.3", "'miss' is no part of a cost"),
        ("miss=-1,false=10,prior=0.3", "miss costs more than nothing, and not -1"),
        ("miss=1,false=0,prior=0.3", "false costs more than nothing, and not 0"),
        ("miss=nan,false=10,prior=0.3", "miss costs more than nothing, and not nan"),
        ("miss=1,false=inf,prior=0.3", "false costs more than nothing, and not inf"),
        ("miss=1,false=10,prior=0.3,review=0", "review costs more than nothing"),
        ("miss=1,false=10,prior=1", "prior is a probability between 0 and 1, not 1"),
        ("miss=1,false=10,prior=0", "prior is a probability between 0 and 1, not 0"),
    ],
)
def test_impossible_costs(text, said):
    with pytest.raises(InputError, match=said) as caught:
        OperatingPoint.parse_costs(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OperatingPoint(yes=1.0),
        lambda: OperatingPoint(no=0.0),
        *(partial(OperatingPoint.from_fpir, fpir) for fpir in (0.0, 1.0, 2.0, -0.1, float("nan"))),
        *(partial(OperatingPoint, prior_unknown=prior) for prior in (0.0, 1.0, -0.1, float("nan"))),
        lambda: OperatingPoint.from_fpir(0.01).needed(5),
        lambda: OperatingPoint.from_fpir(0.01).judge(3.0),
        lambda: OperatingPoint().judge(float("nan")),
        lambda: posterior(np.zeros((1, 2)), prior_stranger=1.0),
        lambda: posterior(np.array([[np.nan]])),
        lambda: decide(np.zeros((1, 2)), np.zeros((1, 3)), PEOPLE[:2]),
        lambda: decide(np.zeros((1, 2)), np.zeros((1, 2)), PEOPLE[:3]),
        lambda: decide(np.array([[np.inf]]), np.zeros((1, 1)), PEOPLE[:1]),
        lambda: decide(np.zeros((1, 1)), np.array([[np.nan]]), PEOPLE[:1]),
        lambda: decide(np.zeros((1, 1)), np.zeros((1, 1)), PEOPLE[:1], point=OperatingPoint.from_fpir(0.01)),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("llr", "decision"),
    [
        (5.0, Decision.SAME),
        (2.0, Decision.UNSURE),
        (0.0, Decision.UNSURE),
        (-2.0, Decision.DIFFERENT),
        (900, Decision.SAME),
    ],
)
def test_claims_are_judged_both_ways(llr, decision):
    assert OperatingPoint().judge(llr) is decision


# One name a voice


def test_one_person_is_known_once_in_a_recording():
    llr = np.array([[18.0, -5.0], [12.0, -6.0]])
    first, second = decide(llr, llr / 40, PEOPLE[:2], distinct=True)
    assert (first.verdict, first.speaker) == (Verdict.KNOWN, PEOPLE[0])
    assert (second.verdict, second.speaker) == (Verdict.UNSURE, PEOPLE[0])
    both = decide(llr, llr / 40, PEOPLE[:2])
    assert [match.verdict for match in both] == [Verdict.KNOWN] * 2


def test_a_name_that_somebody_else_needs_more_goes_to_them():
    llr = np.array([[13.0, 12.5], [13.0, -4.0]])
    first, second = decide(llr, llr / 40, PEOPLE[:2], distinct=True)
    assert (first.speaker, first.margin) == (PEOPLE[1], -0.5)
    assert (second.verdict, second.speaker) == (Verdict.KNOWN, PEOPLE[0])


def test_who_loses_a_name_is_no_stranger():
    """Two voices that both suit one person alike: the diarization may have taken one person for two."""
    llr = np.array([[14.0], [14.0]])
    assert [match.verdict for match in decide(llr, llr / 40, PEOPLE[:1], distinct=True)] == [Verdict.UNSURE] * 2


@given(tables(voices=st.integers(2, 4)), st.floats(0.02, 0.9))
def test_no_two_voices_of_a_recording_are_known_as_one(llr, fpir):
    for point in (OperatingPoint(yes=0.2, no=0.9), OperatingPoint.from_fpir(fpir)):
        found = decide(llr, llr, PEOPLE[: llr.shape[1]], point=point, false_alarms=ALARMS, distinct=True)
        known = [match.speaker for match in found if match.verdict is Verdict.KNOWN]
        assert len(known) == len(set(known))


# On real speech: 20 people enroll two clips each, then they and 8 strangers speak


@dataclass(frozen=True, eq=False)
class Spoken:
    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]


@pytest.fixture(scope="module")
def heard(corpus):
    """(embedder's model, speech by role and speaker) of a part of the corpus."""
    embedder, voice_activity = load_embedder("ecapa", threads=2), load_vad(threads=2)

    def spoken(files):
        audio = [load(file) for file in files]
        net = np.array([total(voice_activity(one)) for one in audio])
        return Spoken(embedder([one.samples for one in audio]), net)

    names = {role: sorted({row["speaker"] for row in corpus.rows if row["role"] == role}) for role in ROLES}
    names["enroll"] = names["test"] = names["test"][::2][:20]
    speech = {role: [spoken(corpus.files(role, name)[:2]) for name in names[role]] for role in ROLES}
    return embedder.model, speech, spoken(corpus.files("noise")[:8])


def test_real_people_are_known_and_strangers_are_not(heard):
    model, speech, noise = heard
    calibration, people = default_calibration(model), speech["enroll"]
    speakers = [UUID(int=number) for number in range(len(people))]
    profile_seconds = np.array([person.net_seconds.sum() for person in people])
    scorer = calibration.scorer(people)

    def matches(voices, net):
        score = scorer(voices, people)
        return decide(calibration.llr(score, net[:, None], profile_seconds), score, speakers)

    known, total_seconds = [], []
    for number, person in enumerate(speech["test"]):
        for match, seconds in zip(matches(person.vectors, person.net_seconds), person.net_seconds, strict=True):
            assert match.verdict is not Verdict.KNOWN or match.speaker == speakers[number]
            assert match.speaker == speakers[number] or seconds < 1
            known.append(match.verdict is Verdict.KNOWN)
            total_seconds.append(seconds)
    long = np.array(total_seconds) >= 1
    assert long.sum() >= 20
    assert np.array(known)[long].mean() > 0.85
    strangers = [match for person in speech["unknown-test"] for match in matches(person.vectors, person.net_seconds)]
    assert all(match.verdict is not Verdict.KNOWN for match in strangers)
    # Noise is refused before it gets here; even where it is taken for speech it is nobody.
    assert all(match.verdict is not Verdict.KNOWN for match in matches(noise.vectors, np.full(8, 5.0)))
