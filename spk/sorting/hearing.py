"""What was heard in the clips, kept while the work goes on: a run that was stopped goes on where it was.

The record is a file of JSON lines in the output folder, ``.spk-sort/heard.jsonl``. The first one says by which model;
each further one holds a clip: ``file``, ``size`` and ``modified`` (one that has changed is heard again), ``sha256`` of
its audio, ``net_seconds``, and ``vector`` (float32, little-endian, base64; null without speech enough for the model).
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from spk.audio import load
from spk.embed import Embedder, Speech, embed_speech
from spk.errors import AudioError, FingerprintError, FormatError
from spk.formats.lines import printable
from spk.sorting.placing import private

if TYPE_CHECKING:
    from spk.diarize import VoiceActivity
    from spk.embed import ModelId
    from spk.embed.weights import Progress
    from spk.sorting.scanning import Folder

__all__ = ["Heard", "Record", "hear"]

FORMAT = "spk-sort/1"
TOGETHER = 24  # clips in one call of an embedder ...
LONGEST = 300.0  # ... unless they are longer than so many seconds in all


@dataclass(frozen=True, eq=False)
class Heard:
    """A clip that was heard.

    Attributes:
        file: Its path in the folder.
        size: Of the file, in bytes.
        modified: When it was changed, in nanoseconds.
        sha256: Of its audio.
        net_seconds: Of speech.
        vector: (dim,); None where there is too little speech for the model.
    """

    file: str
    size: int
    modified: int
    sha256: str
    net_seconds: float
    vector: NDArray[np.float32] | None

    def to_json(self) -> dict[str, Any]:
        """A line of the record."""
        code = None if self.vector is None else b64encode(self.vector.astype("<f4").tobytes()).decode()
        return {**asdict(self), "vector": code}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        code = record["vector"]
        vector = None if code is None else np.frombuffer(b64decode(code), "<f4").astype(np.float32)
        return cls(**{**record, "vector": vector})


class Record:
    """The record of what was heard.

    Args:
        path: Of the file; made where there is none.
        model: By which voices are embedded.

    Raises:
        FormatError: the file is no such record.
        FingerprintError: it is of another model's voices.
    """

    def __init__(self, path: Path, model: ModelId) -> None:
        self.path = path
        self.known: dict[str, Heard] = {}
        header = {"format": FORMAT, "model": model.name, "fingerprint": model.fingerprint}
        private(path)
        lines = path.read_bytes().split(b"\n")
        whole = lines[:-1]  # what a run was writing when it was stopped is heard again
        if not whole:
            path.write_text(json.dumps(header) + "\n", encoding="ascii")
            return
        os.truncate(path, sum(len(line) + 1 for line in whole))
        try:
            first = json.loads(whole[0])
            if first["format"] != FORMAT:
                raise FormatError(printable(path), "is of another version of spk: choose a new folder", 1)
            for line in whole[1:]:
                heard = Heard.from_json(json.loads(line))
                self.known[heard.file] = heard
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FormatError(printable(path), f"is damaged ({error}): sort into a new folder") from error
        if first["fingerprint"] != model.fingerprint:
            raise FingerprintError(
                f"{printable(path.parent.parent)}: was sorted by the model {first['model']}, not {model.name}: "
                f"add --model {first['model']}, or choose a new folder"
            )

    def find(self, file: str, state: os.stat_result) -> Heard | None:
        """What was heard of a file, if it has not changed since."""
        heard = self.known.get(file)
        return heard if heard and (heard.size, heard.modified) == (state.st_size, state.st_mtime_ns) else None

    def add(self, some: Sequence[Heard]) -> None:
        """Add clips."""
        with self.path.open("a", encoding="ascii") as file:
            file.writelines(json.dumps(heard.to_json()) + "\n" for heard in some)
        self.known |= {heard.file: heard for heard in some}


def hear(
    folder: Folder, record: Record, embedder: Embedder, vad: VoiceActivity, progress: Progress | None = None
) -> tuple[list[Heard], dict[str, str]]:
    """Hear the clips of a folder that are not in the record yet.

    Returns:
        The clips, in the folder's order; and why others could not be read, by file.
    """
    heard: dict[str, Heard] = {}
    unreadable: dict[str, str] = {}
    waiting: list[tuple[Heard, Speech]] = []

    def embed() -> None:
        long = [speech for _, speech in waiting if speech.parts and speech.joined().duration >= embedder.min_seconds]
        vectors = dict(zip(map(id, long), embed_speech(embedder, long), strict=True))
        done = [Heard(**{**vars(clip), "vector": vectors.get(id(speech))}) for clip, speech in waiting]
        record.add(done)
        heard.update((clip.file, clip) for clip in done)
        waiting.clear()

    for number, clip in enumerate(folder.clips, start=1):
        file, path = str(clip.path), folder.root / clip.path
        with suppress(OSError):
            state = path.stat()
            if known := record.find(file, state):
                heard[file] = known
                continue
        try:
            audio = load(path)
        except AudioError as error:
            unreadable[file] = str(error)
            continue
        speech = Speech(audio, vad(audio), alone=True)
        found = Heard(file, state.st_size, state.st_mtime_ns, audio.sha256, round(speech.net_seconds, 3), None)
        waiting.append((found, speech))
        if len(waiting) == TOGETHER or sum(one.audio.duration for _, one in waiting) > LONGEST:
            embed()
        if progress is not None:
            progress(number, len(folder.clips), "hearing")
    embed()
    if progress is not None:
        progress(len(folder.clips), len(folder.clips), "hearing")
    return [heard[str(clip.path)] for clip in folder.clips if str(clip.path) in heard], unreadable
