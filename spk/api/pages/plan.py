"""A map of a gallery as it is drawn: places in a picture, and which names there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spk.messages.speakers import MapPoint

__all__ = ["Placed", "Plan", "plan"]

WIDTH, HEIGHT, MARGIN = 1000.0, 620.0, 40.0
LETTER, LINE = 7.5, 15.0  # the size of names, about

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Placed:
    """A person in the picture.

    Attributes:
        point: Who.
        x: From the left.
        y: From the top.
        radius: Of the dot: larger, the more speech is behind the profile.
        named: Whether there is room for the name beside it.
        left: Whether the name stands on the left of the dot.
    """

    point: MapPoint
    x: float
    y: float
    radius: float
    named: bool
    left: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The picture: its size, and who is where."""

    width: float
    height: float
    people: tuple[Placed, ...]


def plan(points: Sequence[MapPoint]) -> Plan:
    """Place people in a picture, with both axes on one scale; whoever has a name, and then most speech, gets it first.

    >>> who = {"speaker_id": "7f3a0c52-58b7-4d51-9d0e-2b0f6f1f7a10", "state": "enrolled", "net_speech": 30.0}
    >>> found = plan([MapPoint(name="anna", x=-1, y=0, **who), MapPoint(name="benjamin", x=1, y=0, **who)])
    >>> [(one.point.name, one.x, one.y, one.named, one.left) for one in found.people]
    [('anna', 40.0, 310.0, True, False), ('benjamin', 960.0, 310.0, True, True)]
    """
    if not points:
        return Plan(WIDTH, HEIGHT, ())
    xs, ys = [one.x for one in points], [one.y for one in points]
    middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    across, up = max(max(xs) - min(xs), 1e-9), max(max(ys) - min(ys), 1e-9)
    scale = min((WIDTH - 2 * MARGIN) / across, (HEIGHT - 2 * MARGIN) / up)
    taken: list[Box] = []
    spots = []
    for one in sorted(points, key=lambda one: (one.state != "enrolled", -one.net_speech)):
        x, y = WIDTH / 2 + (one.x - middle[0]) * scale, HEIGHT / 2 - (one.y - middle[1]) * scale
        radius = 4.0 + min(one.net_speech, 300.0) ** 0.5 / 3
        taken.append((x - radius, y - radius, x + radius, y + radius))
        spots.append((one, x, y, radius))
    people = []
    for one, x, y, radius in spots:
        wide, away = LETTER * len(one.name), radius + 3
        right: Box = x + away, y - LINE / 2, x + away + wide, y + LINE / 2
        left: Box = x - away - wide, y - LINE / 2, x - away, y + LINE / 2
        free = [box for box in (right, left) if box[0] >= 0 and box[2] <= WIDTH and not _meets(box, taken)]
        taken += free[:1]
        people.append(Placed(one, round(x, 1), round(y, 1), round(radius, 1), bool(free), free[:1] == [left]))
    return Plan(WIDTH, HEIGHT, tuple(people))


def _meets(box: Box, others: Sequence[Box]) -> bool:
    return any(box[0] < one[2] and one[0] < box[2] and box[1] < one[3] and one[1] < box[3] for one in others)
