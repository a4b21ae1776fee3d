"""What can be asked about changes, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from spk.client.aio.gallery import AsyncGallery
from spk.messages.base import Page
from spk.messages.changes import ChangeInfo, Undone

__all__ = ["AsyncChanges"]


class AsyncChanges:
    """What was changed in a gallery, and can be undone; see `spk.desk.changes.Changes`."""

    def __init__(self, gallery: AsyncGallery) -> None:
        self._gallery = gallery

    async def list(self, *, limit: int = 100, after: str | None = None) -> Page[ChangeInfo]:
        """Some changes, the newest first."""
        params = {"limit": limit, "after": after}
        return await self._gallery.get(("changes",), Page[ChangeInfo], params=params)

    async def show(self, number: int) -> ChangeInfo:
        """One change."""
        return await self._gallery.get(("changes", str(number)), ChangeInfo)

    async def undo(self, numbers: Sequence[int] = (), *, last: int = 1, dry_run: bool = False) -> Undone:
        """Undo some changes, all of them or none; the last ones, if none is given."""
        body = {"numbers": [*numbers], "last": last, "dry_run": dry_run}
        return await self._gallery.post(("changes", "undo"), Undone, body=body)
