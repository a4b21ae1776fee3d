"""Routes about decisions that are kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.messages.base import Page
from spk.messages.decisions import DecisionInfo, Explained, Replayed

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries/{gallery}/decisions", tags=["decisions"])

Which = Annotated[str, Path(description="An id, or its first digits.", examples=["3f2a9c1e"], max_length=36)]
Reviewing = Annotated[Here, at(Scope.REVIEW)]


@router.get("")
def list_decisions(
    here: Reviewing,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Page[DecisionInfo]:
    """What was said of recordings, the newest first."""
    return here.desk().decisions.list(limit=limit, after=after)


@router.get("/{which}")
def explain_decision(
    which: Which,
    here: Reviewing,
    voice: Annotated[str | None, Query(description="The only voice to tell of.", max_length=200)] = None,
) -> Explained:
    """What a decision rests on."""
    return here.desk().decisions.explain(which, voice)


@router.post("/{which}/replay")
def replay_decision(which: Which, here: Reviewing) -> Replayed:
    """Compute a decision again, as of its day and as of today; nothing is changed."""
    return here.desk().decisions.replay(which)
