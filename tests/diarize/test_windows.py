"""Windows: where they lie, whose they are, and which of them get a vector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk.audio import SAMPLE_RATE, Audio
from spk.diarize.segmentation import CHUNK_FRAMES, FRAME, LOCAL_SPEAKERS, STEP_FRAMES, LocalSpeech
from spk.diarize.windows import HOP_FRAMES, PER_CHUNK, PER_STEP, WIDTH_FRAMES, embed_windows

WIDTH = 24_000


class Clips:
    """An embedder that keeps the clips it was given."""

    dim = 2
    min_seconds = 0.0

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []

    def __call__(self, batch):
        self.given += batch
        return np.tile(np.array([1, 0], np.float32), (len(batch), 1))


def everybody(samples: int, speaking: bool = True) -> LocalSpeech:
    """One person who speaks all the time, or nobody."""
    frames = max(1, -(-samples // FRAME))
    chunks = max(1, 1 + -(-(frames - CHUNK_FRAMES) // STEP_FRAMES))
    active = np.zeros((chunks, CHUNK_FRAMES, LOCAL_SPEAKERS), bool)
    active[:, :, 0] = speaking
    active[-1, frames - (chunks - 1) * STEP_FRAMES :] = False
    return LocalSpeech(active, frames)


def counting(samples: int) -> Audio:
    return Audio(np.arange(samples, dtype=np.float32), "made up")


@given(st.integers(1, 60 * SAMPLE_RATE))
def test_windows_lie_alike_in_every_chunk(samples):
    windows = embed_windows(counting(samples), everybody(samples), embedder := Clips())
    count = len(windows.vectors)
    last = (count - 1) * HOP_FRAMES * FRAME + WIDTH  # where the last window ends
    assert count == 1 or last <= samples
    assert last + HOP_FRAMES * FRAME > samples
    chunk, place = np.nonzero(windows.index >= 0)
    assert (windows.index[chunk, place] == chunk * PER_STEP + place).all()
    assert windows.index.max() == count - 1
    assert (windows.index[windows.central] == np.arange(count)).all()
    starts = [int(clip[0]) for clip in embedder.given]
    assert starts == [number * HOP_FRAMES * FRAME for number in np.flatnonzero(windows.embedded)]
    assert {len(clip) for clip in embedder.given} <= {min(WIDTH, samples)}


def test_a_window_is_judged_where_a_chunk_has_it_near_its_middle():
    samples = 40 * SAMPLE_RATE
    chunk, place = embed_windows(counting(samples), everybody(samples), Clips()).central
    inside = (chunk > 0) & (chunk < chunk.max())
    middle = PER_CHUNK // 2
    assert set(place[inside]) == {middle - 2, middle - 1, middle, middle + 1}
    assert place[chunk == 0].tolist() == list(range(middle - 2 + PER_STEP))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.9))
def test_shares_are_of_the_frames_in_the_window(seed, density):
    random = np.random.default_rng(seed)
    samples = 14 * SAMPLE_RATE
    frames = -(-samples // FRAME)
    local = LocalSpeech(random.random((3, CHUNK_FRAMES, LOCAL_SPEAKERS)) < density, frames)
    windows = embed_windows(counting(samples), local, Clips())
    for chunk in range(3):
        for place in range(PER_CHUNK):
            here = slice(place * HOP_FRAMES, place * HOP_FRAMES + WIDTH_FRAMES)
            np.testing.assert_allclose(windows.alone[chunk, place], local.alone[chunk, here].mean(0))
            np.testing.assert_allclose(windows.spoken[chunk, place], local.active[chunk, here].sum(1).mean())
    assert (windows.alone.sum(2) <= windows.spoken + 1e-9).all()


@pytest.mark.parametrize("seconds", [0.01, 0.4, 1.0, 1.5, 1.99])
def test_a_short_recording_is_one_window(seconds):
    samples = round(seconds * SAMPLE_RATE)
    windows = embed_windows(counting(samples), everybody(samples), Clips())
    assert windows.vectors.shape == (1, 2)
    assert windows.embedded.tolist() == [seconds >= 0.4]  # a quarter of a window must be speech
    assert windows.pure(0.0, 0.7).tolist() == windows.embedded.tolist()


def test_where_nobody_speaks_there_is_no_vector():
    samples = 30 * SAMPLE_RATE
    assert not embed_windows(counting(samples), everybody(samples, speaking=False), Clips()).embedded.any()
    local = everybody(samples)
    local.active[:, :, 0] = False
    local.active[0, 300:400, 0] = True  # 5.06 to 6.75 s, as the first chunk hears it
    windows = embed_windows(counting(samples), local, Clips())
    assert np.flatnonzero(windows.embedded).tolist() == [8, 9]  # later windows are the second chunk's to judge


def test_pure_windows_are_one_persons(scene):
    windows = scene([(0.0, 9.0, 0), (6.0, 12.0, 1)]).windows
    starts = np.flatnonzero(windows.pure(0.5, 0.7)) * HOP_FRAMES * FRAME / SAMPLE_RATE
    assert ((starts < 5.2) | (starts > 8.3)).all()
    assert ((starts < 4).sum(), (starts > 9).sum()) == (8, 4)


def test_progress_is_told_of_every_window():
    told = []
    samples = 300 * SAMPLE_RATE
    embed_windows(counting(samples), everybody(samples), Clips(), progress=lambda *report: told.append(report))
    assert [done for done, _, _ in told] == [512, 590]
    assert told[-1][1:] == (590, "listening to voices")
