"""The desk: everything that can be asked of one gallery of one home."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from spk.desk.audit import Audit
from spk.desk.calibrations import Calibrations
from spk.desk.changes import Changes
from spk.desk.consents import Consents
from spk.desk.decisions import Decisions
from spk.desk.enrolling import Enrolling
from spk.desk.galleries import Galleries
from spk.desk.health import Health
from spk.desk.listening import Listening
from spk.desk.models import Models
from spk.desk.recordings import Recordings
from spk.desk.speakers import Speakers
from spk.desk.unknowns import Unknowns

if TYPE_CHECKING:
    from spk.embed.weights import Progress
    from spk.workbench import Workbench

__all__ = ["Desk"]


class Desk(Listening, Enrolling):
    """Operations on the gallery of a workbench, by what they are about.

    Args:
        bench: What to work with.
        discreet: Whoever asks may not know of people without consent, where that is required: see `Listening`.
    """

    def __init__(self, bench: Workbench, *, discreet: bool = False) -> None:
        self.bench = bench
        self._discreet = discreet

    @property
    def gallery(self) -> str:
        """The name of the gallery."""
        return self.bench.gallery.name

    @property
    def progress(self) -> Progress | None:
        """Told of what takes long, if somebody wants to know."""
        return self.bench.progress

    @cached_property
    def consents(self) -> Consents:
        """What the gallery's people consented to."""
        return Consents(self.bench)

    @cached_property
    def galleries(self) -> Galleries:
        """The home's galleries."""
        return Galleries(self.bench)

    @cached_property
    def speakers(self) -> Speakers:
        """The gallery's people."""
        return Speakers(self.bench)

    @cached_property
    def audit(self) -> Audit:
        """The log of what was done in the home."""
        return Audit(self.bench)

    @cached_property
    def calibrations(self) -> Calibrations:
        """What the gallery's scores are worth."""
        return Calibrations(self.bench)

    @cached_property
    def decisions(self) -> Decisions:
        """The decisions that are kept of the gallery."""
        return Decisions(self.bench)

    @cached_property
    def health(self) -> Health:
        """How well the gallery's people are enrolled."""
        return Health(self.bench, self.speakers)

    @cached_property
    def models(self) -> Models:
        """The models that there are."""
        return Models()

    @cached_property
    def unknowns(self) -> Unknowns:
        """The gallery's strangers who await review."""
        return Unknowns(self.bench)

    @cached_property
    def recordings(self) -> Recordings:
        """What was heard in recordings."""
        return Recordings(self.bench)

    @cached_property
    def changes(self) -> Changes:
        """What was changed, and the way back."""
        return Changes(self.bench)
