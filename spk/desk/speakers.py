"""What can be asked about people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from spk.desk.outcomes import outcome
from spk.desk.paging import moment, name, place, word
from spk.desk.people import known, speaker_info
from spk.messages.base import Page
from spk.messages.outcomes import Outcome, PersonRef
from spk.messages.speakers import (
    Deleted,
    Disclosed,
    GalleryMap,
    Held,
    LookAlike,
    MapPoint,
    SpeakerDetail,
    SpeakerInfo,
)

if TYPE_CHECKING:
    from pathlib import Path

    from spk.messages.audit import ErasureReceipt
    from spk.store import Speaker
    from spk.store.listing import Listed
    from spk.workbench import Workbench

__all__ = ["Speakers"]

State = Literal["enrolled", "unknown", "never"]
MAPPED = 2_000
"""So many people are on a map at most."""
_AT_ONCE = 10_000  # people who are listed by one query


class Speakers:
    """The people of a gallery. ``who`` is a name, a label such as ``unknown-7f3a``, or an id.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(
        self, *, q: str = "", state: State | None = None, limit: int = 100, after: str | None = None
    ) -> Page[SpeakerInfo]:
        """Some people, by name, and then those without one, oldest first.

        Args:
            q: What the name or label holds, in whatever case.
            state: The only one.
            limit: How many at most.
            after: ``next`` of the page before.

        Raises:
            InputError: ``after`` is no such thing.
        """
        found = self._some(q, state, limit, None if after is None else self._placed(after))
        last = found[-1].speaker if len(found) == limit else None
        following = None if last is None else word(last.name, last.created.isoformat(), last.id.hex)
        return Page[SpeakerInfo](items=[speaker_info(one) for one in found], next=following)

    def everybody(self, *, state: State | None = None) -> Iterator[SpeakerInfo]:
        """All people, in the same order; read as they are needed."""
        last: Speaker | None = None
        while found := self._some("", state, _AT_ONCE, last):
            yield from map(speaker_info, found)
            last = found[-1].speaker

    def _some(self, q: str, state: State | None, limit: int, after: Speaker | None) -> Sequence[Listed]:
        from spk.store import SpeakerState

        only = None if state is None else SpeakerState(state)
        return self.bench.store.find_speakers(self.bench.gallery, q=q, state=only, limit=limit, after=after)

    def _placed(self, after: str) -> Speaker:
        """The last one of a page, as far as the order of the list needs it."""
        from spk.store import Speaker, SpeakerState

        called, created, id_ = place(after, name, moment, UUID)
        state = SpeakerState.ENROLLED if called else SpeakerState.UNKNOWN
        return Speaker(id_, self.bench.gallery.id, called, state, created)

    def show(self, who: str) -> SpeakerDetail:
        """One person, the samples behind the profile, and the voices that it did not learn from.

        Raises:
            NotFoundError: there is nobody of that name.
        """
        from spk.review.queue import held_back

        bench, store = self.bench, self.bench.store
        speaker = store.speaker(bench.gallery, who)
        held = held_back(store, bench.gallery, bench.judge_of, speaker)
        return SpeakerDetail(**known(store, speaker), held=[Held.model_validate(one.to_json()) for one in held])

    def named(self, who: Sequence[str]) -> Sequence[PersonRef]:
        """Who people are.

        Raises:
            NotFoundError: there is nobody of a name.
        """
        found = (self.bench.store.speaker(self.bench.gallery, one) for one in who)
        return [PersonRef(speaker_id=one.id, name=one.name, label=one.label) for one in found]

    def create(self, name: str) -> SpeakerInfo:
        """Keep somebody who has no samples yet; enrolling them, or a consent, needs no such step.

        Raises:
            InputError: nobody can have that name.
            ConflictError: somebody has it, or the gallery requires consent: that comes first then.
        """
        from spk.store.listing import Listed

        return speaker_info(Listed(self.bench.store.make_speaker(self.bench.gallery, name), 0, 0, 0.0))

    def rename(self, who: str, name: str, *, dry_run: bool = False) -> Outcome:
        """Give a person another name.

        Raises:
            NotFoundError: there is nobody of that name.
            ConflictError: somebody else has the new one.
            InputError: nobody can have it.
        """
        bench = self.bench
        done = bench.corrections(dry_run=dry_run).rename(bench.store.speaker(bench.gallery, who), name)
        return outcome(done, dry_run=dry_run)

    def merge(self, who: str, into: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """Make two entries one person, who keeps the name of the second; all recordings are judged again.

        Args:
            who: Whose samples move.
            into: Who gets them.
            force: Let the profile learn also from what sounds unlike the rest of it.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: there is nobody of a name.
            ConflictError: they are one entry already.
        """
        bench = self.bench
        one, other = (bench.store.speaker(bench.gallery, name) for name in (who, into))
        return outcome(bench.corrections(dry_run=dry_run).merge(one, other, force=force), dry_run=dry_run)

    def unmerge(self, who: str, *, dry_run: bool = False) -> Outcome:
        """Take the last merger into somebody back; the second of the outcome's speakers is whom it set apart.

        Raises:
            NotFoundError: there is nobody of that name.
            ConflictError: nothing was merged into them, or it cannot be taken apart any more.
        """
        bench = self.bench
        done = bench.corrections(dry_run=dry_run).unmerge(bench.store.speaker(bench.gallery, who))
        return outcome(done, dry_run=dry_run)

    def withdraw(self, samples: Sequence[str], *, dry_run: bool = False) -> Outcome:
        """Take samples out of profiles, by their ids or the first digits; somebody without any other is gone.

        Raises:
            NotFoundError: nobody has such a sample.
        """
        return outcome(self.bench.corrections(dry_run=dry_run).withdraw(samples), dry_run=dry_run)

    def move(self, samples: Sequence[str], to: str, *, dry_run: bool = False) -> Outcome:
        """Give samples to somebody else, new or known, who is the last of the outcome's speakers.

        Raises:
            NotFoundError: nobody has such a sample.
            ConflictError: that person has one of them already.
        """
        return outcome(self.bench.corrections(dry_run=dry_run).move(samples, to), dry_run=dry_run)

    def delete(self, who: str | UUID) -> Deleted:
        """Erase a person, without proof; it cannot be undone.

        Raises:
            NotFoundError: there is nobody of that name.
            EngineError: the vector engine does not answer; it is told as soon as it does.
        """
        speaker = self.bench.store.speaker(self.bench.gallery, who)
        self.bench.store.delete(speaker)
        return Deleted(deleted=speaker.label, speaker_id=speaker.id)

    def erase(self, who: Sequence[str | UUID]) -> ErasureReceipt:
        """Erase people, look for them everywhere, and sign what was found; it cannot be undone.

        Raises:
            NotFoundError: there is nobody of a name.
            InputError: nobody was named.
        """
        from spk.messages.audit import ErasureReceipt

        store = self.bench.store
        people = [store.speaker(self.bench.gallery, one) for one in who]
        return ErasureReceipt.model_validate(store.erase(people, progress=self.bench.progress).to_json())

    def disclose(self, who: str, path: Path) -> Disclosed:
        """Write everything that is kept about one person to a ZIP file, for that person; nobody else is in it.

        The home remembers where the file was put, so that an erasure of the person reaches it.

        Raises:
            NotFoundError: there is nobody of that name.
            StoreError: the file cannot be written.
        """
        done = self.bench.store.export_subject(self.bench.store.speaker(self.bench.gallery, who), path)
        return Disclosed(
            name=done.speaker.label,
            speaker_id=done.speaker.id,
            output=str(path),
            sha256=done.sha256,
            files=done.files,
            bytes=done.bytes,
        )

    def clip(self, sample: str) -> Path:
        """The FLAC file to listen to a sample by, by its id or the first digits of it.

        Raises:
            NotFoundError: nobody has such a sample, or its audio is not kept.
        """
        return self.bench.store.clip(self.bench.gallery, sample)

    def alike(self, who: str, *, limit: int = 5) -> Sequence[LookAlike]:
        """The people who sound most like somebody, the likest first.

        Raises:
            NotFoundError: there is nobody of that name, or nothing is known of their voice.
            FingerprintError: they are enrolled by other models only.
        """
        from spk.evaluate.likeness import look_alikes

        bench = self.bench
        speaker = bench.store.speaker(bench.gallery, who)
        return [
            LookAlike(
                name=one.speaker.label,
                speaker_id=one.speaker.id,
                state=one.speaker.state.value,
                llr=round(one.llr, 4),
                llr_back=round(one.llr_back, 4),
                named=one.named,
            )
            for one in look_alikes(bench.scorer(), speaker, bench.point, limit)
        ]

    def map(self, *, limit: int = MAPPED) -> GalleryMap:
        """The gallery's profiles in two dimensions, of an even sample where there are more than ``limit`` people."""
        from spk.evaluate.overview import overview

        bench, store = self.bench, self.bench.store
        ids = store.speaker_ids(bench.gallery)
        chosen = None if len(ids) <= limit else [ids[row * len(ids) // limit] for row in range(limit)]
        found = overview(store.profiles(bench.gallery, bench.model.fingerprint, chosen))
        points = [
            MapPoint(
                name=one.speaker.label,
                speaker_id=one.speaker.id,
                state=one.speaker.state.value,
                x=round(float(x), 4),
                y=round(float(y), 4),
                net_speech=round(one.total_net_seconds, 3),
            )
            for one, (x, y) in zip(found.profiles, found.places, strict=True)
        ]
        shares = [round(share, 4) for share in found.explained]
        people = len(points) if chosen is None else len(ids)
        return GalleryMap(model=bench.model_name, people=people, explained=shares, points=points)
