"""Bodies of requests: none is larger than it may be, and none stalls for ever."""

from __future__ import annotations

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MOST_BYTES", "STALLED", "UPLOAD", "BodyLimit", "again", "announced", "arriving", "media_type"]

MOST_BYTES = 8 << 20
"""Of a body that is no upload; those have a limit of their own, see `spk.api.uploads`."""

UPLOAD = "multipart/form-data"
"""The media type of forms with files."""

STALLED = 60.0
"""Seconds after which somebody who sends nothing more is not waited for."""


class BodyLimit:
    """A middleware that gives up on what is too large or stalls, while it is being read."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES, stalled: float = STALLED) -> None:
        self._app = app
        self._most = most_bytes
        self._stalled = stalled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, state = Headers(scope=scope), scope.setdefault("state", {})
        came, more = 0, True

        async def counted() -> Message:
            nonlocal came, more
            if not more:  # what comes now is whether somebody still waits for the answer
                return await receive()
            # Whoever receives it says so: a request can call anything a form, and would be read into memory whole.
            most = float("inf") if state.get("is_upload") else self._most
            if announced(headers) > most:
                raise self._too_large()
            message = await arriving(receive, self._stalled)
            more = bool(message.get("more_body", False))
            came += len(message.get("body", b""))
            if came > most:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"a body has at most {self._most >> 20} MiB here: send less at a time")


async def arriving(receive: Receive, stalled: float) -> Message:
    """What comes next of a body.

    Raises:
        HTTPException: nothing came for so many seconds.
    """
    try:
        with anyio.fail_after(stalled):
            return await receive()
    except TimeoutError:
        raise HTTPException(408, f"nothing more came for {stalled:.0f} s: send it again") from None


def again(body: bytes, receive: Receive, *, more: bool = False) -> Receive:
    """What receives a body that was read, or the beginning of one, and then whatever comes."""
    sent = False

    async def received() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": more}

    return received


def media_type(headers: Headers) -> str:
    """What a body is said to be, without parameters; empty where that is not said."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def announced(headers: Headers) -> int:
    """How many bytes a body is said to have; 0 where that is not said, and no promise in any case."""
    length = headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
