"""Looking for people after they were erased: in the engine, in the tables, and in the bytes of every file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import JSON, Connection, String, Text, Uuid, cast, select, text

from spk.embed.weights import Progress
from spk.errors import EngineError
from spk.store import queries, tables
from spk.store.database import Database
from spk.store.erasure.erased import Erased
from spk.store.erasure.pseudonyms import ID
from spk.store.erasure.receipts import Check
from spk.store.erasure.reviewed import telling
from spk.store.erasure.traces import PIECE, ByteSearch, NameForms, vector_pieces
from spk.store.home import Home
from spk.store.names import mentions
from spk.store.problems import explained
from spk.store.retrieval import Retrieval

__all__ = ["prove"]

_NEAREST = 10
_SETTINGS = "spk.toml"  # is the user's: a name in it is not for us to remove
# Where somebody's own words stand, beside the names of people; the rest of the tables is ours.
_FREE = (
    tables.recordings.c.source,
    tables.decisions.c.source,
    tables.exports.c.path,
    tables.consents.c.given_by,
    tables.consents.c.reference,
)
_OWN_WORDS = {"speaker", "enrolled", "unknown", "unsure", "known", "identify", "verify", "private", "machine"}.union(
    *({table.name, *table.c.keys()} for table in tables.metadata.sorted_tables),
    {"counter", "data", "queue", "schedule", "task", "timestamp", "value", "work"},  # in the file of the queue
)
# Engines that were away must hear yet of voiceprints that are gone.
_ALLOWED = (tables.audit, tables.outbox)
_IN_FILES = {"vector": "pieces of vectors", "clip": "pieces of clips", "hash": "hashes of speech", "name": "names"}


def prove(
    home: Home,
    database: Database,
    retrieval: Retrieval,
    erased: Erased,
    exported: Sequence[Path],
    *,
    progress: Progress,
) -> tuple[Check, ...]:
    """Look for people everywhere.

    Args:
        exported: Files outside of the home that they were taken out of.
        progress: Told how far it is.

    Raises:
        StoreError: something cannot be read.
    """
    checks = [_search(retrieval, erased)]
    with database.read() as tx:
        checks += [_ids(tx, erased), _names(tx, erased)]
        pieces, shared = _pieces(tx, erased)
        names = [form for form in _forms(tx, erased) if form.searchable]
        elsewhere = "" if tx.dialect.name == "sqlite" else "; the database is a server, the files of which are not ours"
    with explained(home.path):
        found, where = _files(home, names, ByteSearch(pieces, names), exported, progress)
    counts = Counter(pieces.values()) + Counter(name=len(names))
    unsearched = len(erased.called.names) - len(names)
    notes = {
        "vector": f"{shared} more stay, because somebody else has the very same" if shared else "",
        "name": f"{unsearched} more cannot be told from chance, from others or from words of spk" if unsearched else "",
    }
    for what, told in _IN_FILES.items():
        places = tuple(found.get(what, ()))
        checks.append(Check(f"{told} in files", counts[what], where + elsewhere, places, notes.get(what, "")))
    return tuple(checks)


def _search(retrieval: Retrieval, erased: Erased) -> Check:
    """Search with the old profiles; the engine itself is asked, before SQL drops whom it does not know."""
    what, where = "old profiles in the vector engine", "the nearest people of the gallery"
    models = {model.fingerprint: model for model in retrieval.models()}
    gone = {person.speaker.id for person in erased.people}
    asked, found = 0, set()
    engine = retrieval.shared() or retrieval  # a shared one itself, and not what answers in its place
    try:
        for person in erased.people:
            for fingerprint, vectors in person.profiles().items():
                for nearest in engine.search(models[fingerprint], vectors, _NEAREST, erased.gallery):
                    found |= gone.intersection(candidate.speaker for candidate in nearest)
                asked += len(vectors)
    except EngineError:
        return Check(what, asked, where, ("not looked for, because the engine does not answer",))
    return Check(what, asked, where, tuple(sorted(map(str, found))))


def _ids(tx: Connection, erased: Erased) -> Check:
    ids = erased.ids()
    digits = {id_.hex for id_ in ids}
    found = set()
    for table in tables.metadata.sorted_tables:
        if table in _ALLOWED:
            continue
        for column in table.c:
            if isinstance(column.type, Uuid):
                there = any(
                    tx.scalar(select(column).where(column.in_(some)).limit(1)) for some in queries.portions(ids)
                )
            elif isinstance(column.type, String | Text | JSON | tables.JsonText):
                texts = tx.scalars(select(cast(column, Text)).execution_options(yield_per=1_000))
                there = any(_mentioned(one, digits) for one in texts if one)
            else:
                continue
            if there:
                found.add(f"{table.name}.{column.name}")
    names = ", ".join(table.name for table in _ALLOWED)
    return Check("ids in tables", len(ids), f"every table but {names}", tuple(sorted(found)))


def _mentioned(content: str, digits: set[str]) -> bool:
    return any(found[0].replace("-", "") in digits for found in ID.finditer(content))


def _names(tx: Connection, erased: Erased) -> Check:
    called, found = erased.called, set()
    for column in _FREE:
        query = select(column).where(column.is_not(None))
        if called.shared:
            query = query.where(column.table.c.gallery == called.gallery)
        # The folders of exports are everybody's: one may be called like the user.
        if any(called(Path(one).name if column is tables.exports.c.path else one) for one in tx.scalars(query)):
            found.add(f"{column.table.name}.{column.name}")
    for column in (tables.voices.c.label, tables.turns.c.id):
        query = select(column).join(tables.hearings, tables.hearings.c.id == column.table.c.hearing)
        query = query.join(tables.recordings, tables.recordings.c.id == tables.hearings.c.recording).distinct()
        if called.shared:
            query = query.where(tables.recordings.c.gallery == called.gallery)
        if any(map(called, tx.scalars(query))):
            found.add(f"{column.table.name}.{column.name}")
    if any(True for _ in telling(tx, (), called)):
        found.add("changes.edits")
    looked = (*_FREE, tables.voices.c.label, tables.turns.c.id, tables.changes.c.edits)
    where = ", ".join(f"{column.table.name}.{column.name}" for column in looked)
    note = "in this gallery alone: in another one somebody has the same name" if called.shared else ""
    return Check("names in tables", len(called.names), where, tuple(sorted(found)), note)


def _pieces(tx: Connection, erased: Erased) -> tuple[dict[bytes, str], int]:
    """What to look for in files, and how many vectors are somebody else's, too, and stay."""
    every = {tables.to_bytes(vector): vector for vector in erased.vectors()}
    stored = (tables.voiceprints.c.vector, tables.decided_voices.c.vector, tables.voices.c.vector)
    others: set[bytes] = set()
    parts = {tables.to_bytes(piece) for piece in erased.pieces()}
    for some in queries.portions(every.keys() | parts):
        for column in stored:
            others.update(tx.scalars(select(column).where(column.in_(some))))
    pieces = {piece: "vector" for data, one in every.items() if data not in others for piece in vector_pieces(one)}
    others |= _parts_of_others(tx, parts)
    pieces |= {part[:PIECE]: "vector" for part in parts - others}
    hashes = erased.hashes()
    # Of somebody who speaks all the time, the hash is that of the recording, which is kept as a recording.
    for portion in queries.portions(list(hashes)):
        for column in (tables.samples.c.sha256, tables.voices.c.sha256, tables.recordings.c.sha256):
            hashes -= set(tx.scalars(select(column).where(column.in_(portion))))
    pieces |= {sha256.encode(): "hash" for sha256 in hashes}
    pieces |= {piece: "clip" for person in erased.people for piece in person.heard}
    return pieces, len(others)


