"""The part of the store that keeps how voices are judged, and what was said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, func, select, type_coerce

from spk.errors import InputError
from spk.store import audit, calibrations, decisions, queries, tables
from spk.store.database import Database
from spk.store.records import (
    CalibrationRecord,
    DecisionRecord,
    Gallery,
    NewDecision,
    ProfileStatistics,
    SamplePrint,
    Snapshot,
    Speaker,
    samples_key,
)

__all__ = ["Judgements"]

_ENDS = (tables.audit.c.sequence, tables.outbox.c.sequence, tables.models.c.floor)
_STATE = select(*(select(func.max(end)).scalar_subquery() for end in _ENDS))


class Judgements:
    """Calibrations, decisions and statistics of profiles; each method is one transaction."""

    _database: Database

    # Calibrations

    def keep_calibration(self, gallery: Gallery, calibration: CalibrationRecord) -> None:
        """Keep a calibration, without judging by it yet; one that is kept already stays as it is.

        Raises:
            InputError: its id is none.
        """
        with self._database.write() as tx:
            calibrations.keep(tx, gallery, calibration)

    def use_calibration(self, gallery: Gallery, which: str | None) -> CalibrationRecord | None:
        """Judge the gallery by a calibration that is kept (an id, or its first digits); None for what ships.

        Raises:
            NotFoundError: there is none, or several begin like this.
        """
        with self._database.write() as tx:
            before = calibrations.in_use(tx, gallery)
            after = calibrations.use(tx, gallery, which)
            ids = [one and one.id for one in (before, after)]
            if ids[0] != ids[1]:
                audit.append(tx, "use calibration", gallery=gallery.id, calibration=ids[1], was=ids[0])
            return after

    def calibration(self, gallery: Gallery) -> CalibrationRecord | None:
        """What the gallery is judged by; None for the calibration that ships."""
        with self._database.read() as tx:
            return calibrations.in_use(tx, gallery)

    def calibrations(self, gallery: Gallery) -> list[CalibrationRecord]:
        """Every calibration that is kept for a gallery, oldest first."""
        with self._database.read() as tx:
            return calibrations.listed(tx, gallery)

    def find_calibration(self, gallery: Gallery, which: str) -> CalibrationRecord:
        """A calibration that is kept for the gallery, by its id or the first digits of it.

        Raises:
            NotFoundError: there is none, or several begin like this.
        """
        with self._database.read() as tx:
            return calibrations.find(tx, gallery, which)

    def statistics(self, calibration: str, speakers: Iterable[UUID]) -> dict[UUID, ProfileStatistics]:
        """What was kept of how these people's profiles score against a calibration's cohort.

        Those whose ``samples`` are not the profile's :func:`samples_key` any more are of no use.
        """
        with self._database.read() as tx:
            return calibrations.statistics(tx, calibration, speakers)

    def keep_statistics(self, calibration: str, computed: Sequence[ProfileStatistics]) -> None:
        """Keep how profiles score against a calibration's cohort."""
        with self._database.write() as tx:
            calibrations.keep_statistics(tx, calibration, computed)

    # Decisions

    def state(self) -> tuple[int, int]:
        """Two numbers that are others whenever people, their names or what they are known by may be others."""
        with self._database.read() as tx:
            row = tx.execute(_STATE).one()
        audited, noted, floor = (value or 0 for value in row)
        return audited, max(noted, floor)

    def snapshot(self, gallery: Gallery) -> Snapshot:
        """Which people and samples the gallery has now."""
        speakers, samples = tables.speakers.c, tables.samples.c
        with self._database.read() as tx:
            people = tx.scalar(select(func.count()).where(speakers.gallery == gallery.id)) or 0
            ids = tx.scalars(
                select(type_coerce(samples.id, String))  # hexadecimal digits, a tenth of the time that UUIDs take
                .join(tables.speakers, speakers.id == samples.speaker)
                .where(speakers.gallery == gallery.id)
            ).all()
            last = audit.last(tx)
        return Snapshot(people, len(ids), samples_key(ids, digits=64), last.sequence, last.hash)

    def record_decision(
        self, gallery: Gallery, decision: NewDecision, *, keep_days: float, id_: UUID | None = None
    ) -> DecisionRecord:
        """Keep a decision, and remove those of the gallery that are older than ``keep_days``.

        Args:
            gallery: Whose people it is about.
            decision: What was decided.
            keep_days: For how long decisions are kept.
            id_: What it is to be known by; one that is there under this id is replaced.

        Raises:
            InputError: they are not to be kept for any time.
            NotFoundError: somebody whom it is about was erased or merged meanwhile.
        """
        if keep_days <= 0:
            raise InputError(f"decisions cannot be kept for {keep_days:g} days: keep none, or set keep_decisions")
        with self._database.write() as tx:
            decisions.prune(tx, keep_days, gallery.id)  # of all, it would look through all
            return decisions.record(tx, gallery, decision, id_)

    def prune_decisions(self, keep_days: float) -> int:
        """Remove the decisions of every gallery that are older than so many days; how many there were."""
        with self._database.read() as tx:
            if not decisions.count_older(tx, keep_days):
                return 0
        with self._database.write() as tx:
            return decisions.prune(tx, keep_days)

    def decisions(
        self, gallery: Gallery, limit: int = 20, *, after: tuple[datetime, UUID] | None = None
    ) -> list[DecisionRecord]:
        """The last decisions of a gallery, newest first; those ``after`` the end of a page: its moment and its id."""
        with self._database.read() as tx:
            return decisions.latest(tx, gallery, limit, after)

    def decision(self, which: str | UUID, gallery: Gallery | None = None) -> DecisionRecord:
        """A decision by its id, or by the first digits of it, of a gallery, or of whatever one.

        Raises:
            NotFoundError: there is none, or several begin like this.
        """
        with self._database.read() as tx:
            return decisions.find(tx, which, gallery)

    def decisions_about(self, speaker: Speaker) -> list[DecisionRecord]:
        """The decisions that hold a voice that is or may be this person's, oldest first."""
        with self._database.read() as tx:
            found = [decisions.find(tx, which) for which in decisions.of_speaker(tx, speaker.id)]
        return sorted(found, key=lambda record: (record.created, record.id))

    def sample_prints(self, model: str, samples: Collection[UUID]) -> dict[UUID, SamplePrint]:
        """The samples of these ids that are still there, with their voiceprints by one model."""
        with self._database.read() as tx:
            return queries.sample_prints(tx, model, samples)
