"""What every embedder promises, kept by every embedder."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from spk.embed import MODELS, load_embedder
from spk.embed.fake import FakeEmbedder
from spk.errors import InputError, ModelError, NotFoundError

NAMES = ("fake", *MODELS)


@pytest.fixture(params=NAMES)
def embed(request, load):
    return FakeEmbedder() if request.param == "fake" else load(request.param)


@pytest.fixture(scope="session")
def some(recordings):
    """Speech of several lengths, some of them equal."""
    speech = np.concatenate(recordings)
    seconds = (0.5, 1.5, 3, 1.5, 1.5, 0.25, 1.5, 1.5, 2.2)
    return [speech[i * 40_000 :][: round(s * 16_000)] for i, s in enumerate(seconds)]


def test_vectors_are_unit_float32_of_the_right_length(embed, some):
    vectors = embed(some)
    assert vectors.shape == (len(some), embed.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_company_and_order_change_nothing(embed, some):
    alone = np.concatenate([embed([clip]) for clip in some])
    assert (embed(some) * alone).sum(axis=1).min() >= 1 - 1e-6
    assert (embed(some[::-1])[::-1] * alone).sum(axis=1).min() >= 1 - 1e-6


def test_the_shortest_clip_is_half_a_second_or_less(embed, some):
    assert embed.min_seconds <= 0.5
    shortest = some[2][: round(embed.min_seconds * 16_000)]
    assert np.isfinite(embed([shortest])).all()


def test_no_clips_give_no_vectors(embed):
    assert embed([]).shape == (0, embed.dim)


def test_silence_gives_a_vector(embed):
    assert np.isfinite(embed([np.zeros(16_000, np.float32)])).all()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda clip: clip[:100], r"clip 2 of 3 lasts 0\.006 s: \w+ needs at least 0\.25 s"),
        (lambda clip: clip[:0], r"clip 2 of 3 lasts 0\.000 s"),
        (
            lambda clip: np.where(np.arange(len(clip)) == 7, np.nan, clip),
            "clip 2 of 3 has samples that are not",
        ),
        (
            lambda clip: np.where(np.arange(len(clip)) == 7, np.inf, clip),
            "clip 2 of 3 has samples that are not",
        ),
        (lambda clip: clip * np.float32(1e20), "far beyond full scale"),
        (lambda clip: np.stack((clip, clip)), r"clip 2 of 3 has shape \(2, 16000\): give one channel"),
    ],
)
def test_what_cannot_be_embedded_is_refused_and_named(embed, some, spoil, says):
    good = some[2][:16_000]
    with pytest.raises(InputError, match=says):
        embed([good, spoil(good).astype(np.float32), good])
    assert np.isfinite(embed([good])).all()  # and the embedder goes on


def test_the_same_voice_is_closer_than_another(load, corpus):
    import soundfile

    one, other = (corpus.files("enroll", speaker)[:2] for speaker in ("ls_19", "an4_fbbh"))
    clips = [soundfile.read(file, dtype="float32")[0] for file in (*one, *other)]
    for name in MODELS:
        cosine = (vectors := load(name)(clips)) @ vectors.T
        assert min(cosine[0, 1], cosine[2, 3]) > cosine[:2, 2:].max() + 0.1


@pytest.mark.parametrize("name", MODELS)
def test_fast_stays_close_to_full(load, some, name):
    cosine = (load(name)(some) * load(name, precision="fast")(some)).sum(axis=1)
    assert cosine.min() >= 0.99


def test_one_thread_gives_what_two_give(load, some):
    one = load_embedder("ecapa", threads=1)
    assert (one(some) * load()(some)).sum(axis=1).min() >= 1 - 1e-6


def test_fingerprints_belong_to_models_and_not_to_precisions(load):
    prints = [load(name).model.fingerprint for name in MODELS]
    assert len(set(prints)) == len(MODELS)
    assert all(len(print_) == 64 for print_ in prints)
    assert load().model == load(precision="fast").model


def test_unknown_names_are_told_the_known_ones():
    with pytest.raises(NotFoundError, match="'xvector'; there are: ecapa, resnet34, campplus"):
        load_embedder("xvector")
    with pytest.raises(ModelError, match="there are: full, fast"):
        load_embedder(precision="int3")
    with pytest.raises(ModelError, match="there are: cpu, cuda"):
        load_embedder(device="tpu")


def test_without_a_gpu_cuda_says_so(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="no GPU that torch can use"):
        load_embedder(device="cuda")
    with pytest.raises(ModelError, match="resnet34 runs on the CPU only"):
        load_embedder("resnet34", device="cuda")


def test_a_converted_model_needs_neither_torch_nor_speechbrain(load):
    load()
    program = """
import sys, numpy, spk.embed
assert "openvino" not in sys.modules
spk.embed.load_embedder(threads=1)([numpy.ones(8000, "f4")])
print({"torch", "speechbrain", "torchaudio", "scipy", "openvino_telemetry"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
