"""What is known of people who are about to be erased: counted, and held in memory until it was looked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, or_, select

from spk.store import decisions, queries, tables
from spk.store.erasure.pseudonyms import Called
from spk.store.erasure.reviewed import Reviewed
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
        clips: The hashes of clips that no other samples have.
        heard: Some bytes of each of these.
        decisions: Those that go with the person.
        voices: Vectors (dim,) of the voices in them that are the person's, or nobody's.
        reviewed: What the review of recordings knows.
        consents: What the person consented to.
    """

    speaker: Speaker
    samples: tuple[Sample, ...]
    voiceprints: tuple[Voiceprint, ...]
    clips: tuple[str, ...]
    heard: tuple[bytes, ...]
    decisions: tuple[UUID, ...]
    voices: tuple[NDArray[np.float32], ...]
    reviewed: Reviewed
    consents: tuple[UUID, ...]

    @classmethod
    def gather(cls, tx: Connection, speaker: Speaker, called: Called, clip: Callable[[str], Path]) -> Known:
        """Read it; ``clip`` says where one of a hash lies.

        Raises:
            OSError: a clip cannot be read.
        """
        samples = tuple(queries.samples(tx, _S.speaker == speaker.id))
        reviewed = Reviewed.gather(tx, speaker, called)
        clips = _clips(tx, {*(sample.id for sample in samples), *reviewed.samples})
        decided = {*decisions.of_speaker(tx, speaker.id), *decisions.perhaps_of(tx, speaker.id, called)}
        voices = select(_V.vector).where(or_(_V.speaker == speaker.id, _V.speaker.is_(None)))
        return cls(
            speaker=speaker,
            samples=samples,
            voiceprints=tuple(queries.voiceprints(tx, speaker)),
            clips=clips,
            heard=tuple(piece for sha256 in clips for piece in clip_pieces(clip(sha256))),
            decisions=tuple(sorted(decided)),
            voices=tuple(
                tables.from_bytes(vector)[0]
                for some in queries.portions(decided)
                for vector in tx.scalars(voices.where(_V.decision.in_(some)))
            ),
            reviewed=reviewed,
            consents=tuple(tx.scalars(select(tables.consents.c.id).where(tables.consents.c.speaker == speaker.id))),
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
            *self.consents,
            *self.reviewed.ids(),
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
        found = {one.model for person in self.people for one in person.voiceprints}
        return sorted(found.union(*(person.reviewed.models for person in self.people)))

    def ids(self) -> set[UUID]:
        """Of the people and of everything that is theirs alone."""
        return set().union(*(person.ids() for person in self.people))

    def vectors(self) -> Iterable[NDArray[np.float32]]:
        """Every voiceprint, mean, decided voice and voice that was heard, (dim,)."""
        for person in self.people:
            for profile in person.profiles().values():
                yield from profile
            yield from person.voices
            yield from person.reviewed.vectors

    def pieces(self) -> Iterable[NDArray[np.float32]]:
        """Every piece of a voice that was heard, (dim,)."""
        for person in self.people:
            yield from person.reviewed.pieces

    def hashes(self) -> set[str]:
        """Of all of their speech."""
        every = {sample.sha256 for person in self.people for sample in person.samples}
        return every.union(*(person.reviewed.hashes for person in self.people))


def _clips(tx: Connection, samples: Collection[UUID]) -> tuple[str, ...]:
    """The hashes of clips that some samples have and no others."""
    clips = tables.clips.c
    theirs = {sha256 for some in queries.portions(samples) for sha256 in _hashes(tx, clips.sample.in_(some))}
    rows = (tx.execute(select(tables.clips).where(clips.sha256.in_(some))) for some in queries.portions(theirs))
    others = {row.sha256 for found in rows for row in found if row.sample not in samples}
    return tuple(sorted(theirs - others))


def _hashes(tx: Connection, which: ColumnElement[bool]) -> Iterable[str]:
    return tx.scalars(select(tables.clips.c.sha256).where(which))


def _with_mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = vectors.mean(axis=0)
    return np.vstack([vectors, mean / max(float(np.linalg.norm(mean)), 1e-12)])
