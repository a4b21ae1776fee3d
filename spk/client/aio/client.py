"""The client: everything that can be asked of one gallery of a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Self

import httpx

from spk.client.aio.connection import AsyncConnection
from spk.client.aio.galleries import AsyncGalleries

__all__ = ["AsyncClient"]


class AsyncClient:
    """A server, asked about one gallery; the methods are those of `spk.desk.Desk`.

    Args:
        url: The server's address: ``http://127.0.0.1:8720``.
        key: A key of `spk keys create`; a server on this machine may do without.
        gallery: Which gallery.
        timeout: After how many seconds without a sign of life a request has failed.
        retries: How often a request is sent again that was not answered, or told to come again.
        transport: What sends requests, if not the network.

    Attributes:
        progress: Told of how far jobs are.

    Raises:
        InputError: that is no address.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        gallery: str = "default",
        timeout: float = 60.0,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.gallery = gallery
        self.progress: Callable[[int, int, str], None] | None = None
        self._connection = AsyncConnection(url, key, timeout=timeout, retries=retries, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._connection.close()

    @cached_property
    def galleries(self) -> AsyncGalleries:
        """The server's galleries."""
        return AsyncGalleries(self._connection)
