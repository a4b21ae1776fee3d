"""The store: one home on the disk, its records, and the vector engines that search it.

The records are light; ``Store`` brings SQLAlchemy, and is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.store.index import Candidate, IndexRows, VectorIndex
from spk.store.records import (
    CalibrationRecord,
    Compacted,
    Consent,
    DecidedVoice,
    DecisionKind,
    DecisionRecord,
    EngineCheck,
    EngineStatus,
    Enrollment,
    Gallery,
    NewConsent,
    NewDecision,
    NewRecording,
    NewSample,
    Origin,
    Profile,
    ProfileStatistics,
    Recording,
    Sample,
    SamplePrint,
    Snapshot,
    Speaker,
    SpeakerState,
    StoreCheck,
    StoredModel,
    Voiceprint,
    samples_key,
)

if TYPE_CHECKING:
    from spk.store.repository import Store

__all__ = [
    "CalibrationRecord",
    "Candidate",
    "Compacted",
    "Consent",
    "DecidedVoice",
    "DecisionKind",
    "DecisionRecord",
    "EngineCheck",
    "EngineStatus",
    "Enrollment",
    "Gallery",
    "IndexRows",
    "NewConsent",
    "NewDecision",
    "NewRecording",
    "NewSample",
    "Origin",
    "Profile",
    "ProfileStatistics",
    "Recording",
    "Sample",
    "SamplePrint",
    "Snapshot",
    "Speaker",
    "SpeakerState",
    "Store",
    "StoreCheck",
    "StoredModel",
    "VectorIndex",
    "Voiceprint",
    "samples_key",
]


def __getattr__(name: str) -> object:
    if name == "Store":
        from spk.store.repository import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
