"""Verification trials: a text file of two fields a line, quoted as in a shell, and whether it is the same person.

.. code-block:: text

    # who is it said to be, and the recording to compare with
    alice "recordings/first call.wav"
    enrolled.wav probe.wav
    # what is true, where it is known, after them, or before them as in the lists of VoxCeleb (1 or 0)
    alice "recordings/second call.wav" target
    bob "recordings/second call.wav" nontarget
    1 enrolled.wav probe.wav

A line that starts with "#" is a comment.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from spk.errors import FormatError
from spk.formats.lines import printable, read_lines

__all__ = ["Trial", "read_trials"]

_AFTER = {"target": True, "nontarget": False}
_BEFORE = {"1": True, "0": False}


@dataclass(frozen=True)
class Trial:
    """One comparison.

    >>> Trial.parse("alice 'first call.wav'")
    Trial(enroll='alice', test='first call.wav', same=None)
    >>> Trial.parse("0 enrolled.wav probe.wav").serialize()
    'enrolled.wav probe.wav nontarget'

    Attributes:
        enroll: the name of a speaker, or a recording.
        test: a recording.
        same: whether both are the same person; None where the list does not say.

    Raises:
        FormatError: a field is empty or holds a line break.
    """

    enroll: str
    test: str
    same: bool | None = None

    def __post_init__(self) -> None:
        for field in (self.enroll, self.test):
            if not field or "\n" in field or "\r" in field:
                raise FormatError("trial", f'a field is empty or holds a line break: "{printable(field)}"')

    @classmethod
    def parse(cls, text: str, *, source: str = "trial", line: int | None = None) -> Self:
        """Read one line.

        Args:
            text: the line.
            source: the file it is from, for messages.
            line: its number there.

        Raises:
            FormatError: it does not hold two fields and what is true of them, or a quote is left open.
        """
        try:
            fields = shlex.split(text)
        except ValueError as error:
            raise FormatError(source, f"{str(error).lower()}: close the quote, or quote it", line) from None
        same = None
        if len(fields) == 3 and fields[2] in _AFTER:
            *fields, truth = fields
            same = _AFTER[truth]
        elif len(fields) == 3 and fields[0] in _BEFORE:
            truth, *fields = fields
            same = _BEFORE[truth]
        if len(fields) != 2 or not all(fields):
            count = sum(map(bool, fields))
            reason = f"a trial is two fields, and target or nontarget at will; this line has {count}"
            raise FormatError(source, f"{reason}: quote a field that holds spaces", line)
        return cls(fields[0], fields[1], same)

    def serialize(self) -> str:
        """The trial as a line, without a line break."""
        truth = {None: "", True: " target", False: " nontarget"}[self.same]
        return f"{shlex.quote(self.enroll)} {shlex.quote(self.test)}{truth}"


def read_trials(path: str | Path) -> Iterator[Trial]:
    """The trials of a file, in order, read as they are asked for.

    Raises:
        FormatError: the file cannot be read, or a line is no trial.
    """
    source = printable(path)
    for number, text in enumerate(read_lines(path), start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            yield Trial.parse(text, source=source, line=number)
