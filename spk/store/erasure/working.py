"""What jobs and answers to requests say of somebody who is erased."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from urllib.parse import unquote_plus
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from spk.store import queries, tables
from spk.store.erasure.pseudonyms import ID, Called
from spk.store.job_records import JobProblem, JobState
from spk.store.job_rows import ENDED, end, requeue
from spk.store.requests import forget_answers

__all__ = ["forget_work"]

_J, _R = tables.jobs.c, tables.requests.c
_REMOVED = "somebody was erased, and with them what was asked here and what came of it: ask again"
_EMPTY = {
    "params": {},
    "result": None,
    "problem": asdict(JobProblem("NotFoundError", _REMOVED)),
    "stage": "",
}
_UNTOLD = {"url": None, "secret": None, "tell_at": None}


def forget_work(tx: Connection, called: Called, gone: Collection[UUID]) -> list[str]:
    """Take people out of jobs and answers, in the transaction that erases them.

    What ended jobs of their gallery say goes, and answers to requests about it. A job that a worker is at is begun
    anew, since it may have met them; one that names them is cancelled.

    Args:
        called: What they are called.
        gone: Their ids, and those of what is theirs alone.

    Returns:
        The uploads that nobody needs any more.
    """
    ours = _J.gallery == called.gallery
    requeue(tx, ours, _J.state == JobState.RUNNING, attempts=_J.attempts - 1)
    for some in queries.portions(gone):  # a decision has the id of the job that made it
        tx.execute(delete(tables.jobs).where(ours, _J.state.in_(ENDED), _J.id.in_(some)))
    tx.execute(update(tables.jobs).where(ours, _J.state.in_(ENDED)).values(_EMPTY))
    digits = {id_.hex for id_ in gone}
    told = tx.execute(select(_J.id, _J.url).where(ours, _J.url.is_not(None)))
    webhooks = {row.id for row in told if _mentions(unquote_plus(row.url), called, digits)}
    waiting = tx.execute(select(_J.id, _J.upload, _J.params).where(ours, _J.state == JobState.QUEUED)).all()
    named = [row for row in waiting if row.id in webhooks or _mentions(row.params, called, digits)]
    for row in named:
        end(tx, _J.id == row.id, state=JobState.CANCELLED, **_EMPTY)
    _forget_webhooks(tx, webhooks)
    forget_answers(tx, _R.gallery == called.gallery)
    if not called.shared:  # or else the name is somebody else's there
        _forget_elsewhere(tx, called)
    return [row.upload for row in named if row.upload is not None]


def _forget_elsewhere(tx: Connection, called: Called) -> None:
    """Empty what ended jobs and answers of other galleries say, where they hold a name."""
    texts = (_J.params, _J.result, _J.problem)
    elsewhere = (_J.gallery != called.gallery, _J.state.in_(ENDED))
    others = select(_J.id, *texts).where(*elsewhere)
    jobs = [row.id for row in tx.execute(others.execution_options(yield_per=100)) if _mentions(row[1:], called)]
    for some in queries.portions(jobs):
        tx.execute(update(tables.jobs).where(_J.id.in_(some)).values(_EMPTY))
    told = tx.execute(select(_J.id, _J.url).where(*elsewhere, _J.url.is_not(None)))
    _forget_webhooks(tx, [row.id for row in told if called(unquote_plus(row.url))])
    bodies = select(_R.id, _R.body).where(_R.body.is_not(None), _R.gallery.is_distinct_from(called.gallery))
    found = tx.execute(bodies.execution_options(yield_per=100))
    answers = [row.id for row in found if called(row.body.decode(errors="replace"))]
    for some in queries.portions(answers):
        forget_answers(tx, _R.id.in_(some))


def _forget_webhooks(tx: Connection, jobs: Collection[UUID]) -> None:
    """Tell nobody of some jobs, by an address that holds a name."""
    for some in queries.portions(jobs):
        tx.execute(update(tables.jobs).where(_J.id.in_(some)).values(_UNTOLD))


def _mentions(content: object, called: Called, digits: Collection[str] = ()) -> bool:
    """Whether some JSON holds a name, or one of some ids."""
    text = json.dumps(content, ensure_ascii=False)
    return called(text) or any(found[0].replace("-", "") in digits for found in ID.finditer(text))
