"""Routes about calibrations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.messages.calibrations import CalibrationInfo, CalibrationUsed

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries/{gallery}/calibrations", tags=["calibrations"])

Which = Annotated[
    str,
    Path(
        description="An id, its first digits, or `default` for the one that ships.",
        examples=["3f9a01c27b4e8d60"],
        pattern="^([0-9a-f]{1,16}|default)$",
    ),
]


@router.get("")
def list_calibrations(here: Annotated[Here, at(Scope.IDENTIFY, Scope.REVIEW)]) -> list[CalibrationInfo]:
    """Every calibration that is kept for the gallery, oldest first."""
    return list(here.desk().calibrations.list())


@router.get("/{which}")
def show_calibration(which: Which, here: Annotated[Here, at(Scope.IDENTIFY, Scope.REVIEW)]) -> CalibrationInfo:
    """One calibration: what it was fitted on, and how it does."""
    return here.desk().calibrations.show(which)


@router.post("/{which}/use")
def use_calibration(which: Which, here: Annotated[Here, at(Scope.ADMIN)]) -> CalibrationInfo | CalibrationUsed:
    """Judge the gallery by a calibration from now on."""
    return here.desk().calibrations.use(which)
