"""The pages about recordings: the list, and one of them, where turns are corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.pages.acting import Ask, Step, act, done
from spk.api.pages.shell import PageRoute, go, place, show
from spk.api.pages.strips import strip
from spk.api.routes.asked import play
from spk.desk.recordings import MEDIA_TYPES
from spk.errors import InputError
from spk.messages.recordings import CorrectedTurn

__all__ = ["router"]

router = APIRouter(prefix="/review/{gallery}/recordings", route_class=PageRoute)

Reviewer = Annotated[Here, at(Scope.REVIEW)]
PAGE = 50


@router.get("")
def recordings(
    request: Request, here: Reviewer, q: Annotated[str, Query(max_length=200)] = "", after: str | None = None
) -> Response:
    """What was heard, the newest first."""
    found = here.desk().recordings.list(q=q, newest=True, limit=PAGE, after=after)
    return show(request, "recordings.html", here, found=found, q=q, after=after, done=done(request, here))


@router.get("/{which}")
def recording(request: Request, here: Reviewer, which: str) -> Response:
    """One recording: who speaks when, and what can be put right."""
    desk = here.desk()
    found = desk.recordings.show(which)
    if which != found.sha256[:16]:  # a name, or the id of an older hearing: one address for each recording
        return go(request, place(here.gallery, "recordings", found.sha256[:16]))
    levels = desk.recordings.waveform(which).levels
    return show(
        request,
        "recording.html",
        here,
        recording=found,
        levels=levels,
        strip=strip(found, levels),
        formats=list(MEDIA_TYPES),
        done=done(request, here),
    )


@router.get("/{which}/export/{form}")
def export(here: Reviewer, which: str, form: str) -> Response:
    """The turns as a file."""
    file = here.desk().recordings.export(which, form)
    header = f"attachment; filename*=UTF-8''{quote(file.name)}"
    return Response(file.text.encode(), media_type=file.media_type, headers={"Content-Disposition": header})


@router.get("/{which}/voices/{voice}/audio")
def audio(here: Reviewer, which: str, voice: str) -> FileResponse:
    """A voice to listen to."""
    return play(here.desk().recordings.clip(which, voice))


@router.post("/{which}/label")
def label(
    request: Request,
    here: Reviewer,
    which: str,
    *,
    voice: Annotated[str, Form(max_length=200)],
    name: Annotated[str, Form(max_length=200)] = "",
    force: Annotated[bool, Form()] = False,
    step: Step = "preview",
) -> Response:
    """Say whose a voice is."""
    who = name.strip() or None
    title = f"Is {voice} {who}?" if who else f"Is {voice} somebody who is not to be known?"
    fields = {"voice": voice, "name": name}
    back = place(here.gallery, "recordings", which)
    ask = Ask(title, f"Yes, it is {who or 'nobody'}", fields, back, forces=True)
    return act(
        request, here, step, ask, lambda desk, dry: desk.recordings.label(which, [voice], who, force=force, dry_run=dry)
    )


@router.post("/{which}/correct")
def correct(
    request: Request,
    here: Reviewer,
    which: str,
    *,
    turns: Annotated[str, Form()],
    everything: Annotated[bool, Form()] = False,
    force: Annotated[bool, Form()] = False,
    step: Step = "preview",
) -> Response:
    """Correct the turns."""
    corrected = list(_turns(turns))
    back = place(here.gallery, "recordings", which)
    fields = {"turns": turns, "everything": "true" if everything else "false"}
    ask = Ask("Correct the turns like this?", "Yes, correct them", fields, back, forces=True)
    return act(
        request,
        here,
        step,
        ask,
        lambda desk, dry: desk.recordings.correct(which, corrected, everything=everything, force=force, dry_run=dry),
    )


@router.post("/{which}/forget")
def forget(request: Request, here: Reviewer, which: str, step: Step = "preview") -> Response:
    """Forget what was heard."""
    name = here.desk().recordings.show(which).recording
    note = "Samples that people gave to somebody stay; strangers who were heard nowhere else are gone."
    ask = Ask(f"Forget what was heard in {name}?", "Yes, forget it", {}, place(here.gallery, "recordings"), note)
    return act(request, here, step, ask, lambda desk, dry: desk.recordings.forget(which, dry_run=dry))


def _turns(text: str) -> Iterator[CorrectedTurn]:
    """Turns as the page writes them: a line each, of start, end, id (or -) and whose it is.

    >>> [(turn.start, turn.end, turn.id, turn.label) for turn in _turns("0.5 2.75 t1a2b3c4d Ann Lee")]
    [(0.5, 2.75, 't1a2b3c4d', 'Ann Lee')]

    Raises:
        InputError: a line is none.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            start, end, id_, label = line.split(maxsplit=3)
            yield CorrectedTurn(start=float(start), end=float(end), id=None if id_ == "-" else id_, label=label)
        except (ValueError, ValidationError):
            raise InputError(
                f"turn {number}: it takes a start and an end in seconds, an id or -, and a name: {line.strip()[:80]}"
            ) from None
