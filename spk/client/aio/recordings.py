"""What can be asked about recordings that were heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spk.client.aio.connection import File
from spk.client.aio.gallery import AsyncGallery
from spk.errors import InputError
from spk.messages.base import Page
from spk.messages.outcomes import Outcome
from spk.messages.recordings import (
    Applied,
    CorrectedTurn,
    RecordingDetail,
    RecordingInfo,
    RecordingTurn,
    TurnsFile,
    Waveform,
)

__all__ = ["AsyncRecordings"]

MOST = 500


class AsyncRecordings:
    """What was heard in the recordings of a gallery; see `spk.desk.recordings.Recordings`."""

    def __init__(self, gallery: AsyncGallery) -> None:
        self._gallery = gallery

    async def list(
        self, *, q: str = "", newest: bool = False, limit: int | None = None, after: str | None = None
    ) -> Page[RecordingInfo]:
        """Some recordings, in the order in which they were first heard."""
        items: list[RecordingInfo] = []
        while True:
            most = MOST if limit is None else min(limit - len(items), MOST)
            params = {"q": q, "newest": newest, "limit": most, "after": after}
            page = await self._gallery.get(("recordings",), Page[RecordingInfo], params=params)
            items += page.items
            after = page.next
            if after is None or (limit is not None and len(items) >= limit):
                return Page[RecordingInfo](items=items, next=after)

    async def show(self, recording: str) -> RecordingDetail:
        """The voices of a recording, and the turns."""
        return await self._gallery.get(("recordings", recording), RecordingDetail)

    async def export(self, recording: str, form: str) -> TurnsFile:
        """The turns of a recording as they are labelled now, as a file."""
        found = await self.show(recording)
        params = {"format": form}
        response = await self._gallery.fetch(("recordings", recording, "turns"), params=params)
        name = f"{Path(found.recording).stem}.{form}"
        media_type = response.headers["Content-Type"].partition(";")[0]
        return TurnsFile(name=name, media_type=media_type, text=response.content.decode("utf-8"))

    async def waveform(self, recording: str) -> Waveform:
        """How loud a recording is over time, to be drawn."""
        return await self._gallery.get(("recordings", recording, "waveform"), Waveform)

    async def audio(self, recording: str, voice: str) -> bytes:
        """A voice of a recording to listen to, as a FLAC file, where its audio is kept."""
        return await self._gallery.download(("recordings", recording, "voices", voice, "audio"))

    async def label(
        self,
        recording: str,
        voices: Sequence[str],
        name: str | None,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> Outcome:
        """Say whose voices of a recording are; None for nobody's."""
        body = {"voices": [*voices], "name": name, "force": force, "dry_run": dry_run}
        return await self._gallery.post(("recordings", recording, "label"), Outcome, body=body)

    async def relabel(self, *, dry_run: bool = False) -> Outcome:
        """Judge all recordings by the gallery and the calibration as they are now."""
        return await self._gallery.post(("recordings", "relabel"), Outcome, body={"dry_run": dry_run})

    async def forget(self, recording: str, *, dry_run: bool = False) -> Outcome:
        """Forget what was heard in a recording."""
        return await self._gallery.post(("recordings", recording, "forget"), Outcome, body={"dry_run": dry_run})

    async def apply(
        self,
        turns: Path,
        audio: Path,
        *,
        form: str | None = None,
        name: str | None = None,
        turns_name: str | None = None,
        everything: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Store corrected turns, and learn from them; a long recording is sent to a job, and waited for."""
        asked = {"format": form, "everything": everything, "force": force, "dry_run": dry_run}
        files = [File(turns, "turns", turns_name), File(audio, name=name)]
        return await self._gallery.hear(("recordings", "turns"), Applied, files=files, form=asked)

    async def correct(
        self,
        recording: str,
        turns: Path | Sequence[CorrectedTurn | RecordingTurn],
        *,
        audio: Path | None = None,
        form: str | None = None,
        turns_name: str | None = None,
        everything: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Correct the turns of a recording that was heard before; with its audio, use `apply`.

        They are a file of any format, or one by one: those that `show` names, changed or not, and new ones.
        """
        if audio is not None:
            raise InputError("a server is sent a recording with its turns in a file: use apply")
        asked = {"everything": everything, "force": force, "dry_run": dry_run}
        place = ("recordings", recording, "turns")
        if isinstance(turns, Path):
            files = [File(turns, "turns", turns_name)]
            return await self._gallery.put(place, Applied, form={"format": form, **asked}, files=files)
        given = [one.model_dump(mode="json", exclude_none=True) for one in turns]
        return await self._gallery.put(place, Applied, body={"turns": given, **asked})
