"""The reviewer's part of the review bench: how many answers it takes until nearly all speech has its right name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from strangers import Ears, Ours, seconds_by_speaker
from talks import Talk, Utterance

from spk.audio import Audio
from spk.enroll import Excerpt
from spk.errors import AudioError
from spk.review.queue import Queue
from spk.store.heard import HeardVoice, Hearing
from spk.store.records import Speaker
from spk.workbench import Workbench

__all__ = ["ORDERS", "Reviewed", "review"]

WANTED = 0.95  # share of the speech that is to be rightly named, of what one name a voice can get right
PURE = 0.6  # share of somebody's speech in an unknown from which a reviewer gives it that name
ORDERS = ("queue", "random", "voice by voice")


@dataclass(frozen=True)
class Reviewed:
    """What a reviewer did.

    Attributes:
        order: What was answered first.
        answers: How many answers it took; all that there were, where that was not enough.
        fewest: So many it takes if each gives one person all of their speech, who says most first.
        named: Share of the speech that was rightly named in the end.
        before: Share that was before the first answer.
        wrong: Share that had a wrong name in the end.
        enough: Whether `WANTED` was reached.
    """

    order: str
    answers: int
    fewest: int
    named: float
    before: float
    wrong: float
    enough: bool


class _Truth:
    """Who really says what, by voice."""

    def __init__(self, talks: Sequence[Talk], bench: Workbench) -> None:
        self._bench = bench
        self._talks = {talk.audio.sha256: talk for talk in talks}
        self._whose: dict[Hashable, Counter[str]] = {}

    def hearings(self) -> list[Hearing]:
        return self._bench.store.hearings(self._bench.gallery)

    def of(self, hearing: Hearing, voice: HeardVoice) -> Counter[str]:
        """Seconds of each person in a voice."""
        key = hearing.recording.sha256, voice.label
        if key not in self._whose:
            turns = self._bench.store.turns(hearing)
            parts = [turn.segment for turn in turns if turn.label == voice.label]
            self._whose[key] = seconds_by_speaker(self._talks[hearing.recording.sha256].turns, parts)
        return self._whose[key]

    def shares(self) -> tuple[float, float]:
        """The shares of the speech that are rightly and wrongly named, of what a name a voice can get right."""
        names = {one.id: one.name for one in self._bench.store.speakers(self._bench.gallery)}
        right = wrong = every = 0.0
        for hearing in self.hearings():
            for voice in hearing.voices:
                true = self.of(hearing, voice)
                name = names.get(voice.said.speaker) if voice.said.speaker else None
                most = max(true.values(), default=0.0)
                every += most
                right += true[name] if name else 0.0
                wrong += most - true[name] if name else 0.0
        return right / max(every, 1e-9), wrong / max(every, 1e-9)

    def fewest(self) -> int:
        """How many people must be named, those first who say most."""
        names = {one.id: one.name for one in self._bench.store.speakers(self._bench.gallery)}
        left: Counter[str] = Counter()
        every = right = 0.0
        for hearing in self.hearings():
            for voice in hearing.voices:
                for name, seconds in self.of(hearing, voice).most_common(1):
                    every += seconds
                    if voice.said.speaker and names.get(voice.said.speaker) == name:
                        right += seconds
                    else:
                        left[name] += seconds
        for answers, (_, seconds) in enumerate(left.most_common()):
            if right >= WANTED * every:
                return answers
            right += seconds
        return len(left)


def review(
    talks: Sequence[Talk], enrolled: Mapping[str, Sequence[Utterance]], home: Path, ears: Ears, order: str
) -> Reviewed:
    """Identify recordings, then answer until nearly all speech has its right name.

    Args:
        talks: The recordings.
        enrolled: Who is enrolled before, from what.
        home: An empty folder.
        ears: What hears.
        order: ``queue``, as spk asks; ``random``; ``voice by voice``: as if no stranger was linked, the longest first.
    """
    with Ours(home, ears) as bench:
        for name, said in enrolled.items():
            bench.enroller()(name, [Excerpt(Audio(one.samples, f"{name} {at}")) for at, one in enumerate(said)])
        for talk in talks:
            try:
                found = bench.identifier().recording(talk.audio)
            except AudioError:  # nobody is heard
                continue
            bench.remember(found, strangers=order != "voice by voice")
        truth = _Truth(talks, bench)
        named, wrong = before, _ = truth.shares()
        fewest = truth.fewest()
        answers = 0
        for answer in _questions(bench, truth, order):
            if named >= WANTED:
                break
            answer()
            answers += 1
            named, wrong = truth.shares()
    return Reviewed(order, answers, fewest, named, before, wrong, named >= WANTED)


def _questions(bench: Workbench, truth: _Truth, order: str) -> Iterator[Callable[[], object]]:
    """What is asked, one after the other: unknowns first, then voices that are nobody's."""
    rng = np.random.default_rng(0)
    asked: set[Hashable] = set()
    while order != "voice by voice":
        line = Queue.of(bench.store, bench.gallery, bench.judge_of, limit=None if order == "random" else 1 + len(asked))
        waiting = [one for one in line.unknowns if one.speaker.id not in asked]
        if not waiting:
            break
        one = waiting[int(rng.integers(len(waiting)))] if order == "random" else waiting[0]
        asked.add(one.speaker.id)
        yield lambda one=one: _answer(bench, truth, one.speaker, one.suspicion.samples if one.suspicion else ())
    done: set[Hashable] = set()
    while True:
        left = [
            (hearing, voice)
            for hearing in truth.hearings()
            for voice in hearing.voices
            if voice.said.speaker is None
            and (hearing.recording.id, voice.label) not in done
            and truth.of(hearing, voice)
        ]
        if not left:
            return
        if order == "random":
            hearing, voice = left[int(rng.integers(len(left)))]
        else:
            hearing, voice = max(left, key=lambda one: sum(truth.of(*one).values()))
        done.add((hearing.recording.id, voice.label))
        [(name, _)] = truth.of(hearing, voice).most_common(1)
        yield lambda hearing=hearing, voice=voice, name=name: bench.corrections().say(hearing, [voice.label], name)


def _answer(bench: Workbench, truth: _Truth, stranger: Speaker, second: Sequence[UUID]) -> None:
    """Name a stranger; part one who is two people, or say that it is nobody."""
    held: Counter[str] = Counter()
    for hearing in truth.hearings():
        for voice in hearing.voices:
            if voice.said.speaker == stranger.id:
                held.update(truth.of(hearing, voice))
    [(name, most)] = held.most_common(1) or [("", 0.0)]
    corrections = bench.corrections()
    if most >= PURE * sum(held.values()) > 0:
        corrections.name(stranger, name)
    elif second:
        corrections.split(stranger, second)
    else:
        corrections.discard(stranger)
