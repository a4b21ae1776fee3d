"""Routes by which people become known."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response, status

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.responses import AUDIO
from spk.api.uploads import form_body
from spk.api.working import Told, Work, answer
from spk.errors import InputError
from spk.jobs.asked import EnrollingPerson, EnrollingTurns
from spk.messages.enrollment import Enrolled, EnrolledTurns

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries/{gallery}/enrollments", tags=["enrolling"])

Enrolling = Annotated[Here, at(Scope.ENROLL)]


class EnrollForm(EnrollingPerson, Told):
    """Recordings of one person."""


class EnrollTurnsForm(EnrollingTurns, Told):
    """A recording of several people, and its corrected turns."""


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=Enrolled,
    responses=AUDIO,
    openapi_extra=form_body(EnrollForm, many=["audio"]),
)
async def enroll(request: Request, here: Enrolling) -> Response:
    """Enroll a person from one or several recordings of that person alone.

    Whoever is known already is known better then. What would poison the profile is refused, with the reasons, and the
    rest is stored; where that is nothing, the answer is a problem.
    """
    async with here.service.forms.receive(request) as upload:
        form, audio = upload.form(EnrollForm), upload.named("audio")
        if not audio:
            raise InputError("a file is missing: send at least one recording as audio")
        paths, names = [one.path for one in audio], [one.name for one in audio]
        now = partial(form.enroll, here.desk(), paths, names, asked=datetime.now(UTC))
        return await answer(request, here, upload, Work("enroll", form, audio, now, status=201))


@router.post(
    "/turns",
    status_code=status.HTTP_201_CREATED,
    response_model=EnrolledTurns,
    responses=AUDIO,
    openapi_extra=form_body(EnrollTurnsForm, one=["audio", "turns"]),
)
async def enroll_turns(request: Request, here: Enrolling) -> Response:
    """Enroll everybody in a recording by its corrected turns, in any format."""
    async with here.service.forms.receive(request) as upload:
        form, audio, turns = upload.form(EnrollTurnsForm), upload.one("audio"), upload.one("turns")
        files = (audio.path, audio.name, turns.path, turns.name)
        now = partial(form.enroll, here.desk(), *files, asked=datetime.now(UTC))
        return await answer(request, here, upload, Work("enroll_turns", form, [audio], now, [turns], status=201))
