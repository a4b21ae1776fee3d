r"""Label tracks of Audacity, as its menu File > Export > Labels writes them.

A line a label: start and end in seconds, and the label, with tabs between. A label with a range of frequencies has a
second line of a backslash and the two frequencies, which is left out:

.. code-block:: text

    0.500000	2.750000	ann
    \	120.000000	4000.000000
    3.000000	4.500000	bo

Labels that are points last no time, and unnamed ones are nobody's: neither is a turn. Times are written with six
decimals; a tab, a line break and their like in a name as URLs write them. There is no place for ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from spk.errors import FormatError
from spk.formats.fields import escaped, make_turn, rounded, seconds, shown, unescaped
from spk.formats.lines import printable, read_lines
from spk.timeline import Timeline, Turn

__all__ = ["PRECISION", "AudacityLabel", "read_audacity", "write_audacity"]

PRECISION = 0.000001


@dataclass(frozen=True)
class AudacityLabel:
    """One label.

    >>> AudacityLabel.parse("0,5\\t2.75\\tAnn Lee")
    AudacityLabel(start=0.5, end=2.75, text='Ann Lee')
    >>> AudacityLabel(0.5, 2.75, "Ann Lee").serialize()
    '0.500000\\t2.750000\\tAnn Lee'
    """

    start: float
    end: float
    text: str

    @classmethod
    def parse(cls, text: str, *, source: str = "Audacity", line: int | None = None) -> Self:
        """Read one line; ``source`` and ``line`` are for messages.

        Raises:
            FormatError: it does not begin with two times and a tab between.
        """
        fields = text.strip("\r\n").split("\t", 2)
        if len(fields) < 2:
            reason = f"a label of Audacity is start, end and name with tabs between, not {shown(text)}"
            raise FormatError(source, reason, line)
        try:
            start, end = map(seconds, fields[:2])
        except ValueError as error:
            raise FormatError(source, str(error), line) from None
        return cls(start, end, unescaped("".join(fields[2:])))

    def serialize(self) -> str:
        """The label as a line, without a line break."""
        return f"{self.start:.6f}\t{self.end:.6f}\t{escaped(self.text)}"


def read_audacity(path: str | Path) -> dict[str, Timeline]:
    """The turns of a label track, under the file's name.

    Raises:
        FormatError: the file cannot be read, or a line is no label.
    """
    source, turns = printable(path), list[Turn]()
    for number, text in enumerate(read_lines(path), start=1):
        if text.strip() and not text.startswith("\\"):
            label = AudacityLabel.parse(text, source=source, line=number)
            turn = make_turn(label.start, label.end, label.text, source=source, line=number)
            turns += [turn] if turn else []
    return {Path(path).stem: Timeline(turns)}


def write_audacity(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """A line a turn, each ended by a line break."""
    del recording, duration  # a label track knows of neither
    return "".join(AudacityLabel(*rounded(turn.segment, 6), turn.label).serialize() + "\n" for turn in turns)
