"""Where somebody speaks: the silero voice-activity model, and what counts as net speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio
from spk.diarize.frames import runs
from spk.embed.runtime import Graph
from spk.embed.weights import fetch, manifest
from spk.timeline import Segment, union
from spk.watching import stage

__all__ = ["VoiceActivity", "load_vad"]

STEP = 512  # samples the model judges at a time
CONTEXT = 64  # samples before them that it also sees
BLOCK = 1024  # steps that are judged in one go: 33 s


@dataclass(frozen=True)
class VoiceActivity:
    """Speech segments of a recording, by silero VAD.

    Args:
        graph: The model's variant that takes a sequence of steps and its recurrent state.
        onset: Speech begins where the probability reaches this ...
        offset: ... and ends where it falls below this.
        gap: Shorter pauses are part of the speech (s).
        shortest: Shorter speech is dropped (s).
        margin: Added on both sides (s), because the model is late at soft edges.
    """

    graph: Graph
    onset: float = 0.5
    offset: float = 0.35
    gap: float = 0.2
    shortest: float = 0.1
    margin: float = 0.03

    @stage("vad")
    def __call__(self, audio: Audio) -> tuple[Segment, ...]:
        """Where there is speech, ordered and apart."""
        speech = _above(self.probabilities(audio.samples), self.onset, self.offset)
        seconds = STEP / SAMPLE_RATE
        segments = (Segment(start * seconds, end * seconds) for start, end in speech)
        long_enough = (s for s in union(segments, self.gap) if s.duration >= self.shortest)
        return union(
            Segment(max(0.0, s.start - self.margin), min(audio.duration, s.end + self.margin))
            for s in long_enough
            if s.start < audio.duration
        )

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of speech for every 32 ms: (samples,) -> (steps,)."""
        context = np.zeros(CONTEXT, np.float32)
        state = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
        parts = [np.zeros(0, np.float32)]
        for first in range(0, len(samples), BLOCK * STEP):
            heard = samples[first : first + BLOCK * STEP]
            silence = np.zeros(-len(heard) % STEP, np.float32)
            block = np.concatenate((context, heard, silence))
            views = np.lib.stride_tricks.sliding_window_view(block, CONTEXT + STEP)[::STEP]  # (steps, 576)
            out = self.graph({"input": np.ascontiguousarray(views), **state})
            context, state = block[-CONTEXT:], {"h": out["hn"], "c": out["cn"]}
            parts.append(out["speech_probs"])
        return np.concatenate(parts)


def load_vad(*, threads: int | None = None) -> VoiceActivity:
    """The voice-activity model, ready to use; fetched the first time."""
    return VoiceActivity(Graph(fetch(manifest("silero-vad").artefacts[0]), threads=threads))


def _above(values: NDArray[np.float32], onset: float, offset: float) -> list[tuple[int, int]]:
    """Runs that begin at ``onset`` or more and last until the value falls below ``offset``.

    >>> _above(np.array([0.1, 0.6, 0.4, 0.4, 0.2, 0.4, 0.9]), 0.5, 0.35)
    [(1, 4), (6, 7)]
    """
    found: list[tuple[int, int]] = []
    for start, end in runs(values >= offset):
        loud = np.flatnonzero(values[start:end] >= onset)
        if len(loud):
            found.append((start + int(loud[0]), end))
    return found
