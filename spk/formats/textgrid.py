"""TextGrids of Praat, in both forms of text: the long one, and the short one that holds the values alone.

Praat itself reads numbers, texts in quotes (a quote in them is doubled) and flags such as ``<exists>``, skips whatever
else there is, and comments from "!" to the end of a line; so does this module, which makes both forms one. UTF-8, or
UTF-16 with a byte order mark. What is read of tiers stands in `spk.formats.tiers`: with several tiers of intervals,
their names are the speakers; with one, the texts in it. Tiers of points are left out, and so are empty intervals.

The long form is written, with a tier for each speaker, times with six decimals, and ids as texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from spk.errors import FormatError
from spk.formats.fields import escaped, seconds
from spk.formats.lines import printable, read_lines
from spk.formats.tiers import Mark, Tier, lay_out, mark, turns_of
from spk.timeline import Timeline, Turn

__all__ = ["PRECISION", "read_textgrid", "write_textgrid"]

PRECISION = 0.000001
_TEXT = re.compile(r'(?P<text>[^"]*(?:""[^"]*)*)(?P<end>"?)')
_PIECE = re.compile(rf'!.*|"{_TEXT.pattern}|(?P<word>[^\s"]+)', re.DOTALL)
_LONGEST = 1 << 20  # characters of a text


class _Flag(str):
    """``<exists>`` and its like."""

    __slots__ = ()


def read_textgrid(path: str | Path) -> dict[str, Timeline]:
    """The turns of a TextGrid, under the file's name.

    Raises:
        FormatError: the file cannot be read, or is no TextGrid.
    """
    values = _Values(path)
    if not values.text().startswith("ooTextFile") or values.text() != "TextGrid":
        values.wrong("is no TextGrid: in Praat, choose the TextGrid, then Save > Save as text file")
    values.time()
    values.time()
    tiers = [tier for tier in _tiers(values) if tier is not None]
    turns = Timeline(turns_of(tiers, values.source, named=len(tiers) > 1))
    return {Path(path).stem: turns}


def _tiers(values: _Values) -> Iterator[Tier | None]:
    """Tiers of intervals, and None for those of points."""
    if values.flag() != "<exists>":
        return
    for _ in range(values.count()):
        kind = values.text()
        if kind not in ("IntervalTier", "TextTier"):
            values.wrong(f'"{printable(kind)}" is no kind of tier: IntervalTier and TextTier are')
        name = values.text()
        values.time()
        values.time()
        if kind == "IntervalTier":
            yield Tier(name, [_interval(values) for _ in range(values.count())])
            continue
        for _ in range(values.count()):  # points
            values.time()
            values.text()
        yield None


def _interval(values: _Values) -> Mark:
    start = values.time()
    line = values.line
    return Mark(start, values.time(), values.text(), line=line)


def write_textgrid(turns: Timeline, recording: str, duration: float | None = None) -> str:
    """The long form. Without turns, it has one empty tier, because Praat wants one."""
    del recording  # a TextGrid does not say what it is about
    rows = lay_out(turns, 6) or [("speaker", [])]
    end = max([duration or 0.0, *(row[-1].end for _, row in rows if row)]) or 1.0
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_span("", end)]
    lines += ["tiers? <exists>", f"size = {len(rows)}", "item []:"]
    for number, (label, row) in enumerate(rows, start=1):
        intervals = list(_filled(row, end))
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(escaped(label))}",
        ]
        lines += [*_span("        ", end), f"        intervals: size = {len(intervals)}"]
        for which, (start, stop, text) in enumerate(intervals, start=1):
            lines += [
                f"        intervals [{which}]:",
                f"            xmin = {start:.6f}",
                f"            xmax = {stop:.6f}",
            ]
            lines.append(f"            text = {_quoted(text)}")
    return "\n".join(lines) + "\n"


def _span(indent: str, end: float) -> list[str]:
    return [f"{indent}xmin = 0.000000", f"{indent}xmax = {end:.6f}"]


def _filled(row: list[Turn], end: float) -> Iterator[tuple[float, float, str]]:
    """Intervals without a gap from 0 to the end: a tier of Praat has none."""
    at = 0.0
    for turn in row:
        if turn.start > at:
            yield at, turn.start, ""
        yield turn.start, turn.end, mark(turn)
        at = turn.end
    if end > at:
        yield at, end, ""


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


class _Values:
    """The values of a file, one after the other; the next must be what is asked for."""

    def __init__(self, path: str | Path) -> None:
        self.source, self.line = printable(path), 1
        self._values = self._read(path)

    def text(self) -> str:
        """A text, as it stands between its quotes."""
        value = self._next("a text in quotes")
        return (
            value if isinstance(value, str) and not isinstance(value, _Flag) else self.wrong("a text is missing here")
        )

    def time(self) -> float:
        """A number."""
        value = self._next("a time")
        return value if isinstance(value, float) else self.wrong("a time is missing here: write seconds")

    def flag(self) -> str:
        """A flag."""
        value = self._next("<exists>")
        return value if isinstance(value, _Flag) else self.wrong("<exists> is missing here")

    def count(self) -> int:
        """A whole number."""
        value = self.time()
        return int(value) if value.is_integer() and value >= 0 else self.wrong(f"{value:g} is no number of things")

    def wrong(self, reason: str) -> NoReturn:
        """Complain of the line at hand."""
        raise FormatError(self.source, reason, self.line)

    def _next(self, wanted: str) -> str | float:
        try:
            return next(self._values)
        except StopIteration:
            self.wrong(f"ends where {wanted} should come: is it a TextGrid, and was it saved whole?")

    def _read(self, path: str | Path) -> Iterator[str | float]:
        """Free-standing values; what the long form says beside them is skipped."""
        parts: list[str] = []  # of a text that goes on over lines
        since, length = 0, 0
        for number, line in enumerate(read_lines(path), start=1):
            self.line, at = number, 0
            if parts:
                text, closing = _closed(line)
                parts.append(text)
                length += len(line)
                if length > _LONGEST:
                    raise FormatError(self.source, "a quote is opened here and not closed", since)
                if not closing:
                    continue
                yield "".join(parts).replace('""', '"')
                parts, at = [], len(text) + 1
            for piece in _PIECE.finditer(line, at):
                if piece["word"]:
                    yield from _value(piece["word"])
                elif piece["end"]:
                    yield piece["text"].replace('""', '"')
                elif piece["text"] is not None:
                    parts, since, length = [piece["text"]], number, 0
        if parts:
            raise FormatError(self.source, "a quote is opened here and not closed", since)


def _closed(line: str) -> tuple[str, bool]:
    """What of a line belongs to a text that has begun before, and whether its quote is closed there."""
    found = _TEXT.match(line)
    return (found["text"], bool(found["end"])) if found else ("", False)


def _value(word: str) -> Iterator[_Flag | float]:
    """What a word that is no text stands for, if anything."""
    if word.startswith("<"):
        yield _Flag(word)
    elif word[0] in "+-.,0123456789":
        with suppress(ValueError):  # as "3:" in what the long form says
            yield seconds(word)
