"""Changes that can be undone: each is a list of edits of rows, with what stood there before and after.

An edit is undone by putting back what stood there before, as long as what was put there still stands. Vectors, clips
and turns are never edited: a sample is given to somebody or to nobody, a hearing is made current or put aside, and
what nobody needs any more is removed by `Store.prune`. So a change holds no voiceprints; it does hold names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, Uuid, and_, bindparam, delete, insert, select, update
from sqlalchemy.sql.dml import Update

from spk.errors import ConflictError, NotFoundError
from spk.store import audit, outbox, tables
from spk.store.heard import ChangeRecord
from spk.store.queries import portions

__all__ = ["Edit", "Journal", "check_names", "edits_of", "find", "latest", "revert"]

_FEW = 3  # recordings and people who are told of a change
_C, _DECIDED = tables.changes.c, tables.decided_voices
_D = _DECIDED.c
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """What became of one row.

    Attributes:
        table: Its table.
        key: Its primary key.
        before: The columns that changed, as they were; None where there was no such row.
        after: As they are now; None where there is none any more.
    """

    table: str
    key: Row
    before: Row | None
    after: Row | None

    def inverse(self) -> Edit:
        """What undoes it."""
        return Edit(self.table, self.key, self.after, self.before)

    def to_json(self) -> list[Any]:
        """The edit as plain data."""
        return [self.table, _plain(self.key), self.before and _plain(self.before), self.after and _plain(self.after)]

    @classmethod
    def from_json(cls, record: Sequence[Any]) -> Edit:
        """What `to_json` gave."""
        name, key, before, after = record
        table = tables.metadata.tables[name]
        return cls(name, _typed(table, key), before and _typed(table, before), after and _typed(table, after))


class Journal:
    """Edits rows in a transaction, and remembers what stood there.

    Args:
        tx: The transaction.
        gallery: Whose rows they are.
    """

    def __init__(self, tx: Connection, gallery: UUID) -> None:
        self.tx = tx
        self.gallery = gallery
        self.edits: list[Edit] = []

    @property
    def moves_voiceprints(self) -> bool:
        """Whether somebody is known by others now."""
        return any(edit.table in (tables.samples.name, tables.voiceprints.name) for edit in self.edits)

    def insert(self, table: Table, row: Row) -> None:
        """Make a row with an id."""
        self.tx.execute(insert(table), [dict(row)])
        self.edits.append(Edit(table.name, {"id": row["id"]}, None, _without_id(row)))

    def delete(self, table: Table, id_: UUID) -> None:
        """Remove a row that nothing refers to any more."""
        row = self.tx.execute(select(table).where(table.c.id == id_)).mappings().one()
        self.tx.execute(delete(table).where(table.c.id == id_))
        self.edits.append(Edit(table.name, {"id": id_}, _without_id(dict(row)), None))

    def gave(self, sample: UUID, speaker: UUID) -> None:
        """Remember that a sample was made, and is somebody's: undone, it is nobody's."""
        self.edits.append(Edit(tables.samples.name, {"id": sample}, {"speaker": None}, {"speaker": speaker}))

    def printed(self, prints: Iterable[tuple[UUID, int]]) -> None:
        """Remember that voiceprints, by these models, were made of a sample that was there."""
        self.edits += [Edit(tables.voiceprints.name, {"id": id_}, None, {"model": model}) for id_, model in prints]

    def update(self, table: Table, changed: Iterable[tuple[Row, Row, Row]]) -> None:
        """Put other values into rows: for each its key, the columns as they are, and as they are to be."""
        edits = []
        for key, before, after in changed:
            new = {name: value for name, value in after.items() if before[name] != value}
            if new:
                edits.append(Edit(table.name, key, {name: before[name] for name in new}, new))
        _update(self.tx, edits)
        self.edits += edits

    def set(self, table: Table, key: Row, **values: object) -> None:
        """Put other values into one row."""
        columns = [table.c[name] for name in values]
        before = self.tx.execute(select(*columns).where(_is(table, key))).mappings().one()
        self.update(table, [(key, dict(before), values)])

    def note(self, what: str) -> int:
        """Keep the edits as one change; its number, or 0 where nothing changed."""
        if not self.edits:
            return 0
        _note_samples(self.tx, self.edits)
        kept = self.tx.execute(
            insert(tables.changes),
            {
                "gallery": self.gallery,
                "created": datetime.now(UTC),
                "user": audit.user(),
                "what": what,
                "edits": json.dumps([edit.to_json() for edit in self.edits], ensure_ascii=False),
            },
        )
        [number] = kept.inserted_primary_key or (0,)
        return int(number)


def latest(
    tx: Connection, gallery: UUID, limit: int, *, before: int | None = None, undone: bool = True
) -> list[ChangeRecord]:
    """The last changes of a gallery, or those before one, newest first, with or without those that were undone."""
    query = select(tables.changes).where(_C.gallery == gallery)
    if before is not None:
        query = query.where(_C.number < before)
    if not undone:
        query = query.where(_C.undone.is_(None), _C.what.not_like("undo %"))
    rows = tx.execute(query.order_by(_C.number.desc()).limit(limit)).all()
    return [replace(_record(row), about=_about(tx, row.edits)) for row in rows]


def find(tx: Connection, gallery: UUID, number: int) -> ChangeRecord:
    """A change by its number.

    Raises:
        NotFoundError: there is none, or it is not kept any more.
    """
    row = tx.execute(select(tables.changes).where(_C.gallery == gallery, _C.number == number)).first()
    if row is None:
        raise NotFoundError(f"no change {number} is kept of this gallery: `spk undo --list` shows those that are")
    return _record(row)


def _about(tx: Connection, edits: str) -> tuple[str, ...]:
    """The recordings that a change is about, and the people whom it made, renamed, or gave samples."""
    hearings, people, names = set(), dict[UUID, None](), dict[UUID, str]()
    for edit in map(Edit.from_json, json.loads(edits)):
        sides = [side for side in (edit.before, edit.after) if side is not None]
        if edit.table == tables.hearings.name:
            hearings.add(edit.key["id"])
        elif edit.table == tables.speakers.name:
            people[edit.key["id"]] = None
            names.update((edit.key["id"], side["name"]) for side in sides if side.get("name"))
        elif edit.table == tables.samples.name:
            people.update((side["speaker"], None) for side in sides if side.get("speaker"))
    now, recordings = tables.speakers.c, tables.recordings.c
    few = list(people)[:_FEW]
    names.update((row.id, row.name) for row in tx.execute(select(now.id, now.name).where(now.id.in_(few))) if row.name)
    heard = select(recordings.source).join(tables.hearings).where(tables.hearings.c.id.in_(list(hearings)[:_FEW]))
    sources = sorted({source.rsplit("/", 1)[-1] for source in tx.scalars(heard)})
    return (*sources, *(names.get(one, f"unknown-{one.hex[:4]}") for one in few))


def edits_of(tx: Connection, number: int) -> list[Edit]:
    """The edits of a change, in their order."""
    text = tx.scalar(select(_C.edits).where(_C.number == number))
    return [Edit.from_json(record) for record in json.loads(text or "[]")]


def revert(tx: Connection, gallery: UUID, change: ChangeRecord) -> int:
    """Put back what stood before a change, as a change of its own; its number.

    Raises:
        ConflictError: it was undone already; or something that it did has been changed since, or erased.
    """
    if change.undone is not None:
        raise ConflictError(f"change {change.number} was undone already")
    journal = Journal(tx, gallery)
    edits = [edit.inverse() for edit in reversed(edits_of(tx, change.number))]
    edits = [*_unlinking(tx, edits), *(edit for edit in edits if edit.table != _DECIDED.name or _is_back(tx, edit))]
    for group in _alike(edits):
        _check(tx, group, change)
        check_names(tx, gallery, group)
        _replay(tx, group)
    journal.edits = edits
    tx.execute(update(tables.changes).where(_C.number == change.number).values(undone=datetime.now(UTC)))
    if change.what.startswith("undo "):  # what it had undone is in force again
        redone = int(change.what.removeprefix("undo "))
        tx.execute(update(tables.changes).where(_C.number == redone).values(undone=None))
    return journal.note(f"undo {change.number}")


def _unlinking(tx: Connection, edits: Iterable[Edit]) -> Iterator[Edit]:
    """What decisions said was whose, of speakers who go: decisions are no changes, and stay as they were."""
    gone = [edit.key["id"] for edit in edits if edit.table == tables.speakers.name and edit.after is None]
    for some in portions(gone):
        for row in tx.execute(select(_D.decision, _D.label, _D.speaker).where(_D.speaker.in_(some))):
            key = {"decision": row.decision, "label": row.label}
            yield Edit(_DECIDED.name, key, {"speaker": row.speaker}, {"speaker": None})


def _is_back(tx: Connection, edit: Edit) -> bool:
    """Whether the voice of a decision is theirs again who come back: it is kept still, and nobody's since."""
    kept = tx.execute(select(_D.speaker).where(_is(_DECIDED, edit.key))).first()
    return kept is not None and kept.speaker is None and (edit.before or {}).get("speaker") is None


