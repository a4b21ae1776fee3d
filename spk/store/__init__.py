"""The store: one home on the disk, its records, and the vector engines that search it.

The records are light; ``Store`` brings SQLAlchemy, and is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.store.index import Candidate, IndexRow, VectorIndex
from spk.store.records import (
    Enrollment,
    Gallery,
    NewRecording,
    NewSample,
    Origin,
    Profile,
    Recording,
    Sample,
    Speaker,
    SpeakerState,
    Voiceprint,
)

if TYPE_CHECKING:
    from spk.store.repository import Store

__all__ = [
    "Candidate",
    "Enrollment",
    "Gallery",
    "IndexRow",
    "NewRecording",
    "NewSample",
    "Origin",
    "Profile",
    "Recording",
    "Sample",
    "Speaker",
    "SpeakerState",
    "Store",
    "VectorIndex",
    "Voiceprint",
]


def __getattr__(name: str) -> object:
    if name == "Store":
        from spk.store.repository import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
