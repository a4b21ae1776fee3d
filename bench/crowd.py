"""Galleries of made-up people, filled straight into the tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from spk.embed import ModelId
from spk.identify import Calibration, GalleryScorer, OperatingPoint
from spk.store import Store, outbox, queries, tables
from spk.store.records import Gallery, SpeakerState

__all__ = ["Crowd", "add_people"]

CHUNK = 20_000
NET_SECONDS = 30.0


def add_people(
    store: Store,
    gallery: Gallery,
    fingerprint: str,
    owners: NDArray[np.int64],
    vectors: NDArray[np.float32],
    *,
    rng: np.random.Generator,
) -> list[UUID]:
    """Add people in one transaction, past everything that enrolling checks: one at a time would take hours.

    Args:
        store: Where.
        gallery: Of whom.
        fingerprint: Of the model that the vectors are said to be of.
        owners: (n,) numbers that say which voiceprints are one person's.
        vectors: (n, dim), L2-normalised.
        rng: Ids are drawn from it.

    Returns:
        The people's ids, in the order of their numbers.
    """
    now, (count, dim) = datetime.now(UTC), vectors.shape
    people, whose = np.unique(owners, return_inverse=True)
    recording, *rest = _ids(rng, 1 + len(people) + 2 * count)
    speakers, samples, prints = rest[: len(people)], rest[len(people) : -count], rest[-count:]
    with store._database.write() as tx:
        model = queries.find_model(tx, fingerprint, dim)
        if model is None:
            row = insert(tables.models).values(fingerprint=fingerprint, dim=dim)
            number = int(tx.execute(row).inserted_primary_key[0])
        else:
            number = model.number
        one = {"id": recording, "gallery": gallery.id, "sha256": recording.hex, "source": "crowd", "duration": 1.0}
        tx.execute(insert(tables.recordings).values(one))
        same = {"gallery": gallery.id, "state": SpeakerState.ENROLLED, "created": now}
        tx.execute(insert(tables.speakers), [{"id": id_, "name": id_.hex, **same} for id_ in speakers])
        same = {
            "recording": recording,
            "start": 0.0,
            "end": 1.0,
            "parts": [],
            "net_seconds": NET_SECONDS,
            "quality": {},
            "origin": "enrolled",
            "forced": [],
            "created": now,
        }
        owned = zip(samples, whose.tolist(), strict=True)
        tx.execute(
            insert(tables.samples),
            [{"id": id_, "speaker": speakers[owner], "sha256": id_.hex, **same} for id_, owner in owned],
        )
        tx.execute(
            insert(tables.voiceprints),
            [
                {"id": id_, "sample": sample, "model": number, "vector": tables.to_bytes(vector)}
                for id_, sample, vector in zip(prints, samples, vectors, strict=True)
            ],
        )
        outbox.note(tx, [(id_, number) for id_ in prints])
    return speakers


def _ids(rng: np.random.Generator, count: int) -> Iterator[UUID]:
    raw = rng.bytes(16 * count)
    return (UUID(bytes=raw[16 * at : 16 * at + 16], version=4) for at in range(count))


class Crowd:
    """A store that can be filled with made-up people, one voiceprint each, and asked who a voice is.

    Args:
        home: Where.
        model: Whose vectors the people pretend to have.
        calibration: For it.
    """

    def __init__(self, home: Path, model: ModelId, calibration: Calibration) -> None:
        self.store = Store.open(home)
        self.gallery: Gallery = self.store.gallery("crowd", create=True)
        self.model, self.calibration = model, calibration
        self.people = 0
        self.dim = len(calibration.recipe.background_)

    def grow(self, people: int) -> None:
        """Fill up to so many people; their vectors are noise, which tells nothing about accuracy."""
        rng = np.random.default_rng(self.people)
        while self.people < people:
            count = min(CHUNK, people - self.people)
            noise = rng.normal(size=(count, self.dim)).astype(np.float32)
            noise /= np.linalg.norm(noise, axis=1, keepdims=True)
            add_people(self.store, self.gallery, self.model.fingerprint, np.arange(count), noise, rng=rng)
            self.people += count

    def seconds(self, vectors: NDArray[np.float32], net: float) -> tuple[float, NDArray[np.float64]]:
        """What the first decision takes, which opens the gallery, and each one after it, in seconds."""
        began = time.perf_counter()
        scorer = GalleryScorer(self.store, self.gallery, self.model, self.calibration)
        scorer.compare(vectors[:1], [net]).decide(OperatingPoint(), distinct=False)
        first = time.perf_counter() - began
        each = []
        for vector in vectors[1:]:
            began = time.perf_counter()
            scorer.compare(vector[None], [net]).decide(OperatingPoint.from_fpir(0.01), distinct=False)
            each.append(time.perf_counter() - began)
        return first, np.array(each)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()
