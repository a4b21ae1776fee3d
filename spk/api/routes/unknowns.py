"""Routes about strangers who await review."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from pydantic import Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.responses import COMMON, problems
from spk.api.routes.asked import FLAC, DryRun, Force, JustAsked, MergeAsked, play
from spk.jobs.asked import Asked, Name
from spk.messages.outcomes import Outcome
from spk.messages.unknowns import Clips, Queue, UnknownDetail

__all__ = ["router"]

router = APIRouter(prefix="/v1/galleries/{gallery}/unknowns", tags=["unknowns"], responses={**COMMON, **problems(409)})

Which = Annotated[str, Path(description="An `unknown-…` label, or an id.", examples=["unknown-7f3a"], max_length=200)]
Reviewing = Annotated[Here, at(Scope.REVIEW)]


class NameAsked(Asked):
    """Who a stranger is: somebody new, or known, who is the same person then."""

    name: Name
    force: Force = False
    dry_run: DryRun = False


class SplitAsked(Asked):
    """Whose samples shall be another's; those of the second voice that seems to be heard, if none is given."""

    samples: list[Annotated[str, Field(min_length=1, max_length=36)]] = Field(
        default_factory=list, max_length=1000, examples=[["5e1f02ab-94d6-4c53-8d30-2a2f5c8e7f61"]]
    )
    dry_run: DryRun = False


@router.get("")
def list_unknowns(
    here: Reviewing,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Queue:
    """Whom to ask about first: by the speech that one answer would label. And what profiles did not learn from."""
    found = here.desk().unknowns.list(limit=limit, after=after)
    items = [one.model_copy(update={"clips": _addresses(here, str(one.speaker_id), one.clips)}) for one in found.items]
    return found.model_copy(update={"items": items})


@router.get("/{which}")
def show_unknown(which: Which, here: Reviewing) -> UnknownDetail:
    """One stranger, and where they are heard."""
    found = here.desk().unknowns.show(which)
    return found.model_copy(update={"clips": _addresses(here, str(found.speaker_id), found.clips)})


@router.get("/{which}/audio")
def list_audio(which: Which, here: Reviewing) -> Clips:
    """What is kept to listen to of a stranger."""
    found = here.desk().unknowns.clips(which)
    return found.model_copy(update={"clips": _addresses(here, which, found.clips)})


@router.get("/{which}/audio/{clip}", response_class=FileResponse, responses=FLAC)
def play_unknown(
    which: Which,
    clip: Annotated[str, Path(description="The last part of an address in `clips`.", max_length=64)],
    here: Reviewing,
) -> FileResponse:
    """A stretch of a stranger's speech to listen to."""
    return play(here.desk().unknowns.clip(which, clip))


@router.post("/{which}/name")
def name_unknown(which: Which, asked: NameAsked, here: Reviewing) -> Outcome:
    """Say who a stranger is. All recordings are judged again."""
    return here.desk().unknowns.name(which, asked.name, force=asked.force, dry_run=asked.dry_run)


@router.post("/{which}/merge")
def merge_unknown(which: Which, asked: MergeAsked, here: Reviewing) -> Outcome:
    """Make a stranger and somebody else one person. All recordings are judged again."""
    return here.desk().unknowns.merge(which, asked.into, force=asked.force, dry_run=asked.dry_run)


@router.post("/{which}/split")
def split_unknown(which: Which, asked: SplitAsked, here: Reviewing) -> Outcome:
    """Make two strangers of one; the second of `speakers` is the new one."""
    return here.desk().unknowns.split(which, asked.samples, dry_run=asked.dry_run)


@router.post("/{which}/discard")
def discard_unknown(which: Which, asked: JustAsked, here: Reviewing) -> Outcome:
    """Say that a stranger is nobody: noise, a mixture, not worth keeping. The voices are nobody's for good."""
    return here.desk().unknowns.discard(which, dry_run=asked.dry_run)


@router.post("/{which}/never")
def never_unknown(which: Which, asked: JustAsked, here: Reviewing) -> Outcome:
    """Say that a stranger is not to be enrolled: known again, and not asked about any more."""
    return here.desk().unknowns.never(which, dry_run=asked.dry_run)


def _addresses(here: Here, which: str, clips: list[str]) -> list[str]:
    """Where clips are to be had: nobody learns where they lie."""
    place = f"/v1/galleries/{quote(here.gallery or '', safe='')}/unknowns/{quote(which, safe='')}/audio"
    return [f"{place}/{FilePath(clip).stem}" for clip in clips]
