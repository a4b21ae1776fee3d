"""Sends requests, again where that may help, and waits for jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import TypeAdapter

from spk.client.problems import problem_error
from spk.client.waiting import Patience, address_of, bearer
from spk.errors import InputError, ServiceError, SpkError
from spk.messages import JobInfo

__all__ = ["AsyncConnection", "File"]

T = TypeVar("T")
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class File:
    """A file to upload.

    Attributes:
        path: Where it lies.
        field: Its part of the request.
        name: What it is called there, if not as the file; folders are nobody's business.
    """

    path: Path
    field: str = "audio"
    name: str | None = None


class AsyncConnection:
    """A connection to a server.

    Args:
        url: The server's address.
        key: What it knows us by.
        timeout: After how many seconds without a sign of life a request has failed.
        retries: How often a request is sent again that was not answered, or told to come again.
        transport: What sends requests, if not the network.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 300.0,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self.retries = retries
        self.timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=address_of(url),
            headers=bearer(key),
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            transport=transport,
        )

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: Sequence[str],
        answer: type[T],
        *,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        form: Mapping[str, Any] | None = None,
        files: Sequence[File] = (),
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Send a request, and read the answer as a message.

        Args:
            method: Of HTTP.
            path: The parts of the address; each may hold any letter.
            answer: What is expected.
            params: What stands behind the address; None is left out.
            body: What is sent as JSON.
            form: What is sent beside files.
            files: What is uploaded.
            headers: More headers.

        Raises:
            SpkError: as the server says.
            ServiceError: it does not answer, or not as a server of ours would.
        """
        response = await self.send(method, path, params=params, body=body, form=form, files=files, headers=headers)
        return parsed(response, answer)

    async def send(
        self,
        method: str,
        path: Sequence[str],
        *,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        form: Mapping[str, Any] | None = None,
        files: Sequence[File] = (),
        headers: Mapping[str, str] | None = None,
        onto: BinaryIO | None = None,
    ) -> httpx.Response:
        """Send a request; as `ask`, but the answer is left as it is.

        Where there is a file to put it ``onto``, that gets the content piece by piece, and the answer has none.
        """
        address = "/".join(("", "v1", *(quote(part, safe="") for part in path)))
        given = {name: value for name, value in (params or {}).items() if value is not None}
        sent = dict(headers or {})
        if method == "POST":  # what was done already is not done again
            sent["Idempotency-Key"] = uuid4().hex
        patience = Patience(self.retries, self.timeout)
        while True:
            response = None
            with ExitStack() as opened:
                try:
                    async with self._http.stream(
                        method,
                        address,
                        params=given,
                        json=body,
                        data=_fields(form),
                        files=[_part(one, opened) for one in files] or None,
                        headers=sent,
                    ) as answer:
                        if onto is None or not answer.is_success:
                            await answer.aread()
                        else:
                            onto.seek(0)  # what came before the connection broke off comes again
                            onto.truncate()
                            async for piece in answer.aiter_bytes():
                                onto.write(piece)
                        response = answer
                except httpx.RequestError as error:
                    unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                    if patience.ended or (method == "DELETE" and not unsent):  # it may be gone by now
                        reason = str(error) or type(error).__name__
                        raise ServiceError(f"{self.url}: does not answer ({reason}): is it running?") from error
            if response is not None and response.is_success:
                return response
            if response is not None and not patience.helps(response):
                raise problem_error(response)
            await asyncio.sleep(patience.pause(response))

    async def finished(self, job: str, answer: type[T], watch: Callable[[JobInfo], None]) -> T:
        """Wait until a job has ended, and read its result as a message; whoever stops waiting cancels it.

        Args:
            job: Its id.
            answer: What is expected.
            watch: Told of the job each time that it is looked at.

        Raises:
            SpkError: as the job ended.
        """
        try:
            for look in count():
                now = await self.ask("GET", ("jobs", job), JobInfo)
                watch(now)
                if now.finished is not None:
                    break
                await asyncio.sleep(min(0.2 * 1.5**look, 3.0))
        except asyncio.CancelledError:
            with suppress(SpkError):
                await self.ask("POST", ("jobs", job, "cancel"), JobInfo)
            raise
        return await self.ask("GET", ("jobs", job, "result"), answer)


def parsed(response: httpx.Response, answer: type[T]) -> T:
    """An answer as a message.

    Raises:
        ServiceError: it is none.
    """
    try:
        return TypeAdapter(answer).validate_json(response.content)
    except ValueError as error:
        raise ServiceError(f"{response.url.host}: answered what is not understood: is it a newer spk?") from error


def _fields(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if form is None:
        return None
    return {name: _text(value) for name, value in form.items() if value is not None}


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)


def _part(one: File, opened: ExitStack) -> tuple[str, tuple[str, Any]]:
    try:
        file = opened.enter_context(one.path.open("rb"))
    except OSError as error:
        raise InputError(f"{one.path}: cannot be read ({error.strerror}): check the path") from error
    return one.field, (Path(one.name or one.path).name.encode(errors="replace").decode(), file)
