"""The client: everything that can be asked of one gallery of a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Self

import httpx

from spk.client.sync.connection import Connection
from spk.client.sync.galleries import Galleries

__all__ = ["Client"]


class Client:
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.gallery = gallery
        self.progress: Callable[[int, int, str], None] | None = None
        self._connection = Connection(url, key, timeout=timeout, retries=retries, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    @cached_property
    def galleries(self) -> Galleries:
        """The server's galleries."""
        return Galleries(self._connection)
