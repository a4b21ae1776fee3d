"""What can be asked about galleries."""

from __future__ import annotations

from spk.client.sync.connection import Connection
from spk.messages import GalleryInfo

__all__ = ["Galleries"]


class Galleries:
    """The galleries of a server; see `spk.desk.galleries.Galleries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> list[GalleryInfo]:
        """Every gallery that the key is for, by name."""
        return self._connection.ask("GET", ("galleries",), list[GalleryInfo])

    def create(self, name: str) -> GalleryInfo:
        """Make a gallery; one that is there already stays as it is."""
        return self._connection.ask("POST", ("galleries",), GalleryInfo, body={"name": name})
