"""What was heard of somebody who is erased, and the changes that tell of them: gathered, and forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from spk.store import audit, hearings, outbox, queries, tables
from spk.store.erasure.pseudonyms import Called
from spk.store.heard import Label, SaidBy
from spk.store.records import Speaker

__all__ = ["Reviewed", "forget", "telling"]

_S, _R, _P, _V, _T, _H, _C = (
    tables.samples.c,
    tables.recordings.c,
    tables.voiceprints.c,
    tables.voices.c,
    tables.turns.c,
    tables.hearings.c,
    tables.changes.c,
)
# In the edits of changes, which are many: ids, and what people are called.
_ID = re.compile("[0-9a-f]{32}")
_WORD = re.compile(r'"(?:name|label)": ("(?:[^"\\]|\\.)*")')
_OF_GALLERY = tables.voices.join(tables.hearings, _H.id == _V.hearing).join(tables.recordings, _R.id == _H.recording)


@dataclass(frozen=True, eq=False)
class Reviewed:
    """What the review of recordings knows of one person.

    Attributes:
        aliases: Who was merged into the person.
        voices: Those that are theirs, or may be.
        changes: The numbers of those that tell of the person: they cannot be undone any more.
        samples: Of theirs, those that are nobody's now.
        prints: The voiceprints of these, each with its model's number.
        models: The fingerprints of these models.
        vectors: Of the voices and of the voiceprints, (dim,).
        pieces: Of the voices, (dim,).
        hashes: Of the audio of the voices and of the samples.
    """

    aliases: frozenset[UUID]
    voices: tuple[UUID, ...]
    changes: tuple[int, ...]
    samples: tuple[UUID, ...]
    prints: tuple[tuple[UUID, int], ...]
    models: frozenset[str]
    vectors: tuple[NDArray[np.float32], ...]
    pieces: tuple[NDArray[np.float32], ...]
    hashes: frozenset[str]

    @classmethod
    def gather(cls, tx: Connection, speaker: Speaker, called: Called) -> Reviewed:
        """Read it."""
        aliases = _aliases(tx, speaker)
        owned = set(tx.scalars(select(_S.id).where(_S.speaker == speaker.id)))
        given = _nobodys(tx, _once_theirs(tx, {speaker.id, *aliases}, called)) | _same_audio(tx, speaker)
        given -= _of_others(tx, speaker, given)
        voices = _voices(tx, speaker, owned | given, called)
        given |= _nobodys(tx, _column(tx, _V.sample, _V.id, voices))
        ids = {speaker.id, *aliases, *owned, *given, *voices}
        prints = [
            row
            for some in queries.portions(given)
            for row in tx.execute(
                select(_P.id, _P.model, tables.models.c.fingerprint, _P.vector)
                .join(tables.models, tables.models.c.id == _P.model)
                .where(_P.sample.in_(some))
            )
        ]
        pieces = hearings.pieces(tx, voices).values()
        heard = (*_column(tx, _V.vector, _V.id, voices), *(row.vector for row in prints))
        return cls(
            aliases=frozenset(aliases),
            voices=tuple(sorted(voices)),
            changes=tuple(number for number, _ in telling(tx, ids, called)),
            samples=tuple(sorted(given)),
            prints=tuple((row.id, row.model) for row in prints),
            models=frozenset(row.fingerprint for row in prints),
            vectors=tuple(tables.from_bytes(vector)[0] for vector in heard),
            pieces=tuple(piece.vector for some in pieces for piece in some),
            hashes=frozenset({*_column(tx, _V.sha256, _V.id, voices), *_column(tx, _S.sha256, _S.id, given)} - {""}),
        )

    def ids(self) -> set[UUID]:
        """What must be nowhere any more."""
        return {*self.aliases, *self.samples, *(id_ for id_, _ in self.prints)}


def forget(tx: Connection, called: Called, speaker: UUID, what: Reviewed) -> None:
    """Take it out of the tables, and the person out of what is said of others; turns stay, of voices without names."""
    gone = [speaker, *what.aliases]
    outbox.note(tx, what.prints)
    for some in queries.portions(what.samples):
        tx.execute(delete(tables.samples).where(_S.id.in_(some)))
    for numbers in queries.portions(what.changes):
        tx.execute(delete(tables.changes).where(_C.number.in_(numbers)))
    # A person's word, so that it is never judged again: there is nothing to judge it by.
    nobody = hearings.labelled(Label(SaidBy.PERSON, verdict="unknown"))
    empty: dict[str, Any] = {
        "vector": None,
        "pieces": [],
        "piece_vectors": None,
        "parts": [],
        "sha256": "",
        "quality": {},
    }
    for some in queries.portions(what.voices):
        tx.execute(update(tables.voices).where(_V.id.in_(some)).values(sample=None, **empty, **nobody))
    for column in (_V.candidate, _V.runner_up):
        tx.execute(update(tables.voices).where(column.in_(gone)).values({column: None}))
    for row in _labels(tx, called):
        tx.execute(update(tables.voices).where(_V.id == row.id).values(label=f"voice-{row.id.hex[:8]}"))
    for row in _turns(tx, called):
        where = and_(_T.hearing == row.hearing, _T.id == row.id)
        tx.execute(update(tables.turns).where(where).values(id=uuid4().hex[:12]))
    ours = select(_R.id).where(_R.gallery == called.gallery)
    expected = select(_H.id, _H.attendees).where(_H.attendees.is_not(None), _H.recording.in_(ours))
    theirs = {id_.hex for id_ in gone}
    for row in tx.execute(expected).all():
        kept = [id_ for id_ in row.attendees if id_ not in theirs]
        if kept != row.attendees:
            tx.execute(update(tables.hearings).where(_H.id == row.id).values(attendees=kept))


def telling(tx: Connection, ids: Collection[UUID], called: Called) -> Iterator[tuple[int, list[Any]]]:
    """The numbers and edits of the changes that hold one of some ids, or a name; a few at a time."""
    digits = {id_.hex for id_ in ids}
    query = select(_C.number, _C.gallery, _C.edits).execution_options(yield_per=1_000)
    for row in tx.execute(query):
        ours = row.gallery == called.gallery or not called.shared  # elsewhere the name is somebody else's
        about = not digits.isdisjoint(_ID.findall(row.edits))
        if about or (ours and any(called(json.loads(word)) for word in _WORD.findall(row.edits))):
            yield row.number, json.loads(row.edits)


def _aliases(tx: Connection, speaker: Speaker) -> set[UUID]:
    """Who was merged into somebody, and into them; those left out who are there again."""
    found: set[UUID] = set()
    wanted = [speaker.id]
    while wanted:
        into = str(wanted.pop())
        merged = audit.matching(tx, about=UUID(into), action="merge")
        new = {UUID(entry.detail["speaker"]) for entry in merged if entry.detail["into"] == into} - found
        new -= {speaker.id, *(person.id for person in queries.people(tx, new))}
        found |= new
        wanted += new
    return found


def _once_theirs(tx: Connection, people: Collection[UUID], called: Called) -> set[UUID]:
    """Samples that were some people's before or after a change."""
    digits = {id_.hex for id_ in people}
    return {
        UUID(key["id"])
        for _, edits in telling(tx, people, called)
        for table, key, before, after in edits
        if table == tables.samples.name
        for values in (before or {}, after or {})
        if values.get("speaker") in digits
    }


