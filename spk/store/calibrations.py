"""Calibrations of a gallery, one of them in use at most, and the statistics of profiles that belong to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update

from spk.errors import InputError, NotFoundError
from spk.store import queries, tables
from spk.store.records import CalibrationRecord, Gallery, ProfileStatistics

__all__ = ["find", "in_use", "keep", "keep_statistics", "listed", "statistics", "use"]

_C, _P = tables.calibrations.c, tables.profile_statistics.c
_DIGITS = set("0123456789abcdef")


def keep(tx: Connection, gallery: Gallery, calibration: CalibrationRecord) -> None:
    """Add a calibration; one of the same id is there already.

    Raises:
        InputError: the id is none.
    """
    if len(calibration.id) != 16 or not set(calibration.id) <= _DIGITS:
        raise InputError(f"a calibration's id has sixteen hexadecimal digits, not {calibration.id!r}")
    kept = select(_C.id).where(_C.gallery == gallery.id, _C.id == calibration.id)
    if tx.execute(kept).first() is None:
        values = asdict(calibration) | {"gallery": gallery.id, "in_use": False}
        tx.execute(insert(tables.calibrations).values(**values))


def use(tx: Connection, gallery: Gallery, which: str | None) -> CalibrationRecord | None:
    """Judge the gallery by a kept calibration from now on; by the one that ships for None."""
    chosen = None if which is None else find(tx, gallery, which)
    tx.execute(update(tables.calibrations).where(_C.gallery == gallery.id, _C.in_use).values(in_use=False))
    if chosen is not None:
        tx.execute(update(tables.calibrations).where(_C.gallery == gallery.id, _C.id == chosen.id).values(in_use=True))
    return in_use(tx, gallery)


def find(tx: Connection, gallery: Gallery, which: str) -> CalibrationRecord:
    """The calibration of an id, or of its first digits.

    Raises:
        NotFoundError: there is none, or several begin like this.
    """
    kept = listed(tx, gallery)
    found = [one for one in kept if which and one.id.startswith(which)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"{which} stands for {len(found)} calibrations: write {', '.join(one.id for one in found)}")
    there = ", ".join(one.id for one in kept) or "none: `spk calibrate` makes one"
    raise NotFoundError(f'no calibration {which} is kept for the gallery "{gallery.name}"; there are: {there}')


def in_use(tx: Connection, gallery: Gallery) -> CalibrationRecord | None:
    """What the gallery is judged by; None for what ships."""
    row = tx.execute(select(tables.calibrations).where(_C.gallery == gallery.id, _C.in_use)).first()
    return None if row is None else _calibration(row)


def listed(tx: Connection, gallery: Gallery) -> list[CalibrationRecord]:
    """Every calibration kept for a gallery, oldest first."""
    rows = tx.execute(select(tables.calibrations).where(_C.gallery == gallery.id).order_by(_C.created, _C.id))
    return [_calibration(row) for row in rows]


def statistics(tx: Connection, calibration: str, speakers: Iterable[UUID]) -> dict[UUID, ProfileStatistics]:
    """The statistics of people's profiles by a calibration; some may be of samples as they were."""
    found = {}
    for some in queries.portions(speakers):
        query = select(_P.speaker, _P.samples, _P.mean, _P.deviation)
        for row in tx.execute(query.where(_P.speaker.in_(some), _P.calibration == calibration)):
            found[row.speaker] = ProfileStatistics(*row)
    return found


def keep_statistics(tx: Connection, calibration: str, computed: Iterable[ProfileStatistics]) -> None:
    """Keep statistics in place of older ones; those of people who are gone are left out."""
    rows = {one.speaker: asdict(one) | {"calibration": calibration} for one in computed}
    there = tx.scalars(select(tables.speakers.c.id).where(tables.speakers.c.id.in_(rows))).all()
    for speaker in there:
        key = (_P.speaker == speaker) & (_P.calibration == calibration)
        tx.execute(tables.profile_statistics.delete().where(key))
        tx.execute(insert(tables.profile_statistics).values(**rows[speaker]))


def _calibration(row: Row[Any]) -> CalibrationRecord:
    return CalibrationRecord(row.id, row.fingerprint, row.model, row.recipe, row.record, row.created, row.in_use)
