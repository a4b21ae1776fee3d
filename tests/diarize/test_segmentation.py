"""Segmentation: chunks cover the recording, and overlap is heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.audio import SAMPLE_RATE, Audio
from spk.diarize.segmentation import (
    CHUNK,
    CHUNK_FRAMES,
    FRAME,
    LOCAL_SPEAKERS,
    STEP_FRAMES,
    TOGETHER,
    LocalSpeech,
    Segmentation,
)
from spk.timeline import total

STEP = FRAME / SAMPLE_RATE


class OneVoice:
    """A graph that always hears one person, and keeps what it was given."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []

    def map(self, feeds):
        fed = [feed["input"] for feed in feeds]
        assert {one.shape for one in fed} == {(TOGETHER, 1, CHUNK)}
        self.inputs += [chunk for one in fed for chunk in one[:, 0] if chunk.any()]
        classes = np.zeros((TOGETHER, CHUNK_FRAMES, 7), np.float32)
        classes[..., 2] = 1
        return [{"output": classes} for _ in fed]


def of_length(samples: int) -> Audio:
    return Audio(np.arange(1, samples + 1, dtype=np.float32), "made up")


@pytest.mark.parametrize(
    ("samples", "frames", "chunks"),
    [
        (1, 1, 1),
        (FRAME, 1, 1),
        (FRAME + 1, 2, 1),
        (9 * SAMPLE_RATE, 534, 1),
        (CHUNK_FRAMES * FRAME, 589, 1),
        (CHUNK_FRAMES * FRAME + 1, 590, 2),
        (CHUNK, 593, 2),
        ((CHUNK_FRAMES + STEP_FRAMES) * FRAME, 709, 2),
        ((CHUNK_FRAMES + STEP_FRAMES) * FRAME + 1, 710, 3),
        (60 * SAMPLE_RATE, 3556, 26),
    ],
)
def test_frames_and_chunks_of_a_recording(samples, frames, chunks):
    local = Segmentation(OneVoice())(of_length(samples))
    assert local.frames == frames
    assert local.active.shape == (chunks, CHUNK_FRAMES, LOCAL_SPEAKERS)


@given(st.integers(1, 40 * SAMPLE_RATE))
def test_every_frame_is_seen_and_nothing_after_the_end(samples):
    local = Segmentation(OneVoice())(of_length(samples))
    assert (local.count() == np.ones(local.frames)).all()
    assert local.active.sum(axis=(1, 2))[:-1].tolist() == [CHUNK_FRAMES] * (len(local.active) - 1)
    assert local.starts[-1] + local.active[-1, :, 1].sum() == local.frames


def test_chunks_begin_where_they_should_and_the_last_is_filled_with_its_own_beginning():
    graph = OneVoice()
    Segmentation(graph)(of_length(samples := 15 * SAMPLE_RATE))
    for number, fed in enumerate(graph.inputs):
        start = number * STEP_FRAMES * FRAME
        assert fed[0] == start + 1
    left = samples - start
    assert (fed[left : 2 * left] == fed[: min(left, CHUNK - left)]).all()


def test_progress_is_told_of_every_chunk():
    told = []
    Segmentation(OneVoice())(of_length(200 * SAMPLE_RATE), progress=lambda *report: told.append(report))
    assert [done for done, _, _ in told] == [64, 95]
    assert {(chunks, what) for _, chunks, what in told} == {(95, "finding turns")}


def test_chunks_are_averaged_where_they_lie():
    local = LocalSpeech(np.zeros((2, CHUNK_FRAMES, LOCAL_SPEAKERS), bool), CHUNK_FRAMES + STEP_FRAMES)
    mean = local.mean([np.full((CHUNK_FRAMES, 2), value) for value in (1.0, 4.0)], 2)
    assert mean.shape == (CHUNK_FRAMES + STEP_FRAMES, 2)
    edges = [0, STEP_FRAMES, CHUNK_FRAMES, CHUNK_FRAMES + STEP_FRAMES]
    for start, end, value in zip(edges, edges[1:], (1.0, 2.5, 4.0), strict=False):
        assert (mean[start:end] == value).all()


def test_alone_is_without_the_others():
    active = np.zeros((1, CHUNK_FRAMES, LOCAL_SPEAKERS), bool)
    active[0, 10:30, 0] = active[0, 20:40, 2] = True
    alone = LocalSpeech(active, CHUNK_FRAMES).alone
    assert np.flatnonzero(alone[0, :, 0]).tolist() == list(range(10, 20))
    assert np.flatnonzero(alone[0, :, 2]).tolist() == list(range(30, 40))
    assert LocalSpeech(active, CHUNK_FRAMES).count()[5:46:10].tolist() == [0, 1, 2, 1, 0]


def test_a_real_dialogue_and_its_overlap(diarizer, demo, demo_turns):
    local = diarizer.segmentation(demo)
    count = local.count()
    times = (np.arange(local.frames) + 0.5) * STEP
    spoken = np.array([any(time in segment for segment in demo_turns.speech) for time in times])
    together = np.array([any(time in segment for segment in demo_turns.overlap) for time in times])
    assert ((count >= 0.5) == spoken).mean() > 0.95
    assert (count[together] >= 1.5).sum() * STEP > 0.5 * total(demo_turns.overlap)
    assert (count[~together] < 1.5).mean() > 0.97