def _alike(edits: Iterable[Edit]) -> list[list[Edit]]:
    """Consecutive edits of one kind, of different rows of one table."""
    groups: list[list[Edit]] = []
    seen: set[str] = set()
    for edit in edits:
        last = groups[-1][-1] if groups else None
        key = json.dumps(_plain(edit.key))
        like = last is not None and last.table == edit.table and _kind(last) == _kind(edit) and key not in seen
        if like:
            groups[-1].append(edit)
        else:
            groups.append([edit])
            seen = set()
        seen.add(key)
    return groups


def _kind(edit: Edit) -> tuple[bool, bool]:
    return edit.before is None, edit.after is None


def _check(tx: Connection, edits: Sequence[Edit], change: ChangeRecord) -> None:
    """See that the rows are as a change left them."""
    table = tables.metadata.tables[edits[0].table]
    keys = [column.name for column in table.primary_key]
    there: dict[tuple[Any, ...], Row] = {}
    for some in portions(edits):
        first = table.c[keys[0]]
        for row in tx.execute(select(table).where(first.in_([edit.key[keys[0]] for edit in some]))).mappings():
            there[tuple(row[name] for name in keys)] = dict(row)
    for edit in edits:
        found = there.get(tuple(edit.key[name] for name in keys))
        if not _stands(found, edit.before):
            since = _since(tx, edit, change.number)
            raise ConflictError(
                f"change {change.number} ({change.what}) cannot be undone by itself: what it changed in {table.name} "
                + (f"was changed again by change {since}: undo that first" if since else "is gone or is another since")
            )


