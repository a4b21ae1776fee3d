"""What the audio tests share: something like a voice, files of it, and ffmpeg where there is one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

Convert = Callable[..., Path]


@pytest.fixture(scope="session")
def voice() -> NDArray[np.float32]:
    """Four seconds at 16 kHz: a gliding buzz below 3 kHz in syllables, 16-bit values."""
    time = np.arange(64_000) / 16_000
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time)) / 16_000
    buzz = sum(np.sin(phase * harmonic) / harmonic for harmonic in range(1, 20))
    loudness = 0.2 * np.clip(np.sin(2 * np.pi * 1.5 * time), 0, 1)
    return (np.rint(buzz * loudness * 32768) / 32768).astype(np.float32)


@pytest.fixture
def wav(tmp_path: Path, voice: NDArray[np.float32]) -> Path:
    """The voice as a 16-bit WAV at 16 kHz."""
    path = tmp_path / "voice.wav"
    soundfile.write(path, voice, 16_000, subtype="PCM_16")
    return path


@pytest.fixture
def convert(tmp_path: Path, wav: Path) -> Convert:
    """``convert("voice.m4a", *options)``: the voice as another format, written by ffmpeg."""
    if not shutil.which("ffmpeg"):
        pytest.skip("the ffmpeg program is not installed")

    def run(name: str, *options: str) -> Path:
        path = tmp_path / name
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", f"file:{wav}", *options, f"file:{path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this ffmpeg cannot write {name}: {done.stderr.splitlines()[-1]}")
        return path

    return run
