"""A gallery of a server, as an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, TypeVar

import httpx

from spk.client.sync.connection import Connection, File, parsed
from spk.client.waiting import Progress
from spk.errors import NotFoundError
from spk.messages import JobInfo
from spk.messages.base import Page
from spk.messages.speakers import SpeakerInfo

__all__ = ["Gallery"]

T = TypeVar("T")


class Gallery:
    """What is below the address of one gallery.

    Args:
        connection: To the server.
        name: Of the gallery.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._place = ("galleries", name)
        self.progress: Progress | None = None

    def known(self, who: str) -> str:
        """What somebody is called in an address: the id, where the name has a slash.

        Raises:
            NotFoundError: nobody has that name.
        """
        if "/" not in who:
            return who
        for one in (self.get(("speakers",), Page[SpeakerInfo], params={"q": who, "limit": 500})).items:
            if one.name == who:
                return str(one.speaker_id)
        raise NotFoundError(f'no speaker "{who}"')

    def get(self, path: Sequence[str], answer: type[T], *, params: Mapping[str, Any] | None = None) -> T:
        """Ask for something."""
        return self._connection.ask("GET", (*self._place, *path), answer, params=params)

    def post(self, path: Sequence[str], answer: type[T], *, body: object = None) -> T:
        """Do something."""
        return self._connection.ask("POST", (*self._place, *path), answer, body=body)

    def put(
        self,
        path: Sequence[str],
        answer: type[T],
        *,
        body: object = None,
        form: Mapping[str, Any] | None = None,
        files: Sequence[File] = (),
    ) -> T:
        """Put something in place of what is there: JSON, or files with a form."""
        return self._connection.ask("PUT", (*self._place, *path), answer, body=body, form=form, files=files)

    def delete(self, path: Sequence[str], answer: type[T]) -> T:
        """Remove something."""
        return self._connection.ask("DELETE", (*self._place, *path), answer)

    def fetch(self, path: Sequence[str], *, params: Mapping[str, Any] | None = None) -> httpx.Response:
        """Ask for something that is no message."""
        return self._connection.send("GET", (*self._place, *path), params=params)

    def download(self, path: Sequence[str], *, params: Mapping[str, Any] | None = None) -> bytes:
        """The content of a file."""
        return (self.fetch(path, params=params)).content

    def save(self, path: Sequence[str], onto: BinaryIO) -> None:
        """Write the content of a file that may be large onto another, piece by piece."""
        self._connection.send("GET", (*self._place, *path), onto=onto)

    def hear(
        self, path: Sequence[str], answer: type[T], *, files: Sequence[File], form: Mapping[str, Any] | None = None
    ) -> T:
        """Have recordings worked on; where that becomes a job, wait until it has ended."""
        response = self._connection.send("POST", (*self._place, *path), form=form, files=files)
        if response.status_code != 202:
            return parsed(response, answer)
        job = parsed(response, JobInfo)
        return self._connection.finished(str(job.id), answer, self._watch)

    def _watch(self, job: JobInfo) -> None:
        if self.progress is not None and job.total:
            self.progress(job.done, job.total, job.stage)
