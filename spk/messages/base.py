"""What all messages have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Message"]


class Message(BaseModel):
    """Something that is answered: by a command with ``--json``, by the HTTP API, by the client's methods.

    Fields may be added to a message, and what does not know them leaves them out; none is removed or changes its
    meaning. A field that Python would not let have its name (``schema``) has an underscore, which JSON has not.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    def to_json(self) -> dict[str, Any]:
        """The message as an object."""
        return self.model_dump(mode="json")
