"""Clips as they are, cut, and made worse: what a calibration is fitted on, so that it knows short and bad speech."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from spk.audio import SAMPLE_RATE
from spk.identify.labelled import pieces

__all__ = ["Degrader", "variants"]

Samples = NDArray[np.float32]


class Degrader:
    """Makes a clip worse in one of the ways that recordings are worse."""

    def __init__(self, noises: list[Samples], rooms: list[Samples]) -> None:
        self.noises, self.rooms = noises, rooms

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        ways = [self.telephone, *[self.noise] * bool(self.noises), *[self.room] * bool(self.rooms)]
        chosen = rng.choice(len(ways), size=int(rng.integers(1, 3)), replace=False)
        for way in sorted(chosen, key=lambda index: ways[index] == self.noise):  # the noise comes last
            samples = ways[way](samples, rng)
        return samples

    def telephone(self, samples: Samples, _: np.random.Generator) -> Samples:
        """8 kHz, 300-3400 Hz, mu-law in 8 bits."""
        narrow = soxr.resample(samples, SAMPLE_RATE, 8000)
        narrow = sosfilt(butter(4, [300, 3400], "bandpass", fs=8000, output="sos"), narrow)
        peak = max(float(np.abs(narrow).max()), 1e-6)
        code = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256) * 127) / 127
        decoded = np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255 * peak
        return np.asarray(soxr.resample(decoded.astype(np.float32), 8000, SAMPLE_RATE), np.float32)

    def noise(self, samples: Samples, rng: np.random.Generator) -> Samples:
        """A background at 5 to 20 dB below the speech."""
        noise = self.noises[rng.integers(len(self.noises))]
        start = int(rng.integers(len(noise)))
        noise = np.resize(np.roll(noise, -start), len(samples))
        power = np.mean(samples**2) / max(float(np.mean(noise**2)), 1e-12)
        return np.asarray(samples + noise * np.sqrt(power / 10 ** (rng.uniform(5, 20) / 10)), np.float32)

    def room(self, samples: Samples, rng: np.random.Generator) -> Samples:
        """The reverberation of a room, at the loudness there was."""
        response = self.rooms[rng.integers(len(self.rooms))]
        start = int(np.abs(response).argmax())
        wet = fftconvolve(samples, response)[start : start + len(samples)]
        loudness = np.mean(samples**2) / max(float(np.mean(wet**2)), 1e-12)
        return np.asarray(wet * np.sqrt(loudness), np.float32)


def variants(samples: Samples, degrade: Degrader, rng: np.random.Generator) -> Iterator[tuple[str, Samples]]:
    """Two pieces of the clip, and two degraded: itself and another piece."""
    some = list(pieces(samples, 3, rng))
    for piece in some[:2]:
        yield "cut", piece
    yield "degraded", degrade(samples, rng)
    for piece in some[2:]:
        yield "degraded", degrade(piece, rng)
