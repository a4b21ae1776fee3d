"""Messages about jobs: work that goes on after it was asked for."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict

from spk.messages.base import Message, Moment

__all__ = ["JobError", "JobInfo"]


class JobError(Message):
    """Why a job has no result.

    Attributes:
        error: The name of a class in `spk.errors`.
        detail: One line, for people.
        reasons: Of the quality gates that refused, a sentence each.
    """

    error: str
    detail: str
    reasons: list[str]


class JobInfo(Message):
    """A job as it stands.

    Attributes:
        id: What it is known by.
        kind: What it does.
        gallery: The gallery it is about.
        state: How far it is.
        stage: What it is at, in a few words.
        done: How much of ``total`` is done at this stage; both are 0 until something is known.
        total: How much there is to do.
        attempts: How often a worker took it.
        created: When it was asked for.
        started: When a worker first took it.
        finished: When it ended.
        problem: Why there is no result, where it failed.
        url: Where it is asked about.
        result: Where the result is, once it is done.
        cancel: Where it is cancelled by POST, until it has ended.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "2c9e7d10-6b5a-4f3e-8d2c-1a0b9c8d7e6f",
                    "kind": "identify",
                    "gallery": "default",
                    "state": "running",
                    "stage": "segmenting",
                    "done": 3,
                    "total": 10,
                    "attempts": 1,
                    "created": "2026-11-20T17:58:19+00:00",
                    "started": "2026-11-20T17:58:20+00:00",
                    "finished": None,
                    "problem": None,
                    "url": "/v1/jobs/2c9e7d10-6b5a-4f3e-8d2c-1a0b9c8d7e6f",
                    "result": None,
                    "cancel": "/v1/jobs/2c9e7d10-6b5a-4f3e-8d2c-1a0b9c8d7e6f/cancel",
                }
            ]
        }
    )

    id: UUID
    kind: str
    gallery: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str
    done: int
    total: int
    attempts: int
    created: Moment
    started: Moment | None
    finished: Moment | None
    problem: JobError | None
    url: str
    result: str | None
    cancel: str | None
