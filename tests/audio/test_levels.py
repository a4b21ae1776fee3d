"""How loud a recording is over time."""

from __future__ import annotations

import numpy as np
import pytest

from spk.audio import Audio
from spk.audio.levels import levels


def tone(*loudness: float, seconds: float = 1.0) -> Audio:
    parts = [np.full(round(seconds * 16_000), level, np.float32) * (-1) ** n for n, level in enumerate(loudness)]
    return Audio(np.concatenate(parts) if parts else np.zeros(0, np.float32), "tone.wav")


def test_the_loudest_is_255() -> None:
    assert levels(tone(0.1, 0.2, 0.0)) == bytes([128] * 50 + [255] * 50 + [0] * 50)


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 0), (0.001, 1), (0.05, 3), (160.0, 8_000), (161.0, 8_000)])
def test_how_many(seconds: float, count: int) -> None:
    assert count * 0.98 <= len(levels(tone(0.5, seconds=seconds) if seconds else tone())) <= count


def test_silence() -> None:
    assert levels(tone(0.0)) == bytes(50)
