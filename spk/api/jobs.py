"""Jobs as they are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.api.access import Principal, Scope
from spk.errors import AccessError
from spk.messages.jobs import JobError, JobInfo
from spk.store.job_records import JobState

if TYPE_CHECKING:
    from spk.store.job_records import JobProblem, JobRecord

__all__ = ["check_scope", "job_info", "may_know"]

_SCOPES = {"diarize": Scope.IDENTIFY, "identify": Scope.IDENTIFY, "enroll": Scope.ENROLL, "enroll_turns": Scope.ENROLL}
"""What it takes to know of a job; of the other kinds, `Scope.REVIEW`."""


def may_know(principal: Principal, job: JobRecord) -> bool:
    """Whether somebody may know of a job of a gallery of theirs: what came of it, and why nothing did, holds names."""
    return principal.may(_SCOPES.get(job.kind, Scope.REVIEW))


def check_scope(principal: Principal, job: JobRecord) -> None:
    """As `may_know`.

    Raises:
        AccessError: they may not.
    """
    if not may_know(principal, job):
        raise AccessError(f"this job takes a key with the scope {_SCOPES.get(job.kind, Scope.REVIEW).value}")


def job_info(job: JobRecord) -> JobInfo:
    """A job as it stands."""
    url = f"/v1/jobs/{job.id}"
    return JobInfo(
        id=job.id,
        kind=job.kind,
        gallery=job.gallery,
        state=job.state.value,
        stage=job.stage,
        done=job.done,
        total=job.total,
        attempts=job.attempts,
        created=job.created,
        started=job.started,
        finished=job.finished,
        problem=None if job.problem is None else _error(job.problem),
        url=url,
        result=f"{url}/result" if job.state is JobState.DONE else None,
        cancel=None if job.state.ended else f"{url}/cancel",
    )


def _error(problem: JobProblem) -> JobError:
    return JobError(error=problem.error, detail=problem.detail, reasons=list(problem.reasons))
