"""What can be asked about decisions."""

from __future__ import annotations

from contextlib import suppress

from spk.client.sync.connection import Connection
from spk.client.sync.galleries import Galleries
from spk.client.sync.gallery import Gallery
from spk.errors import NotFoundError
from spk.messages.base import Page
from spk.messages.decisions import DecisionInfo, Explained, Replayed

__all__ = ["Decisions"]


class Decisions:
    """The decisions of a gallery; see `spk.desk.decisions.Decisions`."""

    def __init__(self, connection: Connection, gallery: Gallery) -> None:
        self._connection = connection
        self._galleries = Galleries(connection)
        self._gallery = gallery

    def list(self, *, limit: int = 20, after: str | None = None) -> Page[DecisionInfo]:
        """Some decisions, the newest first."""
        params = {"limit": limit, "after": after}
        return self._gallery.get(("decisions",), Page[DecisionInfo], params=params)

    def explain(self, which: str, label: str | None = None, *, anywhere: bool = False) -> Explained:
        """What a decision rests on; one of any gallery that the key is for, with ``anywhere``."""
        gallery = self._holder(which) if anywhere else self._gallery
        return gallery.get(("decisions", which), Explained, params={"voice": label})

    def replay(self, which: str, *, anywhere: bool = False) -> Replayed:
        """Compute a decision again, as of its day and as of today."""
        gallery = self._holder(which) if anywhere else self._gallery
        return gallery.post(("decisions", which, "replay"), Replayed)

    def _holder(self, which: str) -> Gallery:
        """The gallery that a decision is of."""
        for one in self._galleries.list():
            gallery = Gallery(self._connection, one.name)
            with suppress(NotFoundError):
                gallery.get(("decisions", which), Explained)
                return gallery
        return self._gallery  # which says what is wrong
