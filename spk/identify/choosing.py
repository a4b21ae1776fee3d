"""Which of several recipes to take, by how they did on people that they did not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spk.errors import InputError
from spk.identify.calibration import Calibration, Interval
from spk.identify.fitting import (
    Candidate,
    CrossValidation,
    Figures,
    Result,
    check_enough,
    figures,
    interval,
    llr,
    speaker_draws,
)
from spk.identify.labelled import CUTS, Material
from spk.identify.scoring import RECIPES, CentredCosine
from spk.identify.trials import draw_galleries, score_trials

if TYPE_CHECKING:
    from spk.embed.weights import Progress

__all__ = [
    "COMPARED",
    "LIKELY",
    "Choice",
    "Compared",
    "Fitted",
    "candidates",
    "choose",
    "compare_calibrations",
    "describe",
    "fit_best",
]

COMPARED = ("cosine", "centred-cosine", "prototype-cosine", "as-norm", "plda", "lda-plda")
"""The recipes that are compared unless somebody names others."""


LIKELY = 0.7
"""Share of draws of the bootstrap in which a recipe must beat every simpler one.

On 8 subsets of 8 to 24 speakers of a corpus, tried on the other speakers: with 0.7 the one with the lowest Cllr was
taken in all but one; with 0.9, ones that cost a fifth more on people to come.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """The recipe to take.

    Attributes:
        result: Its candidate and figures.
        best: The one with the lowest Cllr; the same, unless a simpler one does as well as can be told.
        share: Of the draws of the bootstrap in which the best beats the chosen one; None where they are the same.
        alone: Whether there was no other.
    """

    result: Result
    best: Result
    share: float | None
    alone: bool = False

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        name, best = str(self.result.candidate), str(self.best.candidate)
        if self.alone:
            return f"{name} is the only one that was fitted"
        if self.share is None:
            return f"{name} has the lowest Cllr, and nothing simpler does as well"
        return (
            f"{name} is the simplest that does about as well as any: {best} has the lowest Cllr, but beats it in only "
            f"{100 * self.share:.0f} % of draws of the speakers, and {100 * LIKELY:.0f} % are asked for"
        )


def candidates(models: Sequence[str], recipes: Sequence[str] = COMPARED) -> list[Candidate]:
    """Every recipe for every model, the simplest first: few models before several, and the first model before others.

    >>> [str(candidate) for candidate in candidates(["ecapa", "resnet34"], ["cosine", "plda"])]
    ['cosine on ecapa', 'plda on ecapa', 'cosine on resnet34', 'plda on resnet34']
    """
    ordered = sorted(models, key=lambda name: name.count("+"))
    known = [name for name in RECIPES if name in recipes]
    if unknown := [name for name in recipes if name not in RECIPES]:
        raise InputError(f"no recipe is called {unknown[0]!r}; there are: {', '.join(RECIPES)}")
    return [Candidate(model, recipe) for model in ordered for recipe in known]


def choose(results: Sequence[Result], models: Collection[str] | None = None) -> Choice:
    """The simplest candidate that the one with the lowest held-out Cllr does not beat for likely.

    Beats for likely: in a share of :data:`LIKELY` of a paired bootstrap over speakers. So a recipe with more to
    fit, or a model that takes more time, is taken only where the material shows that it gains something.

    Args:
        results: The candidates, simplest first.
        models: Only candidates for these are eligible; None for all.

    Raises:
        InputError: none of them could be fitted.
    """
    fitted = [some for some in results if some.figures and (models is None or some.candidate.model in models)]
    if not fitted:
        reasons = "; ".join(dict.fromkeys(result.reason for result in results if result.reason))
        raise InputError(f"no recipe could be fitted: {reasons or 'name a recipe and a model'}")
    # What ships is as simple as a plain cosine, and has proved itself on other people's recordings.
    fitted.sort(key=lambda some: ("+" in some.candidate.model, some.candidate.recipe != CentredCosine.name))
    best = min(fitted, key=lambda result: result.draws[0])
    for result in fitted[: fitted.index(best)]:
        told = ~np.isnan(result.draws[1:])
        share = float(np.mean(best.draws[1:][told] < result.draws[1:][told]))
        if share < LIKELY:
            return Choice(result, best, share)
    return Choice(best, best, None, alone=len(fitted) == 1)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of labelled material.

    Attributes:
        results: Every candidate, simplest first.
        choice: The best choice of all.
        used: The best choice for the models that the gallery's people are enrolled by; the same, mostly.
        calibration: Of the used one, fitted on everybody.
    """

    results: tuple[Result, ...]
    choice: Choice
    used: Choice
    calibration: Calibration


def fit_best(
    material: Material,
    offered: Sequence[Candidate],
    sizes: Mapping[str, Sequence[int]],
    *,
    models: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Compare, choose, and fit what was chosen on everybody.

    Args:
        material: Labelled clips.
        offered: The candidates, simplest first.
        sizes: The dimensions of each model's parts, by its name.
        models: By which of them the people of the gallery are enrolled; None for whichever.
        progress: Told of every candidate.

    Raises:
        InputError: there is too little material, or nothing could be fitted.
    """
    trial = CrossValidation(material, sizes)
    results = tuple(trial.results(offered, progress))
    choice = choose(results)
    used = choice if models is None or choice.result.candidate.model in models else choose(results, models)
    taken = used.result
    if taken.figures is None:
        raise InputError(f"{taken.candidate} could not be fitted: {taken.reason}")
    calibration = trial.fit(taken.candidate, taken.figures.held_out, data=describe(material), generic=False)
    return Fitted(results, choice, used, calibration)


def describe(material: Material) -> str:
    """What the material is, for the record: counts, and nobody's name."""
    natural = material.natural
    people, able = len(np.unique(material.speaker)), int(material.paired().sum())
    text = (
        f"{material.source}: {int(natural.sum())} clips of {people} people, {able} of them with "
        f"2 recordings or more, {material.net_seconds[natural].sum() / 60:.0f} min of speech"
    )
    cut = material.net_seconds[material.kind == "cut"]
    return text + (f"; {len(cut)} pieces of {CUTS[0]:g} to {CUTS[-1]:g} s cut from them" if len(cut) else "")


@dataclass(frozen=True, eq=False)
class Compared:
    """A calibration, as it does on some material.

    Attributes:
        calibration: Which.
        figures: What it comes to.
        difference: Of its Cllr to that of the first, paired; None for the first itself.
    """

    calibration: Calibration
    figures: Figures
    difference: Interval | None


def compare_calibrations(material: Material, calibrations: Sequence[Calibration], seed: int = 0) -> list[Compared]:
    """Several calibrations on the same trials: random galleries of everybody.

    Raises:
        InputError: there is too little material.
        FingerprintError: a calibration is for another version of its model.
    """
    check_enough(material)
    rng = np.random.default_rng(seed)
    people = np.unique(material.speaker[~material.cohort])
    galleries = draw_galleries(material, people, 12, rng)
    groups = np.where(material.paired(), 0, 1)
    draws = speaker_draws(groups)
    compared: list[Compared] = []
    first = np.zeros(0)
    for calibration in calibrations:
        calibration.check(material.models[calibration.model])
        some = [score_trials(material, calibration.model, draw, calibration.recipe) for draw in galleries]
        found, by_draw = figures([(trials, llr(calibration, trials)) for trials in some], draws)
        first = first if compared else by_draw
        compared.append(Compared(calibration, found, interval(by_draw - first) if compared else None))
    return compared
