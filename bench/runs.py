"""What the parts of the speed bench share: the speech they work on, and how long they may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from manifests import read_folder
from numpy.typing import NDArray
from timing import Times, interleaved
from workers import speechbrain_folder, write_wav

from spk.audio import SAMPLE_RATE, Audio, load
from spk.embed import weights

__all__ = ["Run", "demo"]


@dataclass(frozen=True)
class Run:
    """One run of the bench.

    Attributes:
        folder: Labelled speech to work on; None for the demo dialogue.
        scratch: Where files may be written.
        rounds: How often systems are run in turn, at most.
        budget: Seconds after which no further round begins.
        peer_python: The Python that the peers are installed for.
    """

    folder: Path | None
    scratch: Path
    rounds: int
    budget: float
    peer_python: str

    def speech(self, *roles: str, seconds: float) -> NDArray[np.float32]:
        """Recordings of some roles, else the demo, one after the other and again from the start."""
        rows = read_folder(self.folder) if self.folder else []
        files = [row.path for row in rows if row.role in roles] or [demo()["sample.wav"]]
        parts: list[NDArray[np.float32]] = []
        while sum(map(len, parts)) < seconds * SAMPLE_RATE:
            parts.append(load(files[len(parts) % len(files)]).samples)
        return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]

    def wav(self, name: str, samples: NDArray[np.float32]) -> str:
        """A file of some samples."""
        return write_wav(self.scratch / f"{name}.wav", Audio(samples, name))

    def speechbrain(self) -> str:
        """SpeechBrain's folder of its model."""
        folder = self.scratch / "speechbrain"
        if not folder.exists():
            folder.mkdir()
            speechbrain_folder(folder)
        return str(folder)

    def interleaved(self, runs: Mapping[str, Callable[[], float]]) -> dict[str, Times]:
        """Run systems in turn; each gives its own seconds."""
        return interleaved(runs, self.rounds, self.budget)


def demo() -> dict[str, Path]:
    """The demo dialogue and its turns, by file name."""
    return {artefact.file: weights.fetch(artefact) for artefact in weights.manifest("demo").artefacts}
