"""What is measured of speech before it may stand for a person, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE
from spk.embed import Speech
from spk.timeline import Segment, subtract

__all__ = ["Gates", "Quality", "Reason", "measure"]

HOP = SAMPLE_RATE // 50  # 20 ms
PLATEAU = 3  # samples in a row at the loudest level: a sine at full scale has two


@dataclass(frozen=True)
class Quality:
    """Numbers about the speech of one sample.

    Attributes:
        net_seconds: Speech, in seconds.
        snr_db: Speech against what is heard between it, in decibels.
        clipped: Share of the speech's samples that lie on a plateau at the loudest level.
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
    snr_db: float = 3.0
    clipped: float = 0.01

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
    """Measure one person's speech in a recording."""
    samples = speech.audio.samples
    spoken = _cut(samples, speech.parts)
    pauses = _cut(samples, subtract([Segment(0.0, speech.audio.duration)], speech.parts))
    power = float(np.mean(np.square(spoken, dtype=np.float64))) if len(spoken) else 0.0
    return Quality(
        net_seconds=speech.net_seconds,
        snr_db=_ratio_db(power - (noise := _noise(spoken, pauses)), noise),
        clipped=_clipped(spoken),
        level_db=_ratio_db(power, 1.0),
    )


def _cut(samples: NDArray[np.float32], parts: tuple[Segment, ...]) -> NDArray[np.float32]:
    ends = [(round(part.start * SAMPLE_RATE), round(part.end * SAMPLE_RATE)) for part in parts]
    return np.concatenate([samples[start:end] for start, end in ends] or [samples[:0]])


def _noise(spoken: NDArray[np.float32], pauses: NDArray[np.float32]) -> float:
    """Power of the background: the quieter half of the pauses, or the quietest twentieth of the speech."""
    quiet = _powers(pauses)
    if len(quiet) >= 10:  # 0.2 s
        return float(np.mean(np.sort(quiet)[: len(quiet) // 2]))
    heard = np.sort(_powers(spoken))
    return float(np.mean(heard[: max(1, len(heard) // 20)])) if len(heard) else 0.0


def _powers(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)  # (frames, 20 ms)
    powers: NDArray[np.float64] = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return powers


def _clipped(samples: NDArray[np.float32]) -> float:
    if not len(samples):
        return 0.0
    loudest = np.abs(samples).max()
    flat = (np.abs(samples) >= 0.999 * loudest).astype(np.int8)
    edges = np.diff(np.concatenate(([0], flat, [0])))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return float(lengths[lengths >= PLATEAU].sum() / len(samples))


def _ratio_db(power: float, reference: float) -> float:
    return float(10 * np.log10(max(power, 1e-12) / max(reference, 1e-12)))
