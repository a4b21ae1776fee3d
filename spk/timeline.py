"""Who speaks when: segments, turns and timelines, in seconds. Pure Python, frozen, ordered."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self, overload

from spk.errors import TimelineError

__all__ = ["Segment", "Timeline", "Turn", "subtract", "total", "union", "with_ids"]


@dataclass(frozen=True, order=True, slots=True)
class Segment:
    """From ``start`` up to ``end``, in seconds from the beginning of the recording.

    >>> Segment(1.0, 3.0) & Segment(2.0, 5.0)
    Segment(start=2.0, end=3.0)
    >>> Segment(1.0, 2.0) & Segment(2.0, 5.0) is None
    True
    >>> Segment(1.0, 3.0) + 10
    Segment(start=11.0, end=13.0)
    >>> 1.5 in Segment(1.0, 2.0), Segment(1.0, 2.0).duration
    (True, 1.0)

    Raises:
        TimelineError: a time is negative or not finite, or the end is not after the start.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise TimelineError(f"a segment needs finite times, not {self.start} to {self.end}")
        if self.start < 0:
            raise TimelineError(f"a segment cannot start before the recording does: {self.start} s")
        if self.end <= self.start:
            raise TimelineError(f"a segment must end after it starts: {self.start} s to {self.end} s")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """The time half-way."""
        return (self.start + self.end) / 2

    def __and__(self, other: Segment) -> Segment | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Segment(start, end) if end > start else None

    def __add__(self, seconds: float) -> Segment:
        return Segment(self.start + seconds, self.end + seconds)

    def __contains__(self, time: float) -> bool:
        return self.start <= time < self.end


@dataclass(frozen=True, order=True, slots=True)
class Turn:
    """One person's uninterrupted speech: who (``label``), from when to when.

    >>> Turn(Segment(0.0, 2.5), "alice").relabel("bob")
    Turn(segment=Segment(start=0.0, end=2.5), label='bob')

    Attributes:
        segment: When, in seconds.
        label: Who.
        id: What tells this turn from others through a round trip to another program; None where nothing does.
    """

    segment: Segment
    label: str
    id: str | None = field(default=None, compare=False, repr=False)

    @property
    def start(self) -> float:
        """Start in seconds."""
        return self.segment.start

    @property
    def end(self) -> float:
        """End in seconds."""
        return self.segment.end

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.segment.duration

    def relabel(self, label: str) -> Turn:
        """The same turn under another label."""
        return replace(self, label=label)


def union(segments: Iterable[Segment], gap: float = 0.0) -> tuple[Segment, ...]:
    """Segments joined where they overlap, touch, or lie at most ``gap`` seconds apart.

    >>> union([Segment(0, 2), Segment(1, 3), Segment(3.2, 4)], gap=0.3)
    (Segment(start=0, end=4),)
    """
    joined: list[Segment] = []
    for segment in sorted(segments):
        if joined and segment.start <= joined[-1].end + gap:
            if segment.end > joined[-1].end:
                joined[-1] = Segment(joined[-1].start, segment.end)
        else:
            joined.append(segment)
    return tuple(joined)


def subtract(segments: Iterable[Segment], holes: Iterable[Segment]) -> tuple[Segment, ...]:
    """What is left of ``segments`` (joined first) once ``holes`` are cut out.

    >>> subtract([Segment(0, 10)], [Segment(2, 3), Segment(9, 12)])
    (Segment(start=0, end=2), Segment(start=3, end=9))
    """
    cuts = union(holes)
    left: list[Segment] = []
    first = 0
    for segment in union(segments):
        start = segment.start
        while first < len(cuts) and cuts[first].end <= start:
            first += 1
        for number in range(first, len(cuts)):
            cut = cuts[number]
            if cut.start >= segment.end:
                break
            if cut.start > start:
                left.append(Segment(start, cut.start))
            start = max(start, cut.end)
        if start < segment.end:
            left.append(Segment(start, segment.end))
    return tuple(left)


