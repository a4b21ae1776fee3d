"""Keys to the service: who may ask for what over HTTP.

A key is ``spk_<id>_<secret>``. The secret has 256 random bits, so it cannot be guessed, however fast somebody tries:
its plain SHA-256 is kept. Slow hashes are for passwords, which people choose from few; here one would cost each
request a tenth of a second and stop nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from spk.errors import AccessError, ConflictError, InputError, NotFoundError
from spk.store import audit, job_rows, tables
from spk.store.database import Database
from spk.store.home import Home
from spk.store.records import Gallery

__all__ = ["KeyRecord", "Keys", "NewKey", "Scope"]

USED = timedelta(minutes=1)
"""How often at most it is written down that a key was used."""

_E, _K = tables.ended_sessions.c, tables.api_keys.c
_USER = "key:"
_NAME = re.compile(r"(?![0-9a-f]{12}$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # not like an id
_TOKEN = re.compile(r"spk_([0-9a-f]{12})_([0-9a-f]{64})")
_REFUSED = "there is no such key: `spk keys list` shows those that there are, `spk keys create` makes one"


class Scope(StrEnum):
    """What a key is for."""

    ENROLL = "enroll"
    IDENTIFY = "identify"
    REVIEW = "review"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key, without its secret.

    Attributes:
        id: Its public part.
        user: What the audit log calls who works with it: ``key:`` and the name.
        galleries: The names of those it is for; None for all, and for those to come.
        expires: When it ends; None for never.
        used: When it was last used, to about a minute.
    """

    id: str
    user: str
    scopes: frozenset[Scope]
    galleries: tuple[str, ...] | None
    created: datetime
    expires: datetime | None
    used: datetime | None
    revoked: datetime | None

    @property
    def name(self) -> str:
        """What it was called when it was made."""
        return self.user.removeprefix(_USER)

    @property
    def valid(self) -> bool:
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or datetime.now(UTC) < self.expires)

    @property
    def used_lately(self) -> bool:
        """Whether it was written down within the last minute that it was used."""
        return self.used is not None and datetime.now(UTC) - self.used < USED


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; ``token`` is what is sent with requests, and is kept nowhere."""

    record: KeyRecord
    token: str


class Keys:
    """The part of the store that knows keys; each method is one transaction."""

    _home: Home
    _database: Database

    def create_key(
        self,
        name: str,
        scopes: Collection[Scope],
        *,
        galleries: Collection[Gallery] | None = None,
        expires: datetime | None = None,
    ) -> NewKey:
        """Make a key.

        Args:
            name: Of who or what will use it. It stands in the audit log, so no two keys ever have the same.
            scopes: What it is for; `Scope.ADMIN` is everything.
            galleries: Which it is for; None for all.
            expires: When it ends; None for never.

        Raises:
            InputError: the name is impossible, there is no scope or gallery, or the end has passed.
            ConflictError: a key has or had the name.
        """
        _check(name, scopes, galleries, expires)
        key, secret = secrets.token_hex(6), secrets.token_hex(32)
        with self._database.write() as tx:
            if tx.scalar(select(_K.id).where(_K.user == _USER + name)) is not None:
                raise ConflictError(f"a key is or was called {name}: choose another name, {name}-2 say")
            row = {
                "id": key,
                "user": _USER + name,
                "hash": _hash(secret),
                "scopes": sorted(scopes),
                "galleries": None if galleries is None else sorted({one.id.hex for one in galleries}),
                "created": datetime.now(UTC),
                "expires": expires,
            }
            tx.execute(insert(tables.api_keys).values(**row))
            which = None if galleries is None else [one.id for one in galleries]
            told = {"scopes": sorted(scopes), "galleries": which, "expires": expires}
            audit.append(tx, "create key", key=key, of=_USER + name, **told)
            return NewKey(_find(tx, key), f"spk_{key}_{secret}")

    def every_key(self) -> list[KeyRecord]:
        """Every key that was ever made, oldest first."""
        with self._database.read() as tx:
            return [_record(tx, row) for row in tx.execute(select(tables.api_keys).order_by(_K.created, _K.id))]

    def has_keys(self) -> bool:
        """Whether a key was ever made: who has locked a door once does not want it open when the last key is lost."""
        with self._database.read() as tx:
            return tx.scalar(select(_K.id).limit(1)) is not None

    def key(self, which: str) -> KeyRecord:
        """A key by its id or its name.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.read() as tx:
            return _find(tx, which)

    def revoke_key(self, which: str) -> KeyRecord:
        """End a key, by its id or its name, and cancel its jobs; one that was revoked stays as it is.

        Raises:
            NotFoundError: there is none.
        """
        with self._database.write() as tx:
            key = _find(tx, which)
            if key.revoked is None:
                tx.execute(update(tables.api_keys).where(_K.id == key.id).values(revoked=datetime.now(UTC)))
                audit.append(tx, "revoke key", key=key.id, of=key.user)
            uploads = job_rows.cancel(tx, tables.jobs.c.key == key.user)
            ended = _find(tx, key.id)
        for upload in uploads:
            self._home.discard_upload(upload)
        return ended

    def open_with(self, token: str) -> KeyRecord:
        """The key that somebody shows.

        Raises:
            AccessError: it is none, or not any more.
        """
        shown = _TOKEN.fullmatch(token)
        key, secret = shown.groups() if shown else ("", "")
        with self._database.read() as tx:
            row = tx.execute(select(tables.api_keys).where(_K.id == key)).first()
            # Also where there is no such key, so that nobody learns from the time it takes which ids there are.
            same = hmac.compare_digest(row.hash if row else _hash(""), _hash(secret))
            if row is None or not same:
                raise AccessError("this key is not known here: check that it was copied whole")
            record = _record(tx, row)
        return _still_valid(record)

    def valid_key(self, key: str, session: str) -> KeyRecord:
        """The key of an id, whose holder has shown it when a session of the pages began.

        Raises:
            AccessError: there is none, or not any more, or the session was ended.
        """
        ended = select(_E.id).where(_E.id == _hash(session)).exists().label("ended")
        with self._database.read() as tx:
            row = tx.execute(select(tables.api_keys, ended).where(_K.id == key)).first()
            if row is None or row.ended:
                raise AccessError("your login has ended: log in again")
            record = _record(tx, row)
        return _still_valid(record)

    def end_session(self, session: str, *, until: datetime) -> None:
        """Refuse a session of the pages until it would be over anyway; those that are over are forgotten."""
        id_ = _hash(session)
        with self._database.write() as tx:
            tx.execute(delete(tables.ended_sessions).where(or_(_E.id == id_, _E.until <= datetime.now(UTC))))
            tx.execute(insert(tables.ended_sessions).values(id=id_, until=until))

    def note_key_used(self, key: KeyRecord) -> None:
        """Write down that a key is being used, unless that was done within the last minute."""
        now = datetime.now(UTC)
        earlier = or_(_K.used.is_(None), _K.used < now - USED)
        if not key.used_lately:
            with self._database.note() as tx:
                tx.execute(update(tables.api_keys).where(_K.id == key.id, earlier).values(used=now))


