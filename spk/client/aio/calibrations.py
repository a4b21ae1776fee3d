"""What can be asked about calibrations."""

from __future__ import annotations

from spk.client.aio.gallery import AsyncGallery
from spk.messages.calibrations import CalibrationInfo, CalibrationUsed

__all__ = ["AsyncCalibrations"]


class AsyncCalibrations:
    """What the scores of a gallery are worth; see `spk.desk.calibrations.Calibrations`."""

    def __init__(self, gallery: AsyncGallery) -> None:
        self._gallery = gallery

    async def list(self) -> list[CalibrationInfo]:
        """Every calibration that is kept for the gallery, oldest first."""
        return await self._gallery.get(("calibrations",), list[CalibrationInfo])

    async def show(self, which: str | None = None) -> CalibrationInfo:
        """One calibration; without a name the one that the gallery is judged by."""
        if which is None:
            in_use = [one.id for one in await self.list() if one.in_use]
            which = in_use[0] if in_use else "default"
        return await self._gallery.get(("calibrations", which), CalibrationInfo)

    async def use(self, which: str) -> CalibrationUsed | CalibrationInfo:
        """Judge the gallery by a calibration from now on."""
        wanted: type[CalibrationUsed | CalibrationInfo] = CalibrationInfo | CalibrationUsed  # type: ignore[assignment]  # a union, for pydantic
        return await self._gallery.post(("calibrations", which, "use"), wanted)
