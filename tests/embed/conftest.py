"""Real speech to embed, the embedders, and SpeechBrain's own pipeline to compare with."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from itertools import cycle

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from spk.embed import Embedder, load_embedder, weights

Clip = NDArray[np.float32]

# Most of what is embedded is short; a few are as long as they get.
SECONDS = (*np.geomspace(0.5, 5, 100), 10, 20, 60)


@pytest.fixture(scope="session")
def recordings(request: pytest.FixtureRequest) -> list[Clip]:
    """Real speech: the probes of the corpus where it is there, the demo dialogue where not."""
    try:
        corpus = request.getfixturevalue("corpus")
    except pytest.skip.Exception:
        files = [weights.fetch(weights.manifest("demo").artefacts[0])]
    else:
        files = sorted(corpus.files("test"), key=lambda file: file.name)  # mixes the speakers
    return [soundfile.read(file, dtype="float32")[0] for file in files]


@pytest.fixture(scope="session")
def clips(recordings: list[Clip]) -> list[Clip]:
    """Over a hundred clips of real speech of 0.5 to 60 s, cut from the recordings or joined from several."""
    speech = cycle(recordings)
    cut, left = [], next(speech)
    for seconds in SECONDS:
        samples = round(seconds * 16_000)
        while len(left) < samples:
            left = np.concatenate((left, next(speech)))
        cut.append(left[:samples])
        left = left[samples:]
    return cut


@pytest.fixture(scope="session")
def load() -> Callable[..., Embedder]:
    """`load_embedder` on two threads, each embedder loaded once."""
    return cache(lambda name="ecapa", **settings: load_embedder(name, threads=2, **settings))


@pytest.fixture(scope="session")
def encode_batch(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[Clip]], NDArray[np.float32]]:
    """SpeechBrain's own pipeline, as shipped: clips of one length (n, samples) -> (n, 192), L2-normalised."""
    from spk.embed.torchaudio_shim import ensure_torchaudio

    folder = tmp_path_factory.mktemp("speechbrain")
    for name in ("ecapa", "ecapa-speechbrain"):
        for artefact in weights.manifest(name).artefacts:
            shutil.copy(weights.fetch(artefact), folder / artefact.file)
    (folder / "label_encoder.ckpt").rename(folder / "label_encoder.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SpeechBrain's own, not ours to mend
        ensure_torchaudio()
        import torch
        from speechbrain.inference.speaker import EncoderClassifier

        torch.set_num_threads(1)  # more would only wait for each other on a busy machine
        model = EncoderClassifier.from_hparams(
            str(folder), savedir=str(folder), overrides={"pretrained_path": str(folder)}
        )

    def encode(batch: Sequence[Clip]) -> NDArray[np.float32]:
        with torch.inference_mode():
            vectors = model.encode_batch(torch.from_numpy(np.stack(batch)))[:, 0].numpy()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return encode
