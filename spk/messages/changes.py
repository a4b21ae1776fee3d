"""Messages about changes, and the way back."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.config import JsonDict

from spk.messages.base import Message, Moment
from spk.messages.outcomes import LabelChange

__all__ = ["ChangeInfo", "Undone"]

_CHANGE: JsonDict = {
    "change": 42,
    "created": "2026-11-20T12:00:17.568678+00:00",
    "user": "operator",
    "what": "name an unknown",
    "about": ["call-17.wav", "anna"],
    "undone": None,
}


class ChangeInfo(Message):
    """Something that was changed, and can be undone.

    Attributes:
        change: Its number.
        created: When.
        user: By whom.
        what: In a few words, without names.
        about: Whom and which recordings it is about, the first few, as they are called.
        undone: When it was undone, if it was.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGE]})

    change: int
    created: Moment
    user: str
    what: str
    about: list[str]
    undone: Moment | None


class Undone(Message):
    """What was undone, or would be.

    Attributes:
        undone: The changes, the newest first.
        labels: Which labels are others by that.
    """

    undone: list[ChangeInfo]
    labels: list[LabelChange]
