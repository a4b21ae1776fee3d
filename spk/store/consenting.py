"""What people consented to, in the tables; and who may be known in a gallery that requires it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from spk.errors import ConflictError, InputError, NotFoundError
from spk.store import audit, queries, tables
from spk.store.names import clean_name, storable
from spk.store.records import Consent, Gallery, NewConsent, Speaker
from spk.store.requests import forget_answers

if TYPE_CHECKING:
    from spk.store.changes import Journal

__all__ = ["add", "check", "find", "lacking", "move", "refuse", "remove", "require", "required", "withdraw"]

_CLOCKS = timedelta(minutes=5)  # by which two machines may differ
_C, _G, _P, _R, _S, _V = (
    tables.consents.c,
    tables.galleries.c,
    tables.speakers.c,
    tables.requests.c,
    tables.samples.c,
    tables.voiceprints.c,
)
_ANSWERED = _R.status.is_not(None)  # the withdrawal itself may be a request that comes again


def required(tx: Connection, gallery: UUID) -> str | None:
    """The purpose for which people of a gallery must have consented; None where it is not required."""
    return tx.scalar(select(_G.consent).where(_G.id == gallery))


def require(tx: Connection, gallery: Gallery, purpose: str | None) -> None:
    """Require consent from now on, or not any more; answers to requests may name who is not known any more, and go."""
    purpose = None if purpose is None else clean_name(purpose)
    was = required(tx, gallery.id)
    if was != purpose:
        tx.execute(update(tables.galleries).where(_G.id == gallery.id).values(consent=purpose))
        forget_answers(tx, _ANSWERED, _R.gallery == gallery.id)
        audit.append(tx, "require consent", gallery=gallery.id, purpose=purpose, was=was)


def find(tx: Connection, *conditions: ColumnElement[bool]) -> list[Consent]:
    """The consents that fulfil the conditions, oldest first."""
    rows = tx.execute(select(tables.consents).where(*conditions).order_by(_C.recorded, _C.id))
    return [_consent(row) for row in rows]


def add(tx: Connection, speaker: Speaker, new: NewConsent) -> Consent:
    """Note that somebody consents.

    Raises:
        InputError: no purpose is given, it would begin in the future, or is over already.
        ConflictError: it was withdrawn since it was given.
    """
    now = datetime.now(UTC)
    given = now if new.given is None else _utc(new.given)
    until = None if new.until is None else _utc(new.until)
    if given > now + _CLOCKS:
        raise InputError(f"consent cannot have been given in the future, on {given:%Y-%m-%d}: check the date")
    if until is not None and until <= max(now, given):
        raise InputError(f"consent until {until:%Y-%m-%d} would be over already: check the date")
    purpose = required(tx, speaker.gallery) if new.purpose is None else clean_name(new.purpose)
    if purpose is None:
        raise InputError("consent is to something: say for which purpose it was given")
    if new.given is not None:
        _check_since(tx, speaker, purpose, given)
    consent = Consent(
        id=uuid4(),
        speaker=speaker.id,
        purpose=purpose,
        given_by=_text(new.given_by),
        given=given,
        until=until,
        reference=_text(new.reference),
        recorded=now,
        recorded_by=audit.user(),
    )
    row = {name: getattr(consent, name) for name in consent.__slots__}
    tx.execute(insert(tables.consents).values(**row, gallery=speaker.gallery))
    audit.append(
        tx,
        "consent",
        gallery=speaker.gallery,
        speaker=speaker.id,
        consent=consent.id,
        purpose=purpose,
        until=until and until.isoformat(),
        by="the person" if consent.given_by is None else "a representative",
    )
    return consent


def withdraw(tx: Connection, speaker: Speaker, purpose: str | None) -> list[Consent]:
    """End what somebody consented to, for one purpose or for all; what was ended now. Answers go as by `require`.

    Raises:
        NotFoundError: there is nothing to end.
    """
    now, who = datetime.now(UTC), audit.user()
    conditions = [_C.speaker == speaker.id, _C.withdrawn.is_(None)]
    conditions += [] if purpose is None else [_C.purpose == clean_name(purpose)]
    ids = [consent.id for consent in find(tx, *conditions)]
    if not ids:
        to = "anything" if purpose is None else f'"{purpose}"'
        raise NotFoundError(
            f"{speaker.label} has not consented to {to}, or withdrew it already: see `spk consent list`"
        )
    tx.execute(update(tables.consents).where(_C.id.in_(ids)).values(withdrawn=now, withdrawn_by=who))
    forget_answers(tx, _ANSWERED, _R.gallery == speaker.gallery)
    for consent in ids:
        audit.append(tx, "withdraw consent", gallery=speaker.gallery, speaker=speaker.id, consent=consent)
    return find(tx, _C.id.in_(ids))


def lacking(tx: Connection, gallery: UUID, among: Iterable[UUID] | None = None) -> set[UUID]:
    """Those people of a gallery, or among some of it, whose consent is missing or over, where it is required."""
    has = queries.matched(tx, gallery)
    if not has:
        return set()
    query = select(_P.id).where(_P.gallery == gallery, ~and_(*has))
    if among is None:
        return set(tx.scalars(query))
    return {id_ for some in queries.portions(among) for id_ in tx.scalars(query.where(_P.id.in_(some)))}


def check(journal: Journal) -> None:
    """See that whoever gets a name, a sample or a voiceprint by a change has consented, where that is required.

    Raises:
        ConflictError: somebody has not, or not any more; names them.
    """
    tx, gallery = journal.tx, journal.gallery
    purpose = required(tx, gallery)
    if purpose is None:
        return
    without = queries.people(tx, lacking(tx, gallery, _gaining(journal)))
    new = {edit.key["id"] for edit in journal.edits if edit.table == tables.speakers.name and edit.before is None}
    if any(person.name is None and person.id in new for person in without):
        raise ConflictError(
            f'the gallery requires consent to "{purpose}", so nobody is kept without a name: say who it is'
        )
    if without:
        refuse([person.label for person in without], purpose)


def refuse(names: Iterable[str], purpose: str) -> NoReturn:
    """Say that some people have not consented.

    Raises:
        ConflictError: always.
    """
    first, *others = sorted(names)
    more = f" and {len(others)} more" if others else ""
    raise ConflictError(
        f'{first}{more}: no valid consent to "{purpose}", which the gallery requires: '
        f"record it first, with `spk consent give {shlex.quote(first)}`"
    )


def move(journal: Journal, source: UUID, into: UUID) -> None:
    """What one entry of a person consented to, the other did; what either withdrew stays withdrawn."""
    theirs = find(journal.tx, _C.speaker.in_([source, into]))
    for one in theirs:
        changed: dict[str, object] = {"speaker": into}
        ends = [other for other in theirs if other.purpose == one.purpose and _ended_since(other, one)]
        if one.withdrawn is None and ends:
            changed |= {"withdrawn": ends[-1].withdrawn, "withdrawn_by": ends[-1].withdrawn_by}
        journal.set(tables.consents, {"id": one.id}, **changed)


def remove(journal: Journal, speaker: UUID) -> None:
    """Somebody is removed, with what they consented to."""
    for consent in find(journal.tx, _C.speaker == speaker):
        journal.delete(tables.consents, consent.id)


def _check_since(tx: Connection, speaker: Speaker, purpose: str, given: datetime) -> None:
    """See that somebody has not withdrawn what was given at a moment.

    Raises:
        ConflictError: they have.
    """
    if ended := find(tx, _C.speaker == speaker.id, _C.purpose == purpose, _C.withdrawn > given):
        raise ConflictError(
            f'{speaker.label} withdrew consent to "{purpose}" on {ended[-1].withdrawn:%Y-%m-%d at %H:%M} UTC, after '
            "this one was given: ask them again, and say when"
        )


def _ended_since(other: Consent, one: Consent) -> bool:
    return other.withdrawn is not None and other.withdrawn >= one.recorded


def _gaining(journal: Journal) -> set[UUID]:
    """Whoever has a name, a sample or a voiceprint after a change which they had not before."""
    owner = {tables.samples.name: "speaker", tables.speakers.name: "name"}
    before: dict[tuple[str, UUID], Any] = {}
    after: dict[tuple[str, UUID], Any] = {}
    for edit in journal.edits:
        column = owner.get(edit.table)
        if column is not None and (column in (edit.before or {}) or column in (edit.after or {})):
            key = edit.table, edit.key["id"]
            before.setdefault(key, (edit.before or {}).get(column))
            after[key] = (edit.after or {}).get(column)
    given = {now for (table, id_), now in after.items() if table == tables.samples.name and now != before[table, id_]}
    named = {
        id_ for (table, id_), now in after.items() if table == tables.speakers.name and now and not before[table, id_]
    }
    prints = [edit.key["id"] for edit in journal.edits if edit.table == tables.voiceprints.name]
    whose = select(_S.speaker).join(tables.voiceprints, _V.sample == _S.id)
    printed = (journal.tx.scalars(whose.where(_V.id.in_(some))) for some in queries.portions(prints))
    return given.union(named, *printed) - {None}


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # it is in the year 0 or 10000 there
        raise InputError(f"consent cannot begin or end on {moment:%Y-%m-%d}: check the date") from None


def _text(text: str | None) -> str | None:
    """What somebody wrote, as a database can hold it; nothing for blanks."""
    return None if text is None else storable(" ".join(text.split())) or None


def _consent(row: Row[Any]) -> Consent:
    return Consent(**{name: getattr(row, name) for name in Consent.__slots__})
