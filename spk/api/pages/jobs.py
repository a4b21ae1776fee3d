"""The pages about work on recordings: what is uploaded, and how far it is."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.jobs import check_scope, job_info, known_kinds
from spk.api.pages.shell import PageRoute, go, is_part, place, show
from spk.api.routes import enrolling, listening
from spk.store.job_records import JobRecord

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}/jobs", route_class=PageRoute)

Anybody = Annotated[Here, at(Scope.ENROLL, Scope.IDENTIFY, Scope.REVIEW)]
RECENT = 50


@router.get("")
def jobs(request: Request, here: Anybody) -> Response:
    """What to upload, and what is being worked on."""
    kept = here.service.store.jobs({here.gallery or ""}, kinds=known_kinds(here.principal), limit=RECENT)
    found = [(job_info(job), _files(job)) for job in kept]
    busy = any(job.finished is None for job in kept)
    return show(request, "_jobs.html" if is_part(request) else "jobs.html", here, jobs=found, busy=busy)


@router.post("/identify")
async def identify(request: Request, here: Annotated[Here, at(Scope.IDENTIFY)]) -> Response:
    """Who speaks in a recording: at once, or by a job."""
    return await _shown(request, here, "identify", await listening.identify(request, here))


@router.post("/enroll")
async def enroll(request: Request, here: Annotated[Here, at(Scope.ENROLL)]) -> Response:
    """Enroll somebody: at once, or by a job."""
    return await _shown(request, here, "enroll", await enrolling.enroll(request, here))


@router.get("/{job}")
def job(request: Request, here: Anybody, job: UUID) -> Response:
    """One job: how far it is, and what came of it."""
    found = _job(here, job)
    return show(
        request,
        "_job.html" if is_part(request) else "job.html",
        here,
        job=job_info(found),
        kind=found.kind,
        files=_files(found),
        result=found.result,
        recording=_recording(here, found.kind, found.result),
    )


@router.post("/{job}/cancel")
def cancel(request: Request, here: Anybody, job: UUID) -> Response:
    """Cancel a job."""
    here.service.store.cancel_job(_job(here, job).id)
    return go(request, place(here.gallery, "jobs", job))


def _job(here: Here, id_: UUID) -> JobRecord:
    job = here.service.store.job(id_, {here.gallery or ""})
    check_scope(here.principal, job)
    return job


def _files(job: JobRecord) -> str:
    """What the recordings of a job were called."""
    return ", ".join(str(file["name"]) for file in job.params.get("files", ()))


async def _shown(request: Request, here: Here, kind: str, response: Response) -> Response:
    """What came of an upload: the result, or the job that will find it."""
    found = json.loads(bytes(response.body))
    if response.status_code == 202:
        return go(request, place(here.gallery, "jobs", found["id"]))
    recording = await to_thread.run_sync(_recording, here, kind, found)
    return show(request, "result.html", here, kind=kind, result=found, recording=recording)


def _recording(here: Here, kind: str, result: Any) -> str | None:  # noqa: ANN401 - JSON of a message
    """Where a recording that was identified is reviewed; None where nothing is kept of it."""
    if kind != "identify" or not isinstance(result, dict):
        return None
    kept = here.desk().recordings.list(q=result["recording"], newest=True, limit=20).items
    same = [one for one in kept if one.recording == result["recording"]]
    return place(here.gallery, "recordings", same[0].sha256[:16]) if same else None
