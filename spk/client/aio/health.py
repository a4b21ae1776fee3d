"""What can be asked about how well people are enrolled."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from spk.client.aio.gallery import AsyncGallery
from spk.messages.base import Page
from spk.messages.health import Checkup

__all__ = ["AsyncHealth"]


class AsyncHealth:
    """How well the people of a gallery are enrolled; see `spk.desk.health.Health`."""

    def __init__(self, gallery: AsyncGallery, point: Mapping[str, Any]) -> None:
        self._gallery = gallery
        self._point = {name: point.get(name) for name in ("fpir", "cost")}

    async def of(self, who: str, *, seconds: float = 3.0) -> Checkup:
        """One person, examined."""
        params = {"seconds": seconds, **self._point}
        return await self._gallery.get(("speakers", await self._gallery.known(who), "health"), Checkup, params=params)

    async def list(self, *, seconds: float = 3.0, limit: int = 20, after: str | None = None) -> Page[Checkup]:
        """Some people, in the order of the names, and of each page the worst first."""
        params = {"seconds": seconds, **self._point, "limit": limit, "after": after}
        return await self._gallery.get(("health",), Page[Checkup], params=params)

    async def everybody(self, *, seconds: float = 3.0) -> builtins.list[Checkup]:
        """Everybody who is enrolled by name, page by page, the worst of each first."""
        items: builtins.list[Checkup] = []
        after: str | None = None
        while True:
            page = await self.list(seconds=seconds, limit=100, after=after)
            items += page.items
            if (after := page.next) is None:
                return items
