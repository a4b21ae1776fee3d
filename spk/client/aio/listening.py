"""What can be asked about recordings, and how people become known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from spk.client.aio.connection import File
from spk.client.aio.gallery import AsyncGallery
from spk.errors import InputError
from spk.messages.diarization import Diarized
from spk.messages.enrollment import ConsentGiven, Enrolled, EnrolledTurns
from spk.messages.identification import CandidateList, Identified
from spk.messages.verification import Compared, Verified

__all__ = ["AsyncListening"]

Channels = Literal["mix", "split"]


class AsyncListening:
    """Operations on recordings; see `spk.desk.listening.Listening` and `spk.desk.enrolling.Enrolling`.

    Long recordings are worked on by jobs, which are waited for.

    Attributes:
        point: When a verdict is given (``fpir``, ``cost``, ``prior_unknown``), if not as the server is set.
    """

    _gallery: AsyncGallery
    point: Mapping[str, Any]

    async def identify(
        self,
        path: Path,
        *,
        name: str | None = None,
        single: bool = False,
        channels: Channels = "mix",
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        attendees: Sequence[str] = (),
        enroll_unknown: bool = False,
        evidence: bool = False,
        decision: UUID | None = None,
    ) -> Identified:
        """Who speaks in a recording."""
        if decision is not None:
            raise InputError("a server gives its decisions their ids: leave decision out")
        asked = {
            "single": single,
            "channels": channels,
            "speakers": speakers,
            "min_speakers": min_speakers,
            "max_speakers": max_speakers,
            "attendees": attendees,
            "enroll_unknown": enroll_unknown,
            "evidence": evidence,
        }
        files = [File(path, name=name)]
        return await self._gallery.hear(("identify",), Identified, files=files, form={**asked, **self.point})

    async def verify(self, who: str, path: Path, *, name: str | None = None) -> Verified:
        """Is it that person, by the voice?"""
        asked = {"speaker": who, **self._claim}
        return await self._gallery.hear(("verify",), Verified, files=[File(path, name=name)], form=asked)

    async def compare(
        self, path: Path, other: Path, *, name: str | None = None, other_name: str | None = None
    ) -> Compared:
        """Do two recordings hold one voice?"""
        files = [File(path, name=name), File(other, "other", other_name)]
        return await self._gallery.hear(("compare",), Compared, files=files, form=self._claim)

    async def who_is(self, path: Path, *, top: int = 3, name: str | None = None) -> CandidateList:
        """The people whom the one voice of a clip is most like."""
        asked = {"top": top, **self._claim}
        files = [File(path, name=name)]
        return await self._gallery.hear(("who-is",), CandidateList, files=files, form=asked)

    async def diarize(
        self,
        path: Path,
        *,
        name: str | None = None,
        channels: Channels = "mix",
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
    ) -> Diarized:
        """Who speaks when, whoever it is."""
        asked = {
            "channels": channels,
            "speakers": speakers,
            "min_speakers": min_speakers,
            "max_speakers": max_speakers,
        }
        return await self._gallery.hear(("diarize",), Diarized, files=[File(path, name=name)], form=asked)

    async def enroll(
        self,
        who: str,
        paths: Sequence[Path],
        *,
        segments: Sequence[tuple[float, float] | None] = (),
        names: Sequence[str] = (),
        force: bool = False,
        consent: ConsentGiven | None = None,
    ) -> Enrolled:
        """Enroll a person from recordings of that person alone.

        Raises:
            RefusedError: nothing was stored: the reasons of every recording.
            SpkError: what is wrong with the only recording.
        """
        called: Sequence[str | None] = names or [None] * len(paths)
        files = [File(path, name=name) for path, name in zip(paths, called, strict=True)]
        asked = {
            "name": who,
            "segment": ["-" if times is None else f"{times[0]:.6f}-{times[1]:.6f}" for times in segments],
            "force": force,
            "consent": _consent(consent),
        }
        return await self._gallery.hear(("enrollments",), Enrolled, files=files, form=asked)

    async def enroll_turns(
        self,
        path: Path,
        turns: Path,
        *,
        mapping: Mapping[str, str] | None = None,
        form: str | None = None,
        name: str | None = None,
        turns_name: str | None = None,
        force: bool = False,
        consent: ConsentGiven | None = None,
    ) -> EnrolledTurns:
        """Enroll everybody in a recording by its corrected turns."""
        asked = {
            "map": [f"{label}={person}" for label, person in (mapping or {}).items()],
            "format": form,
            "force": force,
            "consent": _consent(consent),
        }
        files = [File(path, name=name), File(turns, "turns", turns_name)]
        return await self._gallery.hear(("enrollments", "turns"), EnrolledTurns, files=files, form=asked)

    @property
    def _claim(self) -> dict[str, Any]:
        """The point, without what claims know nothing of."""
        return {name: value for name, value in self.point.items() if name != "prior_unknown"}


def _consent(given: ConsentGiven | None) -> str | None:
    return None if given is None else given.model_dump_json(exclude_none=True)
