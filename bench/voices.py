"""Made-up voiceprints that lie to each other as real ones do: people, each heard over a few channels.

A voiceprint is the sum of what all voices have in common, of its person, of the channel (a microphone, a line, a
room: partly the same for everybody, partly not) and of the moment, normalised. The shares are such that cosines are
spread as those of ECAPA's voiceprints of real speech of 1.5 s and more (171 people, 613 clips, and copies of them
with noise and echo): between people 0.09 ± 0.09; of one person 0.65 ± 0.13 over one channel, and 0.49 ± 0.14 over
another.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from manifests import read_folder, write_people
from numpy.typing import NDArray

from spk.cli.common import bar, say
from spk.diarize.vad import load_vad
from spk.embed import load_embedder
from spk.embed.ecapa import MODEL
from spk.identify.labelled import hear, read_labels

__all__ = ["DIM", "Part", "Real", "crowd", "real"]

DIM = 192
COMMON, PERSON, CHANNEL, MOMENT = 0.08, 0.36, 0.21, 0.35  # shares of the squared length
SHARED = 0.25  # of the channel's share: what a channel does to every voice
CHANNELS = 40
MODES = 4  # channels that somebody is enrolled over, at most; one more is for probes
SPREAD = 0.8  # of the logarithm of the shares of channels and moments: there are good ones and bad ones
DECAY = 0.6  # of the spectrum: as if there were about a hundred equal dimensions
TOGETHER = 5_000  # people
ENROLLED, PROBES = ("enroll", "cohort"), ("test", "unknown-test")  # roles

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Part:
    """Some people.

    Attributes:
        owners: (n,) whose each voiceprint is: numbers from 0, in order.
        vectors: (n, dim), L2-normalised.
        known: (probes, dim) new voiceprints of some of them, over a channel that they are enrolled over.
        foreign: (probes, dim) of the same people, over a channel that they are not enrolled over.
        probed: (probes,) whose these are.
    """

    owners: NDArray[np.int64]
    vectors: Matrix
    known: Matrix
    foreign: Matrix
    probed: NDArray[np.int64]


def crowd(prints: int, people: int, probes: int, *, seed: int = 0) -> Iterator[Part]:
    """Made-up people with so many voiceprints in all: at least one each, and very unlike numbers of them.

    Args:
        probes: How many people are probed.
        seed: The same one gives the same people.
    """
    rng = np.random.default_rng(seed)
    world = _World(rng)
    counts = 1 + rng.multinomial(prints - people, rng.dirichlet(np.ones(people)))
    probed = np.sort(rng.choice(people, min(probes, people), replace=False))
    for start in range(0, people, TOGETHER):
        some = np.arange(start, min(start + TOGETHER, people))
        yield world.part(some, counts[some], probed[(probed >= start) & (probed <= some[-1])], rng)


@dataclass(frozen=True, eq=False)
class Real:
    """Voiceprints of recordings.

    Attributes:
        owners: (n,) whose each voiceprint is: numbers from 0, in order.
        vectors: (n, dim), L2-normalised.
        probes: (probes, dim) of other recordings.
        probed: (probes,) whose these are; -1 where it is nobody's of them.
    """

    owners: NDArray[np.int64]
    vectors: Matrix
    probes: Matrix
    probed: NDArray[np.int64]


def real(folder: Path, threads: int) -> Real:
    """The voiceprints of a folder of labelled speech, by ECAPA; they are kept in a temporary file for the next time."""
    known = hashlib.sha256((folder / "manifest.csv").read_bytes() + MODEL.fingerprint.encode()).hexdigest()
    kept = Path(tempfile.gettempdir()) / f"spk-bench-{known[:16]}.npz"
    if not kept.exists():
        say(f"embedding {folder}, once", err=True)
        with tempfile.TemporaryDirectory() as scratch, bar() as progress:
            people = write_people(folder, Path(scratch) / "people.csv", ENROLLED + PROBES)
            material = hear(
                read_labels([people]),
                load_vad(threads=threads),
                [load_embedder("ecapa", threads=threads)],
                vary=lambda samples, _: [("natural", samples)],
                progress=progress,
            )
        vectors, files = material.vectors["ecapa"], np.array(material.files)[material.file]
        np.savez(kept, vectors=vectors, speakers=np.array(material.people)[material.speaker], files=files)
    with np.load(kept) as found:
        vectors, speakers, files = found["vectors"], found["speakers"], found["files"]
    role = {str(row.path.resolve()): row.role for row in read_folder(folder)}
    enrolled = np.array([role[file] in ENROLLED for file in files.tolist()])
    names, owners = np.unique(speakers[enrolled], return_inverse=True)
    number = {name: at for at, name in enumerate(names.tolist())}
    order = np.argsort(owners, kind="stable")
    probed = np.array([number.get(name, -1) for name in speakers[~enrolled].tolist()])
    return Real(owners[order], vectors[enrolled][order], vectors[~enrolled], probed)


class _World:
    """What all voices share."""

    def __init__(self, rng: np.random.Generator) -> None:
        spectrum = np.arange(1, DIM + 1) ** -DECAY
        self._scale = np.sqrt(spectrum / spectrum.sum()).astype(np.float32)  # a draw has length 1, on average
        self._common = _share(COMMON) * _normalised(self._draw(rng, 1))
        self._channels = _share(CHANNEL * SHARED) * self._draw(rng, CHANNELS)

    def part(
        self, people: NDArray[np.int64], counts: NDArray[np.int64], probed: NDArray[np.int64], rng: np.random.Generator
    ) -> Part:
        """So many voiceprints of each of some people, and probes of some of them."""
        voices = self._common + _share(PERSON) * self._draw(rng, len(people))  # (people, dim)
        # Everybody's channels, the last of which only a probe comes over.
        which = np.argsort(rng.random((len(people), CHANNELS)), axis=1)[:, : MODES + 1]
        modes = self._channels[which] + _share(CHANNEL * (1 - SHARED)) * self._draw(rng, len(people), MODES + 1)
        modes = voices[:, None] + modes * self._uneven(rng, len(people), MODES + 1)  # (people, modes, dim)
        has = rng.integers(1, MODES + 1, len(people))
        owner = np.repeat(np.arange(len(people)), counts)
        some = probed - people[0]

        def heard(who: NDArray[np.int64], over: NDArray[np.int64]) -> Matrix:
            moments = _share(MOMENT) * self._uneven(rng, len(who)) * self._draw(rng, len(who))
            return _normalised(modes[who, over] + moments)

        return Part(
            owners=people[owner],
            vectors=heard(owner, rng.integers(has[owner])),
            known=heard(some, rng.integers(has[some])),
            foreign=heard(some, np.full(len(some), MODES)),
            probed=probed,
        )

    def _draw(self, rng: np.random.Generator, *shape: int) -> Matrix:
        return rng.standard_normal((*shape, DIM), np.float32) * self._scale

    @staticmethod
    def _uneven(rng: np.random.Generator, *shape: int) -> Matrix:
        """Lengths whose squares are 1 on average."""
        return np.exp((SPREAD * rng.standard_normal((*shape, 1), np.float32) - SPREAD**2 / 2) / 2)


def _share(share: float) -> np.float32:
    return np.float32(np.sqrt(share))


def _normalised(vectors: Matrix) -> Matrix:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
