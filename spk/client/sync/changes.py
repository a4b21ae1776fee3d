"""What can be asked about changes, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from spk.client.sync.gallery import Gallery
from spk.messages.base import Page
from spk.messages.changes import ChangeInfo, Undone

__all__ = ["Changes"]


class Changes:
    """What was changed in a gallery, and can be undone; see `spk.desk.changes.Changes`."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def list(self, *, limit: int = 100, after: str | None = None) -> Page[ChangeInfo]:
        """Some changes, the newest first."""
        params = {"limit": limit, "after": after}
        return self._gallery.get(("changes",), Page[ChangeInfo], params=params)

    def show(self, number: int) -> ChangeInfo:
        """One change."""
        return self._gallery.get(("changes", str(number)), ChangeInfo)

    def undo(self, numbers: Sequence[int] = (), *, last: int = 1, dry_run: bool = False) -> Undone:
        """Undo some changes, all of them or none; the last ones, if none is given."""
        body = {"numbers": [*numbers], "last": last, "dry_run": dry_run}
        return self._gallery.post(("changes", "undo"), Undone, body=body)
