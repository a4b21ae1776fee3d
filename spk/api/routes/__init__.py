"""The routes of the HTTP API, a module for each thing that can be asked about."""

from spk.api.routes import galleries

__all__ = ["ROUTERS"]

ROUTERS = (galleries.router,)
