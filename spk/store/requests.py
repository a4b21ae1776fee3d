"""The part of the store that remembers what requests were answered, so that a repeated one is not done twice."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from spk.errors import ConflictError
from spk.store import queries, tables
from spk.store.database import Database
from spk.store.job_records import Answer, Begun
from spk.store.jobs import LEASE_SECONDS

__all__ = ["ANSWER_HOURS", "Requests", "UnansweredError", "forget_answers"]

ANSWER_HOURS = 24.0
"""For how long an answer is kept."""

_NOTHING: dict[str, object] = {"headers": {}, "body": b""}
_R = tables.requests.c


class UnansweredError(ConflictError):
    """A request is still worked on: its answer will be there in a moment."""


class Requests:
    """Answers to requests with an idempotency key; each method is one transaction."""

    _database: Database

    def begin_request(
        self, key: str | None, idempotency_key: str, request_hash: str, *, gallery: str | None = None
    ) -> Begun:
        """Learn whether a request was answered already; if not, it is this caller's to answer.

        The caller answers by `finish_request`, or `drop_request` if nothing was done, and until then says by
        `renew_requests` that it is at it: as a process that was not heard of for `LEASE_SECONDS` is taken for dead, it
        leaves the request to whoever repeats it. An answer with a secret in it (a new key to the service) is not to
        be kept.

        Args:
            key: Who asks, None for the user of the system: each has idempotency keys of their own.
            idempotency_key: As the client chose it.
            request_hash: Of all that the request says.
            gallery: The name of the gallery that it is about: if somebody of it is erased, the answer is.

        Raises:
            UnansweredError: that very request is still worked on.
            ConflictError: the key came with another request before, or its answer was erased.
            NotFoundError: there is no such gallery.
        """
        now = datetime.now(UTC)
        id_ = hashlib.sha256(repr((key, idempotency_key)).encode()).hexdigest()
        token = uuid4()
        until = now + timedelta(seconds=LEASE_SECONDS)
        mine = {"token": token, "hash": request_hash, "until": until, "forgotten": False}
        with self._database.write() as tx:
            over = (_R.created <= now - timedelta(hours=ANSWER_HOURS)).label("over")
            left = and_(_R.status.is_(None), _R.until <= now).label("left")
            row = tx.execute(select(tables.requests, over, left).where(_R.id == id_)).first()
            if row is None or row.over or (row.left and row.hash != request_hash):
                place = gallery and queries.find_gallery(tx, gallery).id
                tx.execute(delete(tables.requests).where(_R.id == id_))
                tx.execute(insert(tables.requests).values(id=id_, gallery=place or None, created=now, **mine))
                return Begun(None, id_, token, _work(id_, now))
            if row.left:
                tx.execute(update(tables.requests).where(_R.id == id_).values(mine))
                return Begun(None, id_, token, _work(id_, row.created))
        if row.hash != request_hash:
            raise ConflictError(f"idempotency key {idempotency_key}: came with another request before: use a new one")
        if row.status is None:
            raise UnansweredError(f"idempotency key {idempotency_key}: still being worked on: ask again in a moment")
        if row.forgotten:
            raise ConflictError(
                f"idempotency key {idempotency_key}: answered before somebody was erased or consent changed, so that "
                "the answer is not kept: use a new one to do it again"
            )
        return Begun(Answer(row.status, row.headers, row.body), id_, row.token, _work(id_, row.created))

    def renew_requests(self, tokens: Collection[UUID]) -> None:
        """Say that the process is at these still: the tokens of what was begun."""
        until = datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
        with self._database.note() as tx:
            tx.execute(update(tables.requests).where(_R.token.in_(tokens), _R.status.is_(None)).values(until=until))

    def finish_request(self, begun: Begun, answer: Answer) -> None:
        """Keep the answer, if the request was not left to somebody else meanwhile."""
        kept = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        mine = and_(_R.id == begun.id, _R.token == begun.token, _R.status.is_(None))
        with self._database.note() as tx:
            tx.execute(update(tables.requests).where(mine, ~_R.forgotten).values(kept))
            tx.execute(update(tables.requests).where(mine, _R.forgotten).values(status=answer.status, **_NOTHING))

    def drop_request(self, begun: Begun) -> None:
        """Forget that the request was begun, because nothing was done: it may come again."""
        with self._database.note() as tx:
            tx.execute(delete(tables.requests).where(_R.id == begun.id, _R.token == begun.token, _R.status.is_(None)))

    def prune_requests(self) -> int:
        """Remove answers that are older than `ANSWER_HOURS`; how many they were."""
        old = _R.created <= datetime.now(UTC) - timedelta(hours=ANSWER_HOURS)
        with self._database.read() as tx:
            if tx.scalar(select(_R.id).where(old).limit(1)) is None:
                return 0
        with self._database.note() as tx:
            return tx.execute(delete(tables.requests).where(old)).rowcount


def forget_answers(tx: Connection, *which: ColumnElement[bool]) -> None:
    """Keep no answer to some requests, which may name somebody: whoever repeats one is told so."""
    tx.execute(update(tables.requests).where(*which).values(forgotten=True, **_NOTHING))


def _work(request: str, created: datetime) -> UUID:
    return uuid5(NAMESPACE_OID, f"{request} {created.isoformat()}")
