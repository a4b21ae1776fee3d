"""Routes about consent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import AfterValidator, Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.routes.speakers import Who
from spk.jobs.asked import Asked
from spk.messages.base import Page
from spk.messages.consents import ConsentInfo, ConsentRequired

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["consent"])

Looking = Annotated[Here, at(Scope.ENROLL, Scope.REVIEW)]
Purpose = Annotated[str, Field(min_length=1, max_length=200, examples=["recognition in calls"])]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Zoned = Annotated[
    datetime,
    AfterValidator(lambda moment: moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)),
    Field(examples=["2028-01-01T00:00:00+00:00"]),
]


class Given(Asked):
    """That somebody consents; moments without a zone are UTC."""

    purpose: Annotated[Purpose | None, Field(description="What the gallery requires, if left out.")] = None
    given_by: Annotated[Text | None, Field(description="Who gave it for the person; left out: the person.")] = None
    given: Annotated[Zoned | None, Field(description="When; now, if left out.")] = None
    until: Annotated[Zoned | None, Field(description="When it runs out; never, if left out.")] = None
    reference: Annotated[Text | None, Field(description="Where what was signed lies.")] = None


class Withdrawn(Asked):
    """What is withdrawn."""

    purpose: Annotated[Purpose | None, Field(description="For all purposes, if left out.")] = None


class Required(Asked):
    """What people must have consented to; null for nothing."""

    purpose: Purpose | None


@router.get("/consents")
def list_consents(
    here: Looking,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Page[ConsentInfo]:
    """What people consented to, ended or not, oldest first."""
    return here.desk().consents.page(limit=limit, after=after)


@router.get("/consents/expiring")
def expiring_consents(
    here: Looking, days: Annotated[float, Query(ge=0, le=36_500, description="Within so many days.")] = 30.0
) -> list[ConsentInfo]:
    """What runs out soon and is not followed by another consent, soonest first."""
    return list(here.desk().consents.expiring(days))


@router.get("/consents/required")
def show_required_consent(here: Looking) -> ConsentRequired:
    """What the gallery requires, and who lacks it."""
    return here.desk().consents.required()


@router.put("/consents/required")
def require_consent(required: Required, here: Annotated[Here, at(Scope.ADMIN)]) -> ConsentRequired:
    """Require consent from everybody of the gallery: whoever has not given it is not matched any more."""
    return here.desk().consents.require(required.purpose)


@router.get("/speakers/{who}/consents")
def list_speaker_consents(who: Who, here: Looking) -> list[ConsentInfo]:
    """What somebody consented to, ended or not, oldest first."""
    return list(here.desk().consents.list(who))


@router.post("/speakers/{who}/consents", status_code=status.HTTP_201_CREATED)
def give_consent(who: Who, given: Given, here: Looking) -> ConsentInfo:
    """Note that somebody consents; a new name makes somebody new, who has no samples yet."""
    return here.desk().consents.give(
        who,
        given.purpose,
        given_by=given.given_by,
        given=given.given,
        until=given.until,
        reference=given.reference,
    )


@router.post("/speakers/{who}/consents/withdraw")
def withdraw_consent(who: Who, withdrawn: Withdrawn, here: Looking) -> list[ConsentInfo]:
    """End what somebody consented to: they are not matched any more where it is required."""
    return list(here.desk().consents.withdraw(who, withdrawn.purpose))
