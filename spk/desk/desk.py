"""The desk: everything that can be asked of one gallery of one home."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from spk.desk.galleries import Galleries

if TYPE_CHECKING:
    from spk.workbench import Workbench

__all__ = ["Desk"]


class Desk:
    """Operations on the gallery of a workbench, by what they are about.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    @cached_property
    def galleries(self) -> Galleries:
        """The home's galleries."""
        return Galleries(self.bench)
