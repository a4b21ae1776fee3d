"""Whether the service lives, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, status

from spk.api.service import Service
from spk.errors import SpkError
from spk.messages import Message

__all__ = ["router"]

router = APIRouter(tags=["health"])


class Health(Message):
    """Whether all is well.

    Attributes:
        status: ``ok``, or ``starting`` or ``failing``.
        problems: What is not, a word each.
    """

    status: str
    problems: tuple[str, ...] = ()


@router.head("/healthz", include_in_schema=False)  # which some load balancers ask
@router.get("/healthz")
async def is_alive() -> Health:
    """Whether the process answers at all: restart it where it does not."""
    return Health(status="ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Health}})
def is_ready(request: Request, response: Response) -> Health:
    """Whether requests should be sent here: the models are loaded, and the store answers."""
    service: Service = request.app.state.service
    if not service.is_loaded:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Health(status="starting", problems=("models",))
    try:
        service.store.state()
    except (SpkError, OSError):  # what exactly is for the log: anybody may ask this
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Health(status="failing", problems=("store",))
    return Health(status="ok")
