"""What all requests share."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spk.errors import SpkError
from spk.workbench import Parts, Workbench

if TYPE_CHECKING:
    from pathlib import Path

    from spk.config import ServiceSettings, Settings
    from spk.store import Store

__all__ = ["Service"]

logger = logging.getLogger(__name__)


class Service:
    """One home that is served.

    Args:
        settings: Of the home.
        serving: Of the service.

    Attributes:
        parts: The home's store and its models, which all requests share.
        is_loaded: Whether the models are there.
    """

    def __init__(self, settings: Settings, serving: ServiceSettings) -> None:
        self.settings = settings
        self.serving = serving
        self.parts = Parts()
        self.is_loaded = False

    @property
    def uploads(self) -> Path:
        """The folder of what is uploaded, until it is worked on."""
        return self.settings.home / "uploads"

    def bench(self, gallery: str | None = None, **changed: Any) -> Workbench:  # noqa: ANN401 - the settings' fields
        """What to work with on a gallery, with some settings as a request has them."""
        given = {name: value for name, value in changed.items() if value is not None}
        settings = replace(self.settings, gallery=gallery or self.settings.gallery, **given)
        return Workbench(settings, parts=self.parts)

    @property
    def store(self) -> Store:
        """The home's store."""
        return self.bench().store

    def load(self) -> None:
        """Load the models that every short clip needs; later requests find them there."""
        bench = self.bench()
        try:
            _ = bench.embedder, bench.vad
        except SpkError:
            logger.exception("the models cannot be loaded, so nothing can be identified")
            return
        self.is_loaded = True

    def close(self) -> None:
        """Let go of the home."""
        self.parts.close()
