"""A job that does nothing, for as long as it is told: for tests, of all that is around jobs."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import BaseModel

from spk.errors import InputError
from spk.jobs.context import JobContext
from spk.jobs.handlers import Handler
from spk.messages import Message

__all__ = ["FAKES", "Rested"]


class Rest(BaseModel):
    """How it is done.

    Attributes:
        seconds: How long it takes.
        diary: A file to which each attempt adds a line when it begins, and one when it is done.
        refuse: What goes wrong in the end, if anything does.
    """

    seconds: float = 0.0
    diary: Path | None = None
    refuse: str | None = None


class Rested(Message):
    """What comes of it.

    Attributes:
        seconds: How long it took.
        heard: The size of the upload in bytes.
    """

    seconds: float
    heard: int


def rest(context: JobContext, how: Rest) -> Rested:
    """Wait, and say how long it still takes."""
    _note(how.diary, f"{context.job.id} begun")
    began = time.monotonic()
    while (passed := time.monotonic() - began) < how.seconds:
        context.progress(int(10 * passed), int(10 * how.seconds), "resting")
        time.sleep(0.01)
    if how.refuse is not None:
        raise InputError(how.refuse)
    heard = context.upload.stat().st_size if context.upload else 0
    _note(how.diary, f"{context.job.id} done")
    return Rested(seconds=how.seconds, heard=heard)


def _note(diary: Path | None, line: str) -> None:
    if diary is not None:
        with diary.open("a") as file:
            file.write(f"{line}\n")


FAKES = {"rest": Handler(Rest, rest)}
"""Handlers that can be given to a worker in place of the real ones."""
