"""Trials, cross-validation, choice and suspicion, on made-up voices whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk.embed import ModelId
from spk.errors import FingerprintError, InputError
from spk.identify import fitting
from spk.identify.calibration import Calibration, Interval
from spk.identify.choosing import candidates, choose, compare_calibrations, fit_best
from spk.identify.fitting import Candidate, CrossValidation, Figures, Result, check_enough
from spk.identify.labelled import Material
from spk.identify.suspects import find_suspects, same_audio, without
from spk.identify.trials import columns, draw_galleries, score_trials, speaker_folds

MODEL = ModelId.of("made-up", "1")
DIM = 24
SIZES = {"made-up": (DIM,)}
ONE = Candidate("made-up", "cosine")


def voices(
    people: int = 24,
    recordings: int = 5,
    *,
    sessions: int = 0,
    nuisance: int = 0,
    spread: float = 0.35,
    cut: bool = True,
    seed: int = 0,
) -> Material:
    """Voices of the two-covariance model: a speaker's place, and what changes from recording to recording.

    ``nuisance`` directions vary a lot within speakers and not between them. Short clips are blurred.
    """
    rng = np.random.default_rng(seed)
    within = np.full(DIM, spread)
    within[:nuisance] = 3.0
    between = np.ones(DIM)
    between[:nuisance] = 0.0
    clips = []
    for person in range(people):
        place = rng.normal(size=DIM) * between
        for number in range(recordings):
            heard = place + rng.normal(size=DIM) * within
            for kind, seconds in (("natural", 4.0), *((("cut", 0.7),) if cut else ())):
                blurred = heard + rng.normal(size=DIM) * (1.0 if kind == "cut" else 0.2)
                file = f"{person}-{number}.wav"
                session = f"day {number % sessions}" if sessions else file
                clips.append(
                    {
                        "speaker": f"p{person}",
                        "file": file,
                        "session": session,
                        "kind": kind,
                        "net_seconds": seconds,
                        "sha256": f"{file} {kind}",
                        "vectors": {MODEL.name: (blurred / np.linalg.norm(blurred)).astype(np.float32)},
                    }
                )
    return Material.of(clips, {MODEL.name: MODEL}, source="made-up voices")


@pytest.fixture(autouse=True)
def few_draws(monkeypatch) -> None:
    """Intervals need not be exact here."""
    monkeypatch.setattr(fitting, "DRAWS", 30)


# Trials


@settings(max_examples=25)
@given(st.integers(4, 12), st.integers(2, 6), st.integers(0, 3), st.integers(0, 99))
def test_no_recording_and_no_session_is_on_both_sides(people: int, recordings: int, sessions: int, seed: int) -> None:
    material = voices(people, recordings, sessions=sessions)
    everybody = np.arange(people)
    half = people // 2
    for draw in draw_galleries(material, everybody[:half], 4, np.random.default_rng(seed), company=everybody[half:]):
        assert len(draw.people) == len(set(draw.people)) == len(draw.samples)
        assert set(draw.people[: draw.tried]) <= set(range(half))
        assert set(draw.people[draw.tried :]) <= set(range(half, people))
        assert set(material.speaker[draw.probes]) <= set(range(half))
        for person, rows in zip(draw.people, draw.samples, strict=True):
            assert 1 <= len(rows) <= 5
            assert (material.speaker[rows] == person).all()
            assert material.natural[rows].all()
            searched = draw.probes[material.speaker[draw.probes] == person]
            assert not set(material.file[rows]) & set(material.file[searched])
            if len(set(material.session[material.speaker == person])) > 1:
                assert not set(material.session[rows]) & set(material.session[searched])


@given(st.integers(2, 30), st.integers(2, 5), st.integers(0, 99))
def test_folds_part_the_people(people: int, count: int, seed: int) -> None:
    material = voices(people, 2, cut=False)
    folds = speaker_folds(material, count, np.random.default_rng(seed))
    assert sorted(np.concatenate(folds).tolist()) == list(range(people))
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_trials_are_laid_out_as_they_were_scored() -> None:
    material = voices(8, 3)
    cross = CrossValidation(material, SIZES)
    [draw, *_] = draw_galleries(material, np.arange(8), 1, np.random.default_rng(0), company=None)
    trials = score_trials(material, "made-up", draw, cross._recipe(ONE))
    assert trials.score.shape == trials.same.shape == (len(draw.probes), len(draw.people))
    flat = columns([trials, trials])
    assert {len(column) for column in flat.values()} == {2 * trials.same.size}
    assert np.array_equal(flat["same"], flat["voice"] == flat["person"])
    assert trials.strangers.sum() == np.isin(trials.voice, draw.people, invert=True).sum()


# Cross-validation


def test_llrs_hold_on_people_who_were_not_known() -> None:
    """Calibrated: the cost is within a fifth of what it could be at best; and short clips are less certain."""
    [result] = CrossValidation(voices(40, 5, spread=0.6), SIZES).results([ONE])
    figures = result.figures
    assert figures is not None
    assert figures.min_cllr.value <= figures.cllr.value <= 1.2 * figures.min_cllr.value
    for rate in (figures.eer, figures.min_dcf, figures.cllr, figures.min_cllr):
        assert 0 <= rate.low <= rate.value <= rate.high <= 1.5
    assert 0 <= figures.fnir[0.05] <= figures.fnir[0.01] <= 1


def test_a_recipe_wins_where_its_model_of_voices_holds() -> None:
    """PLDA finds out which directions are nuisance; without any, the plain cosine is chosen."""
    offered = candidates(["made-up"], ["cosine", "plda"])
    chosen = [fit_best(voices(32, 4, nuisance=nuisance, cut=False), offered, SIZES) for nuisance in (6, 0)]
    assert [fitted.choice.result.candidate.recipe for fitted in chosen] == ["plda", "cosine"]
    cosine, plda = chosen[0].results
    assert plda.difference is not None
    assert plda.difference.high < 0
    assert cosine.difference is None


def test_what_is_fitted_says_what_it_was_fitted_on() -> None:
    material = voices(20, 4)
    fitted = fit_best(material, [ONE], SIZES)
    calibration = fitted.calibration
    assert (calibration.model, calibration.fingerprint, calibration.speakers) == (*MODEL.__dict__.values(), 20)
    assert not calibration.generic
    assert calibration.held_out == fitted.results[0].figures.held_out
    assert calibration.data.startswith("made-up voices: 80 clips of 20 people")
    assert "p1" not in calibration.data
    assert calibration.trials["target"] > 0 < calibration.trials["nontarget"]
    assert calibration.false_alarms is not None
    rates = [calibration.false_alarms.rate(odds, 10) for odds in (0.0, 2.0, 4.0)]
    assert rates == sorted(rates, reverse=True)
    assert Calibration.from_json(calibration.to_json()).id == calibration.id
    assert fit_best(material, [ONE], SIZES).calibration.id == calibration.id  # nothing is left to chance


def test_a_recipe_that_cannot_be_fitted_says_why_and_the_rest_go_on() -> None:
    plain, plda = CrossValidation(voices(8, 3), SIZES).results(candidates(["made-up"], ["cosine", "plda"]))
    assert plain.figures is not None
    assert plda.figures is None
    assert "speakers" in plda.reason
    with pytest.raises(InputError, match=r"no recipe could be fitted: .*speakers"):
        choose([plda])


def test_calibrations_are_compared_on_the_same_trials() -> None:
    material = voices(24, 4)
    good = fit_best(material, [ONE], SIZES).calibration
    rash = replace(good, slope=5 * good.slope, offset=5 * good.offset, constant=5 * good.constant)
    first, second = compare_calibrations(material, [good, rash])
    assert first.difference is None
    assert second.difference is not None
    assert second.difference.low > 0
    assert second.figures.eer.value == pytest.approx(first.figures.eer.value, abs=0.01)
    with pytest.raises(FingerprintError):
        compare_calibrations(material, [replace(good, fingerprint="another")])


@pytest.mark.parametrize(
    ("material", "says"),
    [
        (voices(1, 9), "one speaker's.*give 7 more speakers with at least 2"),
        (voices(6, 3), "6 of 6 speakers .*give 2 more speakers with at least 2 recordings each"),
        (voices(20, 1), "0 of 20 speakers .*give 8 more speakers"),
    ],
    ids=["one speaker", "few speakers", "one recording each"],
)
def test_too_little_says_how_much_more(material: Material, says: str) -> None:
    for refuse in (check_enough, lambda some: CrossValidation(some, SIZES)):
        with pytest.raises(InputError, match=says):
            refuse(material)


# Choice


def result(recipe: str, cllr: float, noise: float, model: str = "ecapa") -> Result:
    draws = cllr + np.concatenate([[0.0], noise * np.random.default_rng(len(recipe)).normal(size=200)])
    rate = Interval(cllr, cllr, cllr)
    return Result(Candidate(model, recipe), Figures(rate, rate, rate, rate, {}), draws=draws)


def test_the_best_is_taken_where_it_is_clearly_better() -> None:
    choice = choose([result("cosine", 0.10, 0.001), result("plda", 0.05, 0.001)])
    assert choice.result is choice.best
    assert choice.share is None
    assert choice.reason.startswith("plda on ecapa has the lowest Cllr")


def test_a_simpler_one_is_taken_where_the_gain_may_be_chance() -> None:
    choice = choose([result("cosine", 0.051, 0.02), result("plda", 0.05, 0.02)])
    assert (choice.result.candidate.recipe, choice.best.candidate.recipe) == ("cosine", "plda")
    assert choice.share is not None
    assert 0.3 < choice.share < 0.7
    assert "of draws of the speakers" in choice.reason


def test_only_models_that_people_are_enrolled_by() -> None:
    results = [result("cosine", 0.10, 0.001), result("cosine", 0.05, 0.001, "resnet34")]
    assert choose(results).result.candidate.model == "resnet34"
    assert choose(results, {"ecapa"}).result.candidate.model == "ecapa"


def test_candidates_come_simplest_first() -> None:
    names = [str(one) for one in candidates(["a+b", "b", "a"], ["plda", "cosine"])]
    assert names == ["cosine on b", "plda on b", "cosine on a", "plda on a", "cosine on a+b", "plda on a+b"]
    with pytest.raises(InputError, match="no recipe is called 'cosin'"):
        candidates(["a"], ["cosin"])


# Suspicion


def relabelled(material: Material, rows: list[int], to: int) -> Material:
    speaker = material.speaker.copy()
    for row in rows:
        speaker[(material.file == material.file[row])] = to
    return replace(material, speaker=speaker)


def test_right_labels_raise_no_suspicion() -> None:
    for seed in range(3):
        assert find_suspects(voices(20, 5, seed=seed)) == []


def test_labels_are_checked_where_there_is_a_fused_model_alone() -> None:
    material = voices(20, 5)
    [name] = material.models
    fused = replace(material, vectors={"a+b": material.vectors[name]}, models={"a+b": material.models[name]})
    [suspect] = find_suspects(relabelled(fused, [0], to=7))
    assert 0 in suspect.rows


def test_a_mislabelled_clip_is_found_with_its_pieces() -> None:
    material = voices(20, 5)
    wrong = int(np.flatnonzero((material.speaker == 3) & material.natural)[0])
    [suspect] = find_suspects(relabelled(material, [wrong], to=7))
    assert suspect.text.startswith("3-0.wav: labelled p7, but sounds like p3")
    assert set(suspect.rows) == set(np.flatnonzero(material.file == material.file[wrong]))
    left = without(relabelled(material, [wrong], to=7), [suspect])
    assert len(left) == len(material) - 2
    assert find_suspects(left) == []


def test_two_labels_of_one_voice_are_found() -> None:
    material = voices(20, 6)
    moved = [int(row) for row in np.flatnonzero((material.speaker == 3) & material.natural)[:3]]
    doubled = replace(relabelled(material, moved, to=20), people=(*material.people, "again"))
    [suspect] = find_suspects(doubled)
    assert suspect.text.startswith("p3 and again: sound like one person")
    assert set(doubled.speaker[list(suspect.rows)]) <= {3, 20}


def test_one_label_of_two_voices_is_found() -> None:
    material = voices(20, 5)
    everything = [int(row) for row in np.flatnonzero((material.speaker == 3) & material.natural)]
    [suspect] = find_suspects(relabelled(material, everything, to=7))
    assert suspect.text.startswith("p7: holds two voices")


def test_the_same_audio_of_two_people_is_found() -> None:
    material = voices(10, 2)
    sha256 = material.sha256.copy()
    sha256[material.file == 0] = sha256[material.file == 5]
    [suspect] = same_audio(replace(material, sha256=sha256))
    assert suspect.text == "0-0.wav and 2-1.wav: the same audio is given for p0 and p2"
    assert len(suspect.rows) == 4


def test_scores_that_are_not_finite_are_refused() -> None:
    material = voices(10, 3)
    material.vectors["made-up"][5] = np.nan
    with pytest.raises(InputError, match="finite"):
        CrossValidation(material, SIZES).fit(ONE)
