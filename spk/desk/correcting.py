"""Corrected turns of recordings come back, as a file or one by one, with the recording or without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spk.desk.outcomes import outcome
from spk.desk.turns import bounded, turns_in
from spk.errors import InputError
from spk.messages.recordings import Applied, CorrectedTurn, RecordingTurn, Taught

if TYPE_CHECKING:
    from spk.review import storing
    from spk.store.heard import Hearing
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
            InputError: there are no turns, too many, or those of another recording.
            ConflictError: somebody changed the recording meanwhile.
        """
        from spk.audio import load

        corrected = turns_in(turns, form, turns_name or str(turns), name or audio.name)
        heard = load(audio, name=name)
        done = self.bench.applier(dry_run=dry_run)(heard, corrected, everything=everything, force=force)
        return _applied(done, dry_run=dry_run)

    def correct(
        self,
        recording: str,
        turns: Path | Sequence[CorrectedTurn | RecordingTurn],
        *,
        audio: Path | None = None,
        form: str | None = None,
        turns_name: str | None = None,
        everything: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Correct the turns of a recording that was heard before, with the recording or without.

        Without it, voices keep what was heard of them as far as that is still theirs, and profiles learn only from a
        voice that is somebody's as a whole. With it, all is heard anew, and profiles learn from every touched turn.

        Args:
            recording: Which one.
            turns: All of its turns, as they are to be: a file of them, or one by one. Where one says also ``who``, as
                those do that `show` names, the one of ``label`` and ``who`` that was changed says whose it is.
            audio: The recording itself.
            form: What a file of turns is written in, a value of `spk.formats.turns.TurnFormat`; guessed if None.
            turns_name: What the file of turns is called, if not as it is.
            everything: Every turn is right: learn from all, not only from those that were touched.
            force: Learn also from what the quality gates refuse, or sounds unlike the profile.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: nothing is kept of such a recording.
            FormatError: the file of turns cannot be read, or is of several other recordings.
            AudioError: the recording cannot be read, or is shorter than the turns.
            InputError: there are no turns, too many, or those of another recording; ``label`` and ``who`` of one say
                two things; or ``audio`` is another recording.
            ConflictError: somebody changed the recording meanwhile.
        """
        from spk.review.redrawing import redraw

        bench = self.bench
        hearing = bench.store.hearing(bench.gallery, recording)
        if isinstance(turns, Path):
            timeline = turns_in(turns, form, turns_name or str(turns), hearing.recording.source)
        else:
            timeline = self._timeline(hearing, turns)
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

    def _timeline(self, hearing: Hearing, turns: Sequence[CorrectedTurn | RecordingTurn]) -> Timeline:
        """Turns that came one by one.

        Raises:
            InputError: two have one id, or one says two things; or they are too many, or of too many people.
        """
        from spk.timeline import Segment, Timeline, Turn

        ids = Counter(turn.id for turn in turns if turn.id is not None)
        if twice := next((one for one, times in ids.items() if times > 1), None):
            raise InputError(f"two turns have the id {twice}: leave it out of those that are new")
        was: dict[str | None, str] = {}
        names: dict[str | None, str] = {}
        if any(turn.who is not None for turn in turns):  # else the labels may be another program's
            store, said = self.bench.store, {voice.label: voice.said.speaker for voice in hearing.voices}
            people = {person.id: person.label for person in store.people(filter(None, said.values()))}
            was |= {turn.id: turn.label for turn in store.turns(hearing)}
            names |= {label: people[speaker] for label, speaker in said.items() if speaker in people}
        timeline = Timeline(
            Turn(Segment(turn.start, turn.end), _label(turn, was.get(turn.id), names).strip(), turn.id)
            for turn in turns
        )
        return bounded(timeline, hearing.recording.source)


def _label(turn: CorrectedTurn | RecordingTurn, was: str | None, names: Mapping[str | None, str]) -> str:
    """Whose a turn is to be: going by its label, or where it also says who, by the one of both that was changed.

    Args:
        turn: The turn.
        was: The label of the turn that it was, if it is no new one.
        names: Whose each voice is said to be, by its label.

    Raises:
        InputError: it says two things.
    """
    named = names.get(turn.label, turn.label)
    if turn.who is None or turn.who in {named, names.get(was)}:
        return named
    if turn.label == was:
        return turn.who
    from spk.formats.lines import printable

    label, who = printable(turn.label), printable(turn.who)
    raise InputError(f"turn at {turn.start:g} s: label is {label}, and who {who}: write whose it is as label alone")


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
