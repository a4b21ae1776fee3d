"""What all requests share."""

from __future__ import annotations

import logging
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spk.api.admission import Admission
from spk.api.uploads import Uploads
from spk.errors import SpkError
from spk.jobs import Queue
from spk.parts import Parts
from spk.workbench import Workbench

if TYPE_CHECKING:
    from uuid import UUID

    from spk.config import ServiceSettings, Settings
    from spk.store import Store

__all__ = ["Service"]

AT_ONCE = 4
"""Requests for each core: some wait for the disk while others compute."""

logger = logging.getLogger(__name__)


class Service:
    """One home that is served.

    Args:
        settings: Of the home.
        serving: Of the service.

    Attributes:
        parts: The home's store and its models, which all requests share.
        forms: Receives uploads.
        admission: Where work on audio waits for its turn.
        answering: The tokens of requests with an idempotency key that are worked on.
        is_loaded: Whether the models are there.
    """

    def __init__(self, settings: Settings, serving: ServiceSettings) -> None:
        self.settings = settings
        self.serving = serving
        self.parts = Parts()
        self.forms = Uploads(settings.home, serving.max_upload_mb * 1_000_000)
        self.admission = Admission(AT_ONCE * (settings.threads or os.cpu_count() or 1), serving.waiting)
        self.answering: set[UUID] = set()
        self.is_loaded = False

    @cached_property
    def queue(self) -> Queue:
        """Where jobs go."""
        return Queue(self.store, self.serving)

    def bench(self, gallery: str | None = None, **changed: Any) -> Workbench:  # noqa: ANN401 - the settings' fields
        """What to work with on a gallery, with some settings as a request has them."""
        return Workbench(self.settings.changed(gallery=gallery, **changed), parts=self.parts)

    @property
    def store(self) -> Store:
        """The home's store."""
        return self.bench().store

    def open(self) -> None:
        """Do what may fail before anything is served; the default gallery is there from the first request on.

        Raises:
            StoreError: the home cannot be opened.
            NotFoundError: the settings name a gallery that does not exist.
        """
        try:
            self.forms.sweep(self.store.wanted_uploads)
            _ = self.bench().gallery
        except SpkError:
            self.close()
            raise

    def load(self) -> None:
        """Load the models that every short clip needs; later requests find them there."""
        try:
            bench = self.bench()
            _ = bench.embedder, bench.vad
        except Exception:
            logger.exception("the models cannot be loaded, so nothing can be identified: this is tried again")
        else:
            self.is_loaded = True

    def renew(self) -> None:
        """Say that this process is at the requests still that it has begun."""
        if self.answering:
            self.store.renew_requests(self.answering.copy())

    def close(self) -> None:
        """Let go of the home."""
        if "queue" in self.__dict__:
            self.queue.close()
        self.parts.close()
