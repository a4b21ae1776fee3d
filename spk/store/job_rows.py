"""Jobs in their table: found, and moved from one state to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, literal, select, update

from spk.errors import NotFoundError
from spk.store import tables
from spk.store.job_records import JobProblem, JobRecord, JobState, Webhook

__all__ = ["ENDED", "cancel", "end", "find", "held", "query", "record", "requeue"]

_J = tables.jobs.c

ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
"""The states in which nothing more happens."""


def held(job: JobRecord) -> ColumnElement[bool]:
    """Whether a job is still in the hands that took it."""
    return and_(_J.id == job.id, _J.token == job.token, _J.state == JobState.RUNNING)


def end(tx: Connection, *which: ColumnElement[bool], **values: Any) -> int:  # noqa: ANN401 - of any column
    """End some jobs, whose webhooks are to be told now; how many they were."""
    now = literal(datetime.now(UTC), _J.finished.type)
    ended = {"finished": now, "worker": None, "lease": None, "cancelling": False} | values
    tell_at = case((_J.url.is_not(None), now), else_=None)
    return tx.execute(update(tables.jobs).where(*which).values(ended | {"tell_at": tell_at})).rowcount


def cancel(tx: Connection, *which: ColumnElement[bool]) -> list[str]:
    """Cancel those of some jobs that wait, and ask the workers that are at others to stop; which uploads can go."""
    end(tx, *which, _J.state == JobState.QUEUED, state=JobState.CANCELLED)
    tx.execute(update(tables.jobs).where(*which, _J.state == JobState.RUNNING).values(cancelling=True))
    return list(tx.scalars(select(_J.upload).where(*which, _J.state.in_(ENDED), _J.upload.is_not(None))))


def requeue(tx: Connection, *which: ColumnElement[bool], **values: Any) -> int:  # noqa: ANN401 - of any column
    """Put some jobs back, and end those that are to be cancelled; how many they were."""
    cancelled = end(tx, *which, _J.cancelling, state=JobState.CANCELLED)
    waiting = {"state": JobState.QUEUED, "worker": None, "lease": None, "done": 0, "total": 0, "stage": ""}
    return cancelled + tx.execute(update(tables.jobs).where(*which).values(waiting | values)).rowcount


def query() -> Select[Any]:
    """Jobs, with what `record` needs."""
    return select(tables.jobs, tables.galleries.c.name.label("gallery_name")).join(tables.galleries)


def find(tx: Connection, id_: UUID, galleries: Collection[str] | None = None) -> JobRecord:
    """The job of an id, in one of some galleries or any.

    Raises:
        NotFoundError: there is none.
    """
    row = tx.execute(query().where(_J.id == id_)).first()
    if row is None or (galleries is not None and row.gallery_name not in galleries):
        raise NotFoundError(f"no job {id_} is kept: jobs that have ended are removed after keep_jobs days")
    return record(row)


def record(row: Row[Any]) -> JobRecord:
    """A row of `query`."""
    return JobRecord(
        id=row.id,
        kind=row.kind,
        gallery=row.gallery_name,
        params=row.params,
        upload=row.upload,
        key=row.key,
        webhook=Webhook(row.url, row.secret) if row.url else None,
        state=JobState(row.state),
        cancelling=row.cancelling,
        done=row.done,
        total=row.total,
        stage=row.stage,
        attempts=row.attempts,
        token=row.token,
        result=row.result,
        problem=_problem(row.problem),
        created=row.created,
        started=row.started,
        finished=row.finished,
    )


def _problem(stored: Mapping[str, Any] | None) -> JobProblem | None:
    return None if stored is None else JobProblem(stored["error"], stored["detail"], tuple(stored["reasons"]))
