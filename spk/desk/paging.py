"""Pages of lists: where one ended, as a word that can be handed back to get the next one."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from spk.errors import InputError

__all__ = ["place", "since", "word"]

_NOT_OURS = "that is not where a page ended: give what the page before named as the next one"


def word(*values: str | int | None) -> str:
    """Where a page ended, as a word that can stand in a URL.

    >>> word("Zoë", None)
    'WyJab1x1MDBlYiIsIG51bGxd'
    """
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def place(text: str, count: int) -> list[Any]:
    """The ``count`` values that `word` was given.

    >>> place(word("Zoë", None), 2)
    ['Zoë', None]

    Raises:
        InputError: it was none of ours.
    """
    try:
        values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(values, list) and len(values) == count and all(map(_is_ours, values)):
            return values
    except (ValueError, RecursionError):
        pass
    raise InputError(_NOT_OURS)


def since(text: str) -> tuple[datetime, UUID]:
    """When the last of a page was made, and its id, where `word` was given these.

    >>> since(word("2026-11-20T12:00:00+00:00", "2c9e7d106b5a4f3e8d2c1a0b9c8d7e6f"))[0].hour
    12

    Raises:
        InputError: it was given something else.
    """
    created, digits = place(text, 2)
    try:
        return datetime.fromisoformat(created).astimezone(UTC), UUID(digits)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise InputError(_NOT_OURS) from None


def _is_ours(value: object) -> bool:
    """Whether a database can be asked for a value: anybody may write what they like into a word."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() == value and "\0" not in value
    return value is None or (type(value) is int and abs(value) < 2**63)
