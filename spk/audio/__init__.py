"""Recordings as mono float32 samples at 16 kHz, whatever file they come from.

`load` mixes the channels of a recording down, `load_channels` keeps them apart. Both decode block by block,
so that only the result lies in memory, and both raise `AudioError`, one clear line, for what cannot be used.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from spk.audio.opening import open_stream
from spk.audio.stream import Stream
from spk.errors import AudioError
from spk.timeline import Segment
from spk.watching import stage, tell_read

__all__ = ["SAMPLE_RATE", "Audio", "load", "load_channels", "probe"]

SAMPLE_RATE = 16_000  # samples a second, everywhere in spk

_LOUDEST = 1000.0  # 60 dB over full scale: no headroom, but integers stored as floats or bytes of something else
_OFFSET = 1e-3  # a mean below this is no offset: clean speech reaches half of it
_BLOCK = 1 << 20  # samples looked at together


@dataclass(frozen=True, eq=False)
class Audio:
    """A piece of a recording: mono, 16 kHz.

    >>> audio = Audio(np.zeros(48_000, np.float32), "talk.wav")
    >>> audio.duration, audio.crop(Segment(0.5, 1.25)).duration
    (3.0, 0.75)
    >>> audio.take([Segment(0, 1), Segment(2.5, 9)]).duration
    1.5

    Attributes:
        samples: float32 of shape (samples,), full scale at ±1.
        source: where it came from, fit to be printed on one line.

    Raises:
        AudioError: the samples are not one row of float32.
    """

    samples: NDArray[np.float32] = field(repr=False)
    source: str

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            shape = "x".join(map(str, self.samples.shape))
            raise AudioError(self.source, f"samples must be one row of float32, not {shape} {self.samples.dtype}")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    @cached_property
    def sha256(self) -> str:
        """Hash of the samples rounded to 16 bits: a lossless re-encoding is the same audio."""
        digest = hashlib.sha256()
        for start in range(0, len(self.samples), _BLOCK):
            scaled = np.rint(self.samples[start : start + _BLOCK] * 32768)
            digest.update(np.clip(scaled, -32768, 32767).astype("<i2").tobytes())
        return digest.hexdigest()

    def crop(self, segment: Segment) -> Audio:
        """What lies within ``segment``, not copied; what is past the end is cut."""
        return Audio(self.samples[_span(segment)], self.source)

    def take(self, segments: Iterable[Segment]) -> Audio:
        """Those parts, joined in the order given; what is past the end is cut."""
        parts = [self.samples[_span(segment)] for segment in segments]
        return Audio(np.concatenate(parts) if parts else self.samples[:0], self.source)


def load(path: str | Path, *, segment: Segment | None = None, name: str | None = None) -> Audio:
    """Read a recording, its channels averaged.

    A 16-bit mono file at 16 kHz comes out as its samples / 32768, bit for bit, unless it has an offset. That
    is taken off where it is clearly there: over a thousandth of full scale, and mean and median of the
    samples agree on it. A mean alone also comes from lopsided speech between pauses of digital silence.

    Args:
        path: a file that libsndfile knows (WAV, FLAC, Ogg, Opus, MP3, AIFF, …) or the ffmpeg program does.
        segment: only this part of it. It may reach past the end of the recording, but not start there.
        name: what the recording is called, if not as the file.

    Raises:
        AudioError: the file cannot be read, is cut off or damaged, or holds no audio (there).
    """
    return _read(path, segment, name, mix=True)[0]


def load_channels(path: str | Path, *, segment: Segment | None = None, name: str | None = None) -> tuple[Audio, ...]:
    """Read a recording, each channel on its own: the source of the first is ``"talk.wav (channel 1)"``.

    Args:
        path: as for `load`.
        segment: as for `load`.
        name: as for `load`.

    Raises:
        AudioError: as for `load`.
    """
    return _read(path, segment, name, mix=False)


def probe(path: str | Path, *, most: float, name: str | None = None, apart: bool = False) -> float:
    """How long a recording is, in seconds, with nothing of it kept.

    Where its header is believed, that tells; everything else is decoded, and no further than to be sure that it is
    longer than ``most`` seconds.

    Args:
        path: as for `load`.
        most: seconds beyond which it does not matter how long it is.
        name: as for `load`.
        apart: whether each channel counts, as it does for who keeps them apart.

    Raises:
        AudioError: the file cannot be read, or is found to be cut off or damaged.
    """
    with open_stream(path, last=math.ceil(most) + 1, name=name) as stream:
        frames = sum(map(len, stream.blocks)) if stream.frames is None else stream.frames
        return frames / stream.rate * (stream.channels if apart else 1)


def _span(segment: Segment) -> slice:
    return slice(round(segment.start * SAMPLE_RATE), round(segment.end * SAMPLE_RATE))


def _read(path: str | Path, segment: Segment | None, name: str | None, *, mix: bool) -> tuple[Audio, ...]:
    # Whole seconds around the segment are decoded: the resampler then stands at the same phase as in
    # the whole file and has settled, and an offset is judged by more than a word.
    first = max(0, math.floor(segment.start) - 1) if segment else 0
    last = math.ceil(segment.end) + 1 if segment else None
    with stage("decode"), open_stream(path, first, last, name=name) as stream:
        source = stream.source
        tracks = [_without_offset(track) for track in _decode(stream, mix=mix)]
    tell_read(len(tracks[0]) / SAMPLE_RATE)
    if segment is not None:
        tracks = [track[_span(Segment(segment.start - first, segment.end - first))] for track in tracks]
    if not len(tracks[0]):
        if segment is not None:
            times = f"{segment.start:g} to {segment.end:g} s"
            raise AudioError(source, f"holds no audio from {times}: check the times")
        raise AudioError(source, "holds no audio (0 samples): record or export it again")
    if mix:
        return (Audio(tracks[0], source),)
    return tuple(Audio(track, f"{source} (channel {number})") for number, track in enumerate(tracks, start=1))


def _decode(stream: Stream, *, mix: bool) -> list[NDArray[np.float32]]:
    """One row of 16 kHz samples a channel, or a single one of their mean."""
    channels = 1 if mix else stream.channels
    # Byte arrays grow in place; joining arrays at the end would take the memory twice.
    tracks = [bytearray() for _ in range(channels)]

    def keep(block: NDArray[np.float32]) -> None:  # (frames, channels)
        for track, samples in zip(tracks, block.T, strict=True):
            track.extend(samples.tobytes())

    resampler = None
    if stream.rate != SAMPLE_RATE:
        resampler = soxr.ResampleStream(stream.rate, SAMPLE_RATE, channels, dtype="float32", quality="HQ")
    for block in stream.blocks:
        _check(block, stream.source)
        mono = _mean(block) if mix else block
        keep(resampler.resample_chunk(mono) if resampler else mono)
    if resampler:
        keep(resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True))
    return [np.frombuffer(track, np.float32) for track in tracks]


def _mean(block: NDArray[np.float32]) -> NDArray[np.float32]:  # (frames, channels) -> (frames, 1)
    # Column by column: numpy's own mean over a short axis takes ten times as long.
    mixed = block[:, :1].copy()
    for channel in range(1, block.shape[1]):
        mixed += block[:, channel : channel + 1]
    mixed /= np.float32(block.shape[1])
    return mixed


def _check(block: NDArray[np.float32], source: str) -> None:
    low, high = float(block.min()), float(block.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise AudioError(source, "holds samples that are not numbers (NaN or infinite): export it again")
    peak = max(-low, high)
    if peak > _LOUDEST:
        reason = f"holds samples up to {peak:g} where full scale is 1: scale it to ±1, or export it again"
        raise AudioError(source, reason)


def _without_offset(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples less a constant offset, in place."""
    mean = float(samples.mean(dtype=np.float64)) if len(samples) else 0.0
    if abs(mean) > _OFFSET:
        median = float(np.median(samples[:: 1 + len(samples) // _BLOCK]))
        if abs(mean - median) < abs(mean) / 2:
            samples -= np.float32(mean)
    return samples
