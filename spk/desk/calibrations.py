"""What can be asked about calibrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spk.errors import FingerprintError
from spk.messages.calibrations import CalibrationInfo, CalibrationUsed

if TYPE_CHECKING:
    from pathlib import Path

    from spk.identify import Calibration
    from spk.workbench import Workbench

__all__ = ["SHIPPED", "Calibrations", "calibration_info"]

SHIPPED = "default"
"""What the calibration that ships is called."""


class Calibrations:
    """The calibrations of a gallery. ``which`` is an id, its first digits, or ``default`` for the one that ships.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(self) -> Sequence[CalibrationInfo]:
        """Every calibration that is kept for the gallery, oldest first."""
        return [self.show(record.id) for record in self.bench.store.calibrations(self.bench.gallery)]

    def show(self, which: str | None = None) -> CalibrationInfo:
        """One calibration; without a name the one that the gallery is judged by.

        Raises:
            NotFoundError: there is none of that id.
        """
        found = self.find(which)
        kept = self.bench.store.calibration(self.bench.gallery)
        return calibration_info(found, in_use=kept is not None and kept.id == found.id)

    def use(self, which: str) -> CalibrationUsed | CalibrationInfo:
        """Judge the gallery by a calibration from now on.

        Raises:
            NotFoundError: there is none of that id.
            FingerprintError: it is for a model that nobody there is enrolled by, or for another version of one.
        """
        if which == SHIPPED:
            self.bench.store.use_calibration(self.bench.gallery, None)
            return CalibrationUsed(id=None)
        return self._use(self.find(which))

    def use_file(self, path: Path) -> CalibrationInfo:
        """Keep the calibration of a file, and judge the gallery by it from now on.

        Raises:
            FormatError: it is none.
            FingerprintError: as for `use`.
        """
        from spk.identify import Calibration

        return self._use(Calibration.load(path))

    def find(self, which: str | None = None) -> Calibration:
        """The calibration itself."""
        from spk.embed import model_id
        from spk.identify import Calibration, default_calibration

        store, gallery = self.bench.store, self.bench.gallery
        record = store.calibration(gallery) if which is None else None
        if which == SHIPPED or (which is None and record is None):
            return default_calibration(model_id(self.bench.model_name))
        if record is None:
            record = store.find_calibration(gallery, which or "")
        return Calibration.parse(record.record, source=f"calibration {record.id}")

    def _use(self, calibration: Calibration) -> CalibrationInfo:
        from spk.embed import model_id
        from spk.identify.explaining import calibration_record

        store, gallery = self.bench.store, self.bench.gallery
        calibration.check(model_id(calibration.model))  # also where nobody is enrolled yet
        there = store.models(gallery)
        if there and calibration.fingerprint not in there:
            raise FingerprintError(
                f"the calibration {calibration.id} is for {calibration.model} ({calibration.fingerprint[:12]}), by "
                f'which nobody in the gallery "{gallery.name}" is enrolled: enroll people by it first'
            )
        store.keep_calibration(gallery, calibration_record(calibration))
        store.use_calibration(gallery, calibration.id)
        return calibration_info(calibration, in_use=True)


def calibration_info(calibration: Calibration, *, in_use: bool) -> CalibrationInfo:
    """A calibration without the numbers of its recipe."""
    fields = calibration.to_json() | {"id": calibration.id, "in_use": in_use, "recipe": calibration.recipe_name}
    return CalibrationInfo.model_validate(fields)
