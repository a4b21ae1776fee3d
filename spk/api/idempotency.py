"""A POST that is sent again with its ``Idempotency-Key`` is answered as before, and nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spk.api.bodies import UPLOAD, again, media_type
from spk.api.problems import ProblemError, Problems
from spk.errors import NotFoundError, SpkError, StoreError
from spk.store import Store
from spk.store.job_records import Answer, Begun
from spk.store.requests import UnansweredError

if TYPE_CHECKING:
    from uuid import UUID

    from spk.api.uploads import Upload

__all__ = ["HEADER", "AnsweredError", "Idempotency", "Once"]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

_LONGEST = 200  # characters of a key
_MOST_BYTES = 8 << 20  # of an answer that is kept
_HEADERS = ("content-type", "location", "preference-applied")  # those that belong to an answer
_API = "/v1/"
_PREFIX = f"{_API}galleries/"
_THREADS = 8  # that ask the store: work on audio cannot hold them up

logger = logging.getLogger(__name__)


class AnsweredError(Exception):
    """The request was answered before: the answer is given again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class Once:
    """A request with an idempotency key.

    Attributes:
        store: Where answers are kept.
        key: The client's.
        caller: The id of the key to the service; None where there is none.
        target: The method and the address with its query.
        gallery: The name of the gallery in the address; empty where there is none.
        threads: That ask the store.
        answering: The tokens of what this process is at; its own is among them until it has ended.
        begun: What the store knows of it, once all of it is here.
    """

    store: Callable[[], Store]
    key: str
    caller: str | None
    target: str
    gallery: str
    threads: CapacityLimiter
    answering: set[UUID]
    begun: Begun | None = field(default=None, init=False)

    async def received(self, upload: Upload) -> None:
        """Begin a request with a form, once that is here; how its parts are divided plays no part.

        Raises:
            AnsweredError: it was answered before.
            ConflictError: the key came with another request.
            ProblemError: that request is still worked on.
        """
        fields = sorted((name, *values) for name, values in upload.fields.items())
        files = [(file.field, file.name, file.sha256) for file in upload.files]
        await self.begin(json.dumps([fields, files]).encode())

    async def begin(self, body: bytes) -> None:
        """Begin a request, once all of it is here; as `received`."""
        digest = hashlib.sha256(self.target.encode() + b"\0" + body).hexdigest()
        gallery = self.gallery or None

        def begun() -> Begun | None:
            try:
                return self.store().begin_request(self.caller, self.key, digest, gallery=gallery)
            except NotFoundError:  # no such gallery, as the route will say
                return None
            except UnansweredError as error:
                raise ProblemError("conflict", str(error), {"Retry-After": "1"}) from error

        self.begun = await to_thread.run_sync(begun, limiter=self.threads)
        if self.begun is None:
            return
        if self.begun.answer is not None:
            raise AnsweredError(self.begun.answer)
        self.answering.add(self.begun.token)

    async def end(self, answer: Answer | None) -> None:
        """Keep what was answered; None where nothing was done, and the request may come again."""
        begun, self.begun = self.begun, None
        if begun is None or begun.answer is not None:
            return

        def keep() -> None:
            if answer is None:
                self.store().drop_request(begun)
            else:
                self.store().finish_request(begun, answer)

        try:
            await to_thread.run_sync(keep, limiter=self.threads)
        except StoreError as error:  # it is done, and whoever asked is to learn what came of it
            logger.warning("%s", error)  # its token stays, lest it be done again
        else:
            self.answering.discard(begun.token)


class Idempotency:
    """The middleware that looks after it, for every POST of the API; behind `spk.api.gate.Gate`, which knows who asks.

    What has failed is not kept: nothing was done, so that it may be sent again. A form is begun by `Uploads.receive`,
    once its files are here.

    Args:
        app: What is behind it.
        store: Where answers are kept.
        problems: How refusals are answered.
        answering: Where the tokens of what is worked on stand.
    """

    def __init__(self, app: ASGIApp, *, store: Callable[[], Store], problems: Problems, answering: set[UUID]) -> None:
        self._app = app
        self._store = store
        self._problems = problems
        self._answering = answering
        self._threads = CapacityLimiter(_THREADS)

    @staticmethod
    def install(app: FastAPI) -> None:
        """Answer again whatever a route finds answered."""

        async def replay(_: Request, error: Exception) -> Response:
            return _response(error.answer) if isinstance(error, AnsweredError) else Response(status_code=500)

        app.add_exception_handler(AnsweredError, replay)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as ASGI has it, or answer it as before."""
        api = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(_API)
        if not api or HEADER not in Headers(scope=scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            once = self._once(request)
            if media_type(request.headers) != UPLOAD:
                body = await request.body()
                receive = again(body, receive)
                await once.begin(body)
        except AnsweredError as error:
            await _response(error.answer)(scope, receive, send)
            return
        except (SpkError, ProblemError) as error:
            await self._problems.answer(request, error)(scope, receive, send)
            return
        request.state.once = once
        try:
            await self._app(scope, receive, _Kept(once, send))
        finally:
            with CancelScope(shield=True):
                await once.end(None)

    def _once(self, request: Request) -> Once:
        key = request.headers[HEADER]
        if not (0 < len(key) <= _LONGEST and key.isascii() and key.isprintable()):
            raise ProblemError("bad-input", f"{HEADER} has up to {_LONGEST} letters and digits: choose another")
        scope = request.scope
        query = scope["query_string"].decode("latin-1")
        path: str = scope["path"]
        gallery = path.removeprefix(_PREFIX).split("/")[0] if path.startswith(_PREFIX) else ""
        target = f"{scope['method']} {path}?{query}"
        return Once(self._store, key, request.state.principal.key_id, target, gallery, self._threads, self._answering)


class _Kept:
    """Passes an answer on, and keeps it where it is one to be kept: before it is out, for it may come again at once."""

    def __init__(self, once: Once, send: Send) -> None:
        self._once = once
        self._send = send
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body" and 200 <= self._start["status"] < 300:
            self._body += message.get("body", b"")
            if not message.get("more_body", False) and len(self._body) <= _MOST_BYTES:
                headers = {name.decode(): value.decode("latin-1") for name, value in self._start["headers"]}
                kept = {name: value for name, value in headers.items() if name.lower() in _HEADERS}
                await self._once.end(Answer(self._start["status"], kept, bytes(self._body)))
        await self._send(message)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {**answer.headers, REPLAYED: "true"})
