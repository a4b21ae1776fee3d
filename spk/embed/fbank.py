"""The two front ends, in numpy: log-mel spectra as SpeechBrain and as Kaldi compute them.

Both take a 16 kHz mono clip and give one row of 80 features every 10 ms, each feature with its mean over the
clip removed. A model hears what it was trained on only through its own front end: they differ in window,
filters, edges and floor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["KaldiFbank", "SpeechBrainFbank"]

Array = NDArray[np.float32]
Complex = NDArray[np.complex64]

RATE = 16_000
FRAME = 400  # 25 ms
HOP = 160  # 10 ms
MELS = 80
# A matrix product of so few frames is done by the calling thread. A larger one wakes the linear algebra
# library's threads, which fight with those that run the network: twenty times slower on two busy cores.
BLOCK = 12
# Frames are worked on so many at a time, so that they stay in the processor's cache however long the clip is.
CHUNK = 8 * BLOCK


class SpeechBrainFbank:
    """``speechbrain.lobes.features.Fbank(n_mels=80)``, then sentence mean normalisation.

    A periodic Hamming window centred on every 10th millisecond (zeros beyond both ends), the 400-point power
    spectrum, triangular filters, decibels floored at 80 dB under the loudest value of the clip.

    >>> SpeechBrainFbank()(np.ones(16000, np.float32)).shape
    (101, 80)
    """

    id = "speechbrain-fbank80-mean/1"

    def __call__(self, samples: Array) -> Array:
        """Features of one clip: (samples,) -> (1 + samples // 160, 80)."""
        padded = np.zeros(len(samples) + FRAME, np.float32)
        padded[FRAME // 2 : FRAME // 2 + len(samples)] = samples
        energies = _energies(padded, self._spectra, _speechbrain_filters())  # (frames, 80)
        decibels = 10 * np.log10(np.maximum(energies, np.float32(1e-10)))
        return _centred(np.maximum(decibels, decibels.max() - np.float32(80)))

    @staticmethod
    def _spectra(frames: Array) -> Complex:
        spectra = np.fft.rfft(frames * _hamming(periodic=True))  # numpy's types say complex128; it is not
        return cast(Complex, spectra)


class KaldiFbank:
    """Kaldi's ``compute-fbank-feats`` with 80 bins and without dither, then mean normalisation over the clip.

    Frames that fit wholly into the clip, each with its mean removed, pre-emphasised (0.97) and windowed; the
    512-point power spectrum, mel triangles from 20 Hz to 8 kHz, natural log.

    Args:
        window: What frames are multiplied with; Kaldi's default is ``povey``.
        scale: The value of full scale: 32768 for models trained on 16-bit integers, 1 for those trained on
            [-1, 1].

    >>> KaldiFbank("povey", scale=1.0)(np.ones(16000, np.float32)).shape
    (98, 80)
    """

    def __init__(self, window: Literal["hamming", "povey"], scale: float) -> None:
        # Eight times as fast as numpy's, which counts for the thousands of windows that diarization embeds.
        # It takes 0.1 s to import: the default embedder, needed for a single clip at times, does without.
        from scipy.fft import rfft

        self.id = f"kaldi-fbank80-{window}-{scale:g}-mean/1"
        self._rfft = rfft
        self._window = np.float32(scale) * (_hamming(periodic=False) if window == "hamming" else _povey())

    def __call__(self, samples: Array) -> Array:
        """Features of one clip of at least 400 samples: (samples,) -> ((samples - 400) // 160 + 1, 80)."""
        energies = _energies(samples, self._spectra, _kaldi_filters())  # (frames, 80)
        return _centred(np.log(np.maximum(energies, np.finfo(np.float32).eps)))

    def _spectra(self, frames: Array) -> Complex:
        frames = frames - frames.mean(axis=1, keepdims=True)
        emphasised = np.empty_like(frames)
        emphasised[:, 0] = frames[:, 0] * np.float32(1 - 0.97)
        emphasised[:, 1:] = frames[:, 1:] - np.float32(0.97) * frames[:, :-1]
        emphasised *= self._window
        spectra: Complex = self._rfft(emphasised, 512)
        return spectra


def _energies(samples: Array, spectra: Callable[[Array], Complex], filters: Array) -> Array:
    """What passes each filter: (samples,) -> (frames, 80)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]  # (frames, 400)
    bins = len(filters)
    energies = np.empty((len(frames), MELS), np.float32)
    for start in range(0, len(frames), CHUNK):
        spectrum = spectra(frames[start : start + CHUNK])[:, :bins]
        count = len(spectrum)
        power = np.zeros((-(-count // BLOCK) * BLOCK, bins), np.float32)
        np.square(spectrum.real, out=power[:count])
        power[:count] += np.square(spectrum.imag)
        passed = power.reshape(-1, BLOCK, bins) @ filters  # (blocks, 12, 80)
        energies[start : start + count] = passed.reshape(-1, MELS)[:count]
    return energies


def _centred(features: Array) -> Array:
    return features - _floats(features.mean(axis=0, dtype=np.float64))


def _floats(values: NDArray[np.float64]) -> Array:
    return values.astype(np.float32)


@cache
def _hamming(*, periodic: bool) -> Array:
    return _floats(np.hamming(FRAME + 1)[:FRAME] if periodic else np.hamming(FRAME))


@cache
def _povey() -> Array:
    return _floats(np.hanning(FRAME) ** 0.85)


@cache
def _speechbrain_filters() -> Array:
    """SpeechBrain's triangles (201, 80): straight in Hz, each as wide to its right as to its left."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), MELS + 2) / 2595) - 1)
    width = np.diff(edges)[:-1]
    slope = (np.linspace(0, RATE / 2, FRAME // 2 + 1)[:, None] - edges[1:-1]) / width
    return _floats(np.maximum(0, 1 - np.abs(slope)))


@cache
def _kaldi_filters() -> Array:
    """Kaldi's triangles (256, 80): straight on the mel scale, 20 Hz to 8 kHz, which has no bin of its own."""
    low, high = 1127 * np.log(1 + np.array([20, RATE / 2]) / 700)
    edges = np.linspace(low, high, MELS + 2)
    mel = 1127 * np.log(1 + np.arange(256)[:, None] * (RATE / 512) / 700)
    rise = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    return _floats(np.maximum(0, np.minimum(rise, fall)))
