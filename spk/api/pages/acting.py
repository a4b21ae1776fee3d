"""What changes something is shown first and done then; what was done can be undone from where it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Form, Request, Response

from spk.api.here import Here
from spk.api.pages.shell import go, show
from spk.desk import Desk
from spk.errors import NotFoundError
from spk.messages.outcomes import Outcome

__all__ = ["Ask", "Done", "Step", "act", "done"]

Step = Annotated[Literal["preview", "do"], Form()]
"""Whether only to show what would change, or to do it."""


@dataclass(frozen=True)
class Ask:
    """Something that may be done.

    Attributes:
        title: What it is, as a question.
        verb: What the button says that does it.
        fields: What the form sends that does it, beside the step.
        back: Where to go when it is done.
        note: What else should be known before.
        forces: Whether profiles can be made to learn from what they would not.
    """

    title: str
    verb: str
    fields: Mapping[str, str | Sequence[str]]
    back: str
    note: str = ""
    forces: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The fields one by one."""
        return [
            (name, value)
            for name, values in self.fields.items()
            for value in ([values] if isinstance(values, str) else values)
        ]


def act(request: Request, here: Here, step: str, ask: Ask, work: Callable[[Desk, bool], Outcome]) -> Response:
    """Show what would change, or do it and go back.

    Args:
        request: What is answered.
        here: Where it stands.
        step: Which of the two.
        ask: What it is.
        work: Does it, or only says what would change.
    """
    desk = here.desk()
    outcome = work(desk, step != "do")
    if step == "do":
        return go(request, ask.back, done=outcome.change, held=len(outcome.held) or None)
    return show(request, "outcome.html", here, ask=ask, outcome=outcome)


@dataclass(frozen=True)
class Done:
    """What was done just now.

    Attributes:
        number: Of the change; it is undone by that.
        what: What it was, in a few words.
        about: Whom and what it was about.
        undoable: Whether it was not undone yet.
        held: How much of it profiles did not learn from.
    """

    number: int
    what: str
    about: Sequence[str]
    undoable: bool
    held: int = 0


def done(request: Request, here: Here) -> Done | None:
    """What `act` did before it came here; None where somebody came otherwise."""
    number, held = (_number(request.query_params.get(name, "")) for name in ("done", "held"))
    if not number:
        return None
    with suppress(NotFoundError):
        one = here.desk().changes.show(number)
        return Done(one.change, one.what, one.about, one.undone is None, held)
    return None


def _number(text: str) -> int:
    """A number of an address, or 0: anybody may write what they like there."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0
