"""What can be asked about how well people are enrolled."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from spk.client.sync.gallery import Gallery
from spk.messages.base import Page
from spk.messages.health import Checkup

__all__ = ["Health"]


class Health:
    """How well the people of a gallery are enrolled; see `spk.desk.health.Health`."""

    def __init__(self, gallery: Gallery, point: Mapping[str, Any]) -> None:
        self._gallery = gallery
        self._point = {name: point.get(name) for name in ("fpir", "cost")}

    def of(self, who: str, *, seconds: float = 3.0) -> Checkup:
        """One person, examined."""
        params = {"seconds": seconds, **self._point}
        return self._gallery.get(("speakers", self._gallery.known(who), "health"), Checkup, params=params)

    def list(self, *, seconds: float = 3.0, limit: int = 20, after: str | None = None) -> Page[Checkup]:
        """Some people, in the order of the names, and of each page the worst first."""
        params = {"seconds": seconds, **self._point, "limit": limit, "after": after}
        return self._gallery.get(("health",), Page[Checkup], params=params)

    def everybody(self, *, seconds: float = 3.0) -> builtins.list[Checkup]:
        """Everybody who is enrolled by name, page by page, the worst of each first."""
        items: builtins.list[Checkup] = []
        after: str | None = None
        while True:
            page = self.list(seconds=seconds, limit=100, after=after)
            items += page.items
            if (after := page.next) is None:
                return items
