"""Routes about recordings that were heard: whose the voices are, and the turns."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from spk.api.access import Scope
from spk.api.here import Here, at
from spk.api.responses import AUDIO, COMMON, problems
from spk.api.routes.asked import FLAC, DryRun, Force, JustAsked, play
from spk.api.uploads import FormRoute, form_body
from spk.api.working import Told, Work, answer, check_turns
from spk.desk.recordings import MEDIA_TYPES
from spk.desk.turns import MOST_TURNS
from spk.jobs.asked import ApplyingTurns, Asked, Name
from spk.messages.base import Page
from spk.messages.outcomes import Outcome
from spk.messages.recordings import Applied, CorrectedTurn, RecordingDetail, RecordingInfo, Waveform

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/galleries/{gallery}/recordings", tags=["recordings"], responses={**COMMON, **problems(409)}
)

Which = Annotated[
    str,
    Path(
        description="As it was named, the last part of that, or digits of an id or of `sha256`.",
        examples=["call-17.wav"],
        max_length=1000,
    ),
]
Voice = Annotated[str, Path(description="The label of a voice.", examples=["SPEAKER_01"], max_length=200)]
Form = Literal["rttm", "json", "csv", "tsv", "audacity", "textgrid", "eaf", "labelstudio", "vtt", "srt", "text"]
Reviewing = Annotated[Here, at(Scope.REVIEW)]


class LabelAsked(Asked):
    """Whose voices are."""

    voices: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=1000, examples=[["SPEAKER_01"]]),
    ]
    name: Annotated[Name | None, Field(description="Whose they are, new or known; null: nobody's who is to be known.")]
    force: Force = False
    dry_run: DryRun = False


class CorrectAsked(Asked):
    """All turns of a recording, as they are to be."""

    turns: Annotated[list[CorrectedTurn], Field(min_length=1, max_length=MOST_TURNS)]
    everything: Annotated[
        bool, Field(description="Every turn is right: learn from all, not only from those that were touched.")
    ] = False
    force: Force = False
    dry_run: DryRun = False


class ApplyForm(ApplyingTurns, Told):
    """A recording, and its corrected turns in a file of any format."""


@router.get("")
def list_recordings(
    here: Reviewing,
    q: Annotated[str, Query(description="What the names hold.", max_length=200, examples=["call"])] = "",
    newest: Annotated[bool, Query(description="Begin with the last one that was heard.")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=200)] = None,
) -> Page[RecordingInfo]:
    """What was heard in recordings, in the order in which they were."""
    return here.desk().recordings.list(q=q, newest=newest, limit=limit, after=after)


@router.post(
    "/turns", response_model=Applied, responses=AUDIO, openapi_extra=form_body(ApplyForm, one=["turns", "audio"])
)
async def apply_turns(request: Request, here: Reviewing) -> Response:
    """Store corrected turns of a recording, and learn from them; it need not have been heard before.

    A long recording becomes a job, and so does any with `Prefer: respond-async`.
    """
    async with here.service.forms.receive(request) as upload:
        form, turns, audio = upload.form(ApplyForm), upload.one("turns"), upload.one("audio")
        now = partial(form.apply, here.desk(), audio.path, audio.name, turns.path, turns.name)
        return await answer(request, here, upload, Work("apply_turns", form, [audio], now, [turns]))


@router.post("/relabel")
def relabel_recordings(asked: JustAsked, here: Reviewing) -> Outcome:
    """Judge all recordings by the gallery and the calibration as they are now; what people said stays."""
    return here.desk().recordings.relabel(dry_run=asked.dry_run)


@router.get("/{recording}")
def show_recording(recording: Which, here: Reviewing) -> RecordingDetail:
    """The voices of a recording, and the turns."""
    found = here.desk().recordings.show(recording)
    place = f"/v1/galleries/{quote(here.gallery or '', safe='')}/recordings/{found.sha256}/voices"
    return found.model_copy(update={"clips": {one: f"{place}/{quote(one, safe='')}/audio" for one in found.clips}})


@router.get(
    "/{recording}/turns",
    response_class=Response,
    responses={
        200: {
            "description": "The turns, under the names that they have now.",
            "content": {
                kind: {"schema": {} if kind == "application/json" else {"type": "string"}}
                for kind in sorted({*MEDIA_TYPES.values()})
            },
        }
    },
)
def export_turns(
    recording: Which,
    here: Reviewing,
    form: Annotated[Form, Query(alias="format", description="What to write them in.")] = "rttm",
) -> Response:
    """The turns of a recording as a file: to be corrected in another program, and brought back."""
    file = here.desk().recordings.export(recording, form)
    called = f"attachment; filename*=UTF-8''{quote(file.name, safe='', errors='replace')}"
    return Response(
        file.text.encode("utf-8", "replace"), media_type=file.media_type, headers={"Content-Disposition": called}
    )


async def correct_turns_by_file(recording: Which, request: Request, here: Reviewing) -> Applied:
    """As `correct_turns`, of a file in a form."""
    async with here.service.forms.receive(request) as upload:
        form, turns = upload.form(ApplyingTurns), upload.one("turns")
        check_turns([turns])
        return await to_thread.run_sync(form.correct, here.desk(), recording, turns.path, turns.name)


router.add_api_route(
    "/{recording}/turns",
    correct_turns_by_file,
    methods=["PUT"],
    route_class_override=FormRoute,
    include_in_schema=False,  # the next one says what it takes
)


@router.put("/{recording}/turns", openapi_extra=form_body(ApplyingTurns, one=["turns"]))
def correct_turns(recording: Which, asked: CorrectAsked, here: Reviewing) -> Applied:
    """Correct the turns of a recording that was heard before, without giving it again.

    As JSON, each turn may be as it was shown with the recording; what is unchanged stays. As a form, `turns` is a file
    of them in any format. Voices keep what was heard of them, as far as that is still theirs. Profiles learn only from
    a voice that is somebody's as a whole; for the rest, send the recording with its turns.
    """
    return here.desk().recordings.correct(
        recording, asked.turns, everything=asked.everything, force=asked.force, dry_run=asked.dry_run
    )


@router.get("/{recording}/waveform")
def draw_recording(recording: Which, here: Reviewing) -> Waveform:
    """How loud a recording is over time, to be drawn."""
    return here.desk().recordings.waveform(recording)


@router.get("/{recording}/voices/{voice}/audio", response_class=FileResponse, responses=FLAC)
def play_voice(recording: Which, voice: Voice, here: Reviewing) -> FileResponse:
    """A voice of a recording to listen to, where its audio is kept."""
    return play(here.desk().recordings.clip(recording, voice))


@router.post("/{recording}/label")
def label_voices(recording: Which, asked: LabelAsked, here: Reviewing) -> Outcome:
    """Say whose voices of a recording are. All recordings are judged again."""
    return here.desk().recordings.label(recording, asked.voices, asked.name, force=asked.force, dry_run=asked.dry_run)


@router.post("/{recording}/forget")
def forget_recording(recording: Which, asked: JustAsked, here: Reviewing) -> Outcome:
    """Forget what was heard in a recording; samples that people gave to somebody stay."""
    return here.desk().recordings.forget(recording, dry_run=asked.dry_run)
