"""Fixtures every room shares: the corpus where there is one, the demo dialogue, the models, a gallery to work in."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from servers import postgresql as postgresql_server
from servers import qdrant as qdrant_server

from spk.audio import Audio
from spk.embed.weights import fetch, manifest
from spk.errors import WeightsError
from spk.timeline import Segment, Timeline, Turn

if TYPE_CHECKING:
    from spk.diarize import Diarization, Diarizer, Pipeline, VoiceActivity
    from spk.embed import Embedder
    from spk.enroll import Enroller
    from spk.identify import Calibration, GalleryScorer, Identification, Identifier, Verifier
    from spk.store import Gallery, Store

# Nothing fails for being slow, since other work may hold up the machine at any moment; and everybody tries the same.
settings.register_profile("spk", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("spk")


@dataclass(frozen=True)
class Corpus:
    """Real labelled speech beside the project, described by its manifest.csv."""

    root: Path
    rows: tuple[dict[str, str], ...]

    def files(self, role: str, speaker: str | None = None) -> list[Path]:
        """The files of one role, in the manifest's order."""
        return [
            self.root / row["file"] for row in self.rows if row["role"] == role and speaker in (None, row["speaker"])
        ]


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """The development corpus; tests that need it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    root = Path(os.environ.get("SPK_CORPUS", default))
    if not (root / "manifest.csv").is_file():
        pytest.skip(f"no speech corpus at {root}: set SPK_CORPUS to a folder with a manifest.csv")
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        return Corpus(root, tuple(csv.DictReader(manifest)))


def _demo(number: int) -> Path:
    try:
        return fetch(manifest("demo").artefacts[number])
    except WeightsError as error:
        pytest.skip(f"no demo recording: {error}")


@pytest.fixture(scope="session")
def demo_audio() -> Path:
    """Thirty seconds of a real telephone conversation of two people."""
    return _demo(0)


@pytest.fixture(scope="session")
def demo_rttm() -> Path:
    """The turns of the demo recording, by human ears; its file id is ``sample``."""
    return _demo(1)


@pytest.fixture(scope="session")
def diarizer() -> Pipeline:
    """The default diarizer on two threads, loaded once."""
    from spk.diarize import load_diarizer

    try:
        return load_diarizer(threads=2)
    except WeightsError as error:
        pytest.skip(f"no models to diarize with: {error}")


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The default embedder on two threads, loaded once."""
    from spk.embed import load_embedder

    try:
        return load_embedder(threads=2)
    except WeightsError as error:
        pytest.skip(f"no model to embed with: {error}")


@pytest.fixture
def loaded_once(monkeypatch: pytest.MonkeyPatch, embedder: Embedder, diarizer: Pipeline) -> None:
    """Services of one test after the other need not load the same models again."""
    from spk.workbench import Workbench

    load = Workbench._load_embedder
    monkeypatch.setattr(
        Workbench, "_load_embedder", lambda bench, name: embedder if name == "ecapa" else load(bench, name)
    )
    monkeypatch.setattr(Workbench, "_load_vad", lambda _: diarizer.vad)
    monkeypatch.setattr(Workbench, "_load_diarizer", lambda _: diarizer)


@dataclass(frozen=True)
class Room:
    """A gallery of its own, and everything that hears voices for it."""

    store: Store
    gallery: Gallery
    embedder: Embedder
    vad: VoiceActivity
    diarizer: Diarizer
    calibration: Calibration

    @property
    def scorer(self) -> GalleryScorer:
        """The gallery as it is now."""
        from spk.identify import GalleryScorer

        return GalleryScorer(self.store, self.gallery, self.embedder.model, self.calibration)

    @property
    def enroll(self) -> Enroller:
        from spk.enroll import Enroller

        return Enroller(self.scorer, self.embedder, self.vad, self.diarizer)

    @property
    def identify(self) -> Identifier:
        from spk.identify import Identifier

        return Identifier(self.scorer, self.embedder, self.vad, self.diarizer)

    def remember(self, found: Identification, keep: str = "clips") -> Identification:
        """Keep what was heard, and the strangers in it."""
        from spk.enroll import KeptAudio
        from spk.review import Judge, remember

        how = Judge(self.embedder.model, self.calibration)
        kept = KeptAudio(keep)
        return remember(found, self.store, self.gallery, how, self.embedder, strangers=True, keep=kept)

    @property
    def verify(self) -> Verifier:
        from spk.identify import Verifier

        return Verifier(self.scorer, self.embedder, self.vad)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    from spk.store import Store

    with Store.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def room(store: Store, embedder: Embedder, diarizer: Pipeline) -> Room:
    """An empty gallery with the real models."""
    from spk.identify import default_calibration

    gallery = store.gallery("default", create=True)
    return Room(store, gallery, embedder, diarizer.vad, diarizer, default_calibration(embedder.model))


