"""What changed between two timelines of one recording: which turns were moved, relabelled, added, removed, cut, joined.

Turns are the same turn

1. where both carry the same id, and share time;
2. where they share time, and are the best match that is left: the share of their overlap in their union, and half a
   point for the same label, is over half a point. So the same label needs any overlap, another one most of it;
3. where both carry the same id: a turn that was put to quite another time.

An id counts where one turn of each side has it. Some programs number what they write anew, and give a turn's id to its
neighbour: this is why the overlap comes first. What is then left on one side, and lies mostly within a matched turn of
the other beside its match, makes that turn split, or joined.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from spk.errors import InputError
from spk.timeline import Segment, Timeline, Turn

__all__ = ["MOST_SHARED", "TOLERANCE", "Change", "Changes", "Kind", "compare"]

TOLERANCE = 0.01
"""Seconds; a boundary that moved by less was rounded by a format, not moved by a person."""

MOST_SHARED = 500_000
"""Pairs of a turn before and one after that share time: ten times as many as there are in 50,000 turns that nobody
changed, and few enough to be held in memory."""

_SAME_LABEL = 0.5
_FLOAT = 1e-9  # what adding and subtracting times leaves


class Kind(StrEnum):
    """What became of a turn."""

    UNCHANGED = "unchanged"
    MOVED = "moved"
    RELABELLED = "relabelled"
    MOVED_AND_RELABELLED = "moved and relabelled"
    SPLIT = "split"
    JOINED = "joined"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """Turns that belong together, and what became of them.

    Attributes:
        kind: What happened.
        before: One turn; none where it was added; several where they were joined.
        after: One turn; none where it was removed; several where it was split.
    """

    kind: Kind
    before: tuple[Turn, ...]
    after: tuple[Turn, ...]

    @property
    def touched(self) -> bool:
        """Whether anything is different."""
        return self.kind is not Kind.UNCHANGED

    @property
    def start(self) -> float:
        """When the first of the turns starts, in seconds."""
        return min(turn.start for turn in (*self.before, *self.after))


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference of two timelines: every turn of both is part of exactly one change.

    Attributes:
        all: In order of time, what is unchanged with it.
        of_after: For each turn of the timeline after, in its order, the change that it is part of.
    """

    all: tuple[Change, ...]
    of_after: tuple[Change, ...] = field(repr=False)

    @property
    def touched(self) -> tuple[Change, ...]:
        """What is different, in order of time; empty where nothing is."""
        return tuple(change for change in self.all if change.touched)

    @property
    def counts(self) -> dict[Kind, int]:
        """How many changes there are of each kind."""
        found = Counter(change.kind for change in self.all)
        return {kind: found[kind] for kind in Kind}

    @property
    def renamed(self) -> dict[str, str]:
        """Labels that are gone because another took the place of each: the new label by the old one."""
        became: dict[str, set[str]] = defaultdict(set)
        for change in self.all:
            if len(change.before) == 1:
                became[change.before[0].label].update(turn.label for turn in change.after)
        left = {turn.label for change in self.all for turn in change.after}
        return {old: min(new) for old, new in became.items() if len(new) == 1 and old not in left}


def compare(before: Timeline, after: Timeline, *, tolerance: float = TOLERANCE) -> Changes:
    """Find what a person changed.

    >>> heard = Timeline([Turn(Segment(0, 5), "bob"), Turn(Segment(5, 9), "ann"), Turn(Segment(9, 10), "bob")])
    >>> corrected = Timeline([Turn(Segment(0, 4), "bob"), Turn(Segment(4, 5), "dan"), Turn(Segment(5, 9), "eve")])
    >>> [change.kind.value for change in compare(heard, corrected).all]
    ['split', 'relabelled', 'removed']
    >>> compare(heard, corrected).renamed
    {'ann': 'eve'}

    Args:
        before: The turns as they were.
        after: The turns as they are.
        tolerance: Seconds by which a boundary may lie elsewhere without having moved.

    Raises:
        InputError: too many of them share time.
    """
    old, new = before.turns, after.turns
    found = list(islice(_shared(old, new), MOST_SHARED + 1))
    if len(found) > MOST_SHARED:
        raise InputError(
            f"{len(old):,} turns and {len(new):,} lie over each other too often to be compared: over {MOST_SHARED:,} "
            "times: check that these are the turns of one recording"
        )
    shared = sorted(found, key=lambda each: (-each.seconds, each.old, each.new))
    match = _matched(old, new, shared)
    split = _pieces(match, new, shared, tolerance)
    whole = {j: i for i, j in match.items() if i not in split}
    joined = _pieces(whole, old, (_Shared(j, i, seconds) for i, j, seconds in shared), tolerance)

    groups = [([i, *joined.get(j, ())], [j, *split.get(i, ())]) for i, j in match.items()]
    placed = [{index for group in groups for index in group[side]} for side in (0, 1)]
    groups += [([i], []) for i in range(len(old)) if i not in placed[0]]
    groups += [([], [j]) for j in range(len(new)) if j not in placed[1]]
    changes, of_after = [], {}
    for olds, news in groups:
        turns = tuple(old[i] for i in sorted(olds)), tuple(new[j] for j in sorted(news))
        changes.append(Change(_kind(*turns, tolerance), *turns))
        of_after.update(dict.fromkeys(news, changes[-1]))
    changes.sort(key=lambda change: change.start)
    return Changes(tuple(changes), tuple(of_after[j] for j in range(len(new))))


