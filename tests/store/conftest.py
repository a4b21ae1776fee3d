"""Made-up speech: the store sees hashes and vectors only, so no test here needs audio."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from servers import postgresql as postgresql_server
from servers import processes

from spk.store import Gallery, NewRecording, NewSample, Origin, Store
from spk.store.heard import HeardPiece, HeardTurn, Label, NewHearing, NewVoice
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


def make_hearing(
    recording: str = "meeting",
    voices: tuple[str, ...] = ("S0", "S1"),
    *,
    seed: int = 50,
    dim: int = 16,
    said: dict[str, Label] | None = None,
    clips: tuple[bytes, ...] = (),
    **fields,
) -> NewHearing:
    """Voices that speak one after the other, each in two pieces; another ``seed`` sounds different."""
    made, turns = [], []
    for number, label in enumerate(voices):
        at, begin = seed + 10 * number, 20.0 * number
        parts = (Segment(begin, begin + 4), Segment(begin + 5, begin + 9))
        pieces = tuple(HeardPiece((part,), unit_vector(at + piece, dim)) for piece, part in enumerate(parts))
        made.append(
            NewVoice(
                label=label,
                vector=unit_vector(at + 5, dim),
                pieces=pieces,
                net_seconds=8.0,
                heard=8.0,
                parts=parts,
                sha256=hashlib.sha256(f"{recording} {at}".encode()).hexdigest(),
                quality={"snr": 20.0},
                clip=clips[number] if clips else None,
                said=(said or {}).get(label, Label()),
            )
        )
        turns += [HeardTurn(f"{label}-{place}", label, part) for place, part in enumerate(parts)]
    settings = {
        "recording": NewRecording(hashlib.sha256(recording.encode()).hexdigest(), f"{recording}.wav", 600.0),
        "model": MODEL,
        "dim": dim,
        "least": None,
        "point": {"fpir": 0.01},
        "attendees": None,
        "strangers": False,
        "corrected": False,
        "voices": tuple(made),
        "turns": tuple(turns),
    }
    return NewHearing(**(settings | fields))


@pytest.fixture(scope="session")
def hearing() -> Callable[..., NewHearing]:
    return make_hearing


@pytest.fixture(scope="session")
def sample() -> Callable[..., NewSample]:
    return make_sample


@pytest.fixture(scope="session")
def vector() -> Callable[..., np.ndarray]:
    return unit_vector


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a test twice: every `Store.open`, those of other processes too, goes to one or the other."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        monkeypatch.setenv(postgresql_server.ADDRESS, server.administrator)
        monkeypatch.setattr(Store, "open", postgresql_server.opened_at(server.administrator, Store.open))
    yield request.param
    if request.param == "postgresql":
        server.drop_databases()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def files_with(request: pytest.FixtureRequest) -> Callable[..., list[str]]:
    """``files_with(home, "Ada", …)``: files of the home that hold any of it, or of its database on the server."""

    def files_with(home: Path, *texts: str | bytes) -> list[str]:
        needles = [text.encode() if isinstance(text, str) else text for text in texts]
        files = [path for path in home.rglob("*") if path.is_file()]
        if os.environ.get(postgresql_server.ADDRESS):
            files += request.getfixturevalue("postgresql").files(postgresql_server.database_name(home))
        contents = ((path.name, path.read_bytes()) for path in files)
        return [name for name, content in contents if any(needle in content for needle in needles)]

    return files_with


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open(home) as opened:
        yield opened


@pytest.fixture
def gallery(store: Store) -> Gallery:
    return store.gallery("default", create=True)


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start another Python process: `servers.processes.start`."""
    return processes.start
