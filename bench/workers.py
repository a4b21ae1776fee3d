"""Systems in processes of their own, and the files they need."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self, cast

import soundfile

from spk.audio import SAMPLE_RATE, Audio
from spk.embed import weights

__all__ = ["NotInstalledError", "Worker", "peer", "speechbrain_folder", "write_wav"]

SYSTEMS = Path(__file__).with_name("systems.py")

# What sherpa-onnx wants to find inside a model's file (its own scripts for exporting models write the same).
SEGMENTATION = {
    "num_speakers": 3,
    "powerset_max_classes": 2,
    "num_classes": 7,
    "sample_rate": SAMPLE_RATE,
    "window_size": 10 * SAMPLE_RATE,
    "receptive_field_size": 991,
    "receptive_field_shift": 270,
    "model_type": "pyannote-segmentation-3.0",
}
EMBEDDING = {
    "framework": "wespeaker",
    "language": "English",
    "url": "",
    "comment": "",
    "sample_rate": SAMPLE_RATE,
    "output_dim": 256,
    "normalize_samples": 0,
    "feature_normalize_type": "global-mean",
}


class NotInstalledError(Exception):
    """The Python that should run a system lacks a package."""


class Worker:
    """One system of :mod:`systems`, ready to answer; a context manager that ends its process.

    Raises:
        NotInstalledError: the system is not installed for that Python.
        RuntimeError: it stopped; the message is its last line.
    """

    def __init__(self, system: str, *, threads: int, python: str = sys.executable, **settings: object) -> None:
        self.name = system
        self._complaints = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed with the worker
        self._process = subprocess.Popen(
            [python, SYSTEMS, json.dumps({"system": system, "threads": threads, **settings})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self._stdin, self._stdout = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        if missing := self._answer().get("missing"):
            self.close()
            raise NotInstalledError(f"{system} is skipped: {missing} ({python})")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, **request: object) -> dict[str, Any]:
        """The answer to one request."""
        with suppress(BrokenPipeError):  # then there is no answer either, which says more
            self._stdin.write(json.dumps(request) + "\n")
            self._stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        self._process.wait()
        self._stdout.close()
        self._complaints.close()

    def _answer(self) -> dict[str, Any]:
        line = self._stdout.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            last = self._complaints.read().strip().splitlines()[-1:]
            self.close()
            raise RuntimeError(f"{self.name} stopped: {' '.join(last)}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def peer(name: str, *, threads: int, python: str, folder: Path) -> Worker:
    """Somebody else's diarizer.

    Args:
        name: ``senko`` or ``sherpa``.
        threads: How many it may use.
        python: The interpreter of the environment it is installed in.
        folder: Where models are put that it needs in its own form.
    """
    if name != "sherpa":
        return Worker(name, threads=threads, python=python)
    models = {"segmentation": ("segmentation", SEGMENTATION), "embedding": ("resnet34", EMBEDDING)}
    files = {}
    for use, (manifest, metadata) in models.items():
        content = weights.fetch(weights.manifest(manifest).artefacts[0]).read_bytes()
        files[use] = str(folder / f"{use}.onnx")
        Path(files[use]).write_bytes(content + b"".join(_property(key, str(metadata[key])) for key in metadata))
    return Worker(name, threads=threads, python=python, **files)


def speechbrain_folder(folder: Path) -> str:
    """A folder as ``EncoderClassifier.from_hparams`` wants it."""
    for name in ("ecapa", "ecapa-speechbrain"):
        for artefact in weights.manifest(name).artefacts:
            file = "label_encoder.txt" if artefact.file == "label_encoder.ckpt" else artefact.file
            (folder / file).symlink_to(weights.fetch(artefact).resolve())
    return str(folder)


def write_wav(path: Path, audio: Audio) -> str:
    """The audio as every system reads it: 16 kHz, mono, 16 bits."""
    soundfile.write(path, audio.samples, SAMPLE_RATE, subtype="PCM_16")
    return str(path)


def _property(key: str, value: str) -> bytes:
    """One ``metadata_props`` entry of an ONNX file, in protobuf's encoding, which lets fields be appended."""

    def field(number: int, content: bytes) -> bytes:
        if len(content) > 127:
            raise ValueError("longer content needs a longer length")
        return bytes([number << 3 | 2, len(content)]) + content

    return field(14, field(1, key.encode()) + field(2, value.encode()))
