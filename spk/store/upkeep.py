"""The part of the store that moves galleries, removes what was kept for long enough, and reads the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select

from spk.embed.weights import Progress
from spk.errors import StoreError
from spk.store import audit, decisions, enrolling, retention, tables
from spk.store.audit import AuditCheck, AuditEntry
from spk.store.database import Database
from spk.store.erasure import exports
from spk.store.files import sync_folder
from spk.store.home import Home
from spk.store.names import clean_name
from spk.store.problems import explained
from spk.store.records import Gallery

if TYPE_CHECKING:
    from spk.store.bundles import Bundle

__all__ = ["Exported", "Imported", "Pruned", "Upkeep"]

_EXPORTING = timedelta(days=1)  # nobody writes a bundle for longer


@dataclass(frozen=True)
class Exported:
    """A bundle that was written: what is in it, where it lies, and the sha256 of the file."""

    bundle: Bundle
    path: Path
    sha256: str


@dataclass(frozen=True)
class Imported:
    """A bundle that was stored.

    Attributes:
        gallery: Where its people are now.
        bundle: What was stored.
        clips: How many of its clips.
        left_out: People of the file who had been erased here.
    """

    gallery: Gallery
    bundle: Bundle
    clips: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        clips: Samples that nothing is kept of any more to listen to.
        decisions: Decisions.
        files: Audio files, those included that belonged to no sample.
        bytes: How much room these took.
        hearings: What was heard in recordings.
        changes: Those that cannot be undone any more.
        samples: Nobody's, which only such a change could have given back.
    """

    clips: int
    decisions: int
    files: int
    bytes: int
    hearings: int = 0
    changes: int = 0
    samples: int = 0


_NOTHING = Pruned(clips=0, decisions=0, files=0, bytes=0)


