"""Jobs as they are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk.messages.jobs import JobError, JobInfo
from spk.store.job_records import JobState

if TYPE_CHECKING:
    from spk.store.job_records import JobProblem, JobRecord

__all__ = ["job_info"]


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
