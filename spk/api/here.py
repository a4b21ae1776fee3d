"""Where a request stands: who asks, of which gallery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from spk.api.access import Principal, Scope, needs
from spk.api.service import Service
from spk.desk import Desk
from spk.store.audit import acting

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

    @contextmanager
    def desk(self, **settings: Any) -> Iterator[Desk]:  # noqa: ANN401 - the settings' fields
        """What to ask, in the name of who asks; in a thread, for it waits for the disk."""
        with acting(self.principal.who):
            yield Desk(self.service.bench(self.gallery, **settings))


def at(scope: Scope) -> Any:  # noqa: ANN401 - what `Depends` gives
    """The dependency of a route that needs a scope."""

    def here(request: Request, principal: Annotated[Principal, Depends(needs(scope))]) -> Here:
        return Here(request.app.state.service, principal, request.path_params.get("gallery"))

    return Depends(here)
