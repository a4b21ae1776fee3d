"""What Prometheus is told: of this process, of the workers, and of the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import anyio
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, ProcessCollector
from prometheus_client import generate_latest as as_text
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from spk.api.access import Scope
from spk.api.figures import OfProcesses, OfStore
from spk.api.here import Here, at
from spk.api.responses import problems
from spk.meter import Meter

if TYPE_CHECKING:
    from spk.api.service import Service

__all__ = ["Measured", "Metrics", "router"]

LAG_EVERY = 0.25  # seconds between two looks at the clock of the event loop

_REQUEST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **problems(401, 403, 429, 503)},
)
def metrics(request: Request, here: Annotated[Here, at(Scope.ADMIN, everywhere=True)]) -> Response:  # noqa: ARG001 - it asks for the key
    """The service's figures, as Prometheus reads them."""
    shown: Metrics = request.app.state.metrics
    return Response(shown.render(), media_type=CONTENT_TYPE_LATEST)


class Metrics:
    """Everything that is shown.

    Args:
        service: Whose.

    Attributes:
        meter: Counts what goes on in this process, once it is a watcher of it.
    """

    def __init__(self, service: Service) -> None:
        self.meter = Meter()
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "spk_request_seconds",
            "How long requests took to be answered",
            ["route", "method", "status"],
            buckets=_REQUEST,
            registry=self._registry,
        )
        self._lag = Histogram(
            "spk_event_loop_lag_seconds",
            "How late the event loop came to what it had to do",
            buckets=_LAG,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(OfProcesses(self.meter, service))
        self._registry.register(OfStore(service))

    def render(self) -> bytes:
        """The figures in the format of Prometheus; from a thread, for it waits for the disk."""
        return as_text(self._registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request, by the template of its route."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).observe(seconds)

    async def watch_loop(self) -> None:
        """Look at how late the event loop is, for as long as the service runs."""
        while True:
            due = time.perf_counter() + LAG_EVERY
            await anyio.sleep(LAG_EVERY)
            self._lag.observe(max(0.0, time.perf_counter() - due))


class Measured:
    """The middleware that counts requests, and how long they take."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass a request on, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 499  # of whoever did not wait for the answer

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            self._metrics.answered(route, scope["method"], status, time.perf_counter() - began)
