"""Who it is: scores, calibrated evidence, verdicts."""

from __future__ import annotations

from spk.identify.calibration import Calibration, default_calibration
from spk.identify.decision import Decision, Match, OperatingPoint, Verdict
from spk.identify.gallery import GalleryScorer
from spk.identify.identifier import Identification, Identifier, Voice
from spk.identify.verification import Verification, Verifier

__all__ = [
    "Calibration",
    "Decision",
    "GalleryScorer",
    "Identification",
    "Identifier",
    "Match",
    "OperatingPoint",
    "Verdict",
    "Verification",
    "Verifier",
    "Voice",
    "default_calibration",
]
