"""The pages about people: the list, one of them, and the map of the gallery."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import FileResponse

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.pages.acting import Ask, Step, act, done
from spk.api.pages.plan import plan
from spk.api.pages.shell import PageRoute, go, place, show
from spk.api.routes.asked import play
from spk.errors import InputError, SpkError

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}", route_class=PageRoute)

Reviewer = Annotated[Here, at(Scope.REVIEW)]
Admin = Annotated[Here, at(Scope.ADMIN)]
PAGE = 50
COMPLETIONS = 50
MOST_POINTS = 400


@router.get("/speakers")
def people(
    request: Request,
    here: Reviewer,
    q: Annotated[str, Query(max_length=200)] = "",
    state: Literal["", "enrolled", "unknown", "never"] = "",
    after: str | None = None,
) -> Response:
    """Who is in the gallery."""
    desk = here.desk()
    found = desk.speakers.list(q=q, state=state or None, limit=PAGE, after=after)
    return show(request, "speakers.html", here, found=found, q=q, state=state, after=after, done=done(request, here))


@router.get("/people")
def completion(request: Request, here: Annotated[Here, at(Scope.ENROLL, Scope.REVIEW)]) -> Response:
    """The names that a field may be completed to, whatever the field is called."""
    typed = next(iter(request.query_params.values()), "")[:200]
    found = here.desk().speakers.list(q=typed, limit=COMPLETIONS)
    return show(request, "_people.html", here, names=[one.name for one in found.items])


@router.get("/speakers/{who}")
def person(request: Request, here: Reviewer, who: str) -> Response:
    """One of them."""
    desk = here.desk()
    found = desk.speakers.show(who)
    consents = desk.consents.list(who)
    required = desk.consents.required().purpose
    return show(
        request,
        "speaker.html",
        here,
        person=found,
        consents=consents,
        required=required,
        today=date.today().isoformat(),
        done=done(request, here),
    )


@router.get("/speakers/{who}/health")
def health(request: Request, here: Reviewer, who: str) -> Response:
    """What the doctor says of a profile, and who sounds like it."""
    desk = here.desk()
    checkup = desk.health.of(who)
    try:
        alike, trouble = list(desk.speakers.alike(who)), ""
    except SpkError as error:  # nothing is known of the voice, which the doctor says, too
        alike, trouble = [], str(error)
    return show(request, "health_of.html", here, checkup=checkup, alike=alike, trouble=trouble)


@router.post("/speakers/{who}/rename")
def rename(
    request: Request, here: Reviewer, who: str, name: Annotated[str, Form(max_length=200)], step: Step = "preview"
) -> Response:
    """Give somebody another name."""
    desk = here.desk()
    label = desk.speakers.named([who])[0].label
    ask = Ask(f"Call {label} {name}?", f"Rename to {name}", {"name": name}, place(here.gallery, "speakers", who))
    return act(request, here, step, ask, lambda desk, dry: desk.speakers.rename(who, name, dry_run=dry))


@router.post("/speakers/{who}/merge")
def merge(
    request: Request, here: Reviewer, who: str, name: Annotated[str, Form(max_length=200)], step: Step = "preview"
) -> Response:
    """Make somebody and another one person."""
    desk = here.desk()
    one, into = desk.speakers.named([who, name])
    back = place(here.gallery, "speakers", into.speaker_id)
    ask = Ask(f"Are {one.label} and {into.label} one person?", f"Merge into {into.label}", {"name": name}, back)
    return act(request, here, step, ask, lambda desk, dry: desk.speakers.merge(who, name, dry_run=dry))


@router.post("/speakers/{who}/samples")
def samples(
    request: Request,
    here: Reviewer,
    who: str,
    *,
    action: Annotated[Literal["withdraw", "move"], Form()],
    sample: Annotated[list[str] | None, Form()] = None,
    to: Annotated[str, Form(max_length=200)] = "",
    step: Step = "preview",
) -> Response:
    """Take samples from somebody, or give them to somebody else."""
    chosen = sample or []
    if not chosen:
        raise InputError("no sample is chosen: tick those that are meant")
    if action == "move" and not to.strip():
        raise InputError("say whose the samples are: a name, new or known")
    desk = here.desk()
    found = desk.speakers.show(who)
    back = place(here.gallery, "speakers", *([who] if len(chosen) < len(found.samples) else []))
    count = f"{len(chosen)} sample{'' if len(chosen) == 1 else 's'}"
    gone = "" if len(chosen) < len(found.samples) else f"{found.name} has no other sample, and will be gone."
    fields = {"action": action, "sample": chosen, "to": to}
    if action == "withdraw":
        ask = Ask(f"Withdraw {count} of {found.name}?", "Withdraw", fields, back, gone)
        return act(request, here, step, ask, lambda desk, dry: desk.speakers.withdraw(chosen, dry_run=dry))
    ask = Ask(f"Give {count} of {found.name} to {to}?", f"Move to {to}", fields, back, gone)
    return act(request, here, step, ask, lambda desk, dry: desk.speakers.move(chosen, to, dry_run=dry))


@router.post("/speakers/{who}/consents")
def consent(
    request: Request,
    here: Reviewer,
    who: str,
    *,
    purpose: Annotated[str, Form(max_length=200)] = "",
    given_by: Annotated[str, Form(max_length=200)] = "",
    given: Annotated[date | Literal[""] | None, Form()] = None,
    until: Annotated[date | Literal[""] | None, Form()] = None,
    reference: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Note that somebody consents."""
    desk = here.desk()
    desk.consents.give(
        who,
        purpose or None,
        given_by=given_by or None,
        given=_midnight(given or None),
        until=_midnight(until or None),
        reference=reference or None,
    )
    return go(request, place(here.gallery, "speakers", who))


@router.post("/speakers/{who}/consents/withdraw")
def withdraw_consent(
    request: Request,
    here: Reviewer,
    who: str,
    purpose: Annotated[str, Form(max_length=200)],
) -> Response:
    """End what somebody consented to."""
    desk = here.desk()
    desk.consents.withdraw(who, purpose)
    return go(request, place(here.gallery, "speakers", who))


@router.get("/speakers/{who}/erase")
def ask_erase(request: Request, here: Admin, who: str) -> Response:
    """Whether somebody is to be erased."""
    desk = here.desk()
    found = desk.speakers.show(who)
    return show(request, "erase.html", here, person=found)


@router.post("/speakers/{who}/erase")
def erase(request: Request, here: Admin, who: UUID, sure: Annotated[Literal["", "yes"], Form()] = "") -> Response:
    """Erase somebody, and show the receipt."""
    if not sure:
        raise InputError("nobody was erased: tick that you are sure, since it cannot be undone")
    desk = here.desk()
    receipt = desk.speakers.erase([who])
    return show(request, "erased.html", here, receipt=receipt)


@router.get("/samples/{sample}/audio")
def audio(here: Reviewer, sample: str) -> FileResponse:
    """A sample to listen to."""
    desk = here.desk()
    return play(desk.speakers.clip(sample))


@router.get("/map")
def gallery_map(request: Request, here: Reviewer) -> Response:
    """The gallery in two dimensions."""
    desk = here.desk()
    found = desk.speakers.map(limit=MOST_POINTS)
    return show(request, "map.html", here, map=found, plan=plan(found.points))


def _midnight(day: date | None) -> datetime | None:
    """A day's beginning, in the service's time zone."""
    return None if day is None else datetime(day.year, day.month, day.day).astimezone()
