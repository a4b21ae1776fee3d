"""What can be asked about calibrations."""

from __future__ import annotations

from spk.client.sync.gallery import Gallery
from spk.messages.calibrations import CalibrationInfo, CalibrationUsed

__all__ = ["Calibrations"]


class Calibrations:
    """What the scores of a gallery are worth; see `spk.desk.calibrations.Calibrations`."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def list(self) -> list[CalibrationInfo]:
        """Every calibration that is kept for the gallery, oldest first."""
        return self._gallery.get(("calibrations",), list[CalibrationInfo])

    def show(self, which: str | None = None) -> CalibrationInfo:
        """One calibration; without a name the one that the gallery is judged by."""
        if which is None:
            in_use = [one.id for one in self.list() if one.in_use]
            which = in_use[0] if in_use else "default"
        return self._gallery.get(("calibrations", which), CalibrationInfo)

    def use(self, which: str) -> CalibrationUsed | CalibrationInfo:
        """Judge the gallery by a calibration from now on."""
        wanted: type[CalibrationUsed | CalibrationInfo] = CalibrationInfo | CalibrationUsed  # type: ignore[assignment]  # a union, for pydantic
        return self._gallery.post(("calibrations", which, "use"), wanted)
