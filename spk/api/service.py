"""What all requests share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from spk.workbench import Parts, Workbench

if TYPE_CHECKING:
    from spk.config import Settings

__all__ = ["Service"]


@dataclass(frozen=True)
class Service:
    """One home that is served.

    Attributes:
        settings: Of the home.
        parts: Its store and its models, shared by all requests.
    """

    settings: Settings
    parts: Parts = field(default_factory=Parts)

    def bench(self, gallery: str | None = None, **changed: Any) -> Workbench:  # noqa: ANN401 - the settings' fields
        """What to work with on a gallery, with some settings as a request has them."""
        given = {name: value for name, value in changed.items() if value is not None}
        settings = replace(self.settings, gallery=gallery or self.settings.gallery, **given)
        return Workbench(settings, parts=self.parts)

    def close(self) -> None:
        """Let go of the home."""
        self.parts.close()
