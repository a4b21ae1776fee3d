"""The routes of the HTTP API, a module for each thing that can be asked about."""

from spk.api.routes import (
    audit,
    calibrations,
    changes,
    consents,
    decisions,
    enrolling,
    galleries,
    jobs,
    listening,
    models,
    recordings,
    speakers,
    unknowns,
)

__all__ = ["ROUTERS"]

ROUTERS = (
    audit.router,
    calibrations.router,
    changes.router,
    consents.router,
    decisions.router,
    enrolling.router,
    galleries.router,
    jobs.router,
    listening.router,
    models.router,
    recordings.router,
    speakers.router,
    unknowns.router,
)
