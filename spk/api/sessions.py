"""Who has logged in to the pages: a signed cookie that ends, and tokens that only our own pages know."""

from __future__ import annotations

import hmac
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from itsdangerous import BadData, Signer, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from spk.store import Store
from spk.store.files import temporary, write_through
from spk.store.keys import KeyRecord

__all__ = ["CSRF_FIELD", "CSRF_HEADER", "Session", "Sessions", "way_back"]

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"

COOKIE = "spk_session"
LONGEST = 12 * 3600.0
"""Seconds after which one has to log in again."""

IDLE = 2 * 3600.0
"""Seconds without a request after which one has to."""

RENEW = 300.0
"""Seconds after which a request makes a session last again."""

_SECRET = ".session"  # noqa: S105 - the name of a file in the home
_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in.

    Attributes:
        id: Of the session.
        key: The id of the key that was shown; its secret is nowhere.
        begun: When, in seconds of the clock.
        renewed: When the cookie was made.
    """

    id: str
    key: str
    begun: float
    renewed: float

    @property
    def worn(self) -> bool:
        """Whether the cookie should be made anew, lest it end while somebody works."""
        return time.time() - self.renewed > RENEW


class Sessions:
    """Makes and reads the cookies. Who has logged out, and whether the key still opens anything, the store knows.

    Args:
        home: Where the secret lies that cookies are signed with; it is made when somebody first logs in.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    @cached_property
    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(_secret(self._home), salt="spk session")

    @cached_property
    def _tokens(self) -> Signer:
        return Signer(_secret(self._home), salt="spk page")

    def begin(self, request: Request, response: Response, key: KeyRecord) -> None:
        """Log in whoever has shown a key."""
        self.renew(request, response, Session(secrets.token_urlsafe(16), key.id, time.time(), 0.0))

    def renew(self, request: Request, response: Response, session: Session) -> None:
        """Let a session last from now on, up to `LONGEST` in all."""
        content = {"id": session.id, "key": session.key, "begun": session.begun}
        response.set_cookie(
            COOKIE,
            self._serializer.dumps(content),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
            path="/",
        )

    def end(self, request: Request, response: Response, store: Store) -> None:
        """Log out; the store refuses copies of the cookie from now on."""
        if (session := self.read(request)) is not None:
            store.end_session(session.id, until=datetime.fromtimestamp(session.begun + LONGEST, UTC))
        response.delete_cookie(COOKIE, path="/")

    def read(self, request: Request) -> Session | None:
        """The session of a request; None where there is none, or it has lasted for too long."""
        if COOKIE not in request.cookies:
            return None
        try:
            content, renewed = self._serializer.loads(request.cookies[COOKIE], max_age=int(IDLE), return_timestamp=True)
            session = Session(str(content["id"]), str(content["key"]), float(content["begun"]), renewed.timestamp())
        except (BadData, KeyError, TypeError, ValueError):
            return None
        return None if time.time() - session.begun > LONGEST else session

    def token(self, session: Session) -> str:
        """What the pages of a session send along with whatever changes something (CSRF).

        It is the key's, so that a page on which something was typed can send it after the next login.
        """
        return self._tokens.get_signature(session.key).decode()

    def is_token(self, session: Session, token: str) -> bool:
        """Whether it is that."""
        return hmac.compare_digest(self.token(session).encode(), token.encode())


def way_back(target: str) -> str:
    """Where to go after logging in: a place of ours, whatever the link to the login says.

    >>> way_back("/review?page=2"), way_back("///evil.example"), way_back("https://evil.example/"), way_back("")
    ('/review?page=2', '/', '/', '/')
    """
    # Not only what is another host's by the book: browsers skip slashes, and take backslashes for them.
    ours = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if ours else "/"


def _secret(home: Path) -> bytes:
    """What the cookies of a home are signed with; made when it is first asked for."""
    path = home / _SECRET
    if not path.exists():
        beside = temporary(home)
        write_through(beside, [secrets.token_bytes(_BYTES)])
        with suppress(FileExistsError):  # another process was first: all must have the same
            os.link(beside, path)
        beside.unlink()
    return path.read_bytes()
