"""Galleries of made-up people, for size alone: rows of noise tell nothing about accuracy."""

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

__all__ = ["Crowd"]

CHUNK = 20_000
NET_SECONDS = 30.0


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
        """Fill up to so many people, straight into the tables: enrolling one at a time would take hours."""
        rng = np.random.default_rng(self.people)
        now = datetime.now(UTC)
        while self.people < people:
            count = min(CHUNK, people - self.people)
            ids = list(self._ids(rng, 3 * count + 1))
            recording, *rest = ids
            speakers, samples, prints = (rest[at : at + count] for at in (0, count, 2 * count))
            noise = rng.normal(size=(count, self.dim)).astype(np.float32)
            noise /= np.linalg.norm(noise, axis=1, keepdims=True)
            with self.store._database.write() as tx:
                number = queries.find_model(tx, self.model.fingerprint, self.dim)
                if number is None:
                    row = insert(tables.models).values(fingerprint=self.model.fingerprint, dim=self.dim)
                    number = int(tx.execute(row).inserted_primary_key[0])
                tx.execute(
                    insert(tables.recordings).values(
                        id=recording, gallery=self.gallery.id, sha256=recording.hex, source="crowd", duration=1.0
                    )
                )
                tx.execute(
                    insert(tables.speakers),
                    [
                        {
                            "id": id_,
                            "gallery": self.gallery.id,
                            "name": id_.hex,
                            "state": SpeakerState.ENROLLED,
                            "created": now,
                        }
                        for id_ in speakers
                    ],
                )
                tx.execute(
                    insert(tables.samples),
                    [
                        {
                            "id": id_,
                            "speaker": speaker,
                            "recording": recording,
                            "start": 0.0,
                            "end": 1.0,
                            "parts": [],
                            "sha256": id_.hex,
                            "net_seconds": NET_SECONDS,
                            "quality": {},
                            "origin": "enrolled",
                            "forced": [],
                            "created": now,
                        }
                        for id_, speaker in zip(samples, speakers, strict=True)
                    ],
                )
                tx.execute(
                    insert(tables.voiceprints),
                    [
                        {"id": id_, "sample": sample, "model": number, "vector": tables.to_bytes(vector)}
                        for id_, sample, vector in zip(prints, samples, noise, strict=True)
                    ],
                )
                outbox.note(tx, [(id_, number) for id_ in prints])
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

    @staticmethod
    def _ids(rng: np.random.Generator, count: int) -> Iterator[UUID]:
        raw = rng.bytes(16 * count)
        return (UUID(bytes=raw[16 * at : 16 * at + 16], version=4) for at in range(count))
