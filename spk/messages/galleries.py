"""Messages about galleries."""

from __future__ import annotations

from spk.messages.base import Message

__all__ = ["GalleryInfo"]


class GalleryInfo(Message):
    """A set of people that is searched together.

    Attributes:
        name: Which.
        people: How many people it has, strangers included.
        unknown: How many of them are strangers who await review.
    """

    name: str
    people: int
    unknown: int
