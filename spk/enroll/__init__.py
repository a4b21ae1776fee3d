"""People in: quality gates, enrollment from files and corrected turns, kept audio."""

from __future__ import annotations

from spk.enroll.enroller import Enroller, EnrollmentReport
from spk.enroll.excerpts import Excerpt, excerpts_of, excerpts_of_turns
from spk.enroll.keeping import KeptAudio
from spk.enroll.quality import Gates, Quality, Reason, measure

__all__ = [
    "Enroller",
    "EnrollmentReport",
    "Excerpt",
    "Gates",
    "KeptAudio",
    "Quality",
    "Reason",
    "excerpts_of",
    "excerpts_of_turns",
    "measure",
]
