"""Files of the turns of a recording, as people hand them in."""

from __future__ import annotations

from pathlib import Path

from spk.errors import FormatError, InputError
from spk.timeline import Timeline

__all__ = ["MOST_LABELS", "MOST_TURNS", "bounded", "turns_in"]

MOST_TURNS = 50_000
"""Of one recording: a turn a second, for over half a day."""
MOST_LABELS = 500
"""Different ones of one recording: each may be somebody new, who is looked for among everybody."""


def bounded(turns: Timeline, source: str) -> Timeline:
    """The same turns, if they may be one recording's.

    Raises:
        InputError: they are too many, or of too many people.
    """
    for many, most, what in ((len(turns), MOST_TURNS, "turns"), (len(turns.labels), MOST_LABELS, "different labels")):
        if many > most:
            raise InputError(f"{source}: {many:,} {what}, and {most:,} are the most: give the turns of one recording")
    return turns


def turns_in(file: Path, form: str | None, source: str, recording: str) -> Timeline:
    """The turns of a recording in a file.

    Args:
        file: Where it lies.
        form: What it is written in, a value of `spk.formats.turns.TurnFormat`; guessed if None.
        source: What it is called, which may be another name than it has here.
        recording: What the recording is called.

    Raises:
        FormatError: it cannot be read, or is about several recordings of other names.
        InputError: there is no such format, or they are too many, or of too many people.
    """
    from spk.formats.turns import TurnFormat, by_ending, read_turns, recording_name

    try:
        known = by_ending(source) if form is None else TurnFormat(form)
    except ValueError:
        raise InputError(f"{form} is no format of turns: write one of {', '.join(TurnFormat)}") from None
    try:
        return bounded(read_turns(file, known, recording=recording_name(recording)), source)
    except FormatError as error:  # by the name that people know
        raise FormatError(source, error.reason, error.line) from error
