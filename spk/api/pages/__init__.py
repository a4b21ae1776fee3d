"""The review pages: what the service shows to people in a browser, below ``/review``."""

from __future__ import annotations

from fastapi import FastAPI

from spk.api.pages import changes, evaluation, jobs, login, recordings, service, speakers, unknowns
from spk.api.pages.shell import STATIC, Static

__all__ = ["install"]

ROUTERS = (
    login.router,
    unknowns.router,
    recordings.router,
    speakers.router,
    evaluation.router,
    jobs.router,
    changes.router,
    service.router,
    login.lost,
)


def install(app: FastAPI) -> None:
    """Let an application have the pages, and what they load."""
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", Static(directory=STATIC), name="static")
