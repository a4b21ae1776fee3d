"""What can be asked about a server as a whole: its log, its models, its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from spk.client.sync.connection import Connection
from spk.client.sync.speakers import Speakers
from spk.errors import InputError, NotFoundError
from spk.messages import JobInfo
from spk.messages.audit import AuditChecked, AuditRow
from spk.messages.base import Page
from spk.messages.models import ModelDetail, ModelInfo

__all__ = ["Audit", "Jobs", "Models"]


class Audit:
    """The log of a server; see `spk.desk.audit.Audit`."""

    def __init__(self, connection: Connection, speakers: Speakers) -> None:
        self._connection = connection
        self._speakers = speakers

    def list(
        self,
        *,
        speaker: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[AuditRow]:
        """Some rows, the newest first; ``speaker`` is a name or label of the client's gallery, or an id."""
        params = {
            "speaker": None if speaker is None else str(self._id(speaker)),
            "action": action,
            "since": None if since is None else since.isoformat(),
            "limit": limit,
            "after": after,
        }
        return self._connection.ask("GET", ("audit",), Page[AuditRow], params=params)

    def everything(
        self,
        *,
        speaker: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[AuditRow]:
        """All such rows, or the last ``limit`` of them, the newest last."""
        rows: list[AuditRow] = []
        after: str | None = None
        while limit is None or len(rows) < limit:
            most = 500 if limit is None else min(limit - len(rows), 500)
            page = self.list(speaker=speaker, action=action, since=since, limit=most, after=after)
            rows += page.items
            if (after := page.next) is None:
                break
        return rows[::-1]

    def verify(self, head: str | None = None) -> AuditChecked:
        """See that no row was changed, removed or put in between."""
        return self._connection.ask("GET", ("audit", "verify"), AuditChecked, params={"head": head})

    def _id(self, who: str) -> UUID:
        """The id of somebody who is there, or of somebody who was."""
        try:
            return (self._speakers.show(who)).speaker_id
        except NotFoundError:
            try:
                return UUID(who)
            except ValueError:
                pass
            raise


class Models:
    """The models of a server; see `spk.desk.models.Models`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, verify: bool = False) -> list[ModelInfo]:
        """Every model, and whether its weights are there."""
        _refuse(verify=verify)
        return self._connection.ask("GET", ("models",), list[ModelInfo])

    def show(self, name: str, *, verify: bool = False) -> ModelDetail:
        """One model, with its files."""
        _refuse(verify=verify)
        return self._connection.ask("GET", ("models", name), ModelDetail)


def _refuse(*, verify: bool) -> None:
    if verify:
        raise InputError("--verify reads the files of this machine, not of a server: leave one of them out")


class Jobs:
    """The jobs of a server, of all galleries that the key is for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, state: Sequence[str] = (), limit: int = 100, after: str | None = None) -> Page[JobInfo]:
        """Jobs, the newest first; those that ended are kept for some days."""
        params = {"state": [*state], "limit": limit, "after": after}
        return self._connection.ask("GET", ("jobs",), Page[JobInfo], params=params)

    def show(self, job: str) -> JobInfo:
        """A job as it stands."""
        return self._connection.ask("GET", ("jobs", job), JobInfo)

    def cancel(self, job: str) -> JobInfo:
        """Cancel a job that waits, or ask its worker to stop."""
        return self._connection.ask("POST", ("jobs", job, "cancel"), JobInfo)
