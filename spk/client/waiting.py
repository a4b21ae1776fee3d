"""How long to wait before a request is sent again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["pause"]

LONGEST = 30.0


def pause(attempt: int, answer: httpx.Response | None = None) -> float:
    """Seconds until the next attempt: as the server says, else twice as long each time, and not all clients at once.

    >>> 0.25 <= pause(0) <= 0.5 and 1.0 <= pause(2) <= 2.0
    True
    """
    told = answer.headers.get("Retry-After", "") if answer is not None else ""
    if told.isdecimal():
        return min(float(told), LONGEST) + random.uniform(0, 0.5)  # noqa: S311 - no secret
    return float(min(0.5 * 2**attempt, LONGEST) * random.uniform(0.5, 1))  # noqa: S311 - no secret
