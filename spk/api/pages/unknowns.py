"""The pages about strangers: the queue, and one of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.pages.acting import Ask, Step, act, done
from spk.api.pages.shell import PageRoute, go, place, show
from spk.api.pages.strips import strip
from spk.api.routes.asked import play
from spk.errors import ConflictError, InputError, NotFoundError

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}/unknowns", route_class=PageRoute)

Reviewer = Annotated[Here, at(Scope.REVIEW)]
Name = Annotated[str, Form(max_length=200)]
Force = Annotated[bool, Form()]
PAGE = 20
CLIPS = 3
"""So many clips of a stranger are on the card."""
STRIPS = 4
"""So many of the recordings are drawn."""
LANES = 8
"""So many voices of each."""


@router.get("")
def queue(request: Request, here: Reviewer, after: str | None = None) -> Response:
    """Whom to ask about first, and what helps to answer."""
    desk = here.desk()
    found = desk.unknowns.list(limit=PAGE, after=after)
    clips = {one.speaker_id: _sources(here, one.speaker_id, one.clips) for one in found.items}
    return show(request, "unknowns.html", here, queue=found, clips=clips, after=after, done=done(request, here))


@router.get("/{who}")
def stranger(request: Request, here: Reviewer, who: str) -> Response:
    """One stranger, and everything that is heard of them; the speaker's page, if they have a name by now."""
    desk = here.desk()
    [speaker] = desk.speakers.named([who])
    if speaker.name:
        return go(request, place(here.gallery, "speakers", speaker.speaker_id))
    one = desk.unknowns.show(who)
    clips = {one.speaker_id: _sources(here, one.speaker_id, one.clips)}
    audible = {sample.sample_id for sample in desk.speakers.show(who).samples if sample.audio}
    return show(request, "unknown.html", here, one=one, clips=clips, audible=audible, done=done(request, here))


@router.get("/{who}/heard")
def heard(request: Request, here: Reviewer, who: str) -> Response:
    """The recordings that a stranger is heard in, drawn."""
    desk = here.desk()
    one = desk.unknowns.show(who)
    names = list(dict.fromkeys(row.recording for row in one.heard))
    strips = []
    for name in names[:STRIPS]:
        with suppress(NotFoundError, ConflictError, InputError):  # only a sample of it is kept, or two are called so
            found = desk.recordings.show(name)
            strips.append(strip(found, desk.recordings.waveform(found.sha256).levels, one.speaker_id, LANES))
    return show(request, "heard.html", here, name=one.name, heard=strips, more=len(names) - len(strips))


@router.get("/{who}/clips/{clip}")
def audio(here: Reviewer, who: str, clip: str) -> FileResponse:
    """A clip of a stranger."""
    return play(here.desk().unknowns.clip(who, clip))


@router.post("/{who}/name")
def name(  # noqa: PLR0917 - the fields of a form
    request: Request, here: Reviewer, who: str, name: Name, step: Step = "preview", force: Force = False
) -> Response:
    """Say who a stranger is."""
    label = _label(here, who)
    ask = Ask(f"Is {label} {name}?", f"Yes, name {label} {name}", {"name": name}, _queue(here), forces=True)
    return act(request, here, step, ask, lambda desk, dry: desk.unknowns.name(who, name, force=force, dry_run=dry))


@router.post("/{who}/merge")
def merge(  # noqa: PLR0917 - the fields of a form
    request: Request, here: Reviewer, who: str, into: Name, step: Step = "preview", force: Force = False
) -> Response:
    """Say that a stranger is the same person as somebody."""
    label, other = _label(here, who), here.desk().speakers.named([into])[0].label
    ask = Ask(
        f"Are {label} and {other} one person?",
        f"Yes, merge {label} into {other}",
        {"into": into},
        _queue(here),
        forces=True,
    )
    return act(request, here, step, ask, lambda desk, dry: desk.unknowns.merge(who, into, force=force, dry_run=dry))


@router.post("/{who}/split")
def split(
    request: Request,
    here: Reviewer,
    who: str,
    *,
    sample: Annotated[list[str] | None, Form()] = None,
    ticked: Annotated[bool, Form()] = False,
    step: Step = "preview",
) -> Response:
    """Make two strangers of one: by samples that were ticked, or where two voices are heard."""
    label, chosen = _label(here, who), sample or []
    if ticked and not chosen:
        raise InputError("no sample is chosen: tick those that are somebody else's")
    what = "the second voice" if not chosen else f"{len(chosen)} sample{'' if len(chosen) == 1 else 's'}"
    ask = Ask(f"Make {what} of {label} a stranger apart?", "Yes, split", {"sample": chosen}, _queue(here))
    return act(request, here, step, ask, lambda desk, dry: desk.unknowns.split(who, chosen, dry_run=dry))


@router.post("/{who}/discard")
def discard(request: Request, here: Reviewer, who: str, step: Step = "preview") -> Response:
    """Say that a stranger is nobody."""
    label = _label(here, who)
    note = "Noise, a mixture, or not worth keeping: the voices belong to nobody, and the samples go."
    ask = Ask(f"Is {label} nobody?", f"Yes, discard {label}", {}, _queue(here), note)
    return act(request, here, step, ask, lambda desk, dry: desk.unknowns.discard(who, dry_run=dry))


@router.post("/{who}/never")
def never(request: Request, here: Reviewer, who: str, step: Step = "preview") -> Response:
    """Say that a stranger is not to be asked about."""
    label = _label(here, who)
    note = "They are recognised wherever they are heard again, and stay without a name."
    ask = Ask(f"Never ask about {label} again?", "Yes, never ask", {}, _queue(here), note)
    return act(request, here, step, ask, lambda desk, dry: desk.unknowns.never(who, dry_run=dry))


def _label(here: Here, who: str) -> str:
    """What a stranger is called.

    Raises:
        ConflictError: they are none any more: another tab, or somebody else, was first.
    """
    try:
        [one] = here.desk().speakers.named([who])
    except NotFoundError:
        raise ConflictError("somebody has answered about this stranger meanwhile: load the page again") from None
    if one.name:
        raise ConflictError(f"this stranger is {one.name} by now: load the page again")
    return one.label


def _queue(here: Here) -> str:
    return place(here.gallery, "unknowns")


def _sources(here: Here, who: UUID, clips: list[str]) -> list[str]:
    """Where clips are listened to; the first ones."""
    return [place(here.gallery, "unknowns", who, "clips", Path(clip).stem) for clip in clips[:CLIPS]]
