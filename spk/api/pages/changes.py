"""The page about what was changed, and the way back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.pages.acting import done
from spk.api.pages.shell import PageRoute, go, place, show
from spk.api.routes.changes import MOST
from spk.api.sessions import way_back

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}/changes", route_class=PageRoute)

Reviewer = Annotated[Here, at(Scope.REVIEW)]
PAGE = 50


@router.get("")
def history(request: Request, here: Reviewer, after: str | None = None) -> Response:
    """What was changed, the newest first."""
    found = here.desk().changes.list(limit=PAGE, after=after)
    return show(request, "changes.html", here, found=found, after=after, done=done(request, here))


@router.post("/{number}/undo")
def undo(
    request: Request,
    here: Reviewer,
    number: Annotated[int, Path(ge=1, le=MOST)],
    back: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Undo a change, and go back; that is a change, too, and can be undone."""
    changes = here.desk().changes
    changes.undo([number])
    latest = changes.list(limit=1).items
    target = way_back(back)
    there = target if target.startswith("/review/") else place(here.gallery, "changes")
    return go(request, there, done=latest[0].change if latest else None)
