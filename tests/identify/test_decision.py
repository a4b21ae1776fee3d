from dataclasses import dataclass
from itertools import product
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
    Thresholds,
    Verdict,
    assign,
    decide,
    gallery_llr,
    posterior,
)
from spk.timeline import total

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
    assert (match.llr, match.margin, match.cosine) == (12.0, 11.0, 0.3)


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


@given(st.integers(1, 9), st.floats(-20, 20))
def test_the_evidence_needed_is_where_known_begins(people, llr):
    needed = Thresholds().needed(people)
    if abs(llr - needed) > 1e-6:
        known = one(llr, *[-200.0] * (people - 1)).verdict is Verdict.KNOWN
        assert known == (llr > needed)


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
    levels = [Thresholds.from_fpir(fpir).yes for fpir in (0.2, 0.05, 0.01, 0.001)]
    assert levels == sorted(levels)
    assert Thresholds.from_fpir(0.01) == Thresholds()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thresholds(yes=1.0),
        lambda: Thresholds(no=0.0),
        lambda: Thresholds.from_fpir(0.0),
        lambda: Thresholds.from_costs(0.0, 1.0),
        lambda: posterior(np.zeros((1, 2)), prior_stranger=1.0),
        lambda: posterior(np.array([[np.nan]])),
        lambda: decide(np.zeros((1, 2)), np.zeros((1, 3)), PEOPLE[:2]),
        lambda: decide(np.zeros((1, 2)), np.zeros((1, 2)), PEOPLE[:3]),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()


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
    assert Thresholds().judge(llr) is decision


# One name a voice


@given(tables(voices=st.integers(1, 4), people=st.integers(1, 4)))
def test_the_assignment_is_the_best_there_is(llr):
    voices, people = llr.shape
    gain = llr - np.log(people)  # a stranger and anybody of the gallery are alike probable

    def worth(names):
        return sum(gain[voice, name] for voice, name in enumerate(names) if name is not None)

    def distinct(names):
        given_names = [name for name in names if name is not None]
        return len(given_names) == len(set(given_names))

    found = assign(llr)
    assert distinct(found)
    every = product([None, *range(people)], repeat=voices)
    assert worth(found) == pytest.approx(max(worth(names) for names in every if distinct(names)), abs=1e-6)


def test_one_person_is_known_once_in_a_recording():
    llr = np.array([[14.0, -5.0], [12.0, -6.0]])
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


def test_more_voices_than_people_and_nobody_at_all():
    assert assign(np.full((3, 1), 9.0)).count(0) == 1
    assert assign(np.zeros((2, 0))) == [None, None]
    assert assign(np.zeros((0, 3))) == []


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
        cosine = scorer(voices, people)
        return decide(calibration.llr(cosine, net[:, None], profile_seconds), cosine, speakers)

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
