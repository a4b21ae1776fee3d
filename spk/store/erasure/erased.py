"""What is known of people who are about to be erased: counted, and held in memory until it was looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, or_, select

from spk.store import decisions, queries, tables
from spk.store.erasure.pseudonyms import Called
from spk.store.erasure.traces import clip_pieces
from spk.store.records import Sample, Speaker, Voiceprint

__all__ = ["Erased", "Known"]

_S, _V = tables.samples.c, tables.decided_voices.c


@dataclass(frozen=True, eq=False)
class Known:
    """All of one person.

    Attributes:
        speaker: Who it is.
        samples: Their samples.
        voiceprints: Of every model.
        clips: The hashes of clips that nobody else's samples have.
        heard: Some bytes of each of these.
        decisions: Those that go with the person.
        voices: Vectors (dim,) of the voices in them that are the person's, or nobody's.
    """

    speaker: Speaker
    samples: tuple[Sample, ...]
    voiceprints: tuple[Voiceprint, ...]
    clips: tuple[str, ...]
    heard: tuple[bytes, ...]
    decisions: tuple[UUID, ...]
    voices: tuple[NDArray[np.float32], ...]

    @classmethod
    def gather(cls, tx: Connection, speaker: Speaker, called: Called, clip: Callable[[str], Path]) -> Known:
        """Read it; ``clip`` says where one of a hash lies.

        Raises:
            OSError: a clip cannot be read.
        """
        hashes = queries.clip_hashes(tx, _S.speaker == speaker.id)
        shared = select(tables.clips.c.sha256).join(tables.samples, _S.id == tables.clips.c.sample)
        others = set(tx.scalars(shared.where(_S.speaker != speaker.id, tables.clips.c.sha256.in_(hashes))))
        clips = tuple(sha256 for sha256 in hashes if sha256 not in others)
        decided = {*decisions.of_speaker(tx, speaker.id), *decisions.perhaps_of(tx, speaker.id, called)}
        voices = select(_V.vector).where(or_(_V.speaker == speaker.id, _V.speaker.is_(None)))
        return cls(
            speaker=speaker,
            samples=tuple(queries.samples(tx, _S.speaker == speaker.id)),
            voiceprints=tuple(queries.voiceprints(tx, speaker)),
            clips=clips,
            heard=tuple(piece for sha256 in clips for piece in clip_pieces(clip(sha256))),
            decisions=tuple(sorted(decided)),
            voices=tuple(
                tables.from_bytes(vector)[0]
                for some in queries.portions(decided)
                for vector in tx.scalars(voices.where(_V.decision.in_(some)))
            ),
        )

    def profiles(self) -> dict[str, NDArray[np.float32]]:
        """The vectors of each model, (n, dim), and the mean of them as the last row, normalised like them."""
        stacked: dict[str, list[NDArray[np.float32]]] = {}
        for one in self.voiceprints:
            stacked.setdefault(one.model, []).append(one.vector)
        return {model: _with_mean(np.stack(vectors)) for model, vectors in stacked.items()}

    def ids(self) -> set[UUID]:
        """Of the person and of everything that is the person's alone."""
        return {
            self.speaker.id,
            *(sample.id for sample in self.samples),
            *(one.id for one in self.voiceprints),
            *self.decisions,
        }


@dataclass(frozen=True, eq=False)
class Erased:
    """All of some people of one gallery."""

    people: tuple[Known, ...]
    called: Called

    @property
    def gallery(self) -> UUID:
        """Whose people they were."""
        return self.called.gallery

    @property
    def models(self) -> list[str]:
        """The fingerprints of the models of their voiceprints."""
        return sorted({one.model for person in self.people for one in person.voiceprints})

    def ids(self) -> set[UUID]:
        """Of the people and of everything that is theirs alone."""
        return set().union(*(person.ids() for person in self.people))

    def vectors(self) -> Iterable[NDArray[np.float32]]:
        """Every voiceprint, mean and decided voice, (dim,)."""
        for person in self.people:
            for profile in person.profiles().values():
                yield from profile
            yield from person.voices


def _with_mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = vectors.mean(axis=0)
    return np.vstack([vectors, mean / max(float(np.linalg.norm(mean)), 1e-12)])
