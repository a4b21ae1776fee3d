"""Who does which kind of job.

What a handler does may be done twice: a worker that is ended in the middle of a job leaves it to another one. Enrolling
the same audio again stores nothing, and hearing a recording again replaces what was heard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from spk.errors import InputError
from spk.jobs import listening
from spk.jobs.context import JobContext
from spk.jobs.listening import ApplyTurnsJob, DiarizeJob, EnrollJob, EnrollTurnsJob, IdentifyJob
from spk.messages import Message

__all__ = ["HANDLERS", "Handler", "Handlers"]

P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True)
class Handler(Generic[P]):
    """How one kind of job is done.

    Attributes:
        params: What it wants to know.
        run: Does it, and answers with what is kept as the result. Lets `StoppedError` pass, which reporting progress
            raises; what else it raises, of `spk.errors`, is kept as the problem.
    """

    params: type[P]
    run: Callable[[JobContext, P], Message]

    def parse(self, params: Mapping[str, Any]) -> P:
        """What it wants to know, checked.

        Raises:
            InputError: something is missing, too much or impossible.
        """
        try:
            return self.params.model_validate(params)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the parameters"
            raise InputError(f"{where}: {first['msg'].lower()}: correct it") from None


Handlers = Mapping[str, Handler[Any]]

HANDLERS: Handlers = {
    "apply_turns": Handler(ApplyTurnsJob, listening.apply_turns),
    "diarize": Handler(DiarizeJob, listening.diarize),
    "enroll": Handler(EnrollJob, listening.enroll),
    "enroll_turns": Handler(EnrollTurnsJob, listening.enroll_turns),
    "identify": Handler(IdentifyJob, listening.identify),
}
"""Every kind of job there is."""
