"""The exported graph against SpeechBrain's own pipeline, on real speech, in the same process."""

from __future__ import annotations

import numpy as np
import pytest

from spk.embed import campplus, ecapa
from spk.embed.cuda import TorchEmbedder


def cosines(one, other):
    return (one * other).sum(axis=1)


@pytest.fixture(scope="session")
def theirs(encode_batch, clips):
    """SpeechBrain's vectors of the clips, each alone."""
    return np.concatenate([encode_batch([clip]) for clip in clips])


@pytest.fixture(scope="session")
def ours(load, clips):
    """Our vectors of the clips, each alone."""
    return np.concatenate([load()([clip]) for clip in clips])


def test_over_a_hundred_clips_of_half_a_second_to_a_minute(clips):
    seconds = [len(clip) / 16_000 for clip in clips]
    assert len(clips) >= 100
    assert min(seconds) == 0.5
    assert max(seconds) == 60


def test_each_clip_alone_agrees(ours, theirs):
    assert cosines(ours, theirs).min() >= 0.9999


def test_each_clip_in_one_batch_agrees(load, clips, ours, theirs):
    batch = load()(clips)
    assert cosines(batch, theirs).min() >= 0.9999
    assert cosines(batch, ours).min() >= 1 - 1e-6


def test_their_batches_agree_too(load, encode_batch, recordings):
    speech = np.concatenate(recordings)[: 8 * 32_000].reshape(8, 32_000)
    assert cosines(load()(speech), encode_batch(speech)).min() >= 0.9999


def test_fast_stays_close_to_full(load, clips, ours):
    fast = load(precision="fast")(clips)
    assert cosines(fast, ours).min() >= 0.999


@pytest.mark.parametrize("recipe", [ecapa, campplus], ids=lambda recipe: recipe.MODEL.name)
def test_the_torch_path_agrees(load, clips, recipe):
    """What runs on a GPU, here on the CPU."""
    embed = TorchEmbedder(recipe.MODEL, recipe.DIM, recipe.MIN_SECONDS, recipe.FRONT, recipe.module(), device="cpu")
    some = [*clips[:60:12], clips[60][:12_000], clips[70][:12_000]]
    assert cosines(embed(some), load(recipe.MODEL.name)(some)).min() >= 0.9999