def _nobodys(tx: Connection, samples: Iterable[UUID | None]) -> set[UUID]:
    """Those of some samples that nobody has."""
    wanted = {id_ for id_ in samples if id_ is not None}
    return {
        id_
        for some in queries.portions(wanted)
        for id_ in tx.scalars(select(_S.id).where(_S.id.in_(some), _S.speaker.is_(None)))
    }


def _of_others(tx: Connection, speaker: Speaker, samples: Iterable[UUID]) -> set[UUID]:
    """Those of some samples that were made of voices which are known to be somebody else's."""
    query = select(_V.sample).where(_V.speaker != speaker.id)
    return {id_ for some in queries.portions(samples) for id_ in tx.scalars(query.where(_V.sample.in_(some)))}


def _same_audio(tx: Connection, speaker: Speaker) -> set[UUID]:
    """Nobody's samples of the very audio that somebody is known by."""
    theirs = select(_S.sha256).where(_S.speaker == speaker.id)
    ours = select(_R.id).where(_R.gallery == speaker.gallery)
    return set(tx.scalars(select(_S.id).where(_S.speaker.is_(None), _S.recording.in_(ours), _S.sha256.in_(theirs))))


def _voices(tx: Connection, speaker: Speaker, samples: Iterable[UUID], called: Called) -> set[UUID]:
    """The voices of the gallery that are somebody's, or may be, as decisions have it: see `decisions.perhaps_of`."""
    recordings = select(_S.recording).where(_S.speaker == speaker.id)
    vectors = select(_P.vector).join(tables.samples).where(_S.speaker == speaker.id)
    looks_so = and_(_V.candidate == speaker.id, or_(_V.verdict == "unsure", _V.llr > 0))
    perhaps = and_(_V.speaker.is_(None), or_(looks_so, _H.recording.in_(recordings)))
    query = select(_V.id).select_from(_OF_GALLERY).where(_R.gallery == speaker.gallery)
    found = set(tx.scalars(query.where(or_(_V.speaker == speaker.id, perhaps, _V.vector.in_(vectors)))))
    found |= {row.id for row in _labels(tx, called) if row.speaker is None and row.gallery == speaker.gallery}
    return found.union(*(tx.scalars(select(_V.id).where(_V.sample.in_(some))) for some in queries.portions(samples)))


def _labels(tx: Connection, called: Called) -> list[Any]:
    """The voices whose labels hold a name."""
    query = select(_V.id, _V.label, _V.speaker, _R.gallery).select_from(_OF_GALLERY)
    if called.shared:
        query = query.where(_R.gallery == called.gallery)
    return [row for row in tx.execute(query) if called(row.label)]


def _turns(tx: Connection, called: Called) -> list[Any]:
    """The turns whose ids hold a name: they come from other programs."""
    query = select(_T.hearing, _T.id).execution_options(yield_per=1_000)
    if called.shared:
        query = query.join(tables.hearings, _H.id == _T.hearing).join(tables.recordings, _R.id == _H.recording)
        query = query.where(_R.gallery == called.gallery)
    return [row for row in tx.execute(query) if called(row.id)]


def _column(tx: Connection, column: ColumnElement[Any], key: ColumnElement[UUID], ids: Iterable[UUID]) -> list[Any]:
    """What stands in a column of some rows, less what is empty."""
    query = select(column).where(column.is_not(None))
    return [value for some in queries.portions(ids) for value in tx.scalars(query.where(key.in_(some)))]
