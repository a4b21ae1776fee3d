"""Messages about consent."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict
from pydantic.config import JsonDict

from spk.messages.base import Message, Moment

__all__ = ["ConsentInfo", "ConsentRequired", "PersonWithout"]

_ANNA: JsonDict = {
    "consent_id": "0d9c1f0e-2c0a-4f9e-8a55-7d1d6d2f3b11",
    "name": "anna",
    "speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10",
    "purpose": "recognition in calls",
    "state": "valid",
    "given_by": None,
    "given": "2026-11-20T12:00:17.568678+00:00",
    "until": "2028-01-01T00:00:00+00:00",
    "reference": "folder 12, page 3",
    "recorded": "2026-11-20T12:00:17.568678+00:00",
    "recorded_by": "maria",
    "withdrawn": None,
    "withdrawn_by": None,
}


class ConsentInfo(Message):
    """What somebody consented to.

    Attributes:
        consent_id: Its own id.
        name: Whose it is: a name, or a label ``unknown-…``.
        speaker_id: Whose it is.
        purpose: What for.
        state: valid, expired or withdrawn, as of now.
        given_by: Who gave it for the person; None where the person did.
        given: When.
        until: When it runs out; None: never.
        reference: Where what was signed lies, in the words of whoever noted it.
        recorded: When it was noted.
        recorded_by: By which user or key.
        withdrawn: When it was noted that it is withdrawn.
        withdrawn_by: By which user or key.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ANNA]})

    consent_id: UUID
    name: str
    speaker_id: UUID
    purpose: str
    state: Literal["valid", "expired", "withdrawn"]
    given_by: str | None
    given: Moment
    until: Moment | None
    reference: str | None
    recorded: Moment
    recorded_by: str
    withdrawn: Moment | None
    withdrawn_by: str | None


class PersonWithout(Message):
    """Somebody of a gallery that requires consent, who is not matched without it.

    Attributes:
        name: Who: a name, or a label ``unknown-…``.
        speaker_id: Who.
    """

    name: str
    speaker_id: UUID


class ConsentRequired(Message):
    """What a gallery requires.

    Attributes:
        gallery: Which.
        purpose: What people must have consented to; None: to nothing.
        without: The people who have not, whom voices are not compared with.
    """

    gallery: str
    purpose: str | None
    without: list[PersonWithout]
