"""JSON values of a file, one after the other: an array's elements, or values that follow each other (JSON Lines).

Only the value at hand is in memory, so that an export of any length can be read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from spk.errors import FormatError
from spk.formats.lines import open_text, printable

__all__ = ["Record", "number", "read_records"]

_CHUNK = 1 << 18  # characters


@dataclass(frozen=True)
class Record:
    """One JSON object.

    Attributes:
        fields: what it holds.
        line: where it starts.
    """

    fields: dict[str, Any]
    line: int


def read_records(path: str | Path) -> Generator[Record]:
    """The objects of a JSON file, read as they are asked for.

    Raises:
        FormatError: the file cannot be read, is no JSON, or holds something else than objects.
    """
    with open_text(path) as text:
        yield from _Scanner(text, printable(path)).records()


def number(value: object) -> float | None:
    """A number of JSON; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


class _Scanner:
    """Text that is read piece by piece; what has been used is let go of."""

    def __init__(self, file: TextIO, source: str) -> None:
        self._file, self._source = file, source
        self._text, self._at, self._line = "", 0, 1
        self._more = True
        self._decoder = json.JSONDecoder(parse_constant=_no_number)

    def records(self) -> Generator[Record]:
        """Every object of the text."""
        if array := self._peek() == "[":
            self._skip(1)
            if self._peek() == "]":
                self._end()
                return
        while character := self._peek():
            if character != "{":
                self._wrong(f'"{printable(character)}" where an object of JSON ({{...}}) should begin')
            line = self._line
            yield Record(self._value(), line)
            if array:
                character = self._peek()
                if character == "]":
                    self._end()
                    return
                if character != ",":
                    self._wrong("a comma or a closing bracket is missing: was it saved whole?")
                self._skip(1)
        if array:
            self._wrong("a closing bracket is missing: was it saved whole?")

    def _end(self) -> None:
        """Pass the closing bracket; nothing may follow."""
        self._skip(1)
        if character := self._peek():
            self._wrong(f'"{printable(character)}" after the closing bracket, where nothing should follow')

    def _value(self) -> dict[str, Any]:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._read(max(_CHUNK, len(self._text) - self._at)):  # twice as much: no text is read often
                    self._skip(max(error.pos - self._at, 0))
                    self._wrong(f"is no JSON ({error.msg}): was it saved whole?")
            except (ValueError, RecursionError) as error:  # numbers that are none, brackets without end
                self._wrong(f"is no JSON that can be read ({error}): check that it is the file you mean")
            else:
                self._skip(end - self._at)
                return dict(value)

    def _peek(self) -> str:
        """The next character that is no white space; nothing at the end."""
        while True:
            rest = self._text[self._at : self._at + 1]
            if rest and not rest.isspace():
                return rest
            if rest:
                self._skip(1)
            elif not self._read(_CHUNK):
                return ""

    def _skip(self, characters: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + characters)
        self._at += characters

    def _read(self, characters: int) -> bool:
        """Read on; False at the end."""
        try:
            new = self._file.read(characters) if self._more else ""
        except UnicodeError:
            self._wrong("is not Unicode text: save it as UTF-8")
        self._more = bool(new)
        self._text, self._at = self._text[self._at :] + new, 0
        return self._more

    def _wrong(self, reason: str) -> NoReturn:
        raise FormatError(self._source, reason, self._line) from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