def _parts_of_others(tx: Connection, parts: set[bytes]) -> set[bytes]:
    """Those pieces of voices that other voices have, too, where a recording was listened to twice."""
    found: set[bytes] = set()
    column = tables.voices.c.piece_vectors
    query = select(column).where(column.is_not(None)).execution_options(yield_per=1_000)
    for length in {len(part) for part in parts}:
        for whole in tx.scalars(query):
            found |= {whole[start : start + length] for start in range(0, len(whole), length)} & parts
    return found


def _forms(tx: Connection, erased: Erased) -> list[NameForms]:
    """The names, and where they may stand: in names of others, and in who changed something."""
    users = (f'"user":"{name}"' for name in erased.called.names)
    change = tables.changes.c
    users_too = (f"{row.user}{row.what}" for row in tx.execute(select(change.user, change.what).distinct()))
    noted = tables.consents.c
    who = (noted.recorded_by, noted.purpose, noted.withdrawn_by)  # as they stand in a row
    users_of_consents = ("".join(filter(None, row)) for row in tx.execute(select(*who).distinct()))
    keys = tx.scalars(select(tables.api_keys.c.user))
    allowed = {
        *erased.called.others,
        *tx.scalars(select(tables.exports.c.path)),
        *users,
        *users_too,
        *users_of_consents,
        *keys,
    }
    points = tx.scalars(select(tables.hearings.c.point).distinct())
    own = _OWN_WORDS.union(_schema_words(tx), *(map(str.casefold, point) for point in points))
    return [
        NameForms(name, tuple(one for one in allowed if mentions(one, name)))
        for name in erased.called.names
        if name.casefold() not in own
    ]


def _schema_words(tx: Connection) -> set[str]:
    """What stands in the file of a database because it has tables: somebody may be called Table, or Key."""
    if tx.dialect.name != "sqlite":
        return set()
    texts = tx.scalars(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {word.casefold() for one in texts for word in re.findall(r"[^\W_]+", one)}


def _files(
    home: Home, names: Sequence[NameForms], search: ByteSearch, exported: Sequence[Path], report: Progress
) -> tuple[dict[str, list[str]], str]:
    """What was found of each kind, and what was searched."""
    files = [*sorted(path for path in home.path.rglob("*") if path.is_file()), *exported]
    sizes = [_size(path) for path in files]
    found: dict[str, list[str]] = {}
    done = 0
    for path, size in zip(files, sizes, strict=True):
        place = str(path.relative_to(home.path)) if path.is_relative_to(home.path) else "an export"
        if any(mentions(place, one.name, one.others) for one in names):
            place = "a file that is called so"
            found.setdefault("name", []).append(place)
        for what, at in search.search(path).items():
            if (what, place) != ("name", _SETTINGS):
                found.setdefault(what, []).append(f"{place}, byte {at}")
        done += size
        report(done, sum(sizes), "looking for what was erased")
    return found, f"{len(files)} files, {sum(sizes)} bytes"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just finished with it
        return 0
