"""Turns for people to read."""

from __future__ import annotations

from spk.formats.lines import printable
from spk.timeline import Timeline

__all__ = ["format_turns"]

_TO = "\u2013"  # the dash of a range


def format_turns(timeline: Timeline) -> str:
    """One line a turn, each ended by a line break.

    >>> from spk.timeline import Segment, Turn
    >>> print(format_turns(Timeline([Turn(Segment(4.2, 3661.96), "SPEAKER_00")])), end="")
    [SPEAKER_00] 00:00:04.2 – 01:01:02.0
    """  # noqa: RUF002 - the dash of a range
    lines = (f"[{printable(turn.label)}] {_clock(turn.start)} {_TO} {_clock(turn.end)}\n" for turn in timeline)
    return "".join(lines)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds to a tenth."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{tenths // 10:02}.{tenths % 10}"
