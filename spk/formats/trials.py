"""Verification trials: a text file of two fields a line, quoted as in a shell.

.. code-block:: text

    # who is it said to be, and the recording to compare with
    alice "recordings/first call.wav"
    enrolled.wav probe.wav

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


@dataclass(frozen=True)
class Trial:
    """One comparison.

    >>> Trial.parse("alice 'first call.wav'")
    Trial(enroll='alice', test='first call.wav')
    >>> Trial("alice", "first call.wav").serialize()
    "alice 'first call.wav'"

    Attributes:
        enroll: the name of a speaker, or a recording.
        test: a recording.

    Raises:
        FormatError: a field is empty or holds a line break.
    """

    enroll: str
    test: str

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
            FormatError: it does not hold two fields, or a quote is left open.
        """
        try:
            fields = shlex.split(text)
        except ValueError as error:
            raise FormatError(source, f"{str(error).lower()}: close the quote, or quote it", line) from None
        if len(fields) != 2 or not all(fields):
            count = sum(map(bool, fields))
            reason = f"a trial is two fields, this line has {count}: quote a field that holds spaces"
            raise FormatError(source, reason, line)
        return cls(*fields)

    def serialize(self) -> str:
        """The trial as a line, without a line break."""
        return f"{shlex.quote(self.enroll)} {shlex.quote(self.test)}"


def read_trials(path: str | Path) -> Iterator[Trial]:
    """The trials of a file, in order, read as they are asked for.

    Raises:
        FormatError: the file cannot be read, or a line is no trial.
    """
    source = printable(path)
    for number, text in enumerate(read_lines(path), start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            yield Trial.parse(text, source=source, line=number)
