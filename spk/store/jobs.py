"""The part of the store that keeps jobs: what is to be done, who is at it, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import and_, delete, func, insert, literal, or_, select, update

from spk.store import job_rows, queries, tables
from spk.store.database import Database
from spk.store.home import Home
from spk.store.job_records import Delivery, JobCounts, JobProblem, JobRecord, JobState, NewJob, Standing, Webhook
from spk.store.names import storable
from spk.store.problems import BUSY_SECONDS, explained
from spk.store.retention import older

__all__ = ["LEASE_SECONDS", "MOST_ATTEMPTS", "TELL_AFTER", "Jobs"]

LEASE_SECONDS = 3 * BUSY_SECONDS
"""A worker that has not been heard of for so long is taken for dead: longer than anybody may hold the database."""

MOST_ATTEMPTS = 3
"""How often a job is begun that workers die at, or that the store is down for."""

TELL_AFTER = (30.0, 150.0, 720.0, 2700.0)
"""Seconds between the attempts to tell a webhook: five within an hour."""

_SENDING = 60.0  # seconds that one attempt may take: if its worker dies, the next is made after that
_J = tables.jobs.c


class Jobs:
    """Jobs; each method is one transaction.

    All but `claim_job` wait on a PostgreSQL server for nobody but who writes to the same job. SQLite has one writer
    at a time: while a correction of a large gallery holds the database, they wait for up to `BUSY_SECONDS`, and
    raise StoreError after that. Reading never waits.
    """

    _home: Home
    _database: Database

    @property
    def queue_name(self) -> str:
        """What tells this store's queue from others' on the same server."""
        configured = tables.configuration.c
        with self._database.read() as tx:
            return f"spk-{tx.scalar(select(configured.value).where(configured.key == 'store'))}"

    # For those who want something done

    def submit_job(self, new: NewJob, id_: UUID | None = None) -> JobRecord:
        """Keep a job: when this returns, it is on the disk.

        Args:
            new: The job.
            id_: What it is to be known by, which no other is.

        Raises:
            NotFoundError: there is no such gallery.
        """
        now = datetime.now(UTC)
        id_ = id_ or uuid4()
        with self._database.note() as tx:
            tx.execute(
                insert(tables.jobs).values(
                    id=id_,
                    gallery=queries.find_gallery(tx, new.gallery).id,
                    kind=new.kind,
                    params=dict(new.params),
                    upload=new.upload,
                    key=new.key,
                    url=new.webhook and new.webhook.url,
                    secret=new.webhook and new.webhook.secret,
                    state=JobState.QUEUED,
                    cancelling=False,
                    done=0,
                    total=0,
                    stage="",
                    attempts=0,
                    token=0,
                    ready=now,
                    created=now,
                    told=0,
                )
            )
            return job_rows.find(tx, id_)

    def job(self, id_: UUID, galleries: Collection[str] | None = None) -> JobRecord:
        """The job of an id, in the galleries of these names, or in any.

        Raises:
            NotFoundError: there is none, or not any more; in the same words, whatever other galleries have.
        """
        with self._database.read() as tx:
            return job_rows.find(tx, id_, galleries)

    def jobs(
        self,
        galleries: Collection[str] | None = None,
        states: Collection[JobState] | None = None,
        kinds: Collection[str] | None = None,
        *,
        limit: int = 100,
        after: tuple[datetime, UUID] | None = None,
    ) -> list[JobRecord]:
        """Jobs, the newest first.

        Args:
            galleries: The names of those that they are about; None for all.
            states: In which they are; None for all.
            kinds: Of which they are; None for all.
            limit: How many at most.
            after: When the last of those before was submitted, and its id.
        """
        query = job_rows.query().order_by(_J.created.desc(), _J.id).limit(limit)
        if galleries is not None:
            query = query.where(tables.galleries.c.name.in_(galleries))
        if states is not None:
            query = query.where(_J.state.in_(states))
        if kinds is not None:
            query = query.where(_J.kind.in_(kinds))
        if after is not None:
            created, id_ = after
            query = query.where(or_(_J.created < created, and_(_J.created == created, _J.id > id_)))
        with self._database.read() as tx:
            return [job_rows.record(row) for row in tx.execute(query)]

    def job_counts(self) -> JobCounts:
        """How much there is to do."""
        query = select(_J.state, func.count().label("jobs"), func.min(_J.created).label("first"))
        with self._database.read() as tx:
            rows = tx.execute(query.where(_J.state.not_in(job_rows.ENDED)).group_by(_J.state)).all()
        counts = {row.state: row.jobs for row in rows}
        waiting = [datetime.now(UTC) - row.first for row in rows if row.state == JobState.QUEUED]
        return JobCounts(
            counts.get(JobState.QUEUED, 0), counts.get(JobState.RUNNING, 0), waiting[0] if waiting else None
        )

    def cancel_job(self, id_: UUID) -> JobRecord:
        """Cancel a job that waits, or ask the worker that is at it to stop; nothing happens to one that has ended.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.note() as tx:
            uploads = job_rows.cancel(tx, _J.id == id_)
            job = job_rows.find(tx, id_)
        for upload in uploads:
            self._home.discard_upload(upload)
        return job

    # For workers

    def claim_job(self, worker: str, lease: float = LEASE_SECONDS) -> JobRecord | None:
        """Take the job that has waited longest; no other worker gets it. None where there is nothing to do.

        Waits for all who write: an erasure that is under way is over when the job is begun.

        Args:
            worker: A name that no other worker has.
            lease: Seconds for which the job is this worker's, unless it is renewed.
        """
        now = datetime.now(UTC)
        waiting = and_(_J.state == JobState.QUEUED, _J.ready <= now)
        next_ = select(_J.id).where(waiting).order_by(_J.created, _J.id).limit(1)
        with self._database.read() as tx:
            if tx.scalar(next_) is None:
                return None
        with self._database.write() as tx:
            id_ = tx.scalar(next_)
            if id_ is None:
                return None
            taken = {
                "state": JobState.RUNNING,
                "attempts": _J.attempts + 1,
                "token": _J.token + 1,
                "worker": worker,
                "lease": now + timedelta(seconds=lease),
                "started": func.coalesce(_J.started, literal(now, _J.started.type)),
                "done": 0,
                "total": 0,
                "stage": "",
            }
            # Somebody may cancel it at this moment.
            if not tx.execute(update(tables.jobs).where(_J.id == id_, waiting).values(taken)).rowcount:
                return None
            return job_rows.find(tx, id_)

    def renew_job(
        self, job: JobRecord, lease: float = LEASE_SECONDS, *, done: int = 0, total: int = 0, stage: str = ""
    ) -> Standing:
        """Say how far a job is, and go on being the one who does it."""
        until = datetime.now(UTC) + timedelta(seconds=lease)
        values = {"lease": until, "done": done, "total": total, "stage": storable(stage)}
        with self._database.note() as tx:
            if not tx.execute(update(tables.jobs).where(job_rows.held(job)).values(values)).rowcount:
                return Standing.LOST
            return Standing.CANCELLING if tx.scalar(select(_J.cancelling).where(job_rows.held(job))) else Standing.MINE

    def standing(self, job: JobRecord) -> Standing:
        """Whether somebody else has the job now, or wants it cancelled; waits for nobody."""
        with self._database.read() as tx:
            cancelling = tx.scalar(select(_J.cancelling).where(job_rows.held(job)))
        if cancelling is None:
            return Standing.LOST
        return Standing.CANCELLING if cancelling else Standing.MINE

    def finish_job(self, job: JobRecord, result: object) -> bool:
        """Keep the result, JSON, of a job; False where it is not one's own any more, and nothing was kept."""
        return self._ended(job, state=JobState.DONE, result=result)

    def fail_job(self, job: JobRecord, problem: JobProblem) -> bool:
        """Keep why a job has no result; False as `finish_job` says it."""
        return self._ended(job, state=JobState.FAILED, problem=asdict(problem))

    def stop_job(self, job: JobRecord) -> bool:
        """Note that a job was cancelled while it ran; False as `finish_job` says it."""
        return self._ended(job, state=JobState.CANCELLED)

    def give_back_job(self, job: JobRecord) -> bool:
        """Put a job back that is not done, as if nobody had begun it; False as `finish_job` says it."""
        with self._database.note() as tx:
            return job_rows.requeue(tx, job_rows.held(job), attempts=_J.attempts - 1) > 0

    def retry_job(self, job: JobRecord, problem: JobProblem, after: float) -> bool:
        """Put a job back that is to be tried again, unless that was done too often; False as `finish_job` says it.

        Args:
            problem: Why.
            after: So many seconds.
        """
        if job.attempts >= MOST_ATTEMPTS:
            return self.fail_job(job, problem)
        with self._database.note() as tx:
            return job_rows.requeue(tx, job_rows.held(job), ready=datetime.now(UTC) + timedelta(seconds=after)) > 0

    def recover_jobs(self, dead: Iterable[str] = ()) -> int:
        """Put jobs back whose workers have died; how many they were.

        What was to be cancelled is; what workers died at `MOST_ATTEMPTS` times has failed.

        Args:
            dead: Workers that are known to be dead; of others it is concluded, once their lease has run out.
        """
        lost = and_(_J.state == JobState.RUNNING, or_(_J.lease < datetime.now(UTC), _J.worker.in_(list(dead))))
        with self._database.read() as tx:
            if tx.scalar(select(_J.id).where(lost).limit(1)) is None:
                return 0
        detail = f"the worker was ended {MOST_ATTEMPTS} times while it was at this job: see whether memory is enough"
        problem = asdict(JobProblem("Exception", detail))
        with self._database.note() as tx:
            cancelled = job_rows.end(tx, lost, _J.cancelling, state=JobState.CANCELLED)
            failed = job_rows.end(tx, lost, _J.attempts >= MOST_ATTEMPTS, state=JobState.FAILED, problem=problem)
            return cancelled + failed + job_rows.requeue(tx, lost)

    def prune_jobs(self, keep_days: float) -> int:
        """Remove jobs that ended longer ago, once their webhooks are told; how many they were."""
        over = and_(_J.state.in_(job_rows.ENDED), _J.tell_at.is_(None), older(_J.finished, keep_days))
        with self._database.read() as tx:
            if tx.scalar(select(_J.id).where(over).limit(1)) is None:
                return 0
        with self._database.note() as tx:
            return tx.execute(delete(tables.jobs).where(over)).rowcount

    def wanted_uploads(self) -> set[str]:
        """The names of the uploads of jobs that have not ended."""
        with self._database.read() as tx:
            waiting = _J.upload.is_not(None) & _J.state.not_in(job_rows.ENDED)
            return {str(name) for name in tx.scalars(select(_J.upload).where(waiting))}

    def prune_uploads(self) -> int:
        """Remove uploads of jobs that have ended, and those that nobody has come for; how many they were."""
        with self._database.read() as tx:
            rows = tx.execute(select(_J.upload, _J.state).where(_J.upload.is_not(None))).all()
        wanted = {row.upload for row in rows if row.state not in job_rows.ENDED}
        with explained(self._home.uploads):
            return self._home.sweep_uploads(wanted, {row.upload for row in rows} - wanted)

    # For those who tell webhooks

    def claim_delivery(self) -> Delivery | None:
        """Take a job that has ended, and of which a webhook is to be told now; None where there is none.

        The next attempt is noted at once: one that is cut short is made again.
        """
        now = datetime.now(UTC)
        due = select(_J.id, _J.told, _J.url, _J.secret).where(_J.tell_at <= now).order_by(_J.tell_at).limit(1)
        with self._database.read() as tx:
            row = tx.execute(due).first()
        if row is None:
            return None
        mine = and_(_J.id == row.id, _J.told == row.told, _J.tell_at <= now)
        with self._database.note() as tx:
            values = {"told": row.told + 1, "tell_at": _next_attempt(row.told + 1, _SENDING)}
            if not tx.execute(update(tables.jobs).where(mine).values(values)).rowcount:
                return None  # another worker was faster
            return Delivery(job_rows.find(tx, row.id), Webhook(row.url, row.secret), row.told + 1)

    def end_delivery(self, delivery: Delivery, *, delivered: bool) -> datetime | None:
        """Note what came of it: when it is tried again, if it is. Who has been told, or never will be, is forgotten."""
        tell_at = None if delivered else _next_attempt(delivery.attempt)
        values = {"tell_at": tell_at} if tell_at else {"tell_at": None, "url": None, "secret": None}
        mine = and_(_J.id == delivery.job.id, _J.told == delivery.attempt, _J.url.is_not(None))  # it may be erased
        with self._database.note() as tx:
            return tell_at if tx.execute(update(tables.jobs).where(mine).values(values)).rowcount else None

    def _ended(self, job: JobRecord, **values: Any) -> bool:  # noqa: ANN401 - of any column
        with self._database.note() as tx:
            mine = job_rows.end(tx, job_rows.held(job), **values) > 0
        if mine:
            self._discard_upload(job)
        return mine

    def _discard_upload(self, job: JobRecord) -> None:
        if job.upload is not None:
            self._home.discard_upload(job.upload)


def _next_attempt(told: int, more: float = 0.0) -> datetime | None:
    """When a webhook is told again that was told so often; None for never."""
    return datetime.now(UTC) + timedelta(seconds=TELL_AFTER[told - 1] + more) if told <= len(TELL_AFTER) else None
