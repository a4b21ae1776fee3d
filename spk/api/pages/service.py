"""The page about the service itself: whether it is well."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Request, Response

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.pages.shell import PageRoute, show
from spk.errors import EngineError
from spk.store import EngineStatus

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}/service", route_class=PageRoute)


@router.get("")
def health(request: Request, here: Annotated[Here, at(Scope.REVIEW)]) -> Response:
    """How the service is."""
    service = here.service
    engines: list[EngineStatus] = []
    trouble = ""
    try:
        engines = service.store.engine_status()
    except EngineError:  # where it lies is for the log
        trouble = "the vector engine does not answer"
    return show(
        request,
        "service.html",
        here,
        version=version("spk-voiceprints"),
        is_loaded=service.is_loaded,
        admission=service.admission,
        counts=service.store.job_counts(),
        engines=engines,
        trouble=trouble,
        of_all=here.principal.galleries is None,  # whose figures say how much goes on in other galleries
        model=here.desk().bench.model_name,
    )
