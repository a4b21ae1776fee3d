"""The part of the store that lists people a page at a time, and finds their clips; quick however many they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, String, and_, cast, func, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from spk.errors import NotFoundError
from spk.store import hearings, queries, tables
from spk.store.database import Database
from spk.store.heard import Hearing
from spk.store.home import Home
from spk.store.records import Gallery, Sample, Speaker, SpeakerState

__all__ = ["Census", "Listed", "Listing"]

_P, _S = tables.speakers.c, tables.samples.c


@dataclass(frozen=True, slots=True)
class Listed:
    """A speaker with what the samples sum up to: how many, from how many recordings, seconds of net speech."""

    speaker: Speaker
    samples: int
    recordings: int
    net_seconds: float


@dataclass(frozen=True, slots=True)
class Census:
    """How many people a gallery has, strangers included, and how many of them are strangers who await review."""

    people: int
    unknown: int


class Listing:
    """Lists; each method is one transaction."""

    _home: Home
    _database: Database

    def census(self, gallery: Gallery) -> Census:
        """How many people a gallery has."""
        count = select(func.count()).where(_P.gallery == gallery.id)
        strangers = count.where(_P.name.is_(None), _P.state == SpeakerState.UNKNOWN)  # the names lead to them quickly
        with self._database.read() as tx:
            return Census(tx.scalar(count) or 0, tx.scalar(strangers) or 0)

    def find_speakers(
        self,
        gallery: Gallery,
        *,
        q: str = "",
        state: SpeakerState | None = None,
        limit: int = 100,
        after: Speaker | None = None,
    ) -> list[Listed]:
        """Some speakers of a gallery in the order of `Store.speakers`: by name, then the unknown ones, oldest first.

        Args:
            gallery: Whose.
            q: What the name or label holds, in whatever case.
            state: The only one.
            limit: How many at most.
            after: The last one of the page before; nothing but the name, the age and the id of it matters.
        """
        conditions = [_P.gallery == gallery.id, *([_P.state == state] if state else [])]
        if text := unicodedata.normalize("NFC", q).strip():
            label = func.coalesce(_P.name, literal("unknown-") + func.substr(cast(_P.id, String), 1, 8))
            pattern = "%" + "".join(f"/{one}" if one in "%_/" else one for one in text) + "%"
            conditions.append(_folded(label).like(_folded(literal(pattern)), escape="/"))
        with self._database.read() as tx:
            found: list[Speaker] = []
            # Two queries, each as an index leads to them; strangers have no names.
            if state is not SpeakerState.UNKNOWN and (after is None or after.name is not None):
                past = _P.name.is_not(None) if after is None else _P.name > after.name
                found = queries.speakers(tx, gallery.id, *conditions, past, order=(_P.name,), limit=limit)
            if len(found) < limit:
                conditions.append(_P.name.is_(None))
                if after is not None and after.name is None:
                    later = and_(_P.created == after.created, _P.id > after.id)
                    conditions.append(or_(_P.created > after.created, later))
                left, order = limit - len(found), (_P.created, _P.id)
                found += queries.speakers(tx, gallery.id, *conditions, order=order, limit=left)
            totals = _totals(tx, (one.id for one in found))
        return [Listed(one, *totals.get(one.id, (0, 0, 0.0))) for one in found]

    def hearings_of(self, speaker: Speaker) -> list[Hearing]:
        """What was heard in the recordings in which a voice is said to be this person's, the oldest first."""
        theirs = select(tables.voices.c.hearing).where(tables.voices.c.speaker == speaker.id)
        with self._database.read() as tx:
            return hearings.find(tx, speaker.gallery, tables.hearings.c.id.in_(theirs))

    def sample(self, gallery: Gallery, which: str) -> Sample:
        """A sample that somebody of a gallery has, by its id or the first digits of it.

        Raises:
            NotFoundError: there is none, or several begin like this.
        """
        with self._database.read() as tx:
            return queries.find_sample(tx, gallery.id, which)

    def sample_clips(self, samples: Iterable[UUID]) -> dict[UUID, Path]:
        """The FLAC clips of these samples, as far as they are kept."""
        found = {}
        with self._database.read() as tx:
            for some in queries.portions(samples):
                rows = tx.execute(select(tables.clips).where(tables.clips.c.sample.in_(some)))
                found.update({row.sample: self._home.clip(row.sha256) for row in rows})
        return {sample: clip for sample, clip in found.items() if clip.is_file()}  # or else somebody has removed it

    def clip(self, gallery: Gallery, which: str) -> Path:
        """The FLAC clip of a sample that somebody of a gallery has: by its id, or the first digits of it.

        Raises:
            NotFoundError: there is no such sample, or its audio is not kept.
        """
        sample = self.sample(gallery, which)
        clip = self.sample_clips([sample.id]).get(sample.id)
        if clip is None:
            raise NotFoundError(f"{which}: no audio is kept of that sample: keep_audio says of which it is")
        return clip


def _totals(tx: Connection, speakers: Iterable[UUID]) -> dict[UUID, tuple[int, int, float]]:
    """Samples, recordings and net speech of speakers; those without samples are left out."""
    columns = (func.count(), func.count(_S.recording.distinct()), func.sum(_S.net_seconds))
    found = {}
    for some in queries.portions(speakers):
        for row in tx.execute(select(_S.speaker, *columns).where(_S.speaker.in_(some)).group_by(_S.speaker)):
            found[row[0]] = (row[1], row[2], row[3])
    return found


class _folded(FunctionElement[str]):  # noqa: N801 - written like a function
    """A text without its case, in all alphabets: the databases' own ``LIKE`` knows A to Z alone, or depends."""

    type = String()
    inherit_cache = True


@compiles(_folded, "sqlite")
def _by_our_function(element: _folded, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"spk_folded({compiler.process(element.clauses, **how)})"  # see `spk.store.sqlite`


@compiles(_folded, "postgresql")
def _by_the_database(element: _folded, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f'lower(({compiler.process(element.clauses, **how)}) COLLATE "default")'
