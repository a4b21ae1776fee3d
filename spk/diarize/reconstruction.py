"""From local speakers and voices to turns: every run of speech votes for the voice that it sounds like."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE
from spk.diarize.frames import runs
from spk.diarize.segmentation import CHUNK_FRAMES, FIRST_FRAME, FRAME, LOCAL_SPEAKERS, LocalSpeech
from spk.diarize.windows import HOP_FRAMES, WIDTH_FRAMES, Windows
from spk.timeline import Segment, Timeline, Turn

__all__ = ["reconstruct"]

PRIOR = 0.5  # windows' worth of trust in the local speaker as a whole, against the run itself
SHARPNESS = 0.1  # cosines that differ by this much differ by a factor e in their vote
WINDOW_VOTE = 1.0  # of the windows over a moment, against the vote of the local speakers
BRIDGED = 0.3  # seconds of silence within a turn
SHORTEST = 0.1  # seconds: nobody says anything in less


def reconstruct(local: LocalSpeech, windows: Windows, centroids: NDArray[np.float32]) -> Timeline:
    """Turns, labelled ``SPEAKER_00`` onwards in the order of first speech.

    Args:
        local: Who speaks in each chunk.
        windows: Voice vectors of short windows.
        centroids: The voice of each person: (people, dim).
    """
    likeness = (windows.vectors @ centroids.T).astype(np.float64)  # (windows, people)
    count = local.count()
    votes = local.mean(_chunk_votes(local, windows, likeness), len(centroids))
    votes += WINDOW_VOTE * _window_votes(likeness, windows, local.frames)
    speaking = np.minimum(np.floor(count + 0.5).astype(np.intp), len(centroids))
    active = _most_voted(votes, speaking)  # (frames, people)
    turns = (
        Turn(_segment(start, end), str(person))
        for person in range(len(centroids))
        for start, end in runs(active[:, person])
    )
    timeline = Timeline(turn for turn in Timeline(turns).joined(BRIDGED) if turn.duration >= SHORTEST)
    return timeline.rename({label: f"SPEAKER_{n:02d}" for n, label in enumerate(timeline.labels)})


def _segment(start: int, end: int) -> Segment:
    step = FRAME / SAMPLE_RATE
    first = FIRST_FRAME - step / 2
    return Segment(first + start * step if start else 0.0, first + end * step)


def _most_voted(votes: NDArray[np.float64], speaking: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Those with the most votes (frames, people), as many a frame as are speaking (frames,)."""
    left = votes.copy()
    active = np.zeros(votes.shape, bool)
    for place in range(speaking.max()):
        frames = np.flatnonzero(speaking > place)
        first = left[frames].argmax(1)
        active[frames, first] = True
        left[frames, first] = -1
    return active


def _chunk_votes(local: LocalSpeech, windows: Windows, likeness: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """For whom each frame of each chunk votes: (CHUNK_FRAMES, people) a chunk.

    A run of speech that is long enough for windows of its own is named by them, a short one by what its local
    speaker says elsewhere in the chunk: the segmentation now and then takes two people for one.
    """
    starts = np.arange(windows.index.shape[1]) * HOP_FRAMES
    sums = np.zeros((CHUNK_FRAMES + 1, LOCAL_SPEAKERS))
    alone_frames = local.alone
    for chunk, index in enumerate(windows.index):
        votes = np.zeros((CHUNK_FRAMES, likeness.shape[1]))
        here = index >= 0
        heard = likeness[index[here]]  # (windows here, people)
        first, last = starts[here], starts[here] + WIDTH_FRAMES
        spoken = np.maximum(windows.spoken[chunk, here], 1e-9)
        np.cumsum(alone_frames[chunk], axis=0, out=sums[1:])
        for speaker in np.flatnonzero(local.active[chunk].any(0)):
            share = windows.alone[chunk, here, speaker]
            weight = share * (share / spoken) ** 2
            whole = weight @ heard / max(weight.sum(), 1e-9)  # (people,)
            for start, end in runs(local.active[chunk, :, speaker]):
                alone = sums[np.clip(last, start, end), speaker] - sums[np.clip(first, start, end), speaker]
                share = alone / WIDTH_FRAMES
                weight = share * (share / spoken) ** 2
                run = (weight @ heard + PRIOR * whole) / (weight.sum() + PRIOR)
                votes[start:end] += _softmax(run)
        yield votes


def _window_votes(likeness: NDArray[np.float64], windows: Windows, frames: int) -> NDArray[np.float64]:
    """For whom the windows over each frame vote: (frames, people)."""
    summed = np.zeros((frames, likeness.shape[1]))
    seen = np.zeros((frames, 1))
    for number in np.flatnonzero(windows.embedded):
        start = number * HOP_FRAMES
        summed[start : start + WIDTH_FRAMES] += likeness[number]
        seen[start : start + WIDTH_FRAMES] += 1
    summed /= np.maximum(seen, 1)
    return _softmax(summed) * (seen > 0)


def _softmax(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = cosines - cosines.max(-1, keepdims=True)
    shares /= SHARPNESS  # in place: there is one row a frame of the recording
    np.exp(shares, out=shares)
    shares /= shares.sum(-1, keepdims=True)
    return shares
