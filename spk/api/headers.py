"""What every answer tells browsers: run nothing of others, show it nowhere else, keep no copy."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spk.errors import InputError

__all__ = ["SecureHeaders", "cors", "page_nonce"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000"  # a year


class SecureHeaders:
    """A middleware that adds the headers which an answer has not got yet.

    A page whose scripts insert styles asks `page_nonce` for what these need.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                nonce = scope.get("state", {}).get("nonce")
                headers.setdefault(
                    "Content-Security-Policy", _POLICY.format(nonce=f" 'nonce-{nonce}'" if nonce else "")
                )
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _HSTS)
            await send(message)

        await self._app(scope, receive, answer)


def page_nonce(request: Request) -> str:
    """What a page's scripts mark styles with that they insert: a policy allows these, and no others."""
    if not hasattr(request.state, "nonce"):
        request.state.nonce = secrets.token_urlsafe(16)
    return str(request.state.nonce)


def cors(origins: Sequence[str]) -> dict[str, Any]:
    """The settings of Starlette's ``CORSMiddleware`` by which pages of these origins may ask, with a key of theirs.

    Cookies are none of it, so nobody's login here is of use to another site.

    Raises:
        InputError: something is no origin.
    """
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise InputError(f"cors_origins: {origin!r} is no origin: write it as https://app.example.org")
    return {
        "allow_origins": list(origins),
        "allow_methods": ["DELETE", "GET", "PATCH", "POST", "PUT"],
        "allow_headers": ["Authorization", "Idempotency-Key", "Prefer", "X-Request-ID"],
        "expose_headers": ["Location", "Retry-After", "X-Request-ID"],
    }
