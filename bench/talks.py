"""Conversations out of labelled speech: who says what, when, in which room and over which line is known exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from degrade import Degrader
from manifests import Row
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio, load
from spk.formats.rttm import read_rttm
from spk.timeline import Segment, Timeline, Turn, total

__all__ = ["Talk", "Utterance", "labelled", "talks", "utterances"]

Samples = NDArray[np.float32]

WAYS = (
    *[()] * 6,
    *[("telephone",)] * 2,
    *[("noise",)] * 2,
    *[("room",)] * 2,
    ("telephone", "noise"),
    ("room", "noise"),
)
PEOPLE, PEOPLE_SHARES = (2, 3, 4, 5), (0.35, 0.35, 0.2, 0.1)  # in a conversation
SECONDS, SECONDS_SHARES = (5.0, 10.0, 13.0, 17.0), (0.15, 0.35, 0.35, 0.15)  # of one of them, about
MOST_SECONDS = 60.0  # of one person, in all conversations: nobody shall weigh too much
LOUDNESS = 0.05  # root mean square


@dataclass(frozen=True, eq=False)
class Utterance:
    """What somebody says in one breath: samples at 16 kHz, and where in them there is speech."""

    samples: Samples
    speech: tuple[Segment, ...]


@dataclass(frozen=True, eq=False)
class Talk:
    """A recording, and who speaks when in it."""

    audio: Audio
    turns: Timeline


def labelled(rows: Sequence[Row]) -> list[Talk]:
    """Recordings with an ``.rttm`` beside them, as they are."""
    found = []
    for row in rows:
        [turns] = read_rttm(row.path.with_suffix(".rttm")).values()
        found.append(Talk(load(row.path), turns))
    return found


def utterances(rows: Sequence[Row], vad: Callable[[Audio], Sequence[Segment]]) -> dict[str, list[Utterance]]:
    """What each speaker of some rows says, without silence around it."""
    found: dict[str, list[Utterance]] = {}
    for row in rows:
        audio = load(row.path)
        speech = vad(audio)
        if speech:
            start, end = max(0.0, speech[0].start - 0.1), min(audio.duration, speech[-1].end + 0.1)
            inside = tuple(Segment(part.start - start, min(part.end, end) - start) for part in speech)
            whole = audio.crop(Segment(start, end)).samples
            found.setdefault(row.speaker, []).append(Utterance(whole, inside))
    return found


def talks(said: Mapping[str, Sequence[Utterance]], degrade: Degrader, seed: int) -> Iterator[Talk]:
    """Conversations of 2 to 5 people, in which nothing is said twice; half of them clean.

    Args:
        said: By speaker. Who says enough appears in several conversations.
        degrade: Makes the others as telephones, noise and rooms do.
        seed: The same one makes the same conversations.
    """
    rng = np.random.default_rng(seed)
    waiting = [(speaker, some) for speaker in sorted(said) for some in _appearances(said[speaker], rng)]
    waiting = [waiting[at] for at in rng.permutation(len(waiting))]
    number = 0
    while waiting:
        count = int(rng.choice(PEOPLE, p=PEOPLE_SHARES))
        together: dict[str, Sequence[Utterance]] = {}
        for speaker, some in list(waiting):
            if len(together) < count and speaker not in together:
                together[speaker] = some
                waiting.remove((speaker, some))
        samples, turns = _talk(together, rng)
        for way in WAYS[rng.integers(len(WAYS))]:
            samples = getattr(degrade, way)(samples, rng)
        yield Talk(Audio(np.clip(samples, -1, 1).astype(np.float32), f"talk {number}"), turns)
        number += 1


def _appearances(said: Sequence[Utterance], rng: np.random.Generator) -> Iterator[list[Utterance]]:
    """What somebody says, dealt to conversations."""
    left, room = [said[at] for at in rng.permutation(len(said))], MOST_SECONDS
    while left and room > 0:
        wanted = rng.choice(SECONDS, p=SECONDS_SHARES)
        some: list[Utterance] = []
        while left and sum(total(one.speech) for one in some) < wanted:
            some.append(left.pop())
        room -= sum(total(one.speech) for one in some)
        yield some


def _talk(said: Mapping[str, Sequence[Utterance]], rng: np.random.Generator) -> tuple[Samples, Timeline]:
    """People taking turns, each at a loudness of their own; in half of the talks some interrupt others."""
    loud = {speaker: LOUDNESS * 10 ** (rng.uniform(-4, 4) / 20) for speaker in said}
    order = [(speaker, one) for speaker, some in said.items() for one in some]
    order = [order[at] for at in rng.permutation(len(order))]
    interrupting, last, at = rng.random() < 0.5, None, 0.3
    out = np.zeros(0, np.float32)
    turns: list[Turn] = []
    for speaker, one in order:
        if interrupting and last not in (None, speaker) and rng.random() < 0.3:
            at = max(0.0, at - rng.uniform(0.2, 1.2))
        first, end = round(at * SAMPLE_RATE), round(at * SAMPLE_RATE) + len(one.samples)
        out = np.pad(out, (0, max(0, end - len(out))))
        out[first:end] += one.samples * loud[speaker] / max(float(np.sqrt(np.mean(one.samples**2))), 1e-5)
        turns += [Turn(part + first / SAMPLE_RATE, speaker) for part in one.speech]
        at, last = end / SAMPLE_RATE + rng.uniform(0.1, 0.8), speaker
    return out + rng.normal(0, 1e-4, len(out)).astype(np.float32), Timeline(turns).joined(0.3)