def check_names(tx: Connection, gallery: UUID, edits: Iterable[Edit]) -> None:
    """See that nobody else has got a name that is to come back.

    Raises:
        ConflictError: somebody has.
    """
    people = tables.speakers.c
    for edit in edits:
        name = (edit.after or {}).get("name") if edit.table == tables.speakers.name else None
        if name is None:
            continue
        others = select(people.id).where(people.gallery == gallery, people.name == name, people.id != edit.key["id"])
        if tx.execute(others).first():
            raise ConflictError(f'another speaker is called "{name}" now: rename that one first, or merge the two')


def _stands(found: Row | None, expected: Row | None) -> bool:
    """Whether a row is as a change left it."""
    if found is None or expected is None:
        return found is expected
    return all(found[name] == value for name, value in expected.items())


def _since(tx: Connection, edit: Edit, number: int) -> int | None:
    """The last change that is in force and touched the same row after another."""
    later = select(_C.number, _C.edits).where(_C.number > number, _C.undone.is_(None)).order_by(_C.number.desc())
    key = _plain(edit.key)
    for row in tx.execute(later):
        if any(record[0] == edit.table and record[1] == key for record in json.loads(row.edits)):
            return int(row.number)
    return None


def _replay(tx: Connection, edits: Sequence[Edit]) -> None:
    table = tables.metadata.tables[edits[0].table]
    if edits[0].before is None:
        if table is tables.voiceprints:
            raise ConflictError("a voiceprint that was undone cannot be made again: enroll the recording again")
        tx.execute(insert(table), [{**edit.key, **(edit.after or {})} for edit in edits])
    elif edits[0].after is None:
        for edit in edits:
            if table is tables.speakers:
                _check_unused(tx, edit)
            tx.execute(delete(table).where(_is(table, edit.key)))
    else:
        _update(tx, edits)


def _check_unused(tx: Connection, edit: Edit) -> None:
    """See that a speaker has nothing that would go with them."""
    for table in (tables.samples, tables.voices):
        if tx.execute(select(table.c.speaker).where(table.c.speaker == edit.key["id"]).limit(1)).first():
            name = (edit.before or {})["name"] or f"unknown-{edit.key['id'].hex[:4]}"
            raise ConflictError(f"{name} has got more since: undo those changes first (`spk undo --list`)")


def _update(tx: Connection, edits: Iterable[Edit]) -> None:
    by_columns: dict[tuple[str, ...], list[Edit]] = {}
    for edit in edits:
        by_columns.setdefault((edit.table, *sorted(edit.after or {})), []).append(edit)
    for (name, *columns), alike in by_columns.items():
        values = [
            {f"key_{key}": value for key, value in edit.key.items()}
            | {f"new_{column}": (edit.after or {})[column] for column in columns}
            for edit in alike
        ]
        tx.execute(_updating(name, *columns), values)


@cache  # there are few, and to build one takes longer than to run it
def _updating(name: str, *columns: str) -> Update:
    table = tables.metadata.tables[name]
    where = and_(*(column == bindparam(f"key_{column.name}") for column in table.primary_key))
    return update(table).where(where).values({column: bindparam(f"new_{column}") for column in columns})


def _note_samples(tx: Connection, edits: Iterable[Edit]) -> None:
    """Tell the vector engines of every voiceprint whose sample was given to somebody else."""
    samples = {edit.key["id"] for edit in edits if edit.table == tables.samples.name}
    prints = tables.voiceprints.c
    for some in portions(samples):
        found = tx.execute(select(prints.id, prints.model).where(prints.sample.in_(some)))
        outbox.note(tx, [(row.id, row.model) for row in found])
    single = [edit for edit in edits if edit.table == tables.voiceprints.name]
    outbox.note(tx, [(edit.key["id"], (edit.before or edit.after or {})["model"]) for edit in single])


def _is(table: Table, key: Row) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in key.items()))


def _without_id(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def _plain(row: Row) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, UUID):
        return value.hex
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as(table.c[name], value) for name, value in row.items()}


def _as(column: ColumnElement[Any], value: Any) -> Any:  # noqa: ANN401 - as the column has it
    if value is None:
        return None
    if isinstance(column.type, Uuid):
        return UUID(value)
    return datetime.fromisoformat(value) if isinstance(column.type, tables.Moment) else value


def _record(row: Any) -> ChangeRecord:  # noqa: ANN401 - a row of the table
    return ChangeRecord(row.number, row.created, row.user, row.what, undone=row.undone)
