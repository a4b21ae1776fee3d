"""Routes about models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from spk.api.here import Here, at
from spk.messages.models import ModelDetail, ModelInfo

__all__ = ["router"]

router = APIRouter(prefix="/v1/models", tags=["models"])

Anybody = Annotated[Here, at()]


@router.get("")
def list_models(here: Anybody) -> list[ModelInfo]:
    """Every model, and whether its weights are there."""
    return list(here.desk().models.list())


@router.get("/{name}")
def show_model(name: Annotated[str, Path(examples=["ecapa"], max_length=100)], here: Anybody) -> ModelDetail:
    """One model, with its files; where they lie on the server is not told."""
    found = here.desk().models.show(name)
    files = [one.model_copy(update={"path": None}) for one in found.files]
    return found.model_copy(update={"files": files})
