"""Routes about people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, BinaryIO, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query, Response, status
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.routes.asked import FLAC, DryRun, JustAsked, MergeAsked, play
from spk.errors import ConflictError
from spk.jobs.asked import Asked, Name
from spk.messages.audit import ErasureReceipt
from spk.messages.base import Page
from spk.messages.health import Checkup
from spk.messages.outcomes import Outcome
from spk.messages.speakers import Deleted, GalleryMap, LookAlike, SpeakerDetail, SpeakerInfo

__all__ = ["Who", "router"]

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["speakers"])

Who = Annotated[str, Path(description="A name, an `unknown-…` label, or an id.", examples=["anna"], max_length=200)]
SampleIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=36)]],
    Field(min_length=1, max_length=1000, examples=[["5e1f02ab-94d6-4c53-8d30-2a2f5c8e7f61"]]),
]
Seconds = Annotated[float, Query(gt=0, le=600, description="Net speech in the clips that are identified.")]
Fpir = Annotated[float | None, Query(gt=0, lt=1, description="The share of strangers who may get a name.")]
Cost = Annotated[
    str | None,
    Query(
        description="What mistakes cost, in place of `fpir`.", examples=["miss=1,false=10,prior=0.3"], max_length=200
    ),
]
Looking = Annotated[Here, at(Scope.ENROLL, Scope.REVIEW)]
Reviewing = Annotated[Here, at(Scope.REVIEW)]
Administering = Annotated[Here, at(Scope.ADMIN)]


class NewSpeaker(Asked):
    """Somebody new."""

    name: Name


class Rename(Asked):
    """Another name for somebody."""

    name: Name
    dry_run: DryRun = False


class Withdraw(Asked):
    """Samples that are in nobody's profile any more."""

    samples: SampleIds
    dry_run: DryRun = False


class Move(Asked):
    """Samples, and who gets them: somebody new or known."""

    samples: SampleIds
    to: Name
    dry_run: DryRun = False


class Erase(Asked):
    """Whom to erase; and who they are, so that a name that changed hands erases nobody."""

    speakers: Annotated[list[Name], Field(min_length=1, max_length=100, examples=[["anna"]])]
    confirm: Annotated[
        list[UUID],
        Field(
            description="The ids of all of them, and of nobody else.",
            min_length=1,
            max_length=100,
            examples=[["7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10"]],
        ),
    ]


