"""Paired differences of two evaluations."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spk.errors import InputError
from spk.evaluate.compare import Comparison, Difference, compare
from spk.evaluate.results import Evaluation


def test_a_clear_difference(searches) -> None:
    found = compare(Evaluation({}, searches(8.0)), Evaluation({}, searches(1.0)))
    by_name = {each.name: each for each in found.differences}
    assert by_name["eer"].better == "B"
    assert by_name["eer"].value < 0
    assert by_name["cllr"].better == "B"
    assert by_name["rank1"].value > 0
    assert found.verdict.startswith("B is better in EER")
    assert compare(Evaluation({}, searches(1.0)), Evaluation({}, searches(8.0))).verdict.startswith(
        "A is better in EER"
    )
    assert "48 clips that both judged" in found.common
    json.dumps(found.to_json(), allow_nan=False)


def test_no_difference(searches) -> None:
    same = Evaluation({}, searches(8.0))
    found = compare(same, same)
    assert all(each.value == each.low == each.high == 0 for each in found.differences)
    assert found.verdict == "The data do not say which is better: every interval holds zero."


def test_only_what_both_judged_is_compared(searches) -> None:
    one, other = searches(8.0), searches(8.0, seed=3)
    probes = (replace(one.probes[0], verdict="refused"), *one.probes[1:])
    found = compare(Evaluation({}, replace(one, probes=probes)), Evaluation({}, other))
    assert "47 clips that both judged, of 47 of A and 48 of B" in found.common


def test_who_is_enrolled_in_one_alone_is_left_out(searches) -> None:
    one, other = searches(8.0), searches(1.0)
    fewer = replace(other, people=other.people[1:], **{n: getattr(other, n)[:, 1:] for n in ("score", "llr", "claim")})
    found = compare(Evaluation({}, one), Evaluation({}, fewer))
    assert "44 clips" in found.common
    assert "against 7 people, of 8 and 7" in found.common


def test_trials(claims) -> None:
    worse = tuple(replace(claim, llr=0.1 * claim.llr) if claim.llr is not None else claim for claim in claims)
    found = compare(Evaluation({}, None, worse), Evaluation({}, None, claims))
    assert {each.name: each.better for each in found.differences} == {"eer": None, "min_dcf_01": None, "cllr": "B"}
    assert found.verdict == "B is better in Cllr; of EER and minDCF (P .01) the data do not say."
    assert "15 trials that both judged" in found.common


def test_conversations(evaluation: Evaluation) -> None:
    talks = tuple(replace(talk, file=f"{number}.wav") for number, talk in enumerate(evaluation.talks))
    better = tuple(replace(talk, missed=0.0) for talk in talks)
    found = compare(Evaluation({}, talks=talks), Evaluation({}, talks=better))
    [difference] = found.differences
    assert difference == Difference("der", pytest.approx(0.2), pytest.approx(0.15), *[pytest.approx(-0.05)] * 2)
    assert difference.better == "B"


def test_nothing_in_common(searches, claims) -> None:
    some = Evaluation({}, searches())
    renamed = replace(searches(), probes=tuple(replace(p, file=f"other-{p.file}") for p in searches().probes))
    for other in (Evaluation({}, renamed), Evaluation({}, None, claims)):
        with pytest.raises(InputError, match="have no trial in common"):
            compare(some, other)


def test_lists_that_contradict_each_other(searches, claims) -> None:
    one = searches()
    other = replace(one, probes=(replace(one.probes[0], speaker="person1"), *one.probes[1:]))
    with pytest.raises(InputError, match=r"person0-0.wav is person0's in A and person1's in B"):
        compare(Evaluation({}, one), Evaluation({}, other))
    turned = (replace(claims[0], same=not claims[0].same), *claims[1:])
    with pytest.raises(InputError, match="is target in one list and nontarget in the other"):
        compare(Evaluation({}, None, claims), Evaluation({}, None, turned))


def test_a_verdict_on_both_sides() -> None:
    mixed = (Difference("eer", 0.1, 0.05, -0.06, -0.04), Difference("cllr", 0.1, 0.3, 0.1, 0.3))
    assert Comparison(mixed, "").verdict == "A is better in Cllr, but B is better in EER."
