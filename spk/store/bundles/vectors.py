"""The voiceprints of a bundle: a safetensors file for each model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spk.store.bundles.manifest import ModelRecord
from spk.store.index import KEY

__all__ = ["BundledVectors"]

_CHUNK = 1 << 16  # vectors that are checked at a time


@dataclass(frozen=True, slots=True, eq=False)
class BundledVectors:
    """Every voiceprint by one model.

    Attributes:
        model: The fingerprint.
        ids: (n,) of ``KEY``.
        samples: (n,) of ``KEY``: what each was made of.
        vectors: (n, dim) float32, L2-normalised.
    """

    model: str
    ids: NDArray[np.bytes_]
    samples: NDArray[np.bytes_]
    vectors: NDArray[np.float32]

    @classmethod
    def parse(cls, model: ModelRecord, content: bytes) -> Self:
        """Out of a safetensors file.

        Raises:
            ValueError: it is none, or does not hold what the manifest says.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        count = model.voiceprints
        expected = {
            "ids": ("uint8", (count, KEY.itemsize)),
            "samples": ("uint8", (count, KEY.itemsize)),
            "vectors": ("float32", (count, model.dim)),
        }
        try:
            tensors = load(content)
        except (SafetensorError, KeyError) as error:  # KeyError: of numbers that numpy has not got
            raise ValueError("no safetensors file") from error
        if {name: (one.dtype.name, one.shape) for name, one in tensors.items()} != expected:
            raise ValueError("other voiceprints than the manifest says")
        ids, samples = (tensors[name].reshape(-1).view(KEY) for name in ("ids", "samples"))
        return cls(model.fingerprint, ids, samples, tensors["vectors"])

    def serialize(self) -> bytes:
        """As a safetensors file."""
        from safetensors.numpy import save

        ids, samples = (column.view(np.uint8).reshape(-1, KEY.itemsize) for column in (self.ids, self.samples))
        vectors = np.ascontiguousarray(self.vectors)
        return save({"ids": ids, "samples": samples, "vectors": vectors}, {"model": self.model})

    def without(self, samples: NDArray[np.bytes_]) -> Self:
        """Those that were made of other samples."""
        kept = ~np.isin(self.samples, samples)
        return type(self)(self.model, self.ids[kept], self.samples[kept], self.vectors[kept])

    def check(self, samples: NDArray[np.bytes_]) -> None:
        """See that they can be stored.

        Raises:
            ValueError: ids that come twice or are of no sample, or vectors that no embedder can have made.
        """
        if len(np.unique(self.ids)) != len(self.ids):
            raise ValueError("voiceprints that come twice")
        if len(np.unique(self.samples)) != len(self.samples) or not np.isin(self.samples, samples).all():
            raise ValueError("voiceprints that are of no sample, or two of one")
        for start in range(0, len(self.vectors), _CHUNK):
            some = self.vectors[start : start + _CHUNK]
            with np.errstate(all="ignore"):  # numbers that are too large are refused for it
                lengths = np.sqrt(np.einsum("nd,nd->n", some, some, dtype=np.float64))
            if not (np.abs(lengths - 1) < 1e-3).all():  # NaN is not, either
                raise ValueError("voiceprints that are not of length 1")

    def __len__(self) -> int:
        return len(self.ids)