class _Shared(NamedTuple):
    """Two turns, by index, and how long both last at once."""

    old: int
    new: int
    seconds: float


def _shared(old: Sequence[Turn], new: Sequence[Turn]) -> Iterator[_Shared]:
    """Every two turns that share time, by one walk over the starts of all."""
    sides = (old, new)
    going: tuple[list[int], list[int]] = ([], [])  # turns that have started, and may not have ended
    starts = ((turn.start, side, i) for side, turns in enumerate(sides) for i, turn in enumerate(turns))
    for start, side, index in sorted(starts):
        turn, other = sides[side][index], sides[1 - side]
        going[1 - side][:] = [each for each in going[1 - side] if other[each].end > start]
        for each in going[1 - side]:
            seconds = min(turn.end, other[each].end) - start
            yield _Shared(each, index, seconds) if side else _Shared(index, each, seconds)
        going[side].append(index)


def _matched(old: Sequence[Turn], new: Sequence[Turn], shared: Sequence[_Shared]) -> dict[int, int]:
    """Which turn is which, one to one."""
    ids = (_by_id(old), _by_id(new))
    same = {i: ids[1][key] for key, i in ids[0].items() if key in ids[1]}
    scored = []
    for each in shared:
        was, now = old[each.old], new[each.new]
        union = was.duration + now.duration - each.seconds
        score = each.seconds / union + (_SAME_LABEL if was.label == now.label else 0)
        if score > _SAME_LABEL:
            scored.append((-score, each.old, each.new))
    match: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in (
        *((each.old, each.new) for each in shared if same.get(each.old) == each.new),
        *((i, j) for _, i, j in sorted(scored)),
        *same.items(),
    ):
        if i not in match and j not in taken:
            match[i] = j
            taken.add(j)
    return match


def _by_id(turns: Sequence[Turn]) -> dict[str, int]:
    """The turns whose id no other one has."""
    count = Counter(turn.id for turn in turns)
    return {turn.id: i for i, turn in enumerate(turns) if turn.id is not None and count[turn.id] == 1}


def _pieces(
    match: Mapping[int, int], parts: Sequence[Turn], shared: Iterable[_Shared], tolerance: float
) -> dict[int, list[int]]:
    """Parts without a match that lie mostly within a whole, beside the whole's match and each other.

    Args:
        match: By whole the part that it is matched with.
        parts: The side that may hold pieces of a whole.
        shared: Wholes and parts that share time, the longest first.
        tolerance: Seconds by which pieces may overlap.
    """
    taken = set(match.values())
    beside: dict[int, list[Segment]] = {}
    pieces: dict[int, list[int]] = defaultdict(list)
    pairs = list(shared)
    for whole, part, seconds in pairs:
        if match.get(whole) == part and 2 * seconds >= parts[part].duration:
            beside[whole] = [parts[part].segment]
    for whole, part, seconds in pairs:
        segment = parts[part].segment
        if part in taken or whole not in beside or 2 * seconds < segment.duration:
            continue
        place = bisect(beside[whole], segment)
        next_to = beside[whole][max(place - 1, 0) : place + 1]
        if all(min(one.end, segment.end) - max(one.start, segment.start) <= tolerance for one in next_to):
            beside[whole].insert(place, segment)
            pieces[whole].append(part)
            taken.add(part)
    return pieces


def _kind(before: tuple[Turn, ...], after: tuple[Turn, ...], tolerance: float) -> Kind:
    if not before or not after:
        return Kind.REMOVED if before else Kind.ADDED
    if len(before) > 1 or len(after) > 1:
        return Kind.JOINED if len(before) > 1 else Kind.SPLIT
    (was,), (now,) = before, after
    moved = max(abs(was.start - now.start), abs(was.end - now.end)) > tolerance + _FLOAT
    if was.label != now.label:
        return Kind.MOVED_AND_RELABELLED if moved else Kind.RELABELLED
    return Kind.MOVED if moved else Kind.UNCHANGED
