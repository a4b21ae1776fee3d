"""What OpenAPI says of the answers that routes have in common."""

from __future__ import annotations

from typing import Any

from spk.api.description import PROBLEM
from spk.messages.jobs import JobInfo

__all__ = ["AUDIO", "COMMON", "problems"]

_PROBLEMS = {
    400: "What was sent cannot be used.",
    401: "A key is missing or wrong.",
    403: "The key may not do this.",
    404: "There is no such gallery, person or job.",
    409: "Something is in the way.",
    413: "The upload is too large.",
    415: "It is no form.",
    422: "The request breaks the rules, or the audio was refused.",
    429: "The key asks too often; `Retry-After` says when to come again.",
    503: "There is too much to do, or the store is away; `Retry-After` says when to come again.",
}
_WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_ACCEPTED: dict[str, Any] = {
    "model": JobInfo,
    "description": "A job does it: the recording is long, or the request had `Prefer: respond-async`.",
    "headers": {
        "Location": {"description": "Where the job is asked about.", "schema": {"type": "string"}},
        "Preference-Applied": {"description": "`respond-async`, if asked for.", "schema": {"type": "string"}},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem documents that a route may answer with: a route's ``responses``."""
    return {
        status: {
            "description": _PROBLEMS[status],
            "content": PROBLEM,
            **({"headers": _WAIT} if status in (429, 503) else {}),
        }
        for status in statuses
    }


COMMON = problems(400, 401, 403, 404, 422, 429, 503)
"""Of routes that take no upload."""

AUDIO: dict[int | str, dict[str, Any]] = {202: _ACCEPTED, **problems(*_PROBLEMS)}
"""Of routes that take recordings."""
