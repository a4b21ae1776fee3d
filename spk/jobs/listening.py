"""The jobs that listen: long recordings, and what is not to be waited for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from spk.desk import Desk
from spk.errors import AudioError, InputError
from spk.jobs.asked import ApplyingTurns, Diarizing, EnrollingPerson, EnrollingTurns, Identifying
from spk.jobs.context import JobContext
from spk.messages import Message

__all__ = [
    "ApplyTurnsJob",
    "DiarizeJob",
    "EnrollJob",
    "EnrollTurnsJob",
    "IdentifyJob",
    "JobFile",
    "apply_turns",
    "diarize",
    "enroll",
    "enroll_turns",
    "identify",
]


class JobFile(BaseModel):
    """A recording of a job.

    Attributes:
        name: What it is called.
        file: What it is called within the job's upload, where that is a folder.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    file: str = ""

    def path(self, context: JobContext) -> Path:
        """Where it lies.

        Raises:
            InputError: it is not there any more.
        """
        if context.upload is None:
            raise InputError(f"{self.name}: the upload is missing: send it again")
        return context.upload / Path(self.file).name if self.file else context.upload


Files = Annotated[list[JobFile], Field(min_length=1)]
Most = Annotated[float, Field(gt=0)]


class IdentifyJob(Identifying):
    """Who speaks in a long recording; at ``most`` so many seconds of it."""

    files: Files
    most: Most


class DiarizeJob(Diarizing):
    """Who speaks when in a long recording."""

    files: Files
    most: Most


class EnrollJob(EnrollingPerson):
    """Long recordings of one person."""

    files: Files
    most: Most


class EnrollTurnsJob(EnrollingTurns):
    """A long recording of several people; the second file has its turns."""

    files: Annotated[list[JobFile], Field(min_length=2, max_length=2)]
    most: Most


class ApplyTurnsJob(ApplyingTurns):
    """A long recording, and its corrected turns: the second file."""

    files: Annotated[list[JobFile], Field(min_length=2, max_length=2)]
    most: Most


def identify(context: JobContext, asked: IdentifyJob) -> Message:
    """Who speaks; the decision has the job's own id, so that a job that is done twice leaves one."""
    recording = _Recording.of(context, asked.files[0], asked.most, apart=asked.apart)
    desk = Desk(context.workbench(**asked.settings), discreet=True)  # what the key may know is not known here
    return asked.identify(desk, recording.path, recording.name, context.job.id)


def diarize(context: JobContext, asked: DiarizeJob) -> Message:
    """Who speaks when."""
    recording = _Recording.of(context, asked.files[0], asked.most, apart=asked.apart)
    return asked.diarize(Desk(context.workbench()), recording.path, recording.name)


def enroll(context: JobContext, asked: EnrollJob) -> Message:
    """One person is known from now on."""
    recordings = [_Recording.of(context, file, asked.most) for file in asked.files]
    desk = Desk(context.workbench())
    paths, names = [one.path for one in recordings], [one.name for one in recordings]
    return asked.enroll(desk, paths, names, asked=context.job.created)


def enroll_turns(context: JobContext, asked: EnrollTurnsJob) -> Message:
    """Everybody in a recording is known from now on."""
    recording, turns = _Recording.of(context, asked.files[0], asked.most), asked.files[1]
    desk = Desk(context.workbench())
    files = (recording.path, recording.name, turns.path(context), turns.name)
    return asked.enroll(desk, *files, asked=context.job.created)


def apply_turns(context: JobContext, asked: ApplyTurnsJob) -> Message:
    """Corrected turns are stored, and learnt from; done twice, the second time finds nothing new."""
    recording, turns = _Recording.of(context, asked.files[0], asked.most), asked.files[1]
    desk = Desk(context.workbench())
    return asked.apply(desk, recording.path, recording.name, turns.path(context), turns.name)


@dataclass(frozen=True)
class _Recording:
    """A recording that is not too long."""

    path: Path
    name: str

    @classmethod
    def of(cls, context: JobContext, file: JobFile, most: float, *, apart: bool = False) -> _Recording:
        from spk.audio import probe

        path = file.path(context)
        if (seconds := probe(path, most=most, name=file.name, apart=apart)) > most:
            raise AudioError(file.name, f"lasts {seconds / 3600:.1f} h, and {most / 3600:g} h are the most: cut it")
        context.check()
        return cls(path, file.name)
