"""Jobs as the store hands them out and takes them in: frozen records, without any SQL in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

__all__ = [
    "Answer",
    "Begun",
    "Delivery",
    "JobCounts",
    "JobProblem",
    "JobRecord",
    "JobState",
    "NewJob",
    "Standing",
    "Webhook",
]


class JobState(StrEnum):
    """How far a job is.

    >>> [state for state in JobState if state.ended]
    [<JobState.DONE: 'done'>, <JobState.FAILED: 'failed'>, <JobState.CANCELLED: 'cancelled'>]
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Standing(StrEnum):
    """What a worker learns about the job that it is at: go on, somebody wants it cancelled, or it is not its own."""

    MINE = "mine"
    CANCELLING = "cancelling"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told when a job has ended.

    Attributes:
        url: Is posted to.
        secret: Signs what is posted, see `spk.jobs.webhooks`.
    """

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done by a worker.

    Attributes:
        kind: Which handler does it, a key of `spk.jobs.handlers.HANDLERS`.
        gallery: The name of the gallery it is about.
        params: What the handler wants to know, as JSON.
        upload: A file or folder in the folder ``uploads`` of the home, by its name; it goes when the job has ended.
        key: Who wants it, as the audit log is to call them; None for the user of the system.
        webhook: Who is told when it has ended.
    """

    kind: str
    gallery: str
    params: Mapping[str, Any] = field(default_factory=dict)
    upload: str | None = None
    key: str | None = None
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class JobProblem:
    """Why a job has no result.

    Attributes:
        error: The name of a class in `spk.errors`; ``Exception`` for a fault of spk.
        detail: One line, for people.
        reasons: Of the quality gates that refused, a sentence each.
    """

    error: str
    detail: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it stands.

    Attributes:
        id: Made by us.
        kind: Which handler does it.
        gallery: The name of the gallery it is about.
        params: As they were given.
        upload: As it was given.
        key: Who wants it.
        webhook: Who is to be told; None where nobody is, or not any more.
        state: How far it is.
        cancelling: Whether somebody wants it cancelled, and its worker does not know yet.
        done: Of ``total``; both are 0 until something is known.
        total: How much there is to do at this stage.
        stage: What it is at, in a few words.
        attempts: How often a worker took it.
        token: Tells this attempt from those before.
        result: JSON of the message that the handler answered with.
        problem: Why there is none.
        created: When it was asked for.
        started: When a worker first took it.
        finished: When it ended.
    """

    id: UUID
    kind: str
    gallery: str
    params: Mapping[str, Any]
    upload: str | None
    key: str | None
    webhook: Webhook | None
    state: JobState
    cancelling: bool
    done: int
    total: int
    stage: str
    attempts: int
    token: int
    result: Any
    problem: JobProblem | None
    created: datetime
    started: datetime | None
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """What there is to do.

    Attributes:
        queued: Jobs that wait.
        running: Jobs that a worker is at.
        oldest: For how long the oldest of those that wait has waited; None where none does.
    """

    queued: int
    running: int
    oldest: timedelta | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Somebody who is to be told that a job has ended.

    Attributes:
        job: The job.
        webhook: Whom to tell.
        attempt: The how many-th time it is tried, from 1.
    """

    job: JobRecord
    webhook: Webhook
    attempt: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered.

    Attributes:
        status: Of HTTP.
        headers: Those that belong to the answer.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that has an idempotency key.

    Attributes:
        answer: What it was answered before: to be answered again, and nothing to be done. None: go on.
        id: Which request it is.
        token: Whose it is to answer.
        work: The id of what it starts: the same where it comes again because a server died at it.
    """

    answer: Answer | None
    id: str
    token: UUID
    work: UUID
