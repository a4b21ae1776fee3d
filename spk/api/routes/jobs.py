"""Routes about jobs."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.jobs import check_scope, job_info, known_kinds
from spk.api.problems import ProblemError
from spk.api.responses import problems
from spk.desk.paging import since, word
from spk.errors import ConflictError, SpkError, retold
from spk.messages.base import Page
from spk.messages.jobs import JobInfo
from spk.store.job_records import JobRecord, JobState

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=problems(401, 403, 404, 422, 429, 503))

Anybody = Annotated[Here, at(Scope.ENROLL, Scope.IDENTIFY, Scope.REVIEW)]


@router.get("")
def list_jobs(
    here: Anybody,
    state: Annotated[list[JobState], Query(description="Only those in one of these states.", max_length=5)] = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Page[JobInfo]:
    """Jobs of the galleries and scopes that the key is for, the newest first; ended ones are kept for some days."""
    store, who = here.service.store, here.principal
    last = None if after is None else since(after)
    found = store.jobs(who.galleries, state or None, known_kinds(who), limit=limit, after=last)
    following = word(found[-1].created.isoformat(), found[-1].id.hex) if len(found) == limit else None
    return Page[JobInfo](items=[job_info(job) for job in found], next=following)


@router.get("/{job}")
def show_job(job: UUID, here: Anybody) -> JobInfo:
    """A job as it stands: its state, how far it is, and where its result will be."""
    return job_info(_job(here, job))


@router.post("/{job}/cancel")
def cancel_job(job: UUID, here: Anybody) -> JobInfo:
    """Cancel a job that waits, or ask its worker to stop; nothing happens to one that has ended."""
    _job(here, job)
    return job_info(here.service.store.cancel_job(job))


@router.get(
    "/{job}/result", responses={200: {"description": "What the request would have been answered."}, **problems(409)}
)
def show_result(job: UUID, here: Anybody) -> Any:  # noqa: ANN401 - any message
    """The result of a job, or the problem because of which there is none."""
    found = _job(here, job)
    if found.state is JobState.DONE and found.problem is None:  # or else it was erased
        return found.result
    if found.state is JobState.CANCELLED:
        raise ConflictError(f"job {job}: was cancelled, so there is no result: send the request again")
    if found.problem is None:
        raise ConflictError(f"job {job}: is {found.state.value}, so there is no result yet: ask again later")
    error = retold(found.problem.error, found.problem.detail, found.problem.reasons)
    raise ProblemError("fault", found.problem.detail) if type(error) is SpkError else error


def _job(here: Here, id_: UUID) -> JobRecord:
    """A job of a gallery that the key is for.

    Raises:
        NotFoundError: there is none.
        AccessError: it takes another scope.
    """
    job = here.service.store.job(id_, here.principal.galleries)
    check_scope(here.principal, job)
    return job
