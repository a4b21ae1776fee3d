"""What can be asked about strangers."""

from __future__ import annotations

from collections.abc import Sequence

from spk.client.aio.gallery import AsyncGallery
from spk.messages.outcomes import Outcome
from spk.messages.unknowns import Clips, Queue, UnknownDetail

__all__ = ["AsyncUnknowns"]

MOST = 500


class AsyncUnknowns:
    """The strangers of a gallery; see `spk.desk.unknowns.Unknowns`."""

    def __init__(self, gallery: AsyncGallery) -> None:
        self._gallery = gallery

    async def list(self, *, limit: int | None = None, after: str | None = None) -> Queue:
        """Whom to ask about first, and what helps; and voices that profiles did not learn from."""
        first = await self._page(limit, after)
        items, last = [*first.items], first
        while last.next is not None and (limit is None or len(items) < limit):
            last = await self._page(None if limit is None else limit - len(items), last.next)
            items += last.items
        return first.model_copy(update={"items": items, "next": last.next})

    async def _page(self, limit: int | None, after: str | None) -> Queue:
        params = {"limit": MOST if limit is None else min(limit, MOST), "after": after}
        return await self._gallery.get(("unknowns",), Queue, params=params)

    async def show(self, which: str) -> UnknownDetail:
        """One stranger, and where they are heard."""
        return await self._gallery.get(("unknowns", which), UnknownDetail)

    async def clips(self, which: str) -> Clips:
        """What is kept to listen to: addresses on the server."""
        return await self._gallery.get(("unknowns", which, "audio"), Clips)

    async def audio(self, which: str, clip: str) -> bytes:
        """A clip, as a FLAC file; ``clip`` is the last part of an address in `clips`."""
        return await self._gallery.download(("unknowns", which, "audio", clip))

    async def name(self, which: str, name: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """Say who a stranger is."""
        body = {"name": name, "force": force, "dry_run": dry_run}
        return await self._gallery.post(("unknowns", which, "name"), Outcome, body=body)

    async def merge(self, which: str, into: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """Make a stranger and somebody else one person."""
        body = {"into": into, "force": force, "dry_run": dry_run}
        return await self._gallery.post(("unknowns", which, "merge"), Outcome, body=body)

    async def split(self, which: str, samples: Sequence[str] = (), *, dry_run: bool = False) -> Outcome:
        """Make two strangers of one; the second of the speakers is the new one."""
        body = {"samples": [*samples], "dry_run": dry_run}
        return await self._gallery.post(("unknowns", which, "split"), Outcome, body=body)

    async def discard(self, which: str, *, dry_run: bool = False) -> Outcome:
        """Say that a stranger is nobody."""
        return await self._gallery.post(("unknowns", which, "discard"), Outcome, body={"dry_run": dry_run})

    async def never(self, which: str, *, dry_run: bool = False) -> Outcome:
        """Say that a stranger is not to be enrolled."""
        return await self._gallery.post(("unknowns", which, "never"), Outcome, body={"dry_run": dry_run})
