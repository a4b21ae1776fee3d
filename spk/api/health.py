"""Whether the service lives, and whether it can work."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

from anyio import CapacityLimiter, move_on_after, to_thread
from fastapi import APIRouter, Request, Response, status

from spk.api.service import Service
from spk.errors import SpkError
from spk.messages import Message
from spk.store import Store

__all__ = ["router"]

STORE_SECONDS = 5.0
"""How long the store may take to answer: one that says nothing at all is as good as away."""

_asking = Lock()  # of who asks the store: where that hangs, it holds up one thread, however many want to know

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
async def is_ready(request: Request, response: Response) -> Health:
    """Whether requests should be sent here: the models are loaded, and the store answers."""
    service: Service = request.app.state.service
    if not service.is_loaded:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Health(status="starting", problems=("models",))
    with move_on_after(STORE_SECONDS), suppress(SpkError, OSError):  # what exactly is for the log: anybody may ask this
        # In a thread of its own: those of requests may all be waiting for the store.
        await to_thread.run_sync(_ask, service.store, abandon_on_cancel=True, limiter=CapacityLimiter(1))
        return Health(status="ok")
    response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Health(status="failing", problems=("store",))


def _ask(store: Store) -> None:
    if not _asking.acquire(timeout=STORE_SECONDS):
        raise TimeoutError
    try:
        store.state()
    finally:
        _asking.release()
