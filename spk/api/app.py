"""The application: routes, and what stands before them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
from fastapi import FastAPI

from spk.api import health, metrics, pages
from spk.api.description import describe
from spk.api.metrics import Measured, Metrics
from spk.api.protection import protect
from spk.api.routes import ROUTERS
from spk.api.service import Service
from spk.config import ServiceSettings, Settings
from spk.errors import StoreError
from spk.parts import FRESH
from spk.store.jobs import LEASE_SECONDS
from spk.watching import watched_by

__all__ = ["create_app"]

TIDY_SECONDS = 3600.0
RENEW_SECONDS = LEASE_SECONDS / 4
LOAD_SECONDS = 60.0  # after which models that could not be loaded are tried again

logger = logging.getLogger(__name__)

DESCRIPTION = """Who speaks in a recording? Enroll people's voices, then find them in new audio.

Answers are JSON; what goes wrong is a problem document (RFC 9457). Keys are made by `spk keys create` and sent as
`Authorization: Bearer`. A POST with an `Idempotency-Key` may be sent again without harm."""


def create_app(settings: Settings, serving: ServiceSettings | None = None) -> FastAPI:
    """The service of a home, as an ASGI application.

    Args:
        settings: Of the home.
        serving: Of the service; its defaults, if None.

    Raises:
        StoreError: the home cannot be opened.
        NotFoundError: the settings name a gallery that does not exist.
        InputError: an origin is none.
    """
    service = Service(settings, serving or ServiceSettings())
    service.open()
    app = FastAPI(
        title="spk",
        version=version("spk-voiceprints"),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.service = service
    app.state.metrics = Metrics(service)
    app.include_router(health.router)
    app.include_router(metrics.router)
    for router in ROUTERS:
        app.include_router(router)
    pages.install(app)
    describe(app)
    protect(
        app,
        home=settings.home,
        store=lambda: service.store,
        answering=service.answering,
        rate=service.serving.rate,
        cors_origins=service.serving.cors_origins,
    )
    app.add_middleware(Measured, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Models are loaded beside the first requests; the store is tidied now and then."""
    service: Service = app.state.service
    shown: Metrics = app.state.metrics
    try:
        with watched_by(shown.meter):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_load, service)
                tasks.start_soon(_every, TIDY_SECONDS, lambda: service.bench().tidy())
                tasks.start_soon(_every, FRESH, service.parts.expire)
                tasks.start_soon(_every, RENEW_SECONDS, service.renew)
                tasks.start_soon(shown.watch_loop)
                yield
                tasks.cancel_scope.cancel()
    finally:
        await anyio.to_thread.run_sync(service.close)


async def _load(service: Service) -> None:
    await anyio.to_thread.run_sync(service.load)
    while not service.is_loaded:
        await anyio.sleep(LOAD_SECONDS)
        await anyio.to_thread.run_sync(service.load)


async def _every(seconds: float, what: Callable[[], None]) -> None:
    while True:
        await anyio.sleep(seconds)
        try:
            await anyio.to_thread.run_sync(what)
        except StoreError as error:  # the next time, then: whatever is raised here ends all that runs beside it
            logger.warning("%s", error)
        except Exception:
            logger.exception("what is done every %.0f s has failed: this is a fault of spk: please report it", seconds)
