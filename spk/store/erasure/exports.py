"""Files that people were exported to: noted when they are written, so that an erasure reaches them.

A noted file that lies where it was put, unchanged, is written anew without whoever is erased. It happens before the
erasure itself: whoever is killed between the two has to ask for it again, and nothing was lost that was not to go.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from spk.errors import ConflictError, SpkError
from spk.store import audit, disclosure, tables
from spk.store.database import Database
from spk.store.files import sync_folder, write_through

__all__ = ["Cleaned", "Left", "clean", "finish", "forget", "forget_named", "note"]

_E = tables.exports.c


@dataclass(frozen=True, slots=True)
class Left:
    """An exported file that somebody has to look after: where it was put, its hash of then, and why."""

    path: Path
    sha256: str
    why: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of the exports of a gallery.

    Attributes:
        rewritten: Those that hold others still.
        removed: How many held nobody else, and are gone.
        left: Those that could not be written anew.
    """

    rewritten: tuple[Path, ...]
    removed: int
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class _Content:
    """A file without some people: how many others it has, whether it is another now, and what writes it."""

    left: int
    changed: bool
    write: Callable[[Path], str]


def announce(tx: Connection, gallery: UUID, path: Path) -> Path:
    """Say that an export is going to be written: whoever is killed at it leaves part of it where `finish` looks.

    Returns:
        What to write, to be put at ``path`` after it was noted.
    """
    id_ = uuid4()
    row = {"id": id_, "gallery": gallery, "path": _storable(path), "sha256": "", "created": datetime.now(UTC)}
    tx.execute(insert(tables.exports).values(row))
    return _beside(path.resolve(), id_)


def note(
    tx: Connection,
    gallery: UUID,
    path: Path,
    sha256: str,
    *,
    as_of: int,
    held: Mapping[str, int],
    about: UUID | None = None,
) -> None:
    """Remember an export, instead of what was exported to that file before; under the lock of erasures.

    The audit log, which stays for ever, does not name the file: its name may be somebody's.

    Args:
        as_of: The last row of the audit log before the gallery was read.
        held: What was exported, and how many, for the audit log.
        about: The one person whom it is about, if it is told them.

    Raises:
        ConflictError: somebody was erased since, who may be in the file.
    """
    if audit.erased(tx, as_of):
        raise ConflictError(f"{path}: somebody was erased just now, so nothing was written: try again")
    place = _storable(path)
    tx.execute(delete(tables.exports).where(_E.path == place))
    tx.execute(
        insert(tables.exports).values(id=uuid4(), gallery=gallery, path=place, sha256=sha256, created=datetime.now(UTC))
    )
    if about is None:
        audit.append(tx, "export", gallery=gallery, sha256=sha256, **held)
    else:
        audit.append(tx, "disclose", gallery=gallery, speaker=about, sha256=sha256, **held)


def forget(tx: Connection, path: Path) -> None:
    """Remember no longer where an export was put, since the file is not there any more; the audit log still does."""
    tx.execute(delete(tables.exports).where(_E.path == _storable(path)))


def clean(database: Database, gallery: UUID, gone: Collection[UUID], named: Callable[[str], bool]) -> Cleaned:
    """Take people out of every exported file; under the lock of erasures.

    Args:
        gone: Whom.
        named: Whether the name of a recording holds that of one of them.
    """
    rewritten, left, removed = [], [], 0
    with database.read() as tx:
        noted = tx.execute(select(tables.exports).where(_E.gallery == gallery, _E.sha256 != "")).all()
    for row in noted:
        path = _place(row)
        try:
            if not path.is_file() or _sha256(path) != row.sha256:
                left.append(Left(path, row.sha256, "not found: look for copies"))
                continue
            content = _content(path, gone, named)
            if content.changed and not content.left:
                path.unlink()
                sync_folder(path.parent)
                with database.write() as tx:
                    tx.execute(delete(tables.exports).where(_E.id == row.id))
                removed += 1
            elif content.changed:
                _replace(database, row, content)
                rewritten.append(path)
        except (OSError, SpkError) as problem:
            left.append(Left(path, row.sha256, f"not written anew ({type(problem).__name__}): remove it"))
    return Cleaned(tuple(rewritten), removed, tuple(left))


def finish(database: Database, *, announced_before: datetime | None = None) -> None:
    """Put what was written anew in its place, or away, where a killed process did not come to it; under the lock.

    Args:
        announced_before: Leave exports alone that were announced later: somebody may be at work on them.
    """
    begun = _E.sha256 == ""
    over = begun if announced_before is None else and_(begun, _E.created < announced_before)
    with database.read() as tx:
        noted = tx.execute(select(tables.exports).where(or_(~begun, over))).all()
    for row in noted:
        beside = _beside(_place(row), row.id)
        if beside.is_file():
            if _sha256(beside) == row.sha256:
                beside.replace(_place(row))
            else:
                beside.unlink()
            sync_folder(beside.parent)
    with database.write() as tx:
        tx.execute(delete(tables.exports).where(over))


