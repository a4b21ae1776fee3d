"""Clips into folders, one a speaker: hear them, group them by voice, name the groups, put them there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spk.errors import ConflictError
from spk.identify import GalleryScorer, OperatingPoint
from spk.identify.gallery import LEAST_SECONDS
from spk.sorting.hearing import FORMAT, Heard, Record, hear
from spk.sorting.labels import Label, read_labels, write_labels
from spk.sorting.naming import Group, grouped, named
from spk.sorting.placing import ASIDE, EMBEDDINGS, LABELS, NO_SPEECH, UNSURE, Link, OwnFolder
from spk.sorting.scanning import Clip, Folder

if TYPE_CHECKING:
    from spk.diarize import VoiceActivity
    from spk.embed import Embedder
    from spk.embed.weights import Progress

__all__ = ["Sorted", "Sorter"]


@dataclass(frozen=True)
class Sorted:
    """What became of a folder of clips.

    Attributes:
        labels: Of every clip in the sorted folder, by file.
        new: How many files were put there now, side-cars among them.
        failed: Why something was not, by file.
        doubled: Clips whose audio is the same.
    """

    labels: tuple[Label, ...]
    new: int
    failed: Mapping[str, str]
    doubled: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Sorter:
    """Sorts folders of clips.

    Args:
        scorer: The gallery whose people may be recognised.
        embedder: The model of its voiceprints.
        vad: Finds the speech.
        point: When a group takes a person's name.

    Raises:
        FingerprintError: everybody in the gallery is enrolled by other models.
        InputError: false alarms are to be limited, and the calibration does not know them.
    """

    scorer: GalleryScorer
    embedder: Embedder
    vad: VoiceActivity
    point: OperatingPoint

    def __post_init__(self) -> None:
        self.scorer.check()
        self.point.needed(self.scorer.searched, self.scorer.calibration.false_alarms)

    def __call__(
        self, folder: Folder, into: OwnFolder, link: Link = Link.COPY, progress: Progress | None = None
    ) -> Sorted:
        """Sort the clips of a folder; those that were sorted before stay where they are.

        Args:
            folder: The clips.
            into: Where to; it must be taken.
            link: How files get there.
            progress: Told how far it is.

        Raises:
            FormatError: the record of what was sorted before is damaged.
            FingerprintError: that was by another model.
        """
        clips = {str(clip.path): clip for clip in folder.clips}
        record = Record(into.record, self.embedder.model)
        before = read_labels(into.root / LABELS)
        heard, failed = hear(folder, record, self.embedder, self.vad, progress)
        for clip in heard:
            if clip.file in before and before[clip.file].sha256 != clip.sha256:
                failed[clip.file] = f"{clip.file}: another clip of that name was sorted before: rename it"
        new = [clip for clip in heard if clip.file not in before]
        kept = [record.known[file] for file in before if file in record.known and file not in failed]
        labels = [*before.values(), *self._labels(new, kept, before, clips)]
        labels = self._write(into, sorted(labels, key=lambda label: label.file), record)
        count = 0
        for number, label in enumerate(labels, start=1):
            there = label.file in clips and label.file not in failed
            for file in clips[label.file].files if there else ():
                try:
                    count += into.place(folder.root / file, PurePath(label.speaker) / file, link)
                except ConflictError as error:
                    failed[str(file)] = str(error)
            if progress is not None:
                progress(number, len(labels), "placing")
        return Sorted(tuple(labels), count, failed, _doubled(heard))

    def _labels(
        self, new: Sequence[Heard], kept: Sequence[Heard], before: Mapping[str, Label], clips: Mapping[str, Clip]
    ) -> list[Label]:
        """Labels of the new clips."""
        clear = [clip for clip in new if clip.vector is not None and clip.net_seconds >= LEAST_SECONDS]
        old = [clip for clip in kept if before[clip.file].speaker not in ASIDE]
        single = [Group.of(clip, Clip(PurePath(clip.file)).broadcast, before.get(clip.file)) for clip in (*old, *clear)]
        taken = {label.speaker: label.gender for label in sorted(before.values(), key=lambda label: label.gender)}
        found: dict[str, Label] = {}
        for one, label in named(grouped(single, self.scorer), self.scorer, self.point, taken):
            found |= dict.fromkeys((clip.file for clip in one.clips), label)
        labels = []
        for clip in new:
            aside = Label("", UNSURE if clip.net_seconds else NO_SPEECH, verdict="unsure" if clip.net_seconds else "")
            about = clips[clip.file].broadcast
            labels.append(
                replace(
                    found.get(clip.file, aside),
                    file=clip.file,
                    net_seconds=clip.net_seconds,
                    station=about.station if about else "",
                    gender=about.gender if about else "",
                    date=about.date if about else "",
                    sha256=clip.sha256,
                    sidecars="; ".join(file.name for file in clips[clip.file].sidecars),
                )
            )
        return labels

    def _write(self, into: OwnFolder, labels: Sequence[Label], record: Record) -> list[Label]:
        """Write the labels and the embeddings; the labels, with the rows of these."""
        vectors: list[NDArray[np.float32]] = []
        files: list[str] = []
        numbered: list[Label] = []
        for label in labels:
            clip = record.known.get(label.file)
            row = None
            if clip is not None and clip.vector is not None and clip.sha256 == label.sha256:
                row = len(vectors)
                vectors.append(clip.vector)
                files.append(label.file)
            numbered.append(replace(label, row=row))
        about = {
            "format": FORMAT,
            "model": self.embedder.model.name,
            "fingerprint": self.embedder.model.fingerprint,
            "calibration": self.scorer.calibration.id,
            "gallery": self.scorer.gallery.name,
            "dim": self.embedder.dim,
            "files": files,
        }
        rows = np.array(vectors, np.float32).reshape(len(vectors), self.embedder.dim)
        into.write(LABELS, lambda part: part.write(write_labels(numbered)))
        into.write(f"{EMBEDDINGS}.npy", partial(np.save, arr=rows))
        into.write(f"{EMBEDDINGS}.json", lambda part: part.write(json.dumps(about, indent=1).encode() + b"\n"))
        return numbered


def _doubled(heard: Sequence[Heard]) -> tuple[tuple[str, ...], ...]:
    same: dict[str, list[str]] = {}
    for clip in heard:
        same.setdefault(clip.sha256, []).append(clip.file)
    return tuple(tuple(files) for files in same.values() if len(files) > 1)
