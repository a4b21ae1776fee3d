"""What is answered where something went wrong."""

from __future__ import annotations

from pydantic import Field

from spk.messages.base import Message

__all__ = ["FieldProblem", "Problem"]


class FieldProblem(Message):
    """What is wrong with one part of a request.

    Attributes:
        field: Where it stands: ``query.limit``, ``body.name``.
        message: What is wrong with it.
    """

    field: str
    message: str


class Problem(Message):
    """A problem document (RFC 9457).

    Attributes:
        type: Which kind of problem: ``/problems/`` and a word.
        title: That kind in a few words.
        status: Of the answer.
        detail: One line that says what is wrong and what to do next.
        request_id: By which the service's log knows the request.
        reasons: Of a recording that was refused, one sentence for each quality gate.
        errors: Of a request that breaks the rules, what is wrong with which part.
    """

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=['no speaker "alcie" in the gallery "staff"; did you mean "alice"?'])
    request_id: str = Field(examples=["0f6c1d1c5f0e4b0e"])
    reasons: tuple[str, ...] = ()
    errors: tuple[FieldProblem, ...] = ()
