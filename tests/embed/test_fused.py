"""Two embedders as one: the contract of `Embedder` holds, and the parts stay what they are."""

import numpy as np
import pytest

from spk.embed import model_parts
from spk.embed.fake import FakeEmbedder
from spk.embed.fused import FusedEmbedder
from spk.embed.model import ModelId
from spk.errors import NotFoundError

RNG = np.random.default_rng(0)
CLIPS = [RNG.normal(size=length).astype(np.float32) for length in (8000, 16_000, 24_000)]


def fused():
    return FusedEmbedder((FakeEmbedder(dim=8), FakeEmbedder(dim=16, min_seconds=0.4, model=ModelId.of("other", "1"))))


def test_vectors_stand_one_after_the_other():
    embed = fused()
    vectors = embed(CLIPS)
    assert vectors.shape == (3, embed.dim) == (3, 24)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors[:, :8] * np.sqrt(2), embed.parts[0](CLIPS), atol=1e-6)
    assert embed([]).shape == (0, 24)


def test_it_asks_for_what_the_harder_part_asks():
    assert fused().min_seconds == 0.4


def test_its_identity_follows_from_the_parts():
    model = fused().model
    assert model.name == "fake+other"
    assert model.fingerprint != FusedEmbedder((FakeEmbedder(dim=8),) * 2).model.fingerprint


@pytest.mark.parametrize("name", ["ecapa+", "ecapa+nobody", "+", "ecapa+ecapa", "resnet34+ecapa"])
def test_a_name_that_stands_for_nothing_is_refused(name):
    with pytest.raises(NotFoundError, match="no embedder"):
        model_parts(name)


def test_real_models_fuse(clips, load):
    clip = clips[50]
    vector = load("ecapa+resnet34")([clip])[0]
    one, other = (load(name)([clip])[0] for name in ("ecapa", "resnet34"))
    assert vector @ np.concatenate([one, other]) / np.sqrt(2) == pytest.approx(1.0, abs=1e-5)
