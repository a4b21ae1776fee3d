"""Made-up speech: the store sees hashes and vectors only, so no test here needs audio."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import spk
from spk.store import Gallery, NewRecording, NewSample, Origin, Store
from spk.timeline import Segment

MODEL = "a model"


def unit_vector(seed: int, dim: int = 16) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=dim).astype(np.float32)
    return vector / np.linalg.norm(vector)


def make_sample(
    recording: str = "talk",
    start: float = 0.0,
    end: float = 10.0,
    *,
    content: str | None = None,
    seed: int | None = None,
    models: tuple[str, ...] = (MODEL,),
    **fields,
) -> NewSample:
    """A sample that is another one wherever its recording, segment or content differs."""
    content = content or f"{recording} {start} {end}"
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    seed = int(sha256[:8], 16) if seed is None else seed
    settings = {
        "recording": NewRecording(hashlib.sha256(recording.encode()).hexdigest(), f"{recording}.wav", 600.0),
        "segment": Segment(start, end),
        "sha256": sha256,
        "net_seconds": end - start,
        "quality": {"snr": 21.5},
        "origin": Origin.ENROLLED,
        "vectors": {model: unit_vector(seed) for model in models},
    }
    return NewSample(**(settings | fields))


@pytest.fixture(scope="session")
def sample() -> Callable[..., NewSample]:
    return make_sample


@pytest.fixture(scope="session")
def vector() -> Callable[..., np.ndarray]:
    return unit_vector


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home) as opened:
        yield opened


@pytest.fixture
def gallery(store: Store) -> Gallery:
    return store.gallery("default", create=True)


PRELUDE = """
import hashlib, os, sys
from pathlib import Path
import numpy as np
from spk.errors import SpkError
from spk.store import NewRecording, NewSample, Origin, Store
from spk.timeline import Segment

def sample(content, clip=None, seed=None):
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    vector = np.random.default_rng(int(sha256[:8], 16)).normal(size=16).astype(np.float32)
    return NewSample(
        NewRecording(sha256, "talk.wav", 60.0), Segment(0.0, 10.0), sha256, 10.0, {}, Origin.ENROLLED,
        {"a model": vector / np.linalg.norm(vector)}, clip=clip,
    )

home = Path(sys.argv[1])
"""


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start another Python process: ``PRELUDE`` and the code given, with the arguments in ``sys.argv``."""

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(Path(spk.__file__).parents[1])}
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start
