"""The numpy front ends against the implementations they stand for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spk.embed.fbank import KaldiFbank, SpeechBrainFbank
from spk.embed.torchaudio_shim import ensure_torchaudio

SECONDS = (0.025, 0.25, 1.0, 7.77)


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchaudio's own, not ours to mend
        ensure_torchaudio()
    import torch

    return torch


def pieces(recordings):
    """Speech, and speech after digital silence, in several lengths."""
    speech = np.concatenate(recordings)
    for seconds in SECONDS:
        samples = round(seconds * 16_000)
        yield speech[5000 : 5000 + samples]
        yield np.concatenate((np.zeros(samples // 2, np.float32), speech[:samples]))


def test_speechbrain(torch, recordings):
    from speechbrain.lobes.features import Fbank

    reference = Fbank(n_mels=80)
    for clip in pieces(recordings):
        theirs = reference(torch.from_numpy(clip)[None])[0].numpy()
        ours = SpeechBrainFbank()(clip)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs - theirs.mean(axis=0), atol=0.01)  # decibels


@pytest.mark.parametrize(("window", "scale"), [("hamming", 32768.0), ("povey", 1.0)])
def test_kaldi(torch, recordings, window, scale):
    from torchaudio.compliance.kaldi import fbank

    for clip in pieces(recordings):
        theirs = fbank(
            torch.from_numpy(clip)[None] * scale,
            num_mel_bins=80,
            sample_frequency=16_000,
            window_type=window,
            dither=0.0,
        ).numpy()
        ours = KaldiFbank(window, scale)(clip)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs - theirs.mean(axis=0), atol=0.005)  # natural log


@pytest.mark.parametrize("front", [SpeechBrainFbank(), KaldiFbank("povey", 1.0)])
def test_silence_gives_finite_features(front):
    assert np.isfinite(front(np.zeros(16_000, np.float32))).all()


def test_ten_minutes_are_ten_minutes(recordings):
    clip = np.resize(np.concatenate(recordings), 600 * 16_000)
    assert SpeechBrainFbank()(clip).shape == (60_001, 80)


def test_fronts_are_told_apart():
    assert len({SpeechBrainFbank().id, KaldiFbank("povey", 1.0).id, KaldiFbank("hamming", 1.0).id}) == 3
