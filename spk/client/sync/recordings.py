"""What can be asked about recordings that were heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from spk.client.sync.connection import File
from spk.client.sync.gallery import Gallery
from spk.errors import InputError, NotFoundError, ServiceError
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

__all__ = ["Recordings"]

MOST = 500
LONGEST = 200  # letters that can be looked for


class Recordings:
    """What was heard in the recordings of a gallery; see `spk.desk.recordings.Recordings`."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def list(
        self, *, q: str = "", newest: bool = False, limit: int | None = None, after: str | None = None
    ) -> Page[RecordingInfo]:
        """Some recordings, in the order in which they were first heard."""
        items: list[RecordingInfo] = []
        while True:
            most = MOST if limit is None else min(limit - len(items), MOST)
            params = {"q": q, "newest": newest, "limit": most, "after": after}
            page = self._gallery.get(("recordings",), Page[RecordingInfo], params=params)
            items += page.items
            after = page.next
            if after is None or (limit is not None and len(items) >= limit):
                return Page[RecordingInfo](items=items, next=after)

    def _known(self, recording: str) -> str:
        """What a recording is called in an address: the hash of its audio, where its name is a path."""
        if "/" not in recording:
            return recording
        there = (self.list(q=recording[-LONGEST:])).items
        found = [one for one in there if one.recording == recording]
        if len(found) == 1:
            return found[0].sha256
        if not found:
            raise NotFoundError(
                f'nothing is kept of a recording "{recording}": `spk recordings list` shows those that were identified'
            )
        several = ", ".join(one.sha256[:8] for one in found[:5])
        raise NotFoundError(f'"{recording}" stands for {len(found)} recordings: write one of {several}')

    def show(self, recording: str) -> RecordingDetail:
        """The voices of a recording, and the turns."""
        return self._gallery.get(("recordings", self._known(recording)), RecordingDetail)

    def export(self, recording: str, form: str) -> TurnsFile:
        """The turns of a recording as they are labelled now, as a file."""
        place = ("recordings", self._known(recording), "turns")
        response = self._gallery.fetch(place, params={"format": form})
        name = unquote(response.headers.get("Content-Disposition", "").partition("''")[2])
        if not name:
            raise ServiceError(f"{recording}: what was answered is no file of turns: is it a newer spk?")
        media_type = response.headers["Content-Type"].partition(";")[0]
        return TurnsFile(name=Path(name).name, media_type=media_type, text=response.content.decode("utf-8"))

    def waveform(self, recording: str) -> Waveform:
        """How loud a recording is over time, to be drawn."""
        return self._gallery.get(("recordings", self._known(recording), "waveform"), Waveform)

    def audio(self, recording: str, voice: str) -> bytes:
        """A voice of a recording to listen to, as a FLAC file, where its audio is kept."""
        return self._gallery.download(("recordings", self._known(recording), "voices", voice, "audio"))

    def label(
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
        return self._gallery.post(("recordings", self._known(recording), "label"), Outcome, body=body)

    def relabel(self, *, dry_run: bool = False) -> Outcome:
        """Judge all recordings by the gallery and the calibration as they are now."""
        return self._gallery.post(("recordings", "relabel"), Outcome, body={"dry_run": dry_run})

    def forget(self, recording: str, *, dry_run: bool = False) -> Outcome:
        """Forget what was heard in a recording."""
        place = ("recordings", self._known(recording), "forget")
        return self._gallery.post(place, Outcome, body={"dry_run": dry_run})

    def apply(
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
        return self._gallery.hear(("recordings", "turns"), Applied, files=files, form=asked)

    def correct(
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
        place = ("recordings", self._known(recording), "turns")
        if isinstance(turns, Path):
            files = [File(turns, "turns", turns_name)]
            return self._gallery.put(place, Applied, form={"format": form, **asked}, files=files)
        given = [one.model_dump(mode="json", exclude_none=True) for one in turns]
        return self._gallery.put(place, Applied, body={"turns": given, **asked})
