"""Tiers: how Praat and ELAN hold turns. A tier a speaker, in which nothing overlaps, and a text at each turn.

spk writes a turn's id as its text, ``id=t1a2b3c4d``. A name typed before it gives this turn to somebody else; so does
the name of another tier that is typed over it. Renaming the tier gives all of it.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spk.formats.fields import escaped, make_turn, rounded, unescaped
from spk.timeline import Segment, Timeline, Turn

__all__ = ["Mark", "Tier", "lay_out", "mark", "turns_of"]

_MARK = re.compile(r"(?:(?P<name>.*\S)\s+)?id=(?P<id>\S*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """One interval of a tier.

    Attributes:
        start: seconds.
        end: seconds.
        text: what stands at it.
        id: what the file knows it by, if it does.
        line: where it stands in the file.
    """

    start: float
    end: float
    text: str
    id: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Tier:
    """A name, and the intervals under it."""

    name: str
    marks: Sequence[Mark]


def turns_of(tiers: Sequence[Tier], source: str, *, named: bool) -> Iterator[Turn]:
    """The turns that tiers stand for.

    Args:
        tiers: all tiers of intervals.
        source: the file they are from, for messages.
        named: whether tiers are called by their speakers; else the texts are who speaks, but for those that `mark`
            made.

    Raises:
        FormatError: an interval ends before it starts.
    """
    ours = any(_MARK.fullmatch(mark.text.strip()) for tier in tiers for mark in tier.marks)
    names = {unescaped(tier.name) for tier in tiers} if ours else set()
    for tier in tiers:
        speaker = unescaped(tier.name)
        for one in tier.marks:
            text, id_ = one.text.strip(), one.id
            if found := _MARK.fullmatch(text):
                label, id_ = unescaped(found["name"] or "") or speaker, unescaped(found["id"])
            elif not named or unescaped(text) in names:
                label = unescaped(text)
            else:
                label = speaker if text or one.id else ""
            if turn := make_turn(one.start, one.end, label, id=id_, source=source, line=one.line):
                yield turn


def mark(turn: Turn) -> str:
    """The text of a turn in the tier of its speaker."""
    return "id=" + escaped(turn.id or "", r"\s")


def lay_out(turns: Timeline, decimals: int) -> list[tuple[str, list[Turn]]]:
    """Speakers with turns that do not overlap, by first speech; who overlaps himself comes several times.

    >>> talk = Timeline([Turn(Segment(0, 2), "ann"), Turn(Segment(1, 3), "ann"), Turn(Segment(2, 4), "ann")])
    >>> [(label, len(row)) for label, row in lay_out(talk, 3)]
    [('ann', 2), ('ann', 1)]
    """
    rows: dict[str, list[list[Turn]]] = {}
    free: dict[str, list[tuple[float, int]]] = {}  # by when the row's last turn ends
    for turn in turns:
        start, end = rounded(turn.segment, decimals)
        of_label, ends = rows.setdefault(turn.label, []), free.setdefault(turn.label, [])
        if ends and ends[0][0] <= start:
            number = heapq.heappop(ends)[1]
        else:
            number = len(of_label)
            of_label.append([])
        heapq.heappush(ends, (end, number))
        of_label[number].append(Turn(Segment(start, end), turn.label, turn.id))
    return [(label, row) for label, of_label in rows.items() for row in of_label]
