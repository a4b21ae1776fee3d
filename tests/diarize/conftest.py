"""What the diarization tests share: the demo as audio and turns, error rates, and made-up conversations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio, load
from spk.diarize import Pipeline, VoiceActivity
from spk.diarize.segmentation import (
    CHUNK_FRAMES,
    FIRST_FRAME,
    FRAME,
    LOCAL_SPEAKERS,
    STEP_FRAMES,
    LocalSpeech,
)
from spk.diarize.windows import Windows, embed_windows
from spk.embed import ModelId
from spk.formats.rttm import read_rttm
from spk.timeline import Segment, Timeline, Turn

MOST_PEOPLE = 8

ErrorRate = Callable[[Timeline, Timeline, float], float]


@pytest.fixture(scope="session")
def vad(diarizer: Pipeline) -> VoiceActivity:
    return diarizer.vad


@pytest.fixture(scope="session")
def demo(demo_audio) -> Audio:
    return load(demo_audio)


@pytest.fixture(scope="session")
def demo_turns(demo_rttm) -> Timeline:
    return read_rttm(demo_rttm)["sample"]


@pytest.fixture(scope="session")
def error_rate() -> ErrorRate:
    """``error_rate(reference, found, seconds)``: the diarization error rate, overlap scored, no collar."""
    from pyannote.core import Annotation
    from pyannote.core import Segment as Span
    from pyannote.core import Timeline as Spans
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: Timeline) -> Annotation:
        marks = Annotation()
        for number, turn in enumerate(turns):
            marks[Span(turn.start, turn.end), number] = turn.label
        return marks

    def rate(reference: Timeline, found: Timeline, seconds: float) -> float:
        whole = Spans([Span(0, seconds)])
        return DiarizationErrorRate()(annotation(reference), annotation(found), uem=whole)

    return rate


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass(frozen=True)
class Voices:
    """An embedder for made-up conversations, whose samples say who speaks: person n is bit n.

    A clip's vector is the mean of the voices in it, and ``spread`` times a random unit vector.
    """

    spread: float
    dim: int = 64
    min_seconds: float = 0.25
    model: ModelId = field(default=ModelId("voices", "made up"))

    def __call__(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        noise = np.random.default_rng(1).normal(size=(len(batch), self.dim))
        voices = np.stack([np.random.default_rng(n).normal(size=self.dim) for n in range(MOST_PEOPLE)])
        people = 1 << np.arange(MOST_PEOPLE)
        shares = np.stack([np.mean(clip.astype(int)[:, None] & people > 0, axis=0) for clip in batch])
        return unit(shares @ unit(voices) + self.spread * unit(noise)).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    """A made-up conversation as the models would hear it if they made no mistake."""

    turns: Timeline
    local: LocalSpeech
    windows: Windows


def make_scene(turns: Sequence[tuple[float, float, int]], spread: float = 0.6) -> Scene:
    """A conversation from (start, end, person) in seconds; at most three people in any ten seconds."""
    seconds = max(end for _, end, _ in turns) + 0.5
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    frames = -(-len(samples) // FRAME)
    speaking = np.zeros((frames + CHUNK_FRAMES + STEP_FRAMES, MOST_PEOPLE), bool)
    for start, end, person in turns:
        first, last = (round((time - FIRST_FRAME) * SAMPLE_RATE / FRAME) for time in (start, end))
        speaking[max(0, first) : last, person] = True
        samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] += 1 << person
    chunks = max(1, 1 + -(-(frames - CHUNK_FRAMES) // STEP_FRAMES))
    active = np.zeros((chunks, CHUNK_FRAMES, LOCAL_SPEAKERS), bool)
    for number, chunk in enumerate(active):
        here = speaking[number * STEP_FRAMES :][:CHUNK_FRAMES]
        people = sorted(np.flatnonzero(here.any(0)), key=lambda person, here=here: here[:, person].argmax())
        for place, person in enumerate(people):  # in the order of first speech, in each chunk anew
            chunk[:, place] = here[:, person]
    local = LocalSpeech(active, frames)
    windows = embed_windows(Audio(samples, "scene"), local, Voices(spread))
    return Scene(Timeline(Turn(Segment(start, end), f"{person}") for start, end, person in turns), local, windows)


@pytest.fixture(scope="session")
def scene() -> Callable[..., Scene]:
    return make_scene


@pytest.fixture(scope="session")
def talk() -> Callable[..., Scene]:
    """``talk(people)``: each speaks in turn, for five or six seconds, until a minute and a half is over."""

    def talk(people: int, spread: float = 0.6, seconds: float = 90.0, seed: int = 0) -> Scene:
        random = np.random.default_rng(seed)
        turns, time, person = [], 0.5, 0
        while time < seconds:
            end = time + random.uniform(5, 6.5)  # so that no ten seconds hold four people
            turns.append((time, end, person))
            time, person = end + random.uniform(0.1, 0.8), (person + 1) % people
        return make_scene(turns, spread)

    return talk
