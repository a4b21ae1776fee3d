"""The part of the store that tells an operator how things stand; each answer takes a moment, however large it is."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from spk.store import tables
from spk.store.database import Database
from spk.store.heard import SaidBy
from spk.store.records import DecisionKind

__all__ = ["Judged", "Load", "Monitoring"]

LATELY = timedelta(days=30)
MOST_VOICES = 5_000
MOST_REVIEWED = 500

_D, _G, _H, _J, _P, _R, _V = (
    tables.decisions.c,
    tables.galleries.c,
    tables.hearings.c,
    tables.jobs.c,
    tables.speakers.c,
    tables.recordings.c,
    tables.voices.c,
)


@dataclass(frozen=True, slots=True)
class Load:
    """What there is, and what there is to do.

    Attributes:
        jobs: How many there are, by state.
        waited: For how long the oldest job that waits has waited, in seconds; 0 where none does.
        speakers: How many there are in all galleries, by state.
    """

    jobs: Mapping[str, int]
    waited: float
    speakers: Mapping[str, int]


@dataclass(slots=True)
class Judged:
    """What was said of the voices of a gallery's recordings lately.

    Attributes:
        false_alarms: Of the voices that the machine judged, how often a stranger looks at least this much like
            somebody; those that were taken for one person's count once.
        strangers: How many of them are nobody's of the gallery.
        reviewed: Voices that had been given a name, and of which a person has said since whose they are.
        wrong: Those of them that are somebody else's.
    """

    false_alarms: list[float] = field(default_factory=list)
    strangers: int = 0
    reviewed: int = 0
    wrong: int = 0


class Monitoring:
    """Figures for operators; each method is one transaction."""

    _database: Database

    def load(self) -> Load:
        """What there is, and what there is to do."""
        with self._database.read() as tx:
            jobs = tx.execute(select(_J.state, func.count()).group_by(_J.state)).all()
            oldest = tx.scalar(select(func.min(_J.created)).where(_J.state == "queued"))
            speakers = tx.execute(select(_P.state, func.count()).group_by(_P.state)).all()
        waited = 0.0 if oldest is None else (datetime.now(UTC) - oldest).total_seconds()
        return Load({row[0]: row[1] for row in jobs}, max(0.0, waited), {row[0]: row[1] for row in speakers})

    def judged_lately(self, *, least: float) -> dict[str, Judged]:
        """What was said of voices within 30 days, by the names of galleries; of the last few thousand at most.

        Args:
            least: Voices that say less than so many seconds are left out.
        """
        since = datetime.now(UTC) - LATELY
        found: dict[str, Judged] = defaultdict(Judged)
        with self._database.read() as tx:
            for row in tx.execute(_voices(since, least)):
                found[row.name].false_alarms.append(row.false_alarm)
                found[row.name].strangers += row.verdict == "unknown"
            for name, wrong in _reviewed(tx, since).values():
                found[name].reviewed += 1
                found[name].wrong += wrong
        return dict(found)


def _voices(since: datetime, least: float) -> Any:  # noqa: ANN401 - a query of SQLAlchemy's
    """The voices that the machine has judged, the last ones first."""
    heard = tables.voices.join(tables.hearings, _H.id == _V.hearing).join(tables.recordings, _R.id == _H.recording)
    return (
        select(_G.name, func.min(_V.false_alarm).label("false_alarm"), func.min(_V.verdict).label("verdict"))
        .select_from(heard.join(tables.galleries, _G.id == _R.gallery))
        .where(_H.current, _H.kept >= since, _V.said_by == SaidBy.MACHINE, _V.false_alarm.is_not(None))
        .where(_V.net_seconds >= least)
        .group_by(_G.name, _V.hearing, _V.judged_as, _H.kept)
        .order_by(_H.kept.desc())
        .limit(MOST_VOICES)
    )


def _reviewed(tx: Connection, since: datetime) -> dict[UUID, tuple[str, bool]]:
    """The gallery of each voice that was named and that a person has judged since, and whether the name was wrong."""
    said = (
        select(_V.id, _V.label, _V.speaker, _G.name, _D.record)
        .select_from(
            tables.decisions.join(tables.galleries, _G.id == _D.gallery)
            .join(tables.recordings, (_R.gallery == _D.gallery) & (_R.sha256 == _D.sha256))
            .join(tables.hearings, (_H.recording == _R.id) & _H.current)
            .join(tables.voices, _V.hearing == _H.id)
        )
        .where(_D.created >= since, _D.kind == DecisionKind.IDENTIFY, _V.said_by == SaidBy.PERSON)
        .order_by(_D.created.desc())
        .limit(MOST_REVIEWED)
    )
    rows = tx.execute(said).all()
    named = {row.id: (row, _named(row)) for row in rows}  # by the first decision: later ones know what was said
    there = set(tx.scalars(select(_P.id).where(_P.id.in_({who for _, who in named.values() if who}))))
    return {voice: (row.name, row.speaker != who) for voice, (row, who) in named.items() if who in there}


def _named(row: Row[*tuple[Any, ...]]) -> UUID | None:
    """Whom a decision had called a voice; None where it had named nobody."""
    for voice in json.loads(row.record).get("voices", ()):
        if voice["label"] == row.label and voice["verdict"] == "known" and voice["candidate"]:
            return UUID(voice["candidate"]["speaker"])
    return None
