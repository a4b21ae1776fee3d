"""Lets in whoever shows a key or has logged in, and nobody else.

While the store has no keys, whoever works on this machine is let in, as the commands let them in. With the first key
that ends for good: when the last one is revoked or has ended, nobody is let in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spk.api.access import Principal
from spk.api.bodies import STALLED, UPLOAD, again, arriving, media_type
from spk.api.limits import Limits
from spk.api.origins import SAFE, foreign, local
from spk.api.problems import ProblemError, Problems
from spk.api.sessions import CSRF_FIELD, CSRF_HEADER, Session, Sessions
from spk.errors import AccessError, SpkError, StoreError
from spk.store import Store
from spk.store.audit import acting
from spk.store.keys import KeyRecord

__all__ = ["LOGIN", "Gate", "log_in", "log_out"]

LOGIN = "/login"
"""Where people are sent who have not logged in."""

PUBLIC = ("/healthz", "/readyz", LOGIN, "/static/")
"""What needs no key: these, and what is below those that end in a slash."""

_FOLDERS = tuple(path for path in PUBLIC if path.endswith("/"))

_THREADS = 8  # that look up keys: work on audio cannot hold them up
_FORM_BYTES = 1 << 20  # the turns of many hours
_HEAD_BYTES = 64 << 10  # of an upload, among which its token is
_FORM = "application/x-www-form-urlencoded"
_TOKEN = re.compile(rf'name="{CSRF_FIELD}"\r\n\r\n([^\r]*)\r\n'.encode())
_NO_KEY = "send a key as `Authorization: Bearer spk_…`, or set SPK_KEY for a command: `spk keys create` makes one"

_ENDED = "your login has ended: log in again in another tab, then repeat this here"

T = TypeVar("T")


class Gate:
    """The middleware that knows who asks: ``request.state.principal``, for `spk.api.access.needs`.

    For the pages it leaves ``request.state.csrf``, what their forms send back; empty where there is no session. What
    routes do is done in the caller's name, see `spk.store.audit.acting`.

    Args:
        app: What is behind it.
        store: Where the keys are, and who has logged out.
        sessions: Who has logged in.
        limits: How much one may ask.
        problems: How refusals are answered.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        store: Callable[[], Store],
        sessions: Sessions,
        limits: Limits,
        problems: Problems,
    ) -> None:
        self._app = app
        self.store = store
        self.sessions = sessions
        self.limits = limits
        self._problems = problems
        self._threads = CapacityLimiter(_THREADS)
        self._locked = False  # once there was a key, there is one for good

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as ASGI has it, or refuse it."""
        if scope["type"] == "websocket":  # we have none
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.gate, request.state.principal, request.state.csrf = self, None, ""
        try:
            if _is_public(scope["path"]):
                _refuse_foreign(request, unless_safe=True)
                await self._app(scope, receive, send)
                return
            key, session = await self._who(request)
            principal = Principal.of(key) if key else Principal.anybody()
            request.state.principal = principal
            if key is not None:
                self.limits.count(key.id)
            if session is not None:
                request.state.csrf = self.sessions.token(session)
                receive = await self._with_token(request, session, receive)
                send = self._renewing(request, session, send)
        except (SpkError, ProblemError, HTTPException) as error:
            await self._refusal(request, error)(scope, receive, send)
            return
        with acting(principal.who):
            await self._app(scope, receive, send)
        if key is not None and not key.used_lately:
            with suppress(StoreError):  # the answer is out, and somebody else is writing
                await self.in_thread(lambda: self.store().note_key_used(key))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what waits for the disk, while others are served."""
        return await to_thread.run_sync(work, limiter=self._threads)

    async def check_key(self, request: Request, token: str) -> KeyRecord:
        """The key that somebody shows.

        Raises:
            AccessError: it is none, or not any more.
            ProblemError: too many wrong ones came from there.
        """
        try:
            return await self.in_thread(lambda: self.store().open_with(token))
        except AccessError:
            self.limits.fail(request.client.host if request.client else "")
            raise

    async def _who(self, request: Request) -> tuple[KeyRecord | None, Session | None]:
        """The key of whoever asks, and their session if it is one; no key where none is needed."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme:
            return await self.check_key(request, token.strip() if scheme.lower() == "bearer" else ""), None
        if (session := self.sessions.read(request)) is not None:
            key = await self.in_thread(lambda: self.store().valid_key(session.key, session.id))
            _refuse_foreign(request, unless_safe=True)
            return key, session
        self._locked = self._locked or await self.in_thread(lambda: self.store().has_keys())
        if self._locked:
            raise AccessError(_NO_KEY)
        if not local(request):
            raise ProblemError("not-allowed", "without keys the service is for this machine alone: `spk keys create`")
        _refuse_foreign(request, unless_safe=False)
        return None, None

    async def _with_token(self, request: Request, session: Session, receive: Receive) -> Receive:
        """See that a page of ours has sent what changes something: other sites cannot know the token.

        It comes in a header, or in a form that was sent without a script: in a field, or in the first part of an
        upload. What was read for it is handed on.
        """
        if request.method in SAFE:
            return receive
        token = request.headers.get(CSRF_HEADER, "")
        kind = media_type(request.headers)
        if not token and kind == _FORM:
            body, _ = await _read(receive, _FORM_BYTES)
            if len(body) > _FORM_BYTES:
                raise ProblemError("too-large", f"a form has at most {_FORM_BYTES // 1024} KiB: send a file instead")
            token = parse_qs(body.decode("latin-1")).get(CSRF_FIELD, [""])[0]
            receive = again(body, receive)
        elif not token and kind == UPLOAD:
            body, more = await _read(receive, _HEAD_BYTES, until=_TOKEN)
            token = found[1].decode("latin-1") if (found := _TOKEN.search(body)) else ""
            receive = again(body, receive, more=more)
        if not self.sessions.is_token(session, token):
            raise ProblemError("not-allowed", "this page has been open for too long: load it again, and repeat it")
        return receive

    def _renewing(self, request: Request, session: Session, send: Send) -> Send:
        """Let the session last while somebody works."""
        if not session.worn:
            return send
        renewed = Response()
        self.sessions.renew(request, renewed, session)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "Set-Cookie" not in headers:  # a logout has the last word
                    headers["Set-Cookie"] = renewed.headers["Set-Cookie"]
            await send(message)

        return answer

    def _refusal(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, AccessError):
            return self._problems.answer(request, error)
        headers = {"WWW-Authenticate": 'Bearer realm="spk"'}
        if "HX-Request" in request.headers:  # a part of a page
            if request.method not in SAFE:  # the page stays, lest what was typed be lost
                return self._problems.answer(request, ProblemError("no-key", _ENDED, headers))
            headers["HX-Redirect"] = _login(request.headers.get("HX-Current-URL", ""))  # the whole page is to go
        elif "text/html" in request.headers.get("Accept", ""):
            there = str(request.url) if request.method in SAFE else request.headers.get("Referer", "")
            return RedirectResponse(_login(there), 303)
        return self._problems.answer(request, ProblemError("no-key", str(error), headers))


async def _read(receive: Receive, most: int, until: re.Pattern[bytes] | None = None) -> tuple[bytes, bool]:
    """What comes of a body up to so many bytes or to a pattern, and whether there is more of it.

    Raises:
        ClientDisconnect: whoever sends it has gone: what had come is not the whole.
        HTTPException: nothing more comes.
    """
    body, more = bytearray(), True
    while more and len(body) <= most and not (until and until.search(body)):
        message = await arriving(receive, STALLED)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body), more


def _is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(_FOLDERS)


def _login(url: str) -> str:
    """Where to log in, and to come back from to a page of ours.

    >>> _login("http://localhost:8720/review/staff/recordings?q=a%20b"), _login("")
    ('/login?next=/review/staff/recordings%3Fq%3Da%2520b', '/login')
    """
    parts = urlsplit(url)
    back = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{LOGIN}?next={quote(back)}" if back else LOGIN


async def log_in(request: Request, response: Response, token: str) -> None:
    """Begin a session with a key, from a page.

    Raises:
        AccessError: the key is none, or not any more.
        ProblemError: too many wrong ones came from there.
    """
    gate: Gate = request.state.gate
    gate.sessions.begin(request, response, await gate.check_key(request, token.strip()))


def log_out(request: Request, response: Response) -> None:
    """End the session of a request."""
    gate: Gate = request.state.gate
    gate.sessions.end(request, response, gate.store())


def _refuse_foreign(request: Request, *, unless_safe: bool) -> None:
    if not (unless_safe and request.method in SAFE) and foreign(request):
        raise ProblemError("not-allowed", "a page of another site has asked this: use a key, or one of our own pages")
