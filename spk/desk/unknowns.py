"""What can be asked about strangers who await review."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from spk.desk.outcomes import outcome
from spk.desk.paging import number, word
from spk.errors import InputError, NotFoundError
from spk.messages.outcomes import Outcome
from spk.messages.speakers import Held
from spk.messages.unknowns import Clips, Queue, StretchHeard, Unknown, UnknownDetail

if TYPE_CHECKING:
    from pathlib import Path

    from spk.review.queue import Unknown as Stranger
    from spk.store import Speaker
    from spk.workbench import Workbench

__all__ = ["Unknowns"]


class Unknowns:
    """The strangers of a gallery. ``which`` is a label such as ``unknown-7f3a``, or an id.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(self, *, limit: int | None = None, after: str | None = None) -> Queue:
        """Whom to ask about first, and what helps; and voices that profiles did not learn from.

        Args:
            limit: How many strangers at most; everybody, if None.
            after: ``next`` of the page before. Who was answered for meanwhile shifts the others.

        Raises:
            InputError: ``after`` is no such thing.
        """
        from spk.review import queue

        bench, skip = self.bench, 0 if after is None else number(after)
        found = queue.Queue.of(bench.store, bench.gallery, bench.judge_of, skip=skip, limit=limit)
        end, clips = skip + len(found.unknowns), self._clips({one.speaker.id for one in found.unknowns})
        return Queue(
            gallery=bench.gallery.name,
            items=[
                Unknown.model_validate({**one.to_json(), "clips": clips.get(one.speaker.id, [])})
                for one in found.unknowns
            ],
            held=[Held.model_validate(one.to_json()) for one in found.held],
            people=found.people,
            next=word(end) if found.unknowns and end < found.people else None,
        )

    def show(self, which: str) -> UnknownDetail:
        """One stranger, and where they are heard.

        Raises:
            NotFoundError: there is nobody of that label.
            InputError: it is somebody with a name.
        """
        speaker = self._find(which)
        clips, heard = self._paths(speaker), list(self._heard(speaker))
        return UnknownDetail.model_validate({**self._in_queue(speaker).to_json(), "heard": heard, "clips": clips})

    def clips(self, which: str) -> Clips:
        """What is kept to listen to of a stranger.

        Raises:
            NotFoundError: there is nobody of that label.
            InputError: it is somebody with a name.
        """
        speaker = self._find(which)
        return Clips(name=speaker.label, clips=self._paths(speaker))

    def clip(self, which: str, clip: str) -> Path:
        """One FLAC file to listen to a stranger by; ``clip`` is its name without the ending.

        Raises:
            NotFoundError: there is nobody of that label, or no such file is kept.
            InputError: it is somebody with a name.
        """
        speaker = self._find(which)
        for path in self.bench.store.clips(speaker):
            if path.stem == clip:
                return path
        raise NotFoundError(f"{speaker.label}: no such clip is kept, or no longer (keep_audio, keep_audio_days)")

    def name(self, which: str, name: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """Say who a stranger is; the name of somebody who is enrolled makes the two one.

        Args:
            which: The stranger.
            name: Whose name it is.
            force: Let the profile learn also from what sounds unlike the rest of it.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: there is nobody of that label.
            InputError: nobody can have the name, or the stranger has one.
            ConflictError: somebody else has said so meanwhile.
        """
        stranger = self._find(which)
        done = self.bench.corrections(dry_run=dry_run).name(stranger, name, force=force)
        return outcome(done, dry_run=dry_run)

    def merge(self, which: str, into: str, *, force: bool = False, dry_run: bool = False) -> Outcome:
        """Make a stranger and somebody else, named or not, one person.

        Args:
            which: The stranger.
            into: Who takes over.
            force: Let the profile learn also from what sounds unlike the rest of it.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: there is nobody of a name.
            InputError: the first is no stranger.
            ConflictError: the two are one already.
        """
        stranger, other = self._find(which), self.bench.store.speaker(self.bench.gallery, into)
        done = self.bench.corrections(dry_run=dry_run).merge(stranger, other, force=force)
        return outcome(done, dry_run=dry_run)

    def split(self, which: str, samples: Sequence[str] = (), *, dry_run: bool = False) -> Outcome:
        """Make two strangers of one; the second of the outcome's speakers is the new one.

        Args:
            which: The stranger.
            samples: Whose these are shall be another, by their ids or first digits; those of the second voice that
                seems to be heard, if none is given.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: there is nobody of that label, or no such sample.
            InputError: it is no stranger, or one who does not seem to be two; or nothing would be left of one.
        """
        stranger = self._find(which)
        apart = self._named(stranger, samples) if samples else self._suspected(stranger)
        return outcome(self.bench.corrections(dry_run=dry_run).split(stranger, apart), dry_run=dry_run)

    def discard(self, which: str, *, dry_run: bool = False) -> Outcome:
        """Say that a stranger is nobody: the voices are nobody's for good.

        Raises:
            NotFoundError: there is nobody of that label.
            InputError: it is somebody with a name.
        """
        done = self.bench.corrections(dry_run=dry_run).discard(self._find(which))
        return outcome(done, dry_run=dry_run)

    def never(self, which: str, *, dry_run: bool = False) -> Outcome:
        """Say that a stranger is not to be enrolled: known again wherever they are heard, and not asked about.

        Raises:
            NotFoundError: there is nobody of that label.
            InputError: it is somebody with a name.
        """
        done = self.bench.corrections(dry_run=dry_run).never(self._find(which))
        return outcome(done, dry_run=dry_run)

    def _find(self, which: str) -> Speaker:
        speaker = self.bench.store.speaker(self.bench.gallery, which)
        if speaker.name is not None:
            raise InputError(f"{speaker.name} is no stranger: use `spk speakers`")
        return speaker

    def _paths(self, speaker: Speaker) -> builtins.list[str]:
        return [str(path) for path in self.bench.store.clips(speaker)]

    def _clips(self, speakers: Collection[UUID]) -> Mapping[UUID, Sequence[str]]:
        """As `_paths`, of many people at once."""
        store = self.bench.store
        samples = [sample for sample in store.samples(self.bench.gallery) if sample.speaker in speakers]
        clips = store.sample_clips(sample.id for sample in samples)
        found: dict[UUID, dict[str, None]] = defaultdict(dict)
        for sample in samples:
            if sample.id in clips:
                found[sample.speaker][str(clips[sample.id])] = None
        return {speaker: [*paths] for speaker, paths in found.items()}

    def _in_queue(self, speaker: Speaker) -> Stranger:
        from spk.review import queue

        bench = self.bench
        [one] = queue.Queue.of(bench.store, bench.gallery, bench.judge_of, only=speaker).unknowns
        return one

    def _heard(self, speaker: Speaker) -> Iterator[StretchHeard]:
        """Where somebody is heard: voices of recordings, and samples of which nothing else is kept."""
        store, known = self.bench.store, set()
        for hearing in store.hearings(self.bench.gallery):
            voices = [voice for voice in hearing.voices if voice.said.speaker == speaker.id]
            turns = store.turns(hearing) if voices else []
            for voice in voices:
                known.add(voice.sample)
                yield StretchHeard(
                    recording=hearing.recording.source,
                    voice=voice.label,
                    net_speech=round(voice.net_seconds, 3),
                    sample_id=voice.sample,
                    turns=[(turn.segment.start, turn.segment.end) for turn in turns if turn.label == voice.label],
                )
        for sample in store.samples(speaker):
            if sample.id not in known:
                yield StretchHeard(
                    recording=sample.recording.source,
                    voice=None,
                    net_speech=round(sample.net_seconds, 3),
                    sample_id=sample.id,
                    turns=[(part.start, part.end) for part in sample.parts],
                )

    def _named(self, stranger: Speaker, samples: Sequence[str]) -> Sequence[UUID]:
        theirs = [sample.id for sample in self.bench.store.samples(stranger)]
        found = []
        for text in (sample.strip() for sample in samples):
            these = [id_ for id_ in theirs if text and id_.hex.startswith(text.replace("-", "").lower())]
            if len(these) != 1:
                many = f"{len(these)} samples begin" if these else "no sample begins"
                raise NotFoundError(f'{stranger.label}: {many} with "{text}": see `spk unknowns show {stranger.label}`')
            found += these
        return found

    def _suspected(self, stranger: Speaker) -> Sequence[UUID]:
        suspicion = self._in_queue(stranger).suspicion
        if suspicion is None:
            raise InputError(f"{stranger.label} does not seem to be two people: say which --samples are another's")
        if not suspicion.samples:
            raise InputError(
                f"{stranger.label}: the two voices are in the same samples: correct the turns of the recording "
                "(`spk apply`), or discard the stranger"
            )
        return suspicion.samples
