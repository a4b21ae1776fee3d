"""What can be asked about decisions."""

from __future__ import annotations

from contextlib import suppress

from spk.client.aio.connection import AsyncConnection
from spk.client.aio.galleries import AsyncGalleries
from spk.client.aio.gallery import AsyncGallery
from spk.errors import NotFoundError
from spk.messages.base import Page
from spk.messages.decisions import DecisionInfo, Explained, Replayed

__all__ = ["AsyncDecisions"]


class AsyncDecisions:
    """The decisions of a gallery; see `spk.desk.decisions.Decisions`."""

    def __init__(self, connection: AsyncConnection, gallery: AsyncGallery) -> None:
        self._connection = connection
        self._galleries = AsyncGalleries(connection)
        self._gallery = gallery

    async def list(self, *, limit: int = 20, after: str | None = None) -> Page[DecisionInfo]:
        """Some decisions, the newest first."""
        params = {"limit": limit, "after": after}
        return await self._gallery.get(("decisions",), Page[DecisionInfo], params=params)

    async def explain(self, which: str, label: str | None = None, *, anywhere: bool = False) -> Explained:
        """What a decision rests on; one of any gallery that the key is for, with ``anywhere``."""
        gallery = await self._holder(which) if anywhere else self._gallery
        return await gallery.get(("decisions", which), Explained, params={"voice": label})

    async def replay(self, which: str, *, anywhere: bool = False) -> Replayed:
        """Compute a decision again, as of its day and as of today."""
        gallery = await self._holder(which) if anywhere else self._gallery
        return await gallery.post(("decisions", which, "replay"), Replayed)

    async def _holder(self, which: str) -> AsyncGallery:
        """The gallery that a decision is of."""
        for one in await self._galleries.list():
            gallery = AsyncGallery(self._connection, one.name)
            with suppress(NotFoundError):
                await gallery.get(("decisions", which), Explained)
                return gallery
        return self._gallery  # which says what is wrong
