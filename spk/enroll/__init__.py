"""People in: quality gates, enrollment from files and corrected turns, review of unknown speakers."""

from __future__ import annotations

from spk.enroll.enroller import Enroller, EnrollmentReport
from spk.enroll.excerpts import Excerpt, excerpts_of_turns
from spk.enroll.keeping import KeptAudio
from spk.enroll.quality import Gates, Quality, Reason, measure
from spk.enroll.unknowns import enroll_unknown

__all__ = [
    "Enroller",
    "EnrollmentReport",
    "Excerpt",
    "Gates",
    "KeptAudio",
    "Quality",
    "Reason",
    "enroll_unknown",
    "excerpts_of_turns",
    "measure",
]
