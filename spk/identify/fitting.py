"""Which recipe, and what its scores are worth: compared on people that each was not fitted on, then fitted on all.

The people are dealt into folds. A recipe is fitted on all folds but one and scores random galleries of that one's
people; the scores of the other folds, made likewise by recipes that did not know *their* people, calibrate them. So
every figure is of people unknown to recipe and calibration both, and the calibration sees scores as they come out
for new people, which a recipe with many parameters makes look better for those it was fitted on (cross-fitting;
Wolpert, Stacked Generalization, Neural Networks 5, 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError
from spk.identify import metrics
from spk.identify.calibration import Calibration, Calibrator, HeldOut, Interval
from spk.identify.false_alarms import FalseAlarmFit, FalseAlarms, Strangers
from spk.identify.labelled import Material
from spk.identify.posterior import posterior
from spk.identify.scoring import RECIPES, Fusion, Recipe
from spk.identify.trials import (
    GalleryDraw,
    Trials,
    columns,
    draw_galleries,
    enroll_some,
    score_trials,
    speaker_folds,
)

__all__ = [
    "LEAST_SPEAKERS",
    "Candidate",
    "CrossValidation",
    "Figures",
    "Result",
    "check_enough",
    "figures",
    "interval",
    "llr",
    "make_recipe",
    "speaker_draws",
]

LEAST_SPEAKERS = 8
"""People with two recordings each that a calibration needs; with fewer, the one that ships is the better one."""
REPEATS = 2  # ways to deal the people into folds: pairs of people meet only within a fold
MOST_FOLDS = 4
FOLD = 4  # people with several recordings that a fold should have
GALLERIES = 4  # random galleries of a fold's people
MOST_NONTARGETS = 20_000  # trials of different people that a calibration is fitted on
DRAWS = 200  # of the bootstrap over speakers
WEIGHTS = {"natural": 1.0, "cut": 0.5, "degraded": 0.02}  # there are two pieces of a clip, and most clips are fine
PARTS, DEALS = 3, 6  # parts of the people, of which each is left out in turn, and ways to deal them
SIZES = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640)  # of the galleries in which strangers are counted

Scores = NDArray[np.float64]
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe for the vectors of a model.

    >>> str(Candidate("ecapa+resnet34", "plda"))
    'plda on ecapa+resnet34'
    """

    model: str
    recipe: str

    def __str__(self) -> str:
        return f"{self.recipe} on {self.model}"


@dataclass(frozen=True, slots=True)
class Figures:
    """How well people were told apart that neither recipe nor calibration knew; rates from 0 to 1.

    Attributes:
        eer: Equal error rate.
        min_dcf: Least detection cost at a prior of 0.01.
        cllr: Cost of the LLRs, in bits.
        min_cllr: What it would be after the best calibration in hindsight.
        fnir: Enrolled people missed, by the share of strangers that get a name.
    """

    eer: Interval
    min_dcf: Interval
    cllr: Interval
    min_cllr: Interval
    fnir: Mapping[float, float]

    @property
    def held_out(self) -> HeldOut:
        """What a calibration keeps of them."""
        return HeldOut(cllr=self.cllr, min_cllr=self.min_cllr, eer=self.eer)


@dataclass(frozen=True, eq=False)
class Result:
    """One candidate in the comparison.

    Attributes:
        candidate: Which.
        figures: None where it could not be fitted.
        difference: Of Cllr to the first candidate's, paired: negative is better.
        reason: Why it could not be fitted; empty if it could.
        draws: (draws,) Cllr of each draw of the bootstrap.
    """

    candidate: Candidate
    figures: Figures | None
    difference: Interval | None = None
    reason: str = ""
    draws: Scores = field(default_factory=lambda: np.zeros(0))


