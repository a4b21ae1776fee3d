"""The client: everything that can be asked of one gallery of a server."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import httpx

from spk.client.sync.calibrations import Calibrations
from spk.client.sync.changes import Changes
from spk.client.sync.connection import Connection
from spk.client.sync.consents import Consents
from spk.client.sync.decisions import Decisions
from spk.client.sync.galleries import Galleries
from spk.client.sync.gallery import Gallery
from spk.client.sync.health import Health
from spk.client.sync.listening import Listening
from spk.client.sync.recordings import Recordings
from spk.client.sync.server import Audit, Jobs, Models
from spk.client.sync.speakers import Speakers
from spk.client.sync.unknowns import Unknowns
from spk.client.waiting import Progress

__all__ = ["Client"]


class Client(Listening):
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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.gallery = gallery
        self.point = {"fpir": fpir, "cost": cost, "prior_unknown": prior_unknown}
        self._connection = Connection(url, key, timeout=timeout, retries=retries, transport=transport)
        self._gallery = Gallery(self._connection, gallery)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    @property
    def progress(self) -> Progress | None:
        """Told of how far jobs are, if somebody wants to know."""
        return self._gallery.progress

    @progress.setter
    def progress(self, report: Progress | None) -> None:
        self._gallery.progress = report

    def check_name(self, who: str) -> None:
        """See that there is somebody of a label, before hours of work; names the server checks when they are used."""
        if who.startswith("unknown-"):
            self.speakers.show(who)

    @cached_property
    def audit(self) -> Audit:
        """The log of what was done."""
        return Audit(self._connection, self.speakers)

    @cached_property
    def calibrations(self) -> Calibrations:
        """What the gallery's scores are worth."""
        return Calibrations(self._gallery)

    @cached_property
    def changes(self) -> Changes:
        """What was changed, and the way back."""
        return Changes(self._gallery)

    @cached_property
    def consents(self) -> Consents:
        """What the gallery's people consented to."""
        return Consents(self._gallery)

    @cached_property
    def decisions(self) -> Decisions:
        """The decisions that are kept of the gallery."""
        return Decisions(self._connection, self._gallery)

    @cached_property
    def galleries(self) -> Galleries:
        """The server's galleries."""
        return Galleries(self._connection)

    @cached_property
    def health(self) -> Health:
        """How well the gallery's people are enrolled."""
        return Health(self._gallery, self.point)

    @cached_property
    def jobs(self) -> Jobs:
        """The server's jobs."""
        return Jobs(self._connection)

    @cached_property
    def models(self) -> Models:
        """The server's models."""
        return Models(self._connection)

    @cached_property
    def recordings(self) -> Recordings:
        """What was heard in recordings."""
        return Recordings(self._gallery)

    @cached_property
    def speakers(self) -> Speakers:
        """The gallery's people."""
        return Speakers(self._gallery)

    @cached_property
    def unknowns(self) -> Unknowns:
        """The gallery's strangers, to be reviewed."""
        return Unknowns(self._gallery)
