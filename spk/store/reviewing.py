"""The part of the store that keeps what was heard in recordings, and lets people put it right and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import UUID

from spk.errors import NotFoundError
from spk.store import changes, consenting, hearings, queries, tables
from spk.store.changes import Journal
from spk.store.changing import Change
from spk.store.database import Database
from spk.store.files import sync_folder
from spk.store.heard import ChangeRecord, HeardPiece, HeardTurn, Hearing
from spk.store.home import Home
from spk.store.records import Gallery, Recording, Sample
from spk.store.retrieval import Retrieval

__all__ = ["Reviewing"]

_LONG = re.compile("[0-9a-f]{16,64}")  # as much of an id or a hash as the pages write
_P, _R = tables.speakers.c, tables.recordings.c


class Reviewing:
    """Hearings and changes; each method is one transaction."""

    _home: Home
    _database: Database
    _retrieval: Retrieval

    # What was heard

    def hearings(self, gallery: Gallery) -> list[Hearing]:
        """What was heard in the recordings of a gallery, in the order in which they were."""
        with self._database.read() as tx:
            return hearings.find(tx, gallery.id)

    def find_hearings(
        self,
        gallery: Gallery,
        *,
        q: str = "",
        newest: bool = False,
        limit: int | None = None,
        after: UUID | None = None,
    ) -> list[Hearing]:
        """What was heard in some recordings of a gallery, in the order in which they were.

        Args:
            gallery: Whose recordings.
            q: What their names hold, in whatever case.
            newest: Whether to begin with the last one.
            limit: How many at most; all of them, if None.
            after: The recording that the page before ended with.

        Raises:
            NotFoundError: that one is gone.
        """
        with self._database.read() as tx:
            return hearings.page(tx, gallery.id, q=q, newest=newest, limit=limit, after=after)

    def levels(self, hearing: Hearing) -> bytes | None:
        """How loud a recording is over time, as `spk.audio.levels` has it; None where that is not kept."""
        with self._database.read() as tx:
            return hearings.levels(tx, hearing.recording.id)

    def hearing(self, gallery: Gallery, recording: str) -> Hearing:
        """What was heard in one recording: named as it was, by the last part of its path, or by digits of an id.

        An id or a hash, or its first sixteen digits, means no other recording, whatever others are called.

        Raises:
            NotFoundError: nothing is kept of it, or several recordings are called so.
        """
        with self._database.read() as tx:
            digits = _digits(recording)
            found = hearings.find(tx, gallery.id, hearings.begins(digits)) if _LONG.fullmatch(digits) else []
            found = found or hearings.find(tx, gallery.id, _R.source == recording)
            found = found or [one for one in hearings.find(tx, gallery.id) if _called(one, recording)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFoundError(
                f'nothing is kept of a recording "{recording}": `spk recordings list` shows those that were identified'
            )
        several = ", ".join(f"{one.id.hex[:8]} ({one.recording.source})" for one in found[:5])
        raise NotFoundError(f'"{recording}" stands for {len(found)} recordings: write one of {several}')

    def heard(self, gallery: Gallery, sha256: str) -> Hearing | None:
        """What was heard in the recording whose audio has this hash, if anything is kept of it."""
        with self._database.read() as tx:
            return next(iter(hearings.find(tx, gallery.id, _R.sha256 == sha256)), None)

    def turns(self, hearing: Hearing) -> list[HeardTurn]:
        """The turns of a hearing, by time."""
        with self._database.read() as tx:
            return hearings.turns(tx, hearing.id)

    def recordings_of_turns(self, gallery: Gallery, ids: Collection[str]) -> list[Recording]:
        """The recordings that have turns of these ids, those with most of them first."""
        with self._database.read() as tx:
            return hearings.recordings_of_turns(tx, gallery.id, ids)

    def pieces(self, voices: Collection[UUID]) -> dict[UUID, tuple[HeardPiece, ...]]:
        """The pieces in which voices were embedded, by the voices' ids."""
        with self._database.read() as tx:
            return hearings.pieces(tx, voices)

    def samples_from(self, gallery: Gallery, recording: str) -> list[Sample]:
        """The samples that somebody has from the recording whose audio has this sha256, oldest first."""
        with self._database.read() as tx:
            return queries.samples(tx, _P.gallery == gallery.id, _R.sha256 == recording)

    # Changes

    @contextmanager
    def change(self, gallery: Gallery, what: str, *, dry_run: bool = False) -> Iterator[Change]:
        """A transaction in which people, samples and labels are changed, so that it can be undone.

        Args:
            what: In a few words, without names.
            dry_run: Whether to leave everything as it was in the end.

        Raises:
            ConflictError: somebody would get a name or a sample who has not consented, where the gallery requires it.
        """
        with ExitStack() as staged, self._database.write() as tx:
            change = Change(Journal(tx, gallery.id), gallery, self._home, staged)
            yield change
            consenting.check(change.journal)
            if dry_run:
                tx.rollback()
                return
            change.number = change.journal.note(what)
            for clip in change.placed:  # last, so that nothing lies there of a change that failed
                clip.place()
            if change.placed:
                sync_folder(self._home.clips)
        if change.moves_voiceprints:
            self._retrieval.push()

    def changes(self, gallery: Gallery, limit: int = 20, *, before: int | None = None) -> list[ChangeRecord]:
        """The last changes that can be undone, or were, newest first; those ``before`` a number, if one is given."""
        with self._database.read() as tx:
            return changes.latest(tx, gallery.id, limit, before=before)

    def undo(self, gallery: Gallery, numbers: Sequence[int] = (), *, last: int = 1) -> list[ChangeRecord]:
        """Undo the changes of some numbers, or the last ones, all of them or none: the newest first.

        Raises:
            NotFoundError: there is no such change, or nothing to undo.
            ConflictError: one was undone already, or something that it did was changed since.
        """
        with self.change(gallery, "undo") as change:
            return change.undo(numbers, last=last)


def _digits(text: str) -> str:
    """Of an id, however it is written."""
    return text.replace("-", "").lower()


def _called(hearing: Hearing, text: str) -> bool:
    source = hearing.recording.source
    digits = _digits(text)
    ids = (hearing.id.hex, hearing.recording.id.hex, hearing.recording.sha256)
    return source.rsplit("/", 1)[-1] == text or (len(digits) >= 4 and any(id_.startswith(digits) for id_ in ids))