def make_recipe(candidate: Candidate, sizes: Sequence[int]) -> Recipe:
    """The recipe, not fitted yet; for a fused model (several ``sizes``) one for each part.

    Raises:
        InputError: no recipe has that name.
    """
    if candidate.recipe not in RECIPES:
        raise InputError(f"no recipe is called {candidate.recipe!r}; there are: {', '.join(RECIPES)}")
    make = RECIPES[candidate.recipe]
    return make() if len(sizes) == 1 else Fusion(sizes, [make() for _ in sizes])


def check_enough(material: Material) -> None:
    """See that there is enough to fit a calibration on.

    Raises:
        InputError: there is not; it says how much more is needed.
    """
    people, able = len(np.unique(material.speaker)), int(material.paired().sum())
    more = f"{LEAST_SPEAKERS - able} more speakers with at least 2 recordings each"
    if people < 2:
        raise InputError(
            f"all {len(material)} clips are one speaker's, and a calibration learns from comparing speakers: "
            f"give {more}"
        )
    if able < LEAST_SPEAKERS:
        raise InputError(
            f"too little to fit a calibration on: {able} of {people} speakers have 2 recordings "
            f"(of different sessions, where sessions are named), and {LEAST_SPEAKERS} are needed: give {more}"
        )


class CrossValidation:
    """Compares candidates on the same trials.

    Args:
        material: Labelled clips.
        sizes: The dimensions of each model's parts, by its name.
        seed: The same seed draws the same galleries.

    Raises:
        InputError: there are too few people.
    """

    def __init__(self, material: Material, sizes: Mapping[str, Sequence[int]], seed: int = 0) -> None:
        check_enough(material)
        self.material, self.sizes = material, sizes
        rng = np.random.default_rng(seed)
        able = int(material.paired().sum())
        self.folds = min(MOST_FOLDS, able // FOLD) if able >= 2 * FOLD else 2
        self.deals = [speaker_folds(material, self.folds, rng) for _ in range(REPEATS)]
        self.galleries: list[list[list[GalleryDraw]]] = [
            [
                draw_galleries(material, fold, GALLERIES, rng, company=np.concatenate([*folds[:at], *folds[at + 1 :]]))
                for at, fold in enumerate(folds)
            ]
            for folds in self.deals
        ]
        groups = np.where(material.paired(), 0, 1)
        self.draws = speaker_draws(groups)

    def held_out(self, candidate: Candidate) -> list[tuple[Trials, Scores]]:
        """Trials and LLRs of every gallery, by recipes and calibrations that know none of its people.

        Raises:
            InputError: the recipe cannot be fitted on so few people.
        """
        found: list[tuple[Trials, Scores]] = []
        for folds, galleries in zip(self.deals, self.galleries, strict=True):
            scored = []
            for fold, draws in zip(folds, galleries, strict=True):
                recipe = self._recipe(candidate, without=fold)
                scored.append([score_trials(self.material, candidate.model, draw, recipe) for draw in draws])
            for number, some in enumerate(scored):
                others = [trials for at, rest in enumerate(scored) if at != number for trials in rest]
                calibration = self._calibration(candidate, others)
                found += [(trials, llr(calibration, trials)) for trials in some]
        return found

    def results(self, candidates: Sequence[Candidate], progress: Report | None = None) -> list[Result]:
        """Every candidate's figures, and how each differs from the first."""
        results: list[Result] = []
        for number, candidate in enumerate(candidates):
            try:
                found, draws = figures(self.held_out(candidate), self.draws)
            except InputError as error:
                results.append(Result(candidate, None, reason=f"without one part in {self.folds}: {error}"))
            else:
                first = next((result for result in results if result.figures), None)
                difference = interval(draws - first.draws) if first else None
                results.append(Result(candidate, found, difference, draws=draws))
            if progress:
                progress(number + 1, len(candidates), "comparing recipes")
        return results

    def fit(self, candidate: Candidate, held_out: HeldOut | None = None, **about: Any) -> Calibration:  # noqa: ANN401
        """Recipe and calibration, fitted on everybody; ``about`` holds further fields of the calibration.

        Without ``false_alarms`` where there are too few strangers to fit them on.
        """
        trials = [some for some, _ in self.held_out(candidate)]
        same = columns(trials)["same"]
        calibration = calibrate(trials).calibration(
            self.material.models[candidate.model],
            self._recipe(candidate),
            speakers=len(np.unique(self.material.speaker)),
            trials={"target": int(same.sum()), "nontarget": int((~same).sum())},
            held_out=held_out,
            **about,
        )
        try:
            return replace(calibration, false_alarms=self._false_alarms(candidate, calibration))
        except InputError:
            return calibration

    def _calibration(self, candidate: Candidate, trials: Sequence[Trials]) -> Calibration:
        """For the scores of these trials; whatever recipe made them, for its LLRs alone are wanted."""
        recipe = make_recipe(candidate, self.sizes[candidate.model])
        return calibrate(trials).calibration(self.material.models[candidate.model], recipe)

    def _recipe(self, candidate: Candidate, without: NDArray[np.int64] | None = None) -> Recipe:
        material = self.material
        rows = material.natural if without is None else material.natural & ~np.isin(material.speaker, without)
        recipe = make_recipe(candidate, self.sizes[candidate.model])
        return recipe.fit(material.vectors[candidate.model][rows], material.speaker[rows])

    def _false_alarms(self, candidate: Candidate, calibration: Calibration) -> FalseAlarms:
        """Strangers in galleries of every size, neither of whom the recipe knows.

        A part of the people, and of the cohort, is left out of fitting the recipe; a third of them are strangers, the
        rest fill the gallery, people before cohort. A recipe with much to fit tells strangers from people it was
        fitted on better than from others, so the gallery must be as new to it as it will be. The three numbers that
        make LLRs of scores are those of everybody.
        """
        material = self.material
        rng = np.random.default_rng(1)
        background = np.unique(material.speaker[material.cohort])
        heard = np.unique(material.speaker[material.natural])
        found: list[Strangers] = []
        for _ in range(DEALS):
            cohorts = np.array_split(rng.permutation(background), PARTS)
            for fold, cohort in zip(speaker_folds(material, PARTS, rng), cohorts, strict=True):
                people = np.intersect1d(fold, heard)
                recipe = self._recipe(candidate, without=np.concatenate([people, cohort]))
                score = partial(score_trials, material, candidate.model, recipe=recipe)
                for searched in self._searches(score, people, cohort, rng):
                    odds = posterior(llr(calibration, searched)).somebody
                    found.append(Strangers(len(searched.person), odds, kind_weights(searched.kind)))
        return FalseAlarmFit().fit(found).false_alarms_

    def _searches(
        self,
        score: Callable[[GalleryDraw], Trials],
        people: NDArray[np.int64],
        background: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Iterator[Trials]:
        """A third of these people, in galleries of the others."""
        strange = [rng.permutation(some)[::3] for some in (people, background)]
        known = [np.setdiff1d(some, out) for some, out in zip((people, background), strange, strict=True)]
        probes = np.flatnonzero(np.isin(self.material.speaker, np.concatenate(strange)))
        most = sum(map(len, known))
        for size in [*(size for size in SIZES if size < most), most]:
            some = np.concatenate([rng.permutation(known[0]), rng.permutation(known[1])])[:size]
            samples = tuple(_any_samples(self.material, int(person), rng) for person in some)
            yield score(GalleryDraw(some, samples, probes, len(some)))


def figures(held_out: Sequence[tuple[Trials, Scores]], draws: Sequence[Scores]) -> tuple[Figures, Scores]:
    """How well these LLRs tell people apart, and Cllr by draw: (1 + draws,), the first of everybody.

    Args:
        held_out: Trials and their LLRs (n, m).
        draws: How often each person counts, (people,) a draw.
    """
    flat = columns([trials for trials, _ in held_out])
    llrs = np.concatenate([some[:, : trials.tried].ravel() for trials, some in held_out])
    same, voice, person = flat["same"], flat["voice"], flat["person"]
    by_kind = kind_weights(flat["kind"])
    bits = np.logaddexp(0, np.where(same, -llrs, llrs)) / np.log(2)
    binned = metrics.Binned.of(llrs, same)
    rates = []
    for number, draw in enumerate(draws):
        weight = by_kind * draw[voice] * np.where(same, 1.0, draw[person])
        if not (weight[same].any() and weight[~same].any()):  # of a few people, only one kind may be drawn
            rates.append([np.nan] * 4)
            continue
        cost = (np.average(bits[same], weights=weight[same]) + np.average(bits[~same], weights=weight[~same])) / 2
        some = binned(weight) if number else (llrs, same, weight)
        det = metrics.det(*some)
        rates.append([det.eer, det.min_dcf(0.01), cost, metrics.min_cllr(*some)])
    by_rate = np.array(rates).T
    eer, min_dcf, cllr, min_cllr = map(interval, by_rate)
    return Figures(eer, min_dcf, cllr, min_cllr, _fnir(held_out)), by_rate[2]


def _fnir(held_out: Sequence[tuple[Trials, Scores]]) -> dict[float, float]:
    best, right, enrolled, weight = [], [], [], []
    for trials, llrs in held_out:
        odds = posterior(llrs).log_odds
        top = odds.argmax(axis=1)
        rows = np.arange(len(top))
        best.append(odds[rows, top])
        right.append(trials.same[rows, top])
        enrolled.append(~trials.strangers)
        weight.append(kind_weights(trials.kind))
    curve = metrics.fnir_curve(*map(np.concatenate, (best, right, enrolled, weight)))
    return {fpir: float(min(curve.missed[curve.alarms <= fpir], default=1.0)) for fpir in (0.01, 0.05)}


def calibrate(trials: Sequence[Trials]) -> Calibrator:
    """Score to LLR, fitted on these trials.

    Raises:
        InputError: they are all of one kind, or a score is not finite.
    """
    flat = columns(trials)
    if not np.isfinite(flat["score"]).all():
        raise InputError("a score is not finite: leave the recording out whose embedding is damaged")
    same = flat.pop("same")
    targets, rest = np.flatnonzero(same), np.flatnonzero(~same)
    rows = np.concatenate([targets, np.random.default_rng(0).permutation(rest)[:MOST_NONTARGETS]])
    return Calibrator().fit(
        flat["score"][rows],
        same[rows],
        test_seconds=flat["test_seconds"][rows],
        profile_seconds=flat["profile_seconds"][rows],
        weight=kind_weights(flat["kind"][rows]),
    )


def llr(calibration: Calibration, trials: Trials) -> Scores:
    """The LLRs (n, m) of one gallery."""
    return calibration.llr(trials.score, trials.test_seconds[:, None], trials.profile_seconds)


def speaker_draws(groups: NDArray[np.int64]) -> list[Scores]:
    """How often each person counts (people,): once each, then in the draws of the bootstrap."""
    return [np.ones(len(groups)), *(draw.astype(np.float64) for draw in metrics.speaker_draws(groups, DRAWS))]


def interval(values: Scores) -> Interval:
    """Of an estimate and its draws: (1 + draws,); draws that told nothing are NaN."""
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Interval(round(float(values[0]), 5), round(float(low), 5), round(float(high), 5))


def kind_weights(kind: NDArray[np.str_]) -> Scores:
    """How much clips count, by their kind."""
    names, places = np.unique(kind, return_inverse=True)
    found: Scores = np.array([WEIGHTS.get(str(name), 1.0) for name in names])[places]
    return found


def _any_samples(material: Material, person: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows to enroll somebody from whose own voice is not searched."""
    if material.paired()[person]:
        samples, _ = enroll_some(material, person, rng)
        if len(samples):
            return np.asarray(samples)
    return np.flatnonzero((material.speaker == person) & material.natural)[:5]
