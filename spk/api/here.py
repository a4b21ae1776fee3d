"""Where a request stands: who asks, of which gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from spk.api.access import Principal, Scope, needs
from spk.api.service import Service
from spk.desk import Desk

__all__ = ["Here", "at"]


@dataclass(frozen=True)
class Here:
    """Who asks, and of which gallery.

    Attributes:
        service: What is shared.
        principal: Who asks; the scope is checked.
        gallery: The gallery in the path, None where there is none; that it may be asked for is checked.
    """

    service: Service
    principal: Principal
    gallery: str | None

    def desk(self, **settings: Any) -> Desk:  # noqa: ANN401 - the settings' fields
        """What to ask; from a thread, since its answers wait for the disk."""
        knows = self.principal.may(Scope.ENROLL, Scope.REVIEW)  # who is enrolled
        return Desk(self.service.bench(self.gallery, **settings), discreet=not knows)


def at(*scopes: Scope, everywhere: bool = False) -> Any:  # noqa: ANN401 - what `Depends` gives
    """The dependency of a route that needs one of these scopes; see `spk.api.access.needs`."""

    allowed = Depends(needs(*scopes, everywhere=everywhere))

    async def here(request: Request, principal: Principal = allowed) -> Here:
        return Here(request.app.state.service, principal, request.path_params.get("gallery"))

    return Depends(here)
