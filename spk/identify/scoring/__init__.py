"""Scores between voices and profiles: the recipes that can make them, and the seam they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spk.errors import InputError
from spk.identify.scoring.asnorm import AsNorm
from spk.identify.scoring.cosine import CentredCosine, Cosine, PrototypeCosine
from spk.identify.scoring.fusion import Fusion
from spk.identify.scoring.plda import LdaPlda, Plda
from spk.identify.scoring.recipe import (
    BACKGROUND_WEIGHT,
    GalleryScorer,
    Prints,
    Recipe,
    Scorer,
    gallery_centre,
    mean_profiles,
)

__all__ = [
    "BACKGROUND_WEIGHT",
    "RECIPES",
    "AsNorm",
    "CentredCosine",
    "Cosine",
    "Fusion",
    "GalleryScorer",
    "LdaPlda",
    "Plda",
    "Prints",
    "PrototypeCosine",
    "Recipe",
    "Scorer",
    "gallery_centre",
    "mean_profiles",
    "recipe_from_json",
]

RECIPES: dict[str, type[Recipe]] = {
    recipe.name: recipe for recipe in (Cosine, CentredCosine, PrototypeCosine, AsNorm, Plda, LdaPlda)
}
"""The recipes for one embedder, the simplest first; `Fusion` joins two of them."""


def recipe_from_json(record: Mapping[str, Any]) -> Recipe:
    """A fitted recipe from what `Recipe.to_json` gave.

    Raises:
        InputError: this version knows no such recipe.
    """
    kinds: dict[str, type[Recipe]] = {**RECIPES, Fusion.name: Fusion}
    if record["name"] not in kinds:
        raise InputError(f"no recipe is called {record['name']!r}; there are: {', '.join(kinds)}")
    return kinds[record["name"]].from_json(record)