class Upkeep:
    """Bundles, retention and the audit log; each method is one transaction."""

    _home: Home
    _database: Database
    _sweep: Callable[[], None]
    _finish_erasing: Callable[..., bool]

    # Bundles

    def export_bundle(self, gallery: Gallery, path: Path, progress: Progress | None = None) -> Exported:
        """Write all of a gallery to one file, in place of what was there, and note where it is.

        Raises:
            ConflictError: somebody of the home was erased meanwhile.
            StoreError: the file cannot be written, or a clip was changed since it was kept.
        """
        from spk.store.bundles import sql

        path = path.resolve()
        with self._database.read() as tx:
            as_of = audit.last(tx).sequence
            bundle = sql.gather(tx, gallery, self._home.clip)
        with self._database.write() as tx:
            beside = exports.announce(tx, gallery.id, path)
        staged = bundle.stage(path, beside, progress)
        try:
            with self._database.lock():  # no erasure comes between
                with self._database.write() as tx:
                    exports.note(tx, gallery.id, path, staged.sha256, as_of=as_of, held=bundle.counts())
                staged.place()
        finally:
            staged.discard()
        return Exported(bundle, path, staged.sha256)

    def import_bundle(
        self,
        source: Path | Bundle,
        gallery: str | None = None,
        *,
        keep_clips: bool = True,
        progress: Progress | None = None,
    ) -> Imported:
        """Store all of a bundle as it was, or nothing; people who were erased here stay erased.

        Args:
            source: The bundle, or its file.
            gallery: The gallery, made where missing; the bundle's own name without one.
            keep_clips: Whether its clips are kept, too.

        Raises:
            FormatError: the file is no bundle, or damaged.
            ConflictError: some of it is in this home already, or a name or a recording is in the gallery.
            FingerprintError: the model of some voiceprints has others here, of another length.
        """
        from spk.store.bundles import Bundle, Reporter, sql

        bundle = Bundle.read(source, progress) if isinstance(source, Path) else source
        with ExitStack() as stack:
            clips = {}
            with explained(self._home.path):
                for sha256 in bundle.clips if keep_clips else ():
                    clips[sha256] = self._home.stage(bundle.clip(sha256))
                    stack.callback(clips[sha256].discard)
            try:
                with self._database.write() as tx:
                    erased = audit.erased(tx) & {person.id for person in bundle.speakers}
                    for person in erased:
                        bundle = bundle.without(person)
                    clips = {sha256: clip for sha256, clip in clips.items() if sha256 in bundle.clips}
                    into = enrolling.make_gallery(tx, clean_name(gallery or bundle.gallery))
                    sql.put(tx, into, bundle, clips, Reporter(progress, bundle.size, "storing"))
                    sync_folder(self._home.clips)
            except StoreError:
                with suppress(StoreError):
                    self._sweep()
                raise
        return Imported(into, bundle, len(clips), len(erased))

    # What was kept for long enough

    def prune(
        self,
        *,
        audio_days: float,
        decision_days: float,
        recording_days: float,
        undo_days: float,
        dry_run: bool = False,
    ) -> Pruned:
        """Remove what is older than so many days, and what killed processes left; 0 days stand for everything.

        People, their samples and voiceprints stay. Whoever is killed in the middle has it finished by the next who
        opens the home.

        Args:
            audio_days: Of samples, to listen to.
            decision_days: Decisions.
            recording_days: What was heard in recordings.
            undo_days: Changes that can be undone, with the samples that they alone could give back.
            dry_run: Only say what it would be.

        Raises:
            EngineError: the vector engine does not answer; all else is done.
        """
        clip, sample = tables.clips.c, tables.samples.c
        abandoned = datetime.now(UTC) - _EXPORTING
        with self._database.lock(), explained(self._home.path):
            if not dry_run:
                exports.finish(self._database, announced_before=abandoned)
            unfinished = self._home.erasing
            with self._database.write() as tx:
                old = clip.sample.in_(select(sample.id).where(retention.older(sample.created, audio_days)))
                clips = tx.execute(delete(tables.clips).where(old)).rowcount
                decided = decisions.prune(tx, decision_days)
                removed = retention.remove(tx, recording_days=recording_days, undo_days=undo_days)
                files = self._home.orphans(set(tx.scalars(select(clip.sha256))))
                found = Pruned(
                    clips=clips,
                    decisions=decided,
                    files=len(files),
                    bytes=sum(file.stat().st_size for file in files),
                    hearings=removed.hearings,
                    changes=removed.changes,
                    samples=removed.samples,
                )
                if dry_run or found == _NOTHING:
                    tx.rollback()
                    return found
                self._home.begin_erasing(removed.models)
                audit.append(tx, "prune", **{name: count for name, count in asdict(found).items() if name != "bytes"})
            if removed.hearings or removed.changes or removed.samples:  # names and voiceprints
                self._finish_erasing(announced_before=None if unfinished else abandoned)
                return found
            self._sweep()
            if not unfinished:  # else there is more to do than this
                self._home.end_erasing()
        return found

    def prune_heard(self, *, recording_days: float, undo_days: float) -> None:
        """Remove what was heard and what can be undone where some of it should have gone a day ago, or longer.

        As `prune` does it, but without writing the database anew: that is quick, so that any command can do it.
        """
        days = {"recording_days": recording_days, "undo_days": undo_days}
        with self._database.read() as tx:
            if not retention.is_due(tx, **days):
                return
        with suppress(StoreError), self._database.lock(wait=0):  # or another time
            with self._database.write() as tx:
                retention.remove(tx, **days)
            self._sweep()

    # The audit log

    def audit_log(
        self,
        *,
        about: UUID | None = None,
        action: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> Iterator[AuditEntry]:
        """The last ``limit`` changes about a person, of a kind, or since a moment, the newest last; some at a time.

        Args:
            about: The person.
            action: The kind.
            since: The moment.
            limit: How many; all, if None.
            before: Only of the rows in front of that one.

        Raises:
            StoreError: one cannot be read.
        """
        with self._database.read() as tx:
            yield from audit.matching(tx, about=about, action=action, since=since, limit=limit, before=before)

    def verify_audit(self, noted: str | None = None) -> AuditCheck:
        """Check that no row of the audit log was changed, removed or put in between.

        Args:
            noted: The head of an earlier check, which must be in it still: so a cut end is noticed.

        Raises:
            StoreError: one was; names the first.
        """
        with self._database.read() as tx:
            return audit.verify(tx, noted)
