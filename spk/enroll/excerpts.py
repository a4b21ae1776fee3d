"""Speech that is offered for enrollment: whole recordings, stretches of them, or what one person says in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spk.audio import Audio
from spk.timeline import Segment, Timeline, total

__all__ = ["Excerpt", "excerpts_of", "excerpts_of_turns"]

POOLED = 10.0  # seconds of speech that short turns are pooled to, as one sample
SCRAP = 0.3  # seconds: shorter turns are left out


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Speech offered for enrollment.

    Args:
        audio: The whole recording.
        segment: The part of it that is offered; None for all of it.
        parts: Where exactly the person speaks, if somebody said so; None to find out.
    """

    audio: Audio
    segment: Segment | None = None
    parts: tuple[Segment, ...] | None = None

    @property
    def source(self) -> str:
        """What to call it in messages."""
        if self.segment is None:
            return self.audio.source
        return f"{self.audio.source} ({self.segment.start:.1f}-{self.segment.end:.1f} s)"


def excerpts_of_turns(audio: Audio, turns: Timeline) -> Iterator[tuple[str, list[Excerpt]]]:
    """What each labelled person says alone in a recording, short turns pooled to samples of about ``POOLED`` s.

    Somebody who never speaks alone has none.
    """
    for label, alone in turns.alone_by_label.items():
        yield label, excerpts_of(audio, alone)


def excerpts_of(audio: Audio, alone: Sequence[Segment]) -> list[Excerpt]:
    """What one person says alone in a recording, short turns pooled to samples of about ``POOLED`` s."""
    parts = [part for part in alone if part.duration >= SCRAP]
    excerpts: list[Excerpt] = []
    pool: list[Segment] = []
    left = total(parts)
    for part in parts:
        pool.append(part)
        left -= part.duration
        # What is left over at the end joins the last sample rather than being too short for one.
        if part is parts[-1] or (total(pool) >= POOLED and left >= POOLED / 2):
            excerpts.append(Excerpt(audio, Segment(pool[0].start, pool[-1].end), tuple(pool)))
            pool = []
    return excerpts
