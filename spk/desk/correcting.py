"""Corrected turns of recordings come back, as a file or one by one, with the recording or without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spk.desk.outcomes import outcome
from spk.errors import FormatError, InputError
from spk.messages.recordings import Applied, CorrectedTurn, Taught

if TYPE_CHECKING:
    from pathlib import Path

    from spk.review import storing
    from spk.timeline import Timeline
    from spk.workbench import Workbench

__all__ = ["Correcting"]


class Correcting:
    """Operations on turns; a part of `spk.desk.recordings.Recordings`."""

    bench: Workbench

    def apply(
        self,
        turns: Path,
        audio: Path,
        *,
        form: str | None = None,
        name: str | None = None,
        turns_name: str | None = None,
        everything: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Store corrected turns, and learn from them; the recording need not have been heard before.

        Args:
            turns: A file of turns.
            audio: The recording.
            form: What the turns are written in, a value of `spk.formats.turns.TurnFormat`; guessed if None.
            name: What the recording is called, if not as the file.
            turns_name: What the file of turns is called, if not as it is.
            everything: Every turn is right: learn from all, not only from those that were touched.
            force: Learn also from what the quality gates refuse; this is recorded.
            dry_run: Whether only to say what would change.

        Raises:
            FormatError: the turns cannot be read, or are of several other recordings.
            AudioError: the recording cannot be read, or is shorter than the turns.
            InputError: there are no turns, or those of another recording.
            ConflictError: somebody changed the recording meanwhile.
        """
        from spk.audio import load

        corrected = _read(turns, form, turns_name or str(turns), name or audio.name)
        heard = load(audio, name=name)
        done = self.bench.applier(dry_run=dry_run)(heard, corrected, everything=everything, force=force)
        return _applied(done, dry_run=dry_run)

    def correct(
        self,
        recording: str,
        turns: Sequence[CorrectedTurn],
        *,
        audio: Path | None = None,
        everything: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Correct the turns of a recording that was heard before, with the recording or without.

        Without it, voices keep what was heard of them as far as that is still theirs, and profiles learn only from a
        voice that is somebody's as a whole. With it, all is heard anew, and profiles learn from every touched turn.

        Args:
            recording: Which one.
            turns: All of its turns, as they are to be.
            audio: The recording itself.
            everything: Every turn is right: learn from all, not only from those that were touched.
            force: Learn also from what the quality gates refuse, or sounds unlike the profile.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: nothing is kept of such a recording.
            AudioError: the recording cannot be read, or is shorter than the turns.
            InputError: there are no turns, or those of another recording; or ``audio`` is another recording.
            ConflictError: somebody changed the recording meanwhile.
        """
        from spk.review.redrawing import redraw

        bench = self.bench
        hearing, timeline = bench.store.hearing(bench.gallery, recording), _timeline(turns)
        if audio is None:
            corrections = bench.corrections(dry_run=dry_run)
            redrawn = redraw(corrections, hearing, timeline, everything=everything, force=force)
            return _applied(redrawn, dry_run=dry_run)
        from spk.audio import load

        heard = load(audio, name=hearing.recording.source)
        if heard.sha256 != hearing.recording.sha256:
            raise InputError(f"{hearing.recording.source}: the audio is another recording's: check which it is")
        applied = bench.applier(dry_run=dry_run)(heard, timeline, everything=everything, force=force)
        return _applied(applied, dry_run=dry_run)


def _read(turns: Path, form: str | None, source: str, recording: str) -> Timeline:
    """The turns of a recording in a file.

    Raises:
        FormatError: it cannot be read, or is about several recordings of other names.
        InputError: there is no such format.
    """
    from pathlib import Path

    from spk.formats.turns import TurnFormat, by_ending, read_turns

    try:
        known = by_ending(source) if form is None else TurnFormat(form)
    except ValueError:
        raise InputError(f"{form} is no format of turns: write one of {', '.join(TurnFormat)}") from None
    try:
        return read_turns(turns, known, recording=Path(recording).stem)
    except FormatError as error:  # by the name that people know
        raise FormatError(source, error.reason, error.line) from error


def _timeline(turns: Sequence[CorrectedTurn]) -> Timeline:
    from spk.timeline import Segment, Timeline, Turn

    ids = [turn.id for turn in turns if turn.id is not None]
    if len(ids) > len(set(ids)):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise InputError(f"two turns have the id {twice}: leave it out of those that are new")
    return Timeline(Turn(Segment(turn.start, turn.end), turn.label.strip(), turn.id) for turn in turns)


def _applied(done: storing.Applied, *, dry_run: bool) -> Applied:
    return Applied(
        **dict(outcome(done.outcome, dry_run=dry_run)),
        turns={kind.value: count for kind, count in done.changes.counts.items()},
        new=list(done.new),
        gone=list(done.gone),
        taught=[
            Taught(name=one.name, samples=one.samples, net_speech=round(one.net_seconds, 3)) for one in done.taught
        ],
        withdrawn=done.withdrawn,
        refused=[str(error) for error in done.refused],
    )
