"""What is measured of speech before it may stand for a person, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE
from spk.embed import Speech

__all__ = ["Gates", "Quality", "Reason", "measure"]

HOP = SAMPLE_RATE // 50  # 20 ms
LEVELS = 30  # different heights that a recording needs, for one of them to stand out


@dataclass(frozen=True)
class Quality:
    """Numbers about the speech of one sample.

    Attributes:
        net_seconds: Speech, in seconds.
        snr_db: Speech against the background, in decibels; an estimate, which takes steady noise for what it is
            and overlooks noise that comes and goes.
        clipped: Share of the speech's samples that are cut off at one level, an estimate.
        level_db: Mean level of the speech, in decibels of full scale.
    """

    net_seconds: float
    snr_db: float
    clipped: float
    level_db: float

    def as_mapping(self) -> dict[str, float]:
        """For the store."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Reason:
    """Why a gate refuses a sample.

    Attributes:
        gate: Which one; kept where ``--force`` overrode it, so it names nobody.
        text: For the person who enrolls: the numbers, and what to do.
    """

    gate: str
    text: str


@dataclass(frozen=True)
class Gates:
    """The least that a sample must have.

    Attributes:
        net_seconds: Speech in one sample, in seconds.
        total_seconds: Speech of all of a person's samples, in seconds.
        snr_db: Speech against background, in decibels.
        clipped: The most that may be clipped, as a share.
    """

    net_seconds: float = 0.6
    total_seconds: float = 2.0
    snr_db: float = 4.0
    clipped: float = 0.03

    def reasons(self, quality: Quality) -> tuple[Reason, ...]:
        """Why this may not be enrolled; empty if it may."""
        found = []
        if quality.net_seconds < self.net_seconds:
            text = f"only {quality.net_seconds:.1f} s of speech, {self.net_seconds:g} s are needed: record more"
            found.append(Reason("net speech", text))
        if quality.clipped > self.clipped:
            text = (
                f"{quality.clipped:.1%} of it is clipped, at most {self.clipped:.0%} may be: "
                "record again at a lower level"
            )
            found.append(Reason("clipping", text))
        if quality.snr_db < self.snr_db:
            text = (
                f"speech is only {quality.snr_db:.0f} dB above the noise, {self.snr_db:g} dB are needed: "
                "record closer to the mouth"
            )
            found.append(Reason("noise", text))
        return tuple(found)


def measure(speech: Speech) -> Quality:
    """Measure one person's speech in a recording; there must be some."""
    spoken = speech.audio.take(speech.parts).samples
    power = float(np.mean(np.square(spoken, dtype=np.float64)))
    noise = _noise(speech.audio.crop(speech.span).samples)
    return Quality(
        net_seconds=speech.net_seconds,
        snr_db=_ratio_db(power - noise, noise),
        clipped=_clipped(spoken),
        level_db=_ratio_db(power, 1.0),
    )


def _noise(samples: NDArray[np.float32]) -> float:
    """Power of the quietest fifth of what is heard from the first word to the last.

    Not of the pauses, in which somebody else may speak. Fluent speech without a pause comes out at 12 dB or more.
    """
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)  # (frames, 20 ms)
    powers = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))
    return float(np.mean(powers[: max(1, len(powers) // 5)]))


def _clipped(samples: NDArray[np.float32]) -> float:
    """The share that piles up at one level: how many samples lie around it, less how many lie next below.

    Unclipped speech has fewer and fewer samples towards its peaks. Looking for the pile rather than for samples
    at full scale finds clipping also after a change of level, of sampling rate, or by MP3.
    """
    heights = np.sort(np.abs(samples))
    if np.count_nonzero(np.diff(heights)) < LEVELS:
        return 0.0
    levels = np.linspace(0.3, 1.0, 36) * heights[-1]  # resampling and MP3 swing far beyond the clipped level
    low, middle, high = (np.searchsorted(heights, levels * share) for share in (0.7, 0.9, 1.1))
    piled = (high - middle) - (middle - low)
    return max(0.0, float(piled.max() / len(samples)))


def _ratio_db(power: float, reference: float) -> float:
    return float(10 * np.log10(max(power, 1e-12) / max(reference, 1e-12)))
