"""Conversation Time Marked (CTM) files, as NIST's scoring tools read them: a word a line.

.. code-block:: text

    file        name of the recording
    channel     1 or A for the first
    start       seconds
    duration    seconds
    word
    confidence  from 0 to 1, or NA
    type        lex for a word; others for noises, fragments and so on
    speaker     who said it

The last three may be missing. spk writes the speaker into the eighth field, ``unknown`` where it is not known, and
``NA`` and ``lex`` before it where nothing stood there; white space and "%" in names as URLs have it. Lines that begin
with ";;" are comments, and are not written again. A new line of the transcript begins after a pause of half a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from spk.errors import FormatError
from spk.formats.fields import escaped, seconds, shown, unescaped
from spk.formats.lines import printable, read_lines
from spk.formats.transcripts.transcript import Line, Span, Transcript, Word

__all__ = ["CtmLine", "read", "serialize"]

PAUSE = 0.5
_NOBODY = "unknown"


@dataclass(frozen=True)
class CtmLine:
    """One word.

    >>> line = CtmLine.parse("talk 1 0.50 0.32 good 0.98")
    >>> replace(line, speaker="Ann Lee").serialize()
    'talk 1 0.500 0.320 good 0.98 lex Ann%20Lee'

    Attributes:
        file: name of the recording.
        channel: as it stands there.
        start: seconds.
        duration: seconds, 0 or more.
        word: what was said.
        confidence: as it stands there.
        type: as it stands there.
        speaker: who said it; None where the line does not say.
    """

    file: str
    channel: str
    start: float
    duration: float
    word: str
    confidence: str = "NA"
    type: str = "lex"
    speaker: str | None = None

    @classmethod
    def parse(cls, text: str, *, source: str = "CTM", line: int | None = None) -> Self:
        """Read one line of five to eight fields.

        Raises:
            FormatError: it is none.
        """
        fields = text.split()
        if not 5 <= len(fields) <= 8:
            raise FormatError(source, f"a CTM line has 5 to 8 fields, this one {len(fields)}: {shown(text)}", line)
        if fields[2] == "*" or fields[3] == "*":
            reason = f"alternatives ({shown(fields[4])}) are no words of one transcript: leave one of them"
            raise FormatError(source, reason, line)
        try:
            start, duration = seconds(fields[2]), seconds(fields[3])
        except ValueError as error:
            raise FormatError(source, str(error), line) from None
        if duration < 0:
            raise FormatError(source, f"a word cannot last {duration:g} s: {shown(text)}", line)
        speaker = unescaped(fields[7]) if len(fields) == 8 and fields[7] != _NOBODY else None
        confidence, kind = (*fields[5:7], *("NA", "lex")[len(fields[5:7]) :])
        return cls(fields[0], fields[1], start, duration, fields[4], confidence, kind, speaker)

    def serialize(self) -> str:
        """The line as text, without a line break."""
        speaker = escaped(self.speaker, r"\s") if self.speaker else _NOBODY
        times = f"{self.start:.3f} {self.duration:.3f}"
        return f"{self.file} {self.channel} {times} {self.word} {self.confidence} {self.type} {speaker}"


def read(path: str | Path) -> Transcript:
    """Read a file about one recording.

    Raises:
        FormatError: it cannot be read, a line breaks the format, or there are several recordings.
    """
    source = printable(path)
    return Transcript("ctm", tuple(_grouped(_parsed(path, source))))


def serialize(transcript: Transcript, recording: str) -> str:
    """The file's text.

    Args:
        transcript: what was said.
        recording: the recording's name, where the transcript came in a format that names none.
    """
    lines = []
    for line in transcript.lines:
        for word, span in zip(line.words, line.times, strict=True):
            spoken = "_".join(word.text.split())
            new = CtmLine(escaped(recording, r"\s"), "1", span.start, span.end - span.start, spoken)
            one = word.kept if transcript.origin == "ctm" else new
            if one.word:
                lines.append(replace(one, speaker=word.speaker).serialize() + "\n")
    return "".join(lines)


def _parsed(path: str | Path, source: str) -> Iterator[CtmLine]:
    first = None
    for place, text in enumerate(read_lines(path), start=1):
        if not text.strip() or text.lstrip().startswith(";;"):
            continue
        line = CtmLine.parse(text, source=source, line=place)
        first = first or line.file
        if line.file != first:
            reason = (
                f"names a second recording, {shown(line.file)} after {shown(first)}: label each in a file of its own"
            )
            raise FormatError(source, reason, place)
        yield line


def _grouped(words: Iterable[CtmLine]) -> Iterator[Line]:
    """Lines between pauses."""
    group: list[CtmLine] = []
    for word in words:
        if group and (word.channel != group[-1].channel or word.start - group[-1].start - group[-1].duration > PAUSE):
            yield _line(group)
            group = []
        group.append(word)
    if group:
        yield _line(group)


def _line(group: list[CtmLine]) -> Line:
    words = tuple(Word(f"{one.word} ", Span(one.start, one.start + one.duration), kept=one) for one in group)
    spans = [word.span for word in words if word.span]
    return Line(Span(min(span.start for span in spans), max(span.end for span in spans)), words)