def _check(
    name: str, scopes: Collection[Scope], galleries: Collection[Gallery] | None, expires: datetime | None
) -> None:
    if not _NAME.fullmatch(name):
        reason = "a key's name is made of up to 64 letters, digits, dots and dashes, and is not like an id"
        raise InputError(f"{name[:80]!r}: {reason}: write front-desk, say")
    if not scopes:
        raise InputError(f"{name}: a key without a scope opens nothing: give it one of {', '.join(Scope)}")
    if galleries is not None and not galleries:
        raise InputError(f"{name}: a key for no gallery opens nothing: name some, or leave them out for all")
    if expires is not None and expires <= datetime.now(UTC):
        raise InputError(f"{name}: the key would have ended on {expires:%Y-%m-%d %H:%M} already: choose a later day")


def _still_valid(key: KeyRecord) -> KeyRecord:
    if not key.valid:
        what = "was revoked" if key.revoked else f"ended on {key.expires:%Y-%m-%d %H:%M} UTC"
        raise AccessError(f'the key "{key.name}" {what}: ask for a new one')
    return key


def _find(tx: Connection, which: str) -> KeyRecord:
    row = tx.execute(select(tables.api_keys).where(or_(_K.id == which, _K.user == _USER + which))).first()
    if row is None:
        raise NotFoundError(f"{which[:80]!a}: {_REFUSED}")
    return _record(tx, row)


def _record(tx: Connection, row: Row[Any]) -> KeyRecord:
    names = None
    if row.galleries is not None:
        galleries = tables.galleries.c
        ids = [UUID(one) for one in row.galleries]
        names = tuple(tx.scalars(select(galleries.name).where(galleries.id.in_(ids)).order_by(galleries.name)))
    return KeyRecord(
        id=row.id,
        user=row.user,
        scopes=frozenset(map(Scope, row.scopes)),
        galleries=names,
        created=row.created,
        expires=row.expires,
        used=row.used,
        revoked=row.revoked,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
