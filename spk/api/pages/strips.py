"""Who speaks when in a recording, as it is drawn: a lane for each voice, as loud as it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from spk.messages.recordings import RecordingDetail, RecordingTurn

__all__ = ["LANE", "WIDTH", "Lane", "Strip", "strip"]

WIDTH = 1000.0
LANE = 20.0
BARS = 500
"""So many bars a recording has, where it is known how loud it is."""
_THIN = 1.5  # the least width of a turn


@dataclass(frozen=True, slots=True)
class Lane:
    """A voice.

    Attributes:
        label: Of the voice.
        who: A name, the label of a stranger, or the voice's own label.
        seconds: What it says.
        mine: Whether the picture is about this one.
        path: What is drawn of it, in SVG's words.
    """

    label: str
    who: str
    seconds: float
    mine: bool
    path: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A recording: where it is found, its name, its length in seconds, its voices, and how many more it has."""

    key: str
    name: str
    duration: float
    voices: tuple[Lane, ...]
    more: int = 0

    @property
    def width(self) -> float:
        """Of the picture."""
        return WIDTH

    @property
    def height(self) -> float:
        """Of the picture."""
        return LANE * max(len(self.voices), 1)


def strip(
    recording: RecordingDetail, levels: Sequence[int] = (), mine: UUID | None = None, most: int | None = None
) -> Strip:
    """A recording as it is drawn.

    Args:
        recording: What was heard in it.
        levels: How loud it is over time, from 0 to 255; turns are plain boxes without.
        mine: Whom the picture is about; everybody, if None.
        most: So many voices are drawn at most: theirs, and of the others those that say most.
    """
    duration = max(recording.duration, 0.1)
    first = sorted(recording.voices, key=lambda voice: (voice.speaker_id != mine, -voice.net_speech))[:most]
    chosen = {voice.label for voice in first}
    lanes = []
    for number, voice in enumerate(voice for voice in recording.voices if voice.label in chosen):
        turns = [turn for turn in recording.turns if turn.label == voice.label]
        drawn = _bars(turns, levels, duration) if levels else _boxes(turns, duration)
        path = "".join(
            f"M{x:.1f} {LANE * (number + 0.5) - high / 2:.1f}h{wide:.1f}v{high:.1f}h-{wide:.1f}z"
            for x, wide, high in drawn
        )
        is_mine = mine is None or voice.speaker_id == mine
        lanes.append(Lane(voice.label, voice.who or voice.label, voice.net_speech, is_mine, path))
    more = len(recording.voices) - len(lanes)
    return Strip(recording.sha256[:16], recording.recording, duration, tuple(lanes), more)


def _boxes(turns: Iterable[RecordingTurn], duration: float) -> Iterator[tuple[float, float, float]]:
    """Turns as boxes: from the left, how wide, how high."""
    for turn in turns:
        yield WIDTH * turn.start / duration, max(WIDTH * (turn.end - turn.start) / duration, _THIN), LANE * 0.7


def _bars(
    turns: Iterable[RecordingTurn], levels: Sequence[int], duration: float
) -> Iterator[tuple[float, float, float]]:
    """Turns as bars, each as high as it is loud."""
    step = duration / BARS
    for turn in turns:
        first = int(turn.start / step)
        for bar in range(first, min(max(int(turn.end / step), first + 1), BARS)):
            begin = bar * len(levels) // BARS
            end = max((bar + 1) * len(levels) // BARS, begin + 1)
            loud = (max(levels[begin:end], default=0) / 255) ** 0.5  # so that quiet speech is seen, too
            yield WIDTH * bar / BARS, WIDTH / BARS * 0.8, max(LANE * 0.92 * loud, 1.5)
