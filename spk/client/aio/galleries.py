"""What can be asked about galleries."""

from __future__ import annotations

from spk.client.aio.connection import AsyncConnection
from spk.messages import GalleryInfo

__all__ = ["AsyncGalleries"]


class AsyncGalleries:
    """The galleries of a server; see `spk.desk.galleries.Galleries`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self) -> list[GalleryInfo]:
        """Every gallery that the key is for, by name."""
        return await self._connection.ask("GET", ("galleries",), list[GalleryInfo])

    async def create(self, name: str) -> GalleryInfo:
        """Make a gallery; one that is there already stays as it is."""
        return await self._connection.ask("POST", ("galleries",), GalleryInfo, body={"name": name})
