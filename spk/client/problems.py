"""What a server says is wrong, as the error that spk itself would raise."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from spk.errors import (
    AccessError,
    ConflictError,
    FingerprintError,
    InputError,
    NotFoundError,
    ServiceError,
    SpkError,
    retold,
)
from spk.messages import Problem

__all__ = ["as_error", "problem_error"]

_KINDS: dict[str, type[SpkError]] = {
    "bad-input": InputError,
    "conflict": ConflictError,
    "invalid": InputError,
    "no-key": AccessError,
    "not-allowed": AccessError,
    "not-found": NotFoundError,
    "other-model": FingerprintError,
    "too-large": InputError,
    "wrong-type": InputError,
}


def problem_error(answer: httpx.Response) -> SpkError:
    """The error that a failed answer stands for; of a kind that only services have, a ServiceError."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:  # a proxy in between, or no server of ours
        return ServiceError(f"{answer.url.host}: answered {answer.status_code} {answer.reason_phrase}: is it spk?")
    return as_error(problem)


def as_error(problem: Problem) -> SpkError:
    """The error that a problem document stands for."""
    kind = problem.type.rpartition("/")[2]
    if kind == "refused":
        return retold("RefusedError", problem.detail, problem.reasons)
    return _KINDS.get(kind, ServiceError)(problem.detail)
