"""Samples that are one and the same audio, within a person or of two people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from uuid import UUID

import numpy as np

from spk.evaluate.checkup import Duplicate
from spk.store.records import Profile, Sample, Speaker
from spk.timeline import total

__all__ = ["SAME_PRINT", "SHARED_SECONDS", "copies"]

SAME_PRINT = 0.995
"""Cosine from which the voiceprints of two recordings are of the same audio, cut or saved otherwise."""
SAME_PRINT_AND_LENGTH = 0.98
"""The same where the recordings are equally long, too.

Half a minute each of one person in one session reaches 0.97; the same clip as Vorbis or Opus 0.96 to 0.99, as MP3 0.93
to 0.98 (ECAPA), so that not every copy is found.
"""
SAME_LENGTH = 0.1  # seconds
SHARED_SECONDS = 0.5
"""Speech that two samples of one recording may share by the inaccuracy of turns."""
ROWS = 1000  # voiceprints that are compared with all others at once

Pair = tuple[Sample, Sample, float | None, float | None]  # seconds that both hold, cosine


def copies(
    people: Sequence[Speaker], profiles: Sequence[Profile], samples: Sequence[Sample], everybody: Mapping[UUID, Speaker]
) -> dict[UUID, tuple[Duplicate, ...]]:
    """What of the people's samples is there twice.

    Args:
        people: Whose.
        profiles: Of everybody who is looked at.
        samples: Of everybody who is looked at.
        everybody: The people of the gallery by id.
    """
    wanted = {person.id for person in people}
    found: dict[UUID, list[Duplicate]] = {}
    known: set[frozenset[UUID]] = set()
    for one, other, overlap, cosine in (
        *_same_content(samples),
        *_overlapping(samples),
        *_same_prints(profiles, wanted),
    ):
        pair = frozenset((one.id, other.id))
        if pair in known:
            continue
        known.add(pair)
        sides = [(one, other)] if one.speaker == other.speaker else [(one, other), (other, one)]
        for mine, theirs in sides:
            if mine.speaker in wanted and theirs.speaker in everybody:  # and not enrolled meanwhile
                duplicate = Duplicate(mine, theirs, everybody[theirs.speaker], overlap, cosine)
                found.setdefault(mine.speaker, []).append(duplicate)
    return {speaker: tuple(duplicates) for speaker, duplicates in found.items()}


def _same_content(samples: Iterable[Sample]) -> Iterator[Pair]:
    by_content: dict[str, list[Sample]] = {}
    for sample in samples:
        by_content.setdefault(sample.sha256, []).append(sample)
    for some in by_content.values():
        for one, other in combinations(some, 2):
            yield one, other, min(one.net_seconds, other.net_seconds), None


def _overlapping(samples: Iterable[Sample]) -> Iterator[Pair]:
    by_recording: dict[UUID, list[Sample]] = {}
    for sample in samples:
        by_recording.setdefault(sample.recording.id, []).append(sample)
    for some in by_recording.values():
        open_: list[Sample] = []  # those that may reach into what follows
        for sample in sorted(some, key=lambda sample: sample.segment):
            open_ = [other for other in open_ if other.segment.end > sample.segment.start]
            for other in open_:
                shared = total(both for part in other.parts for piece in sample.parts if (both := part & piece))
                if shared >= SHARED_SECONDS:
                    yield other, sample, shared, None
            open_.append(sample)


def _same_prints(profiles: Sequence[Profile], wanted: set[UUID]) -> Iterator[Pair]:
    """Voiceprints of two recordings that are more alike than one voice makes them."""
    if not profiles:
        return
    samples = [sample for profile in profiles for sample in profile.samples]
    vectors = np.concatenate([profile.vectors for profile in profiles])  # (samples, dim)
    rows = np.flatnonzero([sample.speaker in wanted for sample in samples])
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        cosines = vectors[some] @ vectors.T
        for row, column in np.argwhere(cosines > SAME_PRINT_AND_LENGTH):
            one, other, cosine = samples[some[row]], samples[column], float(cosines[row, column])
            alike = abs(one.recording.duration - other.recording.duration) <= SAME_LENGTH
            if one.recording.id != other.recording.id and (cosine > SAME_PRINT or alike):
                yield one, other, None, cosine
