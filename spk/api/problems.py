"""Whatever goes wrong is answered by a problem document (RFC 9457), which says nothing of the machine inside."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spk.errors import (
    AccessError,
    AuditError,
    ConflictError,
    FingerprintError,
    InputError,
    NotFoundError,
    RefusedError,
    SpkError,
    StoreError,
)
from spk.messages.problems import FieldProblem, Problem

__all__ = ["KINDS", "Kind", "ProblemError", "Problems"]

RETRY_SECONDS = 5  # after which it is worth trying again where nothing better is known

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the word that names it in ``/problems/<slug>``, a title, and the status of the answer."""

    slug: str
    title: str
    status: int


KINDS: Mapping[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind("bad-input", "This cannot be used", 400),
        Kind("no-key", "A key is needed", 401),
        Kind("not-allowed", "This is not allowed", 403),
        Kind("not-found", "There is no such thing", 404),
        Kind("wrong-method", "Nothing is done by this method here", 405),
        Kind("too-slow", "The request took too long to arrive", 408),
        Kind("conflict", "Something is in the way", 409),
        Kind("other-model", "These were made by different models", 409),
        Kind("too-large", "This is too large", 413),
        Kind("wrong-type", "This type of content is not understood", 415),
        Kind("refused", "The audio was refused", 422),
        Kind("invalid", "The request breaks the rules", 422),
        Kind("too-many-requests", "Too many requests", 429),
        Kind("fault", "Something went wrong here", 500),
        Kind("unavailable", "This does not work for the moment", 503),
        Kind("overloaded", "There is too much to do", 503),
        Kind("full", "There is no space left", 507),
    )
}
"""Every kind there is."""

_BY_ERROR = (  # the first that fits
    (RefusedError, "refused"),
    (InputError, "bad-input"),
    (NotFoundError, "not-found"),
    (ConflictError, "conflict"),
    (FingerprintError, "other-model"),
    (AccessError, "not-allowed"),
    (AuditError, "conflict"),
    (StoreError, "unavailable"),
)
_BY_STATUS = {
    401: "no-key",
    403: "not-allowed",
    404: "not-found",
    405: "wrong-method",
    408: "too-slow",
    413: "too-large",
    415: "wrong-type",
}
_INTERNAL = "something went wrong in the service: try again, and tell whoever runs it the request's id"
_NO_JSON = "send JSON, and say so: Content-Type: application/json (curl --json)"
_AWAY = "the store does not answer for the moment: try again, and tell whoever runs it the request's id"


class ProblemError(Exception):
    """A problem of the service itself, not of what it is asked about.

    Args:
        kind: One of `KINDS`.
        detail: One line for whoever asked.
        headers: What else is answered, such as ``Retry-After``.
    """

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = KINDS[kind]
        self.headers = dict(headers or {})


class Problems:
    """Turns whatever was raised into an answer.

    Args:
        home: Of the store: that path is in no answer.
    """

    def __init__(self, home: Path) -> None:
        self._home = str(home.expanduser().absolute())

    def install(self, app: FastAPI) -> None:
        """Answer by them whatever a route raises. What nobody expects, `spk.api.logs.RequestLog` catches."""
        app.state.problems = self

        async def answer(request: Request, error: Exception) -> Response:
            return self.answer(request, error)

        for kind in (SpkError, ProblemError, HTTPException, RequestValidationError):
            app.add_exception_handler(kind, answer)

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed."""
        problem, headers = self.told(request, error)
        body = problem.model_dump_json(exclude_defaults=True)
        return Response(body, problem.status, headers, media_type="application/problem+json")

    def told(self, request: Request, error: Exception) -> tuple[Problem, dict[str, str]]:
        """The document about a request that failed, and the headers of its answer; what is a fault is logged."""
        request_id = getattr(request.state, "request_id", "")
        headers = dict(getattr(error, "headers", None) or {})
        problem = self.problem(error, request_id)
        if problem.status >= 500 and not problem.type.endswith("/overloaded"):  # which is no fault, and comes often
            # What the store says names hosts and folders: whoever runs it reads that in the log.
            known = isinstance(error, SpkError | ProblemError)
            _log.error("%s", error if known else type(error).__name__, exc_info=None if known else error)
        if problem.status == 503:
            headers.setdefault("Retry-After", str(RETRY_SECONDS))
        return problem, headers

    def problem(self, error: Exception, request_id: str) -> Problem:
        """The document about it."""
        if isinstance(error, RequestValidationError) and isinstance(error.body, bytes):  # was not read as JSON
            error = ProblemError("wrong-type", _NO_JSON)
        kind, detail = self._kind(error)
        errors = _fields(error) if isinstance(error, RequestValidationError) else ()
        if errors:
            detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        return Problem(
            type=f"/problems/{kind.slug}",
            title=kind.title,
            status=error.status_code if isinstance(error, HTTPException) else kind.status,
            detail=detail.replace(f"{self._home}/", "").replace(self._home, "the store"),
            request_id=request_id,
            reasons=error.reasons if isinstance(error, RefusedError) else (),
            errors=errors,
        )

    @staticmethod
    def _kind(error: Exception) -> tuple[Kind, str]:
        """What kind of problem it is, and what is said of it."""
        if isinstance(error, ProblemError):
            return error.kind, str(error)
        if isinstance(error, RequestValidationError):
            return KINDS["invalid"], "the request breaks the rules"
        if isinstance(error, HTTPException):
            slug = _BY_STATUS.get(error.status_code, "bad-input" if error.status_code < 500 else "fault")
            details = {
                "not-found": "nothing is at this address, see /v1/openapi.json; ask for names with a slash by id",
                "wrong-method": f"this address answers {(error.headers or {}).get('Allow', 'other methods')} only",
            }
            return KINDS[slug], details.get(slug, str(error.detail))
        slug = next((slug for kind, slug in _BY_ERROR if isinstance(error, kind)), "fault")
        if KINDS[slug].status >= 500:
            return KINDS[slug], _AWAY if slug == "unavailable" else _INTERNAL
        return KINDS[slug], str(error)


def _fields(error: RequestValidationError) -> tuple[FieldProblem, ...]:
    """What is wrong with which part; what was sent is not repeated."""
    return tuple(
        FieldProblem(field=".".join(map(str, one.get("loc", ()))), message=str(one.get("msg", "is wrong")))
        for one in error.errors()[:20]
    )
