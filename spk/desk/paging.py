"""Pages of lists: where one ended, as a word that can be handed back to get the next one."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from spk.errors import InputError

__all__ = ["moment", "name", "number", "place", "since", "word"]

_MOST = 2**31  # what a column of numbers holds is less


def word(*values: str | int | None) -> str:
    """Where a page ended, as a word that can stand in a URL.

    >>> word("Zoë", None)
    'WyJab1x1MDBlYiIsIG51bGxd'
    """
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def place(text: str, *kinds: Callable[[Any], Any]) -> list[Any]:
    """The values that `word` was given, each made what it stands for: anybody may write what they like into a word.

    >>> place(word("Zoë", None), name, name)
    ['Zoë', None]

    Raises:
        InputError: it was given something else.
    """
    try:
        values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [kind(value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        message = "that is not where a page ended: give what the page before named as the next one"
        raise InputError(message) from None


def number(text: str) -> int:
    """The number that `word` was given.

    >>> number(word(7))
    7

    Raises:
        InputError: it was given something else.
    """
    return int(place(text, _number)[0])


def since(text: str) -> tuple[datetime, UUID]:
    """When the last of a page was made, and its id, where `word` was given these.

    >>> since(word("2026-11-20T12:00:00+00:00", "2c9e7d106b5a4f3e8d2c1a0b9c8d7e6f"))[0].hour
    12

    Raises:
        InputError: it was given something else.
    """
    created, id_ = place(text, moment, UUID)
    return created, id_


def moment(value: str) -> datetime:
    """When something was made."""
    return datetime.fromisoformat(value).astimezone(UTC)


def name(value: object) -> str | None:
    """What somebody is called, or None.

    Raises:
        ValueError: no database can be asked for it.
    """
    if value is None or (isinstance(value, str) and value.encode().decode() == value and "\0" not in value):
        return value
    raise ValueError


def _number(value: object) -> int:
    if type(value) is int and 0 <= value < _MOST:
        return value
    raise ValueError
