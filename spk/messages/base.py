"""What all messages have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

__all__ = ["Message", "Moment", "Page"]

Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-20T12:00:17.568678+00:00"]}),
]
"""A moment, written as Python does, with the zone as ``+00:00``."""


class Message(BaseModel):
    """Something that is answered: by a command with ``--json``, by the HTTP API, by the client's methods.

    Fields may be added to a message, and what does not know them leaves them out; none is removed or changes its
    meaning. A field that Python would not let have its name (``schema``) has an underscore, which JSON has not.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    def to_json(self) -> dict[str, Any]:
        """The message as an object."""
        return self.model_dump(mode="json")


T = TypeVar("T")


class Page(Message, Generic[T]):
    """Some of a list.

    Attributes:
        items: They.
        next: What to give as ``after`` for those that follow; None at the end.
    """

    items: list[T]
    next: str | None = None
