"""The client: everything that can be asked of one gallery of a server."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import httpx

from spk.client.aio.calibrations import AsyncCalibrations
from spk.client.aio.changes import AsyncChanges
from spk.client.aio.connection import AsyncConnection
from spk.client.aio.consents import AsyncConsents
from spk.client.aio.decisions import AsyncDecisions
from spk.client.aio.galleries import AsyncGalleries
from spk.client.aio.gallery import AsyncGallery
from spk.client.aio.health import AsyncHealth
from spk.client.aio.listening import AsyncListening
from spk.client.aio.recordings import AsyncRecordings
from spk.client.aio.server import AsyncAudit, AsyncJobs, AsyncModels
from spk.client.aio.speakers import AsyncSpeakers
from spk.client.aio.unknowns import AsyncUnknowns
from spk.client.waiting import Progress

__all__ = ["AsyncClient"]


class AsyncClient(AsyncListening):
    """A server, asked about one gallery; the methods are those of `spk.desk.Desk`.

    Args:
        url: The server's address: ``http://127.0.0.1:8720``.
        key: A key of `spk keys create`; a server on this machine may do without.
        gallery: Which gallery.
        fpir: The share of strangers who may get a name, if not as the server is set.
        cost: What mistakes cost, if not as the server is set.
        prior_unknown: How likely a stranger is before anything is heard, if not as the server is set.
        timeout: After how many seconds without a sign of life a request has failed.
        retries: How often a request is sent again that was not answered, or told to come again.
        transport: What sends requests, if not the network.

    Raises:
        InputError: that is no address.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        gallery: str = "default",
        fpir: float | None = None,
        cost: str | None = None,
        prior_unknown: float | None = None,
        timeout: float = 300.0,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.gallery = gallery
        self.point = {"fpir": fpir, "cost": cost, "prior_unknown": prior_unknown}
        self._connection = AsyncConnection(url, key, timeout=timeout, retries=retries, transport=transport)
        self._gallery = AsyncGallery(self._connection, gallery)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._connection.close()

    @property
    def progress(self) -> Progress | None:
        """Told of how far jobs are, if somebody wants to know."""
        return self._gallery.progress

    @progress.setter
    def progress(self, report: Progress | None) -> None:
        self._gallery.progress = report

    async def check_name(self, who: str) -> None:
        """See that there is somebody of a label, before hours of work; names the server checks when they are used."""
        if who.startswith("unknown-"):
            await self.speakers.show(who)

    @cached_property
    def audit(self) -> AsyncAudit:
        """The log of what was done."""
        return AsyncAudit(self._connection, self.speakers)

    @cached_property
    def calibrations(self) -> AsyncCalibrations:
        """What the gallery's scores are worth."""
        return AsyncCalibrations(self._gallery)

    @cached_property
    def changes(self) -> AsyncChanges:
        """What was changed, and the way back."""
        return AsyncChanges(self._gallery)

    @cached_property
    def consents(self) -> AsyncConsents:
        """What the gallery's people consented to."""
        return AsyncConsents(self._gallery)

    @cached_property
    def decisions(self) -> AsyncDecisions:
        """The decisions that are kept of the gallery."""
        return AsyncDecisions(self._connection, self._gallery)

    @cached_property
    def galleries(self) -> AsyncGalleries:
        """The server's galleries."""
        return AsyncGalleries(self._connection)

    @cached_property
    def health(self) -> AsyncHealth:
        """How well the gallery's people are enrolled."""
        return AsyncHealth(self._gallery, self.point)

    @cached_property
    def jobs(self) -> AsyncJobs:
        """The server's jobs."""
        return AsyncJobs(self._connection)

    @cached_property
    def models(self) -> AsyncModels:
        """The server's models."""
        return AsyncModels(self._connection)

    @cached_property
    def recordings(self) -> AsyncRecordings:
        """What was heard in recordings."""
        return AsyncRecordings(self._gallery)

    @cached_property
    def speakers(self) -> AsyncSpeakers:
        """The gallery's people."""
        return AsyncSpeakers(self._gallery)

    @cached_property
    def unknowns(self) -> AsyncUnknowns:
        """The gallery's strangers, to be reviewed."""
        return AsyncUnknowns(self._gallery)
