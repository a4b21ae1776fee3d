"""Jobs as they are told of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spk.api.access import Principal, Scope
from spk.errors import AccessError
from spk.jobs.handlers import HANDLERS
from spk.messages.jobs import JobError, JobInfo
from spk.store.job_records import JobState

if TYPE_CHECKING:
    from spk.store.job_records import JobProblem, JobRecord

__all__ = ["check_scope", "job_info", "known_kinds"]

_SCOPES = {"diarize": Scope.IDENTIFY, "identify": Scope.IDENTIFY, "enroll": Scope.ENROLL, "enroll_turns": Scope.ENROLL}
"""What it takes to know of a job; of the other kinds, `Scope.REVIEW`. What came of it holds names."""


def known_kinds(principal: Principal) -> Sequence[str] | None:
    """The kinds of jobs that somebody may know of; None for all."""
    if principal.may(Scope.ADMIN):
        return None
    return [kind for kind in HANDLERS if principal.may(_SCOPES.get(kind, Scope.REVIEW))]


def check_scope(principal: Principal, job: JobRecord) -> None:
    """See that somebody may know of a job of a gallery of theirs.

    Raises:
        AccessError: they may not.
    """
    if not principal.may(_SCOPES.get(job.kind, Scope.REVIEW)):
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