def total(segments: Iterable[Segment]) -> float:
    """Seconds covered, each moment counted once.

    >>> total([Segment(0, 2), Segment(1, 3)])
    3
    """
    return sum(segment.duration for segment in union(segments))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The turns of one recording, ordered by time. Several people may speak at once.

    >>> talk = Timeline([Turn(Segment(4, 9), "bob"), Turn(Segment(0, 5), "alice")])
    >>> [turn.label for turn in talk]
    ['alice', 'bob']
    >>> talk.overlap
    (Segment(start=4, end=5),)
    >>> talk.alone("bob")
    (Segment(start=5, end=9),)
    >>> talk.rename({"bob": "carol"}).labels
    ('alice', 'carol')
    """

    turns: tuple[Turn, ...]

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        object.__setattr__(self, "turns", tuple(sorted(turns)))

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __len__(self) -> int:
        return len(self.turns)

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> Timeline: ...
    def __getitem__(self, index: int | slice) -> Turn | Timeline:
        return Timeline(self.turns[index]) if isinstance(index, slice) else self.turns[index]

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, in the order of first speech."""
        return tuple(dict.fromkeys(turn.label for turn in self.turns))

    @property
    def end(self) -> float:
        """When the last turn ends, in seconds; 0 without turns."""
        return max((turn.end for turn in self.turns), default=0.0)

    @property
    def speech(self) -> tuple[Segment, ...]:
        """Where anybody speaks."""
        return union(turn.segment for turn in self.turns)

    @property
    def overlap(self) -> tuple[Segment, ...]:
        """Where two or more people speak at once."""
        edges: list[tuple[float, int]] = []
        for segments in self.by_label.values():
            for segment in segments:
                edges += [(segment.start, 1), (segment.end, -1)]
        shared: list[Segment] = []
        speaking, since = 0, 0.0
        for time, change in sorted(edges):
            if speaking >= 2 and time > since:
                shared.append(Segment(since, time))
            speaking, since = speaking + change, time
        return union(shared)

    @property
    def by_label(self) -> dict[str, tuple[Segment, ...]]:
        """Where each person speaks, as `of`, in the order of first speech; of many people, in one walk."""
        theirs: dict[str, list[Segment]] = {}
        for turn in self.turns:
            theirs.setdefault(turn.label, []).append(turn.segment)
        return {label: union(segments) for label, segments in theirs.items()}

    @property
    def alone_by_label(self) -> dict[str, tuple[Segment, ...]]:
        """Where each person speaks and nobody else does, as `alone`; of many people, in one walk."""
        theirs = self.by_label
        edges: list[tuple[float, bool, str]] = []
        for label, segments in theirs.items():
            for segment in segments:
                edges += [(segment.start, True, label), (segment.end, False, label)]
        alone: dict[str, list[Segment]] = {label: [] for label in theirs}
        speaking: set[str] = set()
        since = 0.0
        for time, begins, label in sorted(edges):
            if len(speaking) == 1 and time > since:
                alone[next(iter(speaking))].append(Segment(since, time))
            (speaking.add if begins else speaking.remove)(label)
            since = time
        return {label: tuple(segments) for label, segments in alone.items()}

    def of(self, label: str) -> tuple[Segment, ...]:
        """Where one person speaks."""
        return union(turn.segment for turn in self.turns if turn.label == label)

    def alone(self, label: str) -> tuple[Segment, ...]:
        """Where one person speaks and nobody else does."""
        others = (turn.segment for turn in self.turns if turn.label != label)
        return subtract(self.of(label), others)

    def crop(self, segment: Segment) -> Timeline:
        """What lies within ``segment``; turns that reach out of it are cut."""
        cut = ((turn.segment & segment, turn) for turn in self.turns)
        return Timeline(replace(turn, segment=part) for part, turn in cut if part)

    def joined(self, gap: float) -> Timeline:
        """The same person's turns joined where at most ``gap`` seconds lie between them."""
        theirs = self.by_label.items()
        return Timeline(Turn(segment, label) for label, segments in theirs for segment in union(segments, gap))

    def rename(self, names: Mapping[str, str] | Callable[[str], str]) -> Timeline:
        """The same turns with their labels exchanged; labels that ``names`` does not hold stay."""
        new = names if callable(names) else lambda label: names.get(label, label)
        return Timeline(turn.relabel(new(turn.label)) for turn in self.turns)

    def __or__(self, other: Self) -> Timeline:
        return Timeline((*self.turns, *other.turns))


def with_ids(turns: Timeline) -> Timeline:
    """The same turns, each with an id that no other has: a "t" and eight hexadecimal digits, made of what it says.

    Ids that turns have already stay, but for one that an earlier turn has.

    >>> [turn.id for turn in with_ids(Timeline([Turn(Segment(0, 2), "ann"), Turn(Segment(2, 3), "bo", "mine")]))]
    ['t6cfa0f72', 'mine']
    """
    taken: set[str] = set()
    keep = []
    for turn in turns:
        keep.append(turn.id is not None and turn.id not in taken)
        taken.update([turn.id] if turn.id is not None else [])
    named = []
    tried: dict[str, int] = {}  # of what is said several times: the first number that was not
    for turn, keeps in zip(turns, keep, strict=True):
        if keeps:
            named.append(turn)
            continue
        said = f"{turn.start:.3f} {turn.end:.3f} {turn.label}"
        number = tried.get(said, 0)
        while (new := _digest(f"{said} {number}")) in taken:
            number += 1
        tried[said] = number + 1
        taken.add(new)
        named.append(replace(turn, id=new))
    return Timeline(named)


def _digest(text: str) -> str:
    return f"t{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"
