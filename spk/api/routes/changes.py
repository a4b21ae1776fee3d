"""Routes about changes, and the way back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.responses import COMMON, problems
from spk.api.routes.asked import DryRun
from spk.jobs.asked import Asked
from spk.messages.base import Page
from spk.messages.changes import ChangeInfo, Undone

__all__ = ["MOST", "router"]

router = APIRouter(prefix="/v1/galleries/{gallery}/changes", tags=["changes"], responses={**COMMON, **problems(409)})

Reviewing = Annotated[Here, at(Scope.REVIEW)]
MOST = 2**31 - 2
"""Numbers of changes are not above it."""


class UndoAsked(Asked):
    """Which changes to undo, all of them or none."""

    numbers: list[Annotated[int, Field(ge=1, le=MOST)]] = Field(
        default_factory=list, description="Which; the last ones, if none is given.", max_length=1000, examples=[[42]]
    )
    last: Annotated[int, Field(description="How many of the last ones.", ge=1, le=1000)] = 1
    dry_run: DryRun = False


@router.get("")
def list_changes(
    here: Reviewing,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Page[ChangeInfo]:
    """What was changed, the newest first."""
    return here.desk().changes.list(limit=limit, after=after)


@router.get("/{number}")
def show_change(number: Annotated[int, Path(ge=1, le=MOST)], here: Reviewing) -> ChangeInfo:
    """One change."""
    return here.desk().changes.show(number)


@router.post("/undo")
def undo_changes(asked: UndoAsked, here: Reviewing) -> Undone:
    """Put everything back as it was before some changes; what was undone comes back by undoing that."""
    return here.desk().changes.undo(asked.numbers, last=asked.last, dry_run=asked.dry_run)
