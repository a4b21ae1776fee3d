"""What spk answers with: the JSON of the commands, of the HTTP API and of the client, as typed values."""

from spk.messages.base import Message
from spk.messages.changes import ChangeInfo, Undone
from spk.messages.galleries import GalleryInfo
from spk.messages.jobs import JobError, JobInfo
from spk.messages.problems import FieldProblem, Problem
from spk.messages.recordings import Applied, CorrectedTurn, RecordingDetail, RecordingInfo, TurnsFile, Waveform
from spk.messages.unknowns import Clips, Queue, Unknown, UnknownDetail

__all__ = [
    "Applied",
    "ChangeInfo",
    "Clips",
    "CorrectedTurn",
    "FieldProblem",
    "GalleryInfo",
    "JobError",
    "JobInfo",
    "Message",
    "Problem",
    "Queue",
    "RecordingDetail",
    "RecordingInfo",
    "TurnsFile",
    "Undone",
    "Unknown",
    "UnknownDetail",
    "Waveform",
]
