"""What can be asked about galleries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.errors import InputError
from spk.messages import GalleryInfo

if TYPE_CHECKING:
    from spk.store import Gallery
    from spk.workbench import Workbench

__all__ = ["Galleries"]


class Galleries:
    """The galleries of a home.

    Args:
        bench: What to work with; its own gallery plays no part.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(self) -> list[GalleryInfo]:
        """Every gallery, by name."""
        return [self._about(gallery) for gallery in self.bench.store.galleries()]

    def create(self, name: str) -> GalleryInfo:
        """Make a gallery; one that is there already stays as it is.

        Raises:
            InputError: no such name is possible.
        """
        if "/" in name:  # it stands in addresses of the HTTP API
            raise InputError(f'"{name}": the name of a gallery has no slash: write it with a dash')
        return self._about(self.bench.store.gallery(name, create=True))

    def _about(self, gallery: Gallery) -> GalleryInfo:
        counted = self.bench.store.census(gallery)
        return GalleryInfo(name=gallery.name, people=counted.people, unknown=counted.unknown)