@router.get("/speakers")
def list_speakers(
    here: Looking,
    q: Annotated[str, Query(description="What the name or label holds.", max_length=200, examples=["ann"])] = "",
    state: Annotated[Literal["enrolled", "unknown", "never"] | None, Query(description="The only one.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=2000)] = None,
) -> Page[SpeakerInfo]:
    """People, by name, and then those without one, oldest first."""
    return here.desk().speakers.list(q=q, state=state, limit=limit, after=after)


@router.post("/speakers", status_code=status.HTTP_201_CREATED)
def create_speaker(asked: NewSpeaker, here: Annotated[Here, at(Scope.ENROLL)]) -> SpeakerInfo:
    """Keep somebody who has no samples yet. Enrolling them, or a consent, needs no such step."""
    return here.desk().speakers.create(asked.name)


@router.get("/speakers/{who}")
def show_speaker(who: Who, here: Looking) -> SpeakerDetail:
    """One person, the samples behind the profile, and the voices that it did not learn from."""
    return here.desk().speakers.show(who)


@router.post("/speakers/{who}/rename")
def rename_speaker(who: Who, asked: Rename, here: Reviewing) -> Outcome:
    """Give a person another name."""
    return here.desk().speakers.rename(who, asked.name, dry_run=asked.dry_run)


@router.post("/speakers/{who}/merge")
def merge_speakers(who: Who, asked: MergeAsked, here: Reviewing) -> Outcome:
    """Make two entries one person, who keeps the name of the second. All recordings are judged again."""
    return here.desk().speakers.merge(who, asked.into, force=asked.force, dry_run=asked.dry_run)


@router.post("/speakers/{who}/unmerge")
def unmerge_speaker(who: Who, asked: JustAsked, here: Reviewing) -> Outcome:
    """Take the last merger into somebody back; the second of `speakers` is whom that sets apart."""
    return here.desk().speakers.unmerge(who, dry_run=asked.dry_run)


@router.post("/samples/withdraw")
def withdraw_samples(asked: Withdraw, here: Reviewing) -> Outcome:
    """Take samples out of profiles; somebody without any other is gone. All recordings are judged again."""
    return here.desk().speakers.withdraw(asked.samples, dry_run=asked.dry_run)


@router.post("/samples/move")
def move_samples(asked: Move, here: Reviewing) -> Outcome:
    """Give samples to somebody else. All recordings are judged again."""
    return here.desk().speakers.move(asked.samples, asked.to, dry_run=asked.dry_run)


@router.get("/samples/{sample}/audio", response_class=FileResponse, responses=FLAC)
def play_sample(
    sample: Annotated[str, Path(description="An id, or its first digits.", max_length=36)], here: Reviewing
) -> FileResponse:
    """A sample to listen to, where its audio is kept."""
    return play(here.desk().speakers.clip(sample))


@router.get(
    "/speakers/{who}/disclosure",
    response_class=StreamingResponse,
    responses={200: {"description": "A ZIP file.", "content": {"application/zip": {}}}},
)
def disclose_speaker(who: Who, here: Administering) -> StreamingResponse:
    """Everything that is kept about one person, for that person: samples, recordings, decisions, consents, clips.

    Hand it to nobody else. The audit log remembers that such a file was given out.
    """
    here.service.forms.folder.mkdir(mode=0o700, exist_ok=True)
    path = here.service.forms.folder / f"{uuid4().hex}.zip"
    done = here.desk().speakers.disclose(who, path)
    file = path.open("rb")
    path.unlink()  # nothing of it stays, whoever is killed meanwhile
    here.service.store.forget_export(path)
    headers = {
        "Content-Length": str(done.bytes),
        "Content-Disposition": f'attachment; filename="{done.speaker_id}.zip"',
    }
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(1 << 16):
            yield chunk


@router.delete("/speakers/{who}")
def delete_speaker(who: Who, here: Administering) -> Deleted:
    """Erase a person, without proof: samples, voiceprints, clips and the name go for good."""
    return here.desk().speakers.delete(who)


@router.post("/speakers/erase", response_model=ErasureReceipt)
def erase_speakers(asked: Erase, here: Administering) -> Response:
    """Erase people for good, look for them everywhere, and sign what was found.

    The receipt is written as it was signed: keep the answer as it is.
    """
    desk = here.desk()
    people = desk.speakers.named(asked.speakers)
    if {one.speaker_id for one in people} != set(asked.confirm):
        raise ConflictError("nobody was erased: confirm with the ids of those who are named, and of nobody else")
    receipt = desk.speakers.erase([one.speaker_id for one in people])
    return Response(json.dumps(receipt.to_json(), indent=2) + "\n", media_type="application/json")


@router.get("/speakers/{who}/alike")
def alike_speakers(who: Who, here: Reviewing, limit: Annotated[int, Query(ge=1, le=50)] = 5) -> list[LookAlike]:
    """The people who sound most like somebody, the likest first."""
    return list(here.desk().speakers.alike(who, limit=limit))


@router.get("/map")
def map_gallery(here: Reviewing, limit: Annotated[int, Query(ge=2, le=5000)] = 2000) -> GalleryMap:
    """The profiles in two dimensions; of an even sample, where there are more than `limit` people.

    Distances on it mislead: the two axes hold a small part of what tells voices apart.
    """
    return here.desk().speakers.map(limit=limit)


@router.get("/speakers/{who}/health")
def examine_speaker(who: Who, here: Reviewing, seconds: Seconds = 3.0, fpir: Fpir = None, cost: Cost = None) -> Checkup:
    """One profile, examined: whose samples may be mixed up, how often it will be missed, what to record next."""
    return here.desk(fpir=fpir, cost=cost).health.of(who, seconds=seconds)


@router.get("/health")
def examine_gallery(  # noqa: PLR0917 - each is a part of the query
    here: Reviewing,
    seconds: Seconds = 3.0,
    fpir: Fpir = None,
    cost: Cost = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=2000)] = None,
) -> Page[Checkup]:
    """Profiles, examined: in the order of the names, and of each page the worst first."""
    return here.desk(fpir=fpir, cost=cost).health.list(seconds=seconds, limit=limit, after=after)
