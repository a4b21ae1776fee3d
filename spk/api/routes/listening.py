"""Routes about recordings: who speaks, is it that person, are two of them one person's."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.responses import AUDIO
from spk.api.uploads import form_body
from spk.api.working import Told, Work, answer, at_once, work_id
from spk.errors import AccessError
from spk.jobs.asked import Diarizing, Identifying, Name, Point
from spk.messages.diarization import Diarized
from spk.messages.identification import CandidateList, Identified
from spk.messages.verification import Compared, Verified

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["listening"])

Listening = Annotated[Here, at(Scope.IDENTIFY)]
SHORT = {status: about for status, about in AUDIO.items() if status != 202}


class IdentifyForm(Identifying, Told):
    """Who speaks?"""


class DiarizeForm(Diarizing, Told):
    """Who speaks when?"""


class VerifyForm(Point):
    """Is it that person?"""

    speaker: Name
    """Whose voice it is said to be: a name, a label or an id."""


class WhoIsForm(Point):
    """Whose voice is it most like?"""

    top: Annotated[int, Field(ge=1, le=100)] = 3
    """How many people at most."""


@router.post(
    "/identify",
    response_model=Identified,
    responses=AUDIO,
    openapi_extra=form_body(IdentifyForm, one=["audio"]),
)
async def identify(request: Request, here: Listening) -> Response:
    """Who speaks when in a recording, by name.

    A long recording becomes a job, and so does any with `Prefer: respond-async`.
    """
    async with here.service.forms.receive(request) as upload:
        form, audio = upload.form(IdentifyForm), upload.one("audio")
        if form.enroll_unknown and not here.principal.may(Scope.ENROLL, Scope.REVIEW):
            raise AccessError("enroll_unknown keeps people: it takes a key with the scope enroll or review, too")
        now = partial(form.identify, here.desk(**form.settings), audio.path, audio.name, work_id(request))
        return await answer(request, here, upload, Work("identify", form, [audio], now))


@router.post(
    "/diarize",
    response_model=Diarized,
    responses=AUDIO,
    openapi_extra=form_body(DiarizeForm, one=["audio"]),
)
async def diarize(request: Request, here: Listening) -> Response:
    """Who speaks when in a recording, whoever it is; long ones become jobs."""
    async with here.service.forms.receive(request) as upload:
        form, audio = upload.form(DiarizeForm), upload.one("audio")
        now = partial(form.diarize, here.desk(), audio.path, audio.name)
        return await answer(request, here, upload, Work("diarize", form, [audio], now))


@router.post(
    "/verify",
    response_model=Verified,
    responses=SHORT,
    openapi_extra=form_body(VerifyForm, one=["audio"]),
)
async def verify(request: Request, here: Listening) -> Response:
    """Is it that person, by the voice?"""
    async with here.service.forms.receive(request) as upload:
        form, audio = upload.form(VerifyForm), upload.one("audio")
        now = partial(here.desk(**form.settings).verify, form.speaker, audio.path, name=audio.name)
        return await at_once(request, here, [audio], now)


@router.post(
    "/compare",
    response_model=Compared,
    responses=SHORT,
    openapi_extra=form_body(Point, one=["audio", "other"]),
)
async def compare(request: Request, here: Listening) -> Response:
    """Do two recordings hold one voice? Nobody needs to be enrolled."""
    async with here.service.forms.receive(request) as upload:
        form, one, other = upload.form(Point), upload.one("audio"), upload.one("other")
        desk = here.desk(**form.settings)
        now = partial(desk.compare, one.path, other.path, name=one.name, other_name=other.name)
        return await at_once(request, here, [one, other], now)


@router.post(
    "/who-is",
    response_model=CandidateList,
    responses=SHORT,
    openapi_extra=form_body(WhoIsForm, one=["audio"]),
)
async def who_is(request: Request, here: Listening) -> Response:
    """The people whom the one voice of a clip is most like."""
    async with here.service.forms.receive(request) as upload:
        form, audio = upload.form(WhoIsForm), upload.one("audio")
        now = partial(here.desk(**form.settings).who_is, audio.path, top=form.top, name=audio.name)
        return await at_once(request, here, [audio], now)
