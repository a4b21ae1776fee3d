"""Routes about the log of changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.messages.audit import AuditChecked, AuditRow
from spk.messages.base import Page

__all__ = ["router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"])

Administering = Annotated[Here, at(Scope.ADMIN, everywhere=True)]


@router.get("")
def list_audit(  # noqa: PLR0917 - each is a part of the query
    here: Administering,
    speaker: Annotated[UUID | None, Query(description="About one person, also one who was erased.")] = None,
    action: Annotated[str | None, Query(description="Of one kind.", examples=["enroll"], max_length=100)] = None,
    since: Annotated[datetime | None, Query(description="Not older than this; UTC where no zone is named.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Page[AuditRow]:
    """What was done in all galleries, the newest first."""
    moment = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since
    who = None if speaker is None else str(speaker)
    return here.desk().audit.list(speaker=who, action=action, since=moment, limit=limit, after=after)


@router.get("/verify")
def verify_audit(
    here: Administering,
    head: Annotated[
        str | None,
        Query(description="The head of an earlier check, which must be in the log still.", pattern="^[0-9a-f]{64}$"),
    ] = None,
) -> AuditChecked:
    """See that nobody has changed the log. Note the head elsewhere: a later check sees whether the end was cut off.

    Where somebody has, the answer is 409, with the first row that is not as it was.
    """
    return here.desk().audit.verify(head)