@dataclass
class Script:
    """A diarizer that finds what it is told to; nothing, unless told."""

    turns: Timeline

    def __call__(self, audio: Audio, **how: object) -> Diarization:  # noqa: ARG002 - as any diarizer is called
        from spk.diarize import Diarization

        turns = self.turns or Timeline([Turn(Segment(0.0, audio.duration), "SPEAKER_00")])
        return Diarization(turns, turns.speech)


def hear_everything(audio: Audio) -> tuple[Segment, ...]:
    """A voice-activity model to which everything but digital silence is speech."""
    return (Segment(0.0, audio.duration),) if audio.samples.any() else ()


@pytest.fixture
def toy(store: Store) -> Room:
    """An empty gallery with stand-ins that need no weights: made-up `voice` in, the logic around the models out."""
    from spk.embed.fake import FakeEmbedder
    from spk.identify import Calibration
    from spk.identify.false_alarms import FalseAlarms
    from spk.identify.scoring import CentredCosine

    embedder, gallery = FakeEmbedder(), store.gallery("default", create=True)
    model = embedder.model
    recipe = CentredCosine()
    recipe.background_ = np.zeros(embedder.dim)
    alarms = FalseAlarms((-2.5, -1.0, -0.9, 0.7, -0.1))
    calibration = Calibration(
        model.name, model.fingerprint, recipe, slope=40.0, offset=20.0, half_seconds=1.0, false_alarms=alarms
    )
    return Room(store, gallery, embedder, hear_everything, Script(Timeline()), calibration)


@pytest.fixture(scope="session")
def voice() -> Callable[..., Audio]:
    """``voice(hertz, seconds)``: syllables of coloured noise; 300, 1500 and 5000 Hz are three people to a toy."""

    def voice(hertz: float, seconds: float = 4.0, seed: int = 0) -> Audio:
        count = round(seconds * 16_000)
        spectrum = np.fft.rfft(np.random.default_rng([seed, round(hertz)]).normal(size=count))
        octaves = np.log2(np.fft.rfftfreq(count, hertz / 16_000) + 1e-3)
        noise = np.fft.irfft(spectrum * np.exp(-5 * octaves**2), count)
        syllables = np.clip(np.sin(np.arange(count) * 6 * np.pi / 16_000) + 0.5, 0.003, None)
        return Audio((0.05 * noise / noise.std() * syllables).astype(np.float32), f"{hertz:g}-{seed}.wav")

    return voice


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_server.Server]:
    """A PostgreSQL that all tests share; tests that need it are skipped where there is none."""
    try:
        server = postgresql_server.Server()
    except postgresql_server.UnavailableError as reason:
        pytest.skip(f"no PostgreSQL: {reason}")
    with server:
        yield server


@pytest.fixture(scope="session")
def qdrant_program() -> Path:
    """The Qdrant that there is; tests that need it are skipped where it cannot be had."""
    try:
        return qdrant_server.binary()
    except qdrant_server.UnavailableError as reason:
        pytest.skip(f"no Qdrant: {reason}")


@pytest.fixture(scope="session")
def qdrant(qdrant_program: Path) -> Iterator[qdrant_server.Server]:
    """A Qdrant that all tests share; each has a prefix of its own."""
    with qdrant_server.Server(qdrant_program) as server:
        yield server


@pytest.fixture
def qdrant_address(qdrant: qdrant_server.Server) -> Iterator[Callable[..., str]]:
    """``qdrant_address("grpc", timeout=9)``: where the test may keep what it likes, until it ends."""
    prefix = f"test-{uuid4().hex[:12]}"
    yield lambda transport="http", **options: qdrant.address(transport, **({"prefix": prefix} | options))
    qdrant.remove(prefix)
