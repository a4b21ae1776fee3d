"""The way in: a key for a session, and which gallery to review."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from spk.api.access import Scope, needs
from spk.api.gate import LOGIN, log_in, log_out
from spk.api.here import Here, at
from spk.api.pages.shell import PageRoute, go, place, show
from spk.api.problems import ProblemError
from spk.api.sessions import way_back
from spk.errors import AccessError, NotFoundError

__all__ = ["lost", "router"]

router = APIRouter(route_class=PageRoute)
lost = APIRouter(route_class=PageRoute)  # comes last: what no other page answers


@router.get("/")
def home() -> Response:
    """The service's address by itself leads to the pages."""
    return RedirectResponse("/review", 303)


@router.get(LOGIN)
def ask(request: Request, next: str = "/review") -> Response:  # noqa: A002 - as it stands in the address
    """Ask for a key."""
    return show(request, "login.html", next=way_back(next), problem=None)


@router.post(LOGIN)
async def enter(request: Request, key: Annotated[str, Form()], next: Annotated[str, Form()] = "/review") -> Response:  # noqa: A002 - as above
    """Begin a session."""
    response = go(request, way_back(next))
    try:
        await log_in(request, response, key)
    except (AccessError, ProblemError) as error:
        status = error.kind.status if isinstance(error, ProblemError) else 403
        return show(request, "login.html", status=status, next=way_back(next), problem=str(error))
    return response


@router.post("/logout", dependencies=[Depends(needs())])
def leave(request: Request) -> Response:
    """End the session."""
    response = go(request, LOGIN)
    log_out(request, response)
    return response


@router.get("/review")
def galleries(request: Request, here: Annotated[Here, at(Scope.ENROLL, Scope.IDENTIFY, Scope.REVIEW)]) -> Response:
    """Which gallery to work on; the only one is gone to at once."""
    first = "unknowns" if here.principal.may(Scope.REVIEW) else "jobs"
    desk = here.desk()
    found = [one for one in desk.galleries.list() if here.principal.may_see(one.name)]
    if len(found) == 1:
        return go(request, place(found[0].name, first))
    return show(request, "galleries.html", here, galleries=found, first=first)


@lost.get("/review/{place:path}", dependencies=[Depends(needs())])
def nowhere() -> Response:
    """There is no such page.

    Raises:
        NotFoundError: always.
    """
    raise NotFoundError("there is no page at this address: check it")
