"""Work on recordings: at once where they are short, else by a job."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

from anyio import to_thread
from fastapi import Request, Response
from pydantic import Field

from spk.api.bodies import MOST_BYTES
from spk.api.jobs import job_info
from spk.api.problems import ProblemError
from spk.errors import AudioError, InputError, NotFoundError
from spk.jobs.asked import Asked, Diarizing
from spk.messages import Message
from spk.messages.jobs import JobInfo
from spk.store.files import sync_folder
from spk.store.job_records import NewJob, Webhook

if TYPE_CHECKING:
    from spk.api.here import Here
    from spk.api.idempotency import Once
    from spk.api.receiving import ReceivedFile
    from spk.api.uploads import Upload

__all__ = ["Told", "Work", "answer", "at_once", "check_turns", "work_id"]

ASYNC = "respond-async"
JOB_SECONDS = 60  # after which it is worth asking again where too many jobs wait


class Told(Asked):
    """Who is told when a job has ended."""

    webhook: Annotated[str, Field(max_length=2000, examples=["https://example.org/spk"])] | None = None
    """Where to post the job when it has ended, if it becomes one."""
    webhook_secret: Annotated[str, Field(min_length=16, max_length=256)] | None = None
    """What signs that."""

    @property
    def told(self) -> Webhook | None:
        """Whom to tell.

        Raises:
            InputError: the secret is missing, or there is nothing to sign.
        """
        if (self.webhook is None) != (self.webhook_secret is None):
            raise InputError("webhook and webhook_secret belong together: give both, or neither")
        if self.webhook is None or self.webhook_secret is None:
            return None
        return Webhook(self.webhook, self.webhook_secret)


@dataclass(frozen=True)
class Work:
    """What is to be done with recordings.

    Attributes:
        kind: Of the job that does it.
        form: What is asked; the job is asked the same.
        recordings: Those that count for how long it takes.
        now: Does it, in a thread.
        others: Further files that the job needs.
        status: Of the answer.
    """

    kind: str
    form: Told
    recordings: Sequence[ReceivedFile]
    now: Callable[[], Message]
    others: Sequence[ReceivedFile] = ()
    status: int = 200


async def answer(request: Request, here: Here, upload: Upload, work: Work) -> Response:
    """The answer to a request, or the job that will find it.

    Raises:
        AudioError: a recording cannot be read, or is too long.
        ProblemError: too many wait already, or turns are too large.
    """
    wanted = _wants_job(request)
    check_turns(work.others)
    apart = isinstance(work.form, Diarizing) and work.form.apart
    short = here.service.serving.short_seconds
    if not wanted and await to_thread.run_sync(_seconds, here, work.recordings, apart) <= short:
        message = await here.service.admission.run(work.now, request)
        return _json(message.model_dump_json(), work.status)
    info = await to_thread.run_sync(_submit, here, upload, work, work_id(request))
    headers = {"Location": info.url} | ({"Preference-Applied": ASYNC} if wanted else {})
    return _json(info.model_dump_json(), 202, headers)


async def at_once(
    request: Request, here: Here, recordings: Sequence[ReceivedFile], now: Callable[[], Message]
) -> Response:
    """The answer to a request that is no work for a job: the recordings must be short.

    Raises:
        AudioError: a recording cannot be read, or is too long.
        ProblemError: too many wait already.
    """
    short = here.service.serving.short_seconds
    if await to_thread.run_sync(_seconds, here, recordings) > short:
        raise AudioError(recordings[0].name, f"is longer than the {short:g} s of a clip of one voice: cut it")
    message = await here.service.admission.run(now, request)
    return _json(message.model_dump_json())


def check_turns(files: Sequence[ReceivedFile]) -> None:
    """See that files of turns are no larger than turns that come as JSON.

    Raises:
        ProblemError: one is.
    """
    if any(file.size > MOST_BYTES for file in files):
        raise ProblemError("too-large", f"turns have at most {MOST_BYTES >> 20} MiB: send those of one recording")


def work_id(request: Request) -> UUID | None:
    """The id of what a request with an idempotency key starts: the same when it comes again."""
    once: Once | None = getattr(request.state, "once", None)
    return None if once is None or once.begun is None else once.begun.work


def _wants_job(request: Request) -> bool:
    """Whether an answer is preferred that comes later (RFC 7240)."""
    preferences = ",".join(request.headers.getlist("Prefer")).split(",")
    return any(one.split(";")[0].strip().lower() == ASYNC for one in preferences)


def _seconds(here: Here, recordings: Sequence[ReceivedFile], apart: bool = False) -> float:
    """How long recordings are together, or else longer than is short; each channel counts that is kept apart."""
    from spk.audio import probe

    serving, total = here.service.serving, 0.0
    for file in recordings:
        try:
            seconds = probe(file.path, most=serving.short_seconds, name=file.name, apart=apart)
        except AudioError:
            if len(recordings) == 1:
                raise
            continue  # of several, those that can be read may be enough
        if seconds > serving.max_hours * 3600:
            hours = f"{seconds / 3600:.1f} h, and {serving.max_hours:g} h are the most"
            raise AudioError(file.name, f"lasts {hours}: cut it")
        total += seconds
        if total > serving.short_seconds:
            break
    return total


def _submit(here: Here, upload: Upload, work: Work, id_: UUID | None) -> JobInfo:
    """Leave the work to a job; one that a server began which died before it answered is that job.

    Raises:
        ProblemError: too many wait already.
    """
    service = here.service
    if id_ is not None:
        with suppress(NotFoundError):
            return job_info(service.store.job(id_))
    if service.store.job_counts().queued >= service.serving.most_jobs:
        again = {"Retry-After": str(JOB_SECONDS)}
        raise ProblemError("overloaded", f"too many jobs are waiting: try again in {JOB_SECONDS} s", again)
    files = [*work.recordings, *work.others]
    with upload.handing_over(*files), _together(here.service.forms.folder, files) as name:
        inside = [{"name": file.name, "file": file.path.name if len(files) > 1 else ""} for file in files]
        params = work.form.model_dump(mode="json", exclude_none=True, exclude=set(Told.model_fields))
        new = NewJob(
            kind=work.kind,
            gallery=here.gallery or "",
            params={**params, "files": inside, "most": here.service.serving.max_hours * 3600},
            upload=name,
            key=here.principal.who,
            webhook=work.form.told,
        )
        return job_info(here.service.queue.submit(new, id_))


@contextmanager
def _together(folder: Path, files: Sequence[ReceivedFile]) -> Iterator[str]:
    """The one name by which a job finds its files: of the only one, or of a folder that holds them."""
    if len(files) == 1:
        yield files[0].path.name
        return
    place = folder / uuid4().hex
    place.mkdir(mode=0o700)
    try:
        for file in files:
            file.path.rename(place / file.path.name)
        for changed in (place, folder):
            sync_folder(changed)
        yield place.name
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _json(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")
