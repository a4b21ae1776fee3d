"""What can be asked about people."""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal
from uuid import UUID
from zipfile import BadZipFile, ZipFile

from spk.client.aio.gallery import AsyncGallery
from spk.client.writing import replacing
from spk.errors import ServiceError
from spk.messages.audit import ErasureReceipt
from spk.messages.base import Page
from spk.messages.outcomes import Outcome, PersonRef
from spk.messages.speakers import Deleted, Disclosed, GalleryMap, LookAlike, SpeakerDetail, SpeakerInfo

__all__ = ["AsyncSpeakers"]

State = Literal["enrolled", "unknown", "never"]


class AsyncSpeakers:
    """The people of a gallery; see `spk.desk.speakers.Speakers`."""

    def __init__(self, gallery: AsyncGallery) -> None:
        self._gallery = gallery

    async def list(
        self, *, q: str = "", state: State | None = None, limit: int = 100, after: str | None = None
    ) -> Page[SpeakerInfo]:
        """Some people, by name, and then those without one, oldest first."""
        params = {"q": q, "state": state, "limit": limit, "after": after}
        return await self._gallery.get(("speakers",), Page[SpeakerInfo], params=params)

    async def everybody(self, *, state: State | None = None) -> AsyncIterator[SpeakerInfo]:
        """All people, in the same order; read as they are needed."""
        after: str | None = None
        while True:
            page = await self.list(state=state, limit=500, after=after)
            for one in page.items:
                yield one
            if (after := page.next) is None:
                return

    async def show(self, who: str) -> SpeakerDetail:
        """One person, the samples behind the profile, and the voices that it did not learn from."""
        return await self._gallery.get(("speakers", await self._gallery.known(who)), SpeakerDetail)

    async def named(self, who: Sequence[str]) -> builtins.list[PersonRef]:
        """Who people are."""
        found = [await self.show(one) for one in who]
        return [PersonRef(speaker_id=one.speaker_id, name=_name(one), label=one.name) for one in found]

    async def create(self, name: str) -> SpeakerInfo:
        """Keep somebody who has no samples yet; enrolling them, or a consent, needs no such step."""
        return await self._gallery.post(("speakers",), SpeakerInfo, body={"name": name})

    async def rename(self, who: str, name: str, *, dry_run: bool = False) -> Outcome:
        """Give a person another name."""
        body = {"name": name, "dry_run": dry_run}
        return await self._gallery.post(("speakers", await self._gallery.known(who), "rename"), Outcome, body=body)

    async def merge(self, who: str, into: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """Make two entries one person, who keeps the name of the second."""
        body = {"into": into, "force": force, "dry_run": dry_run}
        return await self._gallery.post(("speakers", await self._gallery.known(who), "merge"), Outcome, body=body)

    async def unmerge(self, who: str, *, dry_run: bool = False) -> Outcome:
        """Take the last merger into somebody back; the second of the speakers is whom that sets apart."""
        return await self._gallery.post(
            ("speakers", await self._gallery.known(who), "unmerge"), Outcome, body={"dry_run": dry_run}
        )

    async def withdraw(self, samples: Sequence[str], *, dry_run: bool = False) -> Outcome:
        """Take samples out of profiles."""
        body = {"samples": [*samples], "dry_run": dry_run}
        return await self._gallery.post(("samples", "withdraw"), Outcome, body=body)

    async def move(self, samples: Sequence[str], to: str, *, dry_run: bool = False) -> Outcome:
        """Give samples to somebody else, new or known."""
        body = {"samples": [*samples], "to": to, "dry_run": dry_run}
        return await self._gallery.post(("samples", "move"), Outcome, body=body)

    async def delete(self, who: str | UUID) -> Deleted:
        """Erase a person, without proof."""
        return await self._gallery.delete(("speakers", await self._gallery.known(str(who))), Deleted)

    async def erase(self, who: Sequence[str | UUID]) -> ErasureReceipt:
        """Erase people for good, look for them everywhere, and sign what was found."""
        called = [str(one) for one in who]
        people = await self.named(called)
        body = {"speakers": called, "confirm": [str(one.speaker_id) for one in people]}
        return await self._gallery.post(("speakers", "erase"), ErasureReceipt, body=body)

    async def disclose(self, who: str, path: Path) -> Disclosed:
        """Write everything that is kept about one person to a ZIP file, in place of what was there, for that person."""
        person = await self.show(who)
        with replacing(path) as file:
            await self._gallery.save(("speakers", str(person.speaker_id), "disclosure"), file)
            size = file.tell()
            try:
                with ZipFile(file) as archive:
                    files = len(archive.namelist())
            except BadZipFile as error:
                raise ServiceError(f"{person.name}: what was answered is no ZIP file: is it a newer spk?") from error
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Disclosed(
            name=person.name, speaker_id=person.speaker_id, output=str(path), sha256=sha256, files=files, bytes=size
        )

    async def audio(self, sample: str) -> bytes:
        """A sample to listen to, as a FLAC file, where its audio is kept."""
        return await self._gallery.download(("samples", sample, "audio"))

    async def alike(self, who: str, *, limit: int = 5) -> builtins.list[LookAlike]:
        """The people who sound most like somebody, the likest first."""
        return await self._gallery.get(
            ("speakers", await self._gallery.known(who), "alike"), list[LookAlike], params={"limit": limit}
        )

    async def map(self, *, limit: int = 2000) -> GalleryMap:
        """The profiles in two dimensions; distances on it mislead."""
        return await self._gallery.get(("map",), GalleryMap, params={"limit": limit})


def _name(one: SpeakerDetail) -> str | None:
    return one.name if one.state == "enrolled" else None
