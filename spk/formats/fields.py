"""What stands in the fields of files of turns: times, names, ids; and the rules for those that make no turn.

A turn that starts before the recording starts with it; one that lies before it, lasts no time, or is nobody's is left
out; one that ends before it starts is an error. A format cannot hold every character: those are written as URLs write
them, and so is a percent sign that would be read as one of them.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from spk.errors import FormatError
from spk.formats.lines import printable
from spk.timeline import Segment, Turn

__all__ = ["LONGEST", "clock", "escaped", "make_turn", "rounded", "seconds", "shown", "unescaped"]

LONGEST = 1e9
"""Seconds; no recording lasts so long, and no format can write more."""

_ALWAYS = r"^\s+|\s+$|%(?=[0-9A-Fa-f]{2})|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_CLOCK = re.compile(
    r"(?P<sign>-?)(?:(?P<hours>[0-9]{1,6}):)?(?P<minutes>[0-9]{1,2}):(?P<seconds>[0-9]{1,2}(?:[.,][0-9]*)?)"
)


def seconds(text: str) -> float:
    """A time in seconds, with a decimal point or comma, or as a clock shows it.

    >>> seconds("41.5"), seconds("41,5"), seconds("1:02:03.5"), seconds("-0:01")
    (41.5, 41.5, 3723.5, -1.0)

    Raises:
        ValueError: it is none.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text) and abs(time := float(text.replace(",", "."))) < LONGEST:
        return time + 0.0  # no negative zero
    if found := _CLOCK.fullmatch(text):
        minutes = 60 * int(found["hours"] or 0) + int(found["minutes"])
        time = 60 * minutes + float(found["seconds"].replace(",", "."))
        return -time if found["sign"] else time
    raise ValueError(f"{shown(text)} is no time: write seconds, as in 41.5")


def clock(time: float, point: str = ".") -> str:
    """Hours, minutes, seconds and milliseconds.

    >>> clock(3723.5), clock(0.25, ",")
    ('01:02:03.500', '00:00:00,250')
    """
    whole, milliseconds = divmod(round(time * 1000), 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{milliseconds:03}"


def rounded(segment: Segment, decimals: int = 3) -> tuple[float, float]:
    """Start and end with so many decimals, and the end still after the start."""
    start = round(segment.start, decimals)
    return start, max(round(segment.end, decimals), round(start + 10**-decimals, decimals))


def make_turn(
    start: float,
    end: float,
    label: str,
    *,
    id: str | None = None,  # noqa: A002 - as `Turn` has it
    source: str,
    line: int | None = None,
) -> Turn | None:
    """A turn as a person or a program drew it; None where there is nothing to hear or nobody to hear.

    >>> make_turn(-0.5, 2, "ann", source="talk.txt")
    Turn(segment=Segment(start=0.0, end=2), label='ann')
    >>> make_turn(1, 1, "ann", source="talk.txt") is make_turn(1, 2, "", source="talk.txt") is None
    True

    Raises:
        FormatError: the times are none of a recording, or it ends before it starts.
    """
    if not (abs(start) < LONGEST and abs(end) < LONGEST):
        raise FormatError(source, f"{start} to {end} are no times: write seconds, as in 41.5", line)
    if end < start:
        raise FormatError(source, f"ends before it starts: {start:g} s to {end:g} s: exchange the two", line)
    if end <= max(start, 0) or not label:
        return None
    return Turn(Segment(max(start, 0.0), end), label, id or None)


def escaped(text: str, also: str = "") -> str:
    r"""A name that any line of text can hold; ``also`` is a pattern of what else this format cannot.

    >>> escaped("Ann\tLee "), escaped("100%"), escaped("a:b", ":")
    ('Ann%09Lee%20', '100%', 'a%3Ab')
    """
    pattern = f"{_ALWAYS}|{also}" if also else _ALWAYS
    return re.sub(pattern, lambda found: "".join(_escape(c) for c in found[0]), text)


def unescaped(text: str) -> str:
    """The name that `escaped` wrote, or that somebody typed, without white space around it.

    >>> unescaped(" Ann%20Lee "), unescaped("100%")
    ('Ann Lee', '100%')
    """
    try:
        return unquote(text.strip(), errors="strict")
    except UnicodeDecodeError:  # another tool's percent signs
        return text.strip()


def shown(text: str) -> str:
    """Text in quotes for a message, cut where it is long."""
    text = printable(text.strip())
    return f'"{text[:77]}..."' if len(text) > 80 else f'"{text}"'


def _escape(character: str) -> str:
    # Letters, digits and "_.-~" stand for themselves in URLs.
    return f"%{ord(character):02X}" if character.isascii() else quote(character)
