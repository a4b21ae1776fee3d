"""Measures of evaluations that were made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from spk.evaluate.measures import Share, measure
from spk.evaluate.rates import pooled, pooled_claims, search_rates
from spk.evaluate.results import Evaluation, Probe, Searches


def of(searches: Searches):
    return measure(Evaluation({}, searches))


def test_a_perfect_system(searches) -> None:
    found = of(searches())
    assert found.detection["llr"]["eer"].value == 0
    assert found.detection["llr"]["cllr"].value < 0.001
    assert found.search["claim"]["rank1"].value == 1
    assert found.search["claim"]["fnir_1"].value == 0
    fpir = found.shares["fpir"]
    assert (fpir.count, fpir.of, fpir.low, fpir.high) == (0, 16, 0, 0)
    assert fpir.exact_high == pytest.approx(1 - 0.025 ** (1 / 16))  # Clopper and Pearson's for none of 16
    assert found.missing == ()


def test_a_useless_system(searches) -> None:
    blind = searches()
    rng = np.random.default_rng(1)
    noise = rng.normal(size=blind.llr.shape)
    found = of(replace(blind, score=noise, llr=noise, claim=noise))
    rate = found.detection["llr"]["eer"]
    assert 0.3 < rate.low < rate.value < rate.high < 0.7
    assert found.detection["llr"]["cllr"].value > 1
    assert found.search["claim"]["fnir_1"].value > 0.7


def test_what_needs_strangers_is_not_given_without(searches) -> None:
    some = searches(3.0)
    rows = some.enrolled
    probes = tuple(probe for probe in some.probes if probe.enrolled)
    found = of(Searches(some.people, probes, some.score[rows], some.llr[rows], some.claim[rows]))
    assert set(found.search["claim"]) == {"rank1"}
    assert "fpir" not in found.shares
    assert found.missing == (
        "FPIR, and FNIR at an FPIR: no clip is of a stranger; list some of people who are not enrolled",
    )


def test_what_needs_targets_is_not_given_without(searches) -> None:
    some = searches(3.0)
    rows = ~some.enrolled
    probes = tuple(probe for probe in some.probes if not probe.enrolled)
    found = of(Searches(some.people, probes, some.score[rows], some.llr[rows], some.claim[rows]))
    assert found.detection == {}
    assert found.search["claim"] == {}
    assert found.shares["fpir"].of == 16
    assert "fnir" not in found.shares
    assert "no clip is of anybody enrolled" in found.missing[0]


def test_shares_by_hand(searches) -> None:
    some = searches()
    probes = list(some.probes)
    probes[0] = replace(probes[0], verdict="known", name="person1")
    probes[1] = replace(probes[1], verdict="unsure", name=None)
    probes[-1] = replace(probes[-1], verdict="known", name="person2")
    probes[-2] = replace(probes[-2], verdict="refused")
    found = of(replace(some, probes=tuple(probes)))
    assert found.shares["fnir"].value == 2 / 32
    assert found.shares["tpir"].value == 30 / 32
    assert found.shares["wrong"].value == 1 / 32
    assert found.shares["fpir"].value == 1 / 15
    assert found.shares["fpir_all"].value == 1 / 16
    assert found.shares["refused"].value == 1 / 48
    assert found.shares["fpir"].low == 0 < found.shares["fpir"].value < found.shares["fpir"].high
    assert [probe.file for probe in found.wrong] == ["person0-0.wav", "stranger3-3.wav"]
    assert found.lengths["enrolled"]["under 1 s"] == {"wrong": 1, "known": 7}
    assert found.lengths["enrolled"]["1 to 2 s"] == {"unsure": 1, "known": 7}
    assert found.lengths["strangers"]["2 to 5 s"] == {"unknown": 3, "refused": 1}


def test_refused_clips_count_as_missed_where_it_says_so(evaluation: Evaluation) -> None:
    assert evaluation.searches is not None
    judged = search_rates(evaluation.searches)["claim"]["rank1"]
    everything = search_rates(evaluation.searches, refused=True)["claim"]["rank1"]
    assert everything == pytest.approx(judged * 32 / 33)


def test_trials_weigh_as_often_as_their_speakers_are_drawn(searches) -> None:
    trials = pooled(searches())
    draw = np.ones(12, np.int64)
    draw[0], draw[1], draw[8] = 2, 0, 3  # two enrolled people and a stranger
    weight = trials.weights(draw).reshape(48, 8)
    assert weight[0].tolist() == [2, 0, 2, 2, 2, 2, 2, 2]  # the first person's clip: of one person, and of two
    assert not weight[4:8].any()
    assert weight[32].tolist() == [6, 0, 3, 3, 3, 3, 3, 3]
    assert trials.groups.tolist() == [0] * 8 + [1] * 4


def test_an_interval_of_searches_holds_the_value_where_the_gallery_is_large() -> None:
    rng = np.random.default_rng(0)
    people = tuple(f"person{number}" for number in range(60))
    names = [*people, *(f"stranger{number}" for number in range(20))]
    probes = tuple(Probe(f"{who}-{take}", who, who in people, 3.0, "unsure") for who in names for take in range(6))
    same = np.array([probe.speaker for probe in probes])[:, None] == np.array(people)
    llr = np.where(same, 6.0, -6.0) + 3.5 * rng.normal(size=same.shape)
    for rate in of(Searches(people, probes, llr / 20, llr, llr)).search["claim"].values():
        assert rate.low < rate.value < rate.high


def test_who_is_who_in_a_list_of_trials(claims) -> None:
    trials = pooled_claims(claims)
    assert len(trials.same) == 15
    assert trials.same.sum() == 3
    assert len(set(trials.voice) | set(trials.person)) == 3  # what was refused has no trial
    assert ((trials.voice == trials.person) == trials.same).all()


def test_measures_of_trials(claims) -> None:
    found = measure(Evaluation({}, None, claims))
    assert found.detection["llr"]["eer"].value == 0
    assert found.shares["false_same"].count == 0
    assert (found.shares["refused"].count, found.shares["refused"].of) == (1, 16)
    assert found.missing == (
        "FPIR, FNIR and rank-1: trials are claims, not searches of a gallery; give a table for them",
    )
    same = tuple(claim for claim in claims if claim.same)
    alone = measure(Evaluation({}, None, same))
    assert alone.detection == {}
    assert "there are no nontarget trials" in alone.missing[0]
    assert alone.shares["not_same"].of == 3


def test_conversations_are_pooled_by_their_speech(evaluation: Evaluation) -> None:
    found = measure(replace(evaluation, searches=None))
    assert found.diarization is not None
    assert found.diarization.der == pytest.approx(0.2)
    assert found.diarization.der_collar == pytest.approx(0.1)
    assert found.diarization.jer == pytest.approx(0.2)
    assert found.der is not None
    assert (found.der.low, found.der.high) == pytest.approx((0.2, 0.2))


def test_everything_is_json(evaluation: Evaluation) -> None:
    text = json.dumps(measure(evaluation).to_json(), allow_nan=False)
    assert json.loads(text)["detection"]["llr"]["eer"]["value"] > 0


def test_the_same_seed_the_same_intervals(evaluation: Evaluation) -> None:
    assert measure(evaluation).to_json() == measure(evaluation).to_json()


def test_a_share_is_its_count() -> None:
    assert Share(1, 4, 0, 1, 0, 1).value == 0.25
