"""Rich Transcription Time Marked (RTTM) files, as NIST specified them for its RT-09 evaluation.

A line holds ten fields with white space between; ``<NA>`` stands for a field that does not apply. Diarization
writes lines of type SPEAKER:

.. code-block:: text

    type     SPEAKER
    file     name of the recording, without directory and ending
    channel  1 for the first
    start    seconds
    duration seconds
    ortho    <NA>
    stype    <NA>
    name     who speaks
    conf     <NA>, or how sure the system is
    slat     <NA>, or signal lookahead time; many tools leave this tenth field out

Times are written with three decimals. White space, control characters and "%" in a name are written as URLs
write them, so that a name stays one field: ``Ann Lee`` is ``Ann%20Lee``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

from spk.errors import FormatError, TimelineError
from spk.formats.fields import LONGEST, shown
from spk.formats.lines import printable, read_lines
from spk.timeline import Segment, Timeline, Turn

__all__ = ["NAMELESS", "RttmLine", "read_rttm", "write_rttm"]

NAMELESS = re.compile(r"SPEAKER_\d+")
"""Labels of a diarization that nobody has given names: they mean another person in every recording."""

_NA = "<NA>"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_POINT = re.compile(r"SPEAKER(?:[ \t]+\S+){3}[ \t]+0+(?:\.0*)?[ \t]")  # what some write of a very short turn
_OTHER_TYPES = {
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER"),
    *("EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"),
}


@dataclass(frozen=True)
class RttmLine:
    """One SPEAKER line.

    >>> line = RttmLine.parse("SPEAKER talk 1 0.5 2.25 <NA> <NA> Ann%20Lee <NA> <NA>")
    >>> line.label, line.start, line.confidence
    ('Ann Lee', 0.5, None)
    >>> line.serialize()
    'SPEAKER talk 1 0.500 2.250 <NA> <NA> Ann%20Lee <NA> <NA>'

    Attributes:
        file: name of the recording.
        start: seconds.
        duration: seconds, above 0.
        label: who speaks.
        channel: 1 for the first.
        confidence: None where the line does not say.

    Raises:
        FormatError: the file or the label has no name.
        TimelineError: the times make no segment.
    """

    file: str
    start: float
    duration: float
    label: str
    channel: int = 1
    confidence: float | None = None

    def __post_init__(self) -> None:
        if not self.file or not self.label:
            raise FormatError("RTTM", "a turn needs a recording and a speaker, and one of the names is empty")
        _ = self.segment

    @classmethod
    def parse(cls, text: str, *, source: str = "RTTM", line: int | None = None) -> Self:
        """Read one line of nine or ten fields.

        Args:
            text: the line.
            source: the file it is from, for messages.
            line: its number there.

        Raises:
            FormatError: it is no SPEAKER line.
        """
        fields = re.split(r"[ \t]+", text.strip(" \t\r\n"))
        if fields[0] != "SPEAKER":
            raise FormatError(source, f"{shown(fields[0])} is no type of an RTTM line: SPEAKER is", line)
        if len(fields) not in (9, 10):
            raise FormatError(source, f"an RTTM line has 10 fields, this one {len(fields)}: {shown(text)}", line)
        _, file, channel, start, duration, _, _, label, confidence = fields[:9]
        if label == _NA:
            raise FormatError(source, "the line names no speaker: write a name into its eighth field", line)
        try:
            return cls(
                file=_decoded(file),
                start=_number(start),
                duration=_number(duration),
                label=_decoded(label),
                channel=1 if channel == _NA else _whole(channel),
                confidence=None if confidence == _NA else _number(confidence),
            )
        except (ValueError, TimelineError) as error:
            raise FormatError(source, f"{error}: {shown(text)}", line) from None

    def serialize(self) -> str:
        """The line as text, without a line break."""
        # A turn of less than half a millisecond must not end where it starts.
        times = f"{self.start:.3f} {max(self.duration, 0.001):.3f}"
        confidence = _NA if self.confidence is None else f"{self.confidence:.3f}"
        file, label = _encoded(self.file), _encoded(self.label)
        return f"SPEAKER {file} {self.channel} {times} {_NA} {_NA} {label} {confidence} {_NA}"

    @property
    def segment(self) -> Segment:
        """From start to end."""
        return Segment(self.start, self.start + self.duration)

    @property
    def turn(self) -> Turn:
        """Who speaks when."""
        return Turn(self.segment, self.label)


def read_rttm(path: str | Path) -> dict[str, Timeline]:
    """The turns of every recording in an RTTM file, its channels together. Lines of other types are skipped,
    and turns that last no time.

    Raises:
        FormatError: the file cannot be read, or a line breaks the format.
    """
    source = printable(path)
    turns: dict[str, list[Turn]] = defaultdict(list)
    for number, text in enumerate(read_lines(path), start=1):
        first = text.split(maxsplit=1)[:1]
        if not first or first[0].startswith(";;") or first[0] in _OTHER_TYPES:
            continue
        if _POINT.match(text):
            continue
        line = RttmLine.parse(text, source=source, line=number)
        if line.segment.end > LONGEST:
            raise FormatError(source, f"{line.segment.end:g} s is no time of a recording: {shown(text)}", number)
        turns[line.file].append(line.turn)
    return {file: Timeline(of_file) for file, of_file in turns.items()}


def write_rttm(timeline: Timeline, file_id: str) -> str:
    """One line a turn, each ended by a line break. Turns that touch still touch after rounding.

    >>> talk = Timeline([Turn(Segment(0.1234, 2.0), "ann"), Turn(Segment(2.0, 3.0), "bo")])
    >>> print(write_rttm(talk, "talk"), end="")
    SPEAKER talk 1 0.123 1.877 <NA> <NA> ann <NA> <NA>
    SPEAKER talk 1 2.000 1.000 <NA> <NA> bo <NA> <NA>

    Raises:
        FormatError: ``file_id`` or a label is empty.
    """
    lines = []
    for turn in timeline:
        start = round(turn.start, 3)
        duration = max(round(turn.end, 3) - start, 0.001)
        lines.append(RttmLine(file_id, start, duration, turn.label).serialize() + "\n")
    return "".join(lines)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown(text)} is no number")
    return float(text) + 0.0  # no negative zero


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{shown(text)} is no channel")
    return int(text)


def _encoded(name: str) -> str:
    if name == _NA:
        return quote(name)
    return re.sub(r"[\s%\x00-\x1f\x7f-\x9f]", lambda match: quote(match[0], safe=""), name)


def _decoded(name: str) -> str:
    try:
        return unquote(name, errors="strict")
    except UnicodeDecodeError:  # another tool's percent sign
        return name
