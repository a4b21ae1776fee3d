"""Where a server is, how long to wait before a request is sent again, and who is told meanwhile."""

from __future__ import annotations

import random
from typing import Protocol

import httpx

from spk.errors import InputError

__all__ = ["Patience", "Progress", "address_of", "bearer"]

AGAIN = frozenset({429, 502, 503, 504})
LONGEST = 30.0


class Progress(Protocol):
    """Told of how far a job is."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """So much is done of so much, of what."""
        ...


class Patience:
    """Whether and when a request is sent again; one for each request.

    >>> patience = Patience(retries=2, seconds=300.0)
    >>> 0.25 <= patience.pause() <= 0.5 and 0.5 <= patience.pause() <= 1.0
    True
    >>> patience.ended
    True

    Args:
        retries: How often it is sent again that was not answered, or told to come again.
        seconds: How long the server may be at it, where its answer was lost.
    """

    def __init__(self, retries: int, seconds: float) -> None:
        self._retries = retries
        self._seconds = seconds
        self._failed = 0

    @property
    def ended(self) -> bool:
        """Whether it was sent often enough."""
        return self._failed >= self._retries

    def helps(self, answer: httpx.Response) -> bool:
        """Whether the same request may be answered better later."""
        if _busy(answer):
            return self._failed > 0 and self._seconds > 0
        return answer.status_code in AGAIN and not self.ended

    def pause(self, answer: httpx.Response | None = None) -> float:
        """Seconds until then: as the server says, else twice as long each time, and not all clients at once."""
        told = answer.headers.get("Retry-After", "") if answer is not None else ""
        if told.isdecimal():
            seconds = min(float(told), LONGEST) + random.uniform(0, 0.5)  # noqa: S311 - no secret
        else:
            seconds = min(0.5 * 2**self._failed, LONGEST) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        if answer is not None and _busy(answer):
            self._seconds -= seconds
        else:
            self._failed += 1
        return seconds


def _busy(answer: httpx.Response) -> bool:
    """Whether the server is at this very request still: it was sent again because the answer was lost."""
    return answer.status_code == httpx.codes.CONFLICT and "Retry-After" in answer.headers


def address_of(url: str) -> httpx.URL:
    """The address of a server.

    >>> address_of("http://127.0.0.1:8720/").host
    '127.0.0.1'

    Raises:
        InputError: it is none.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InputError(f"{url}: is no address of a server ({error}): write it as http://host:8720") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise InputError(f"{url}: is no address of a server: write it as http://host:8720")
    return address


def bearer(key: str | None) -> dict[str, str]:
    """The header that says who asks.

    Raises:
        InputError: no key can look so.
    """
    if key is not None and not (key.isascii() and key.isprintable()):
        raise InputError("the key has letters, or ends of lines, that no key has: write it again")
    return {"Authorization": f"Bearer {key}"} if key else {}