def forget_named(tx: Connection, gallery: UUID, named: Callable[[str], bool]) -> list[Left]:
    """Forget exports the file or folder of which is called by a name, since that may not be remembered."""
    found = [row for row in tx.execute(select(tables.exports).where(_E.gallery == gallery)) if named(row.path)]
    left = []
    for row in found:
        tx.execute(delete(tables.exports).where(_E.id == row.id))
        why = "its folder's name holds the name: move or remove it"
        if named(Path(row.path).name):
            why = "its file name holds the name: rename or remove it"
        left.append(Left(Path(row.path), row.sha256, why))
    return left


def _replace(database: Database, row: Row[Any], content: _Content) -> None:
    path = _place(row)
    beside = _beside(path, row.id)
    beside.unlink(missing_ok=True)
    sha256 = content.write(beside)
    shutil.copymode(path, beside)
    with database.write() as tx:
        tx.execute(update(tables.exports).where(_E.id == row.id).values(sha256=sha256))
    beside.replace(path)
    sync_folder(path.parent)


def _place(row: Row[Any]) -> Path:
    """The file itself, if it was exported to a link."""
    return Path(row.path).resolve()


def _beside(place: Path, export: UUID) -> Path:
    return place.with_name(f".{export.hex}.tmp")


def _storable(path: Path) -> str:
    """A file's place as text: its name may hold bytes that are none."""
    return str(path.resolve()).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content(path: Path, gone: Collection[UUID], named: Callable[[str], bool]) -> _Content:
    with path.open("rb") as file:
        begin = file.read(64)
    if begin[:1] in (b"{", b""):  # nobody was exported: no lines
        return _lines(path, gone, named)
    if begin[30:].startswith(disclosure.FIRST.encode()):  # after a header of 30 bytes
        return _disclosed(path, gone, named)
    return _bundle(path, gone, named)


def _disclosed(path: Path, gone: Collection[UUID], named: Callable[[str], bool]) -> _Content:
    """An archive about one person: it goes with them, and where it names somebody who goes."""
    with ZipFile(path) as archive:
        about = json.loads(archive.read(disclosure.FIRST))
        texts = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".json")]
    stays = UUID(about["speaker_id"]) not in gone and not any(map(named, texts))
    return _Content(int(stays), not stays, lambda _: "")


def _bundle(path: Path, gone: Collection[UUID], named: Callable[[str], bool]) -> _Content:
    from spk.store.bundles import Bundle

    whole = Bundle.read(path)
    bundle = whole
    for speaker in {person.id for person in whole.speakers}.intersection(gone):
        bundle = bundle.without(speaker)
    recordings = tuple(
        replace(one, source=f"recording-{one.sha256[:12]}") if named(one.source) else one for one in bundle.recordings
    )
    consents = tuple(
        replace(
            one,
            given_by="a representative" if named(one.given_by or "") else one.given_by,
            reference=None if named(one.reference or "") else one.reference,
        )
        for one in bundle.consents
    )
    if (recordings, consents) != (bundle.recordings, bundle.consents):
        bundle = replace(bundle, recordings=recordings, consents=consents)
    return _Content(len(bundle.speakers), bundle is not whole, lambda beside: bundle.stage(path, beside).sha256)


def _lines(path: Path, gone: Collection[UUID], named: Callable[[str], bool]) -> _Content:
    lines = path.read_bytes().splitlines(keepends=True)
    ids = {str(id_) for id_ in gone}
    kept = [_relabelled(line, named) for line in lines if json.loads(line)["speaker_id"] not in ids]

    def write(beside: Path) -> str:
        write_through(beside, kept)
        return hashlib.sha256(b"".join(kept)).hexdigest()

    return _Content(len(kept), kept != lines, write)


def _relabelled(line: bytes, named: Callable[[str], bool]) -> bytes:
    """A line of `spk speakers export`; as it is, where no recording is called by the name."""
    person = json.loads(line)
    changed = False
    for kind, id_ in (("samples", "sample_id"), ("decisions", "decision_id")):
        for one in person[kind]:
            if named(one["recording"]):
                one["recording"], changed = f"recording-{one[id_][:8]}", True
    return json.dumps(person, ensure_ascii=False).encode() + b"\n" if changed else line
