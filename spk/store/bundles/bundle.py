"""A gallery as one file: people, samples, voiceprints, calibrations and kept clips, each with its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, Self, cast
from uuid import UUID
from zipfile import ZipFile

from spk.embed.weights import Progress
from spk.errors import ConflictError, FormatError, InputError, StoreError
from spk.store.bundles import rows
from spk.store.bundles.manifest import CHECKSUM, FORMAT, NAME, PLAIN, Format, Manifest, ModelRecord, checksum, kinds_of
from spk.store.bundles.members import MemberReader, add
from spk.store.bundles.rows import (
    BundledCalibration,
    BundledConsent,
    BundledRecording,
    BundledSample,
    BundledSpeaker,
)
from spk.store.bundles.vectors import BundledVectors
from spk.store.files import created, sync_folder, temporary
from spk.store.index import keys
from spk.store.problems import explained

__all__ = ["Bundle", "Reporter", "StagedBundle"]


@dataclass(frozen=True)
class StagedBundle:
    """A bundle that lies safely on the disk under a temporary name."""

    path: Path
    temporary: Path
    sha256: str

    def place(self) -> None:
        """Give it its name, in place of what had it.

        Raises:
            ConflictError: an erasure has removed it meanwhile.
        """
        with explained(self.path):
            try:
                self.temporary.replace(self.path)
            except FileNotFoundError:
                raise ConflictError(
                    f"{self.path}: an erasure came between, so nothing was written: try again"
                ) from None
            finally:
                self.discard()
            sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove it where it was not placed."""
        self.temporary.unlink(missing_ok=True)


@dataclass(frozen=True, eq=False)
class Bundle:
    """What a bundle holds. All is in memory but clips, which are read when they are needed.

    Attributes:
        gallery: The name of the gallery that it is of.
        created: When it was made.
        speakers: Everybody, the unknown ones included.
        recordings: What samples were cut from.
        samples: Speech that somebody is known by.
        calibrations: What is kept for the gallery; one at most is in use.
        voiceprints: Those of each model, in the order of the fingerprints.
        clips: What reads each that is kept to listen to, by its sha256; see `clip`.
        consents: What its people consented to.
        consent: The purpose for which the gallery requires consent, if it does.
        spk: The version that made it.
    """

    gallery: str
    created: datetime
    speakers: tuple[BundledSpeaker, ...]
    recordings: tuple[BundledRecording, ...]
    samples: tuple[BundledSample, ...]
    calibrations: tuple[BundledCalibration, ...]
    voiceprints: tuple[BundledVectors, ...]
    clips: Mapping[str, Callable[[], bytes]]
    consents: tuple[BundledConsent, ...] = ()
    consent: str | None = None
    spk: str = field(default_factory=lambda: version("spk-voiceprints"))

    @classmethod
    def read(cls, path: Path, progress: Progress | None = None) -> Self:
        """Read a bundle and check everything in it; nothing that it says is believed before.

        Raises:
            FormatError: it is no bundle, damaged, of a newer spk, or not as spk writes it.
            InputError: it cannot be read.
        """
        try:
            return cls._read(MemberReader(path), progress)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error}): check the name") from error
        except ValueError as error:
            raise FormatError(path, f"is not as spk writes bundles ({error}): export it again") from error

    @classmethod
    def _read(cls, members: MemberReader, progress: Progress | None) -> Self:
        about = members.manifest
        report = Reporter(progress, sum(one.bytes for one in about.members.values()), "reading")
        kinds = kinds_of(about.format)
        lines: dict[str, Any] = {kind: rows.parse(kind, members.read(f"{kind}.jsonl"), report) for kind in kinds}
        voiceprints = []
        for number, model in enumerate(about.models):
            name = f"voiceprints-{number}.safetensors"
            voiceprints.append(BundledVectors.parse(model, members.read(name)))
            report(about.members[name].bytes)
        clips = {}
        for name, clip in about.members.items():
            if name.startswith("clips/"):
                members.read(name)
                clips[clip.sha256] = partial(members.unchecked, name)
                report(clip.bytes)
        bundle = cls(
            about.gallery,
            about.created,
            **lines,
            voiceprints=tuple(voiceprints),
            clips=clips,
            consent=about.consent,
            spk=about.spk,
        )
        if bundle.format != about.format:
            raise ValueError("another version than what it holds asks for")
        if bundle._row_counts() != about.counts:
            raise ValueError("other counts than the manifest says")
        bundle._check()
        return bundle

    @staticmethod
    def looks_like_one(path: Path) -> bool:
        """Whether a file begins as a bundle does."""
        with path.open("rb") as file:
            return file.read(64)[30:].startswith(b"speakers.jsonl")  # after a header of 30 bytes

    def write(self, path: Path, progress: Progress | None = None) -> str:
        """Write the bundle, in place of what was there; wholly or not at all.

        Returns:
            The sha256 of the file.

        Raises:
            StoreError: that fails, or a clip was changed since it was kept.
        """
        staged = self.stage(path, temporary(path.parent), progress)
        staged.place()
        return staged.sha256

    def stage(self, path: Path, beside: Path, progress: Progress | None = None) -> StagedBundle:
        """Write the bundle to ``beside``, for it to be put at ``path``: the same bytes for the same content.

        Raises:
            StoreError: that fails, or a clip was changed since it was kept.
        """
        with explained(path), created(beside) as file:
            with ZipFile(file, "w") as archive:
                report = Reporter(progress, self.size + len(self.clips), "writing")
                members = {name: add(archive, name, chunks) for name, chunks in self._contents(report)}
                models = [ModelRecord(one.model, one.vectors.shape[1], len(one)) for one in self.voiceprints]
                about = (self.spk, self.created, self.gallery, self._row_counts(), models, members)
                manifest = Manifest(self.format, *about, self.consent).serialize()
                add(archive, NAME, [manifest])
                add(archive, CHECKSUM, [checksum(manifest)])
            file.flush()
            file.seek(0)
            sha256 = hashlib.file_digest(cast(BytesIO, file), "sha256").hexdigest()
        return StagedBundle(path, beside, sha256)

    def clip(self, sha256: str) -> bytes:
        """One that is kept to listen to.

        Raises:
            StoreError: it was changed since it was kept.
        """
        content = self.clips[sha256]()
        if hashlib.sha256(content).hexdigest() != sha256:
            name = f"clips/{sha256}.flac"
            raise StoreError(f"{name}: is damaged where it is kept, so nothing was written: remove that file")
        return content

    @property
    def format(self) -> Format:
        """The version that it is written in: the first that has all that it holds."""
        return FORMAT if self.consents or self.consent is not None else PLAIN

    def counts(self) -> dict[str, int]:
        """How much it holds, for people and for the audit log."""
        return {
            "speakers": len(self.speakers),
            "samples": len(self.samples),
            "voiceprints": sum(map(len, self.voiceprints)),
            "clips": len(self.clips),
        }

    @property
    def size(self) -> int:
        """How many rows it holds; clips are none."""
        return sum(self._row_counts().values()) + sum(map(len, self.voiceprints))

    def without(self, speaker: UUID) -> Self:
        """The bundle without a person: the samples, voiceprints and clips that are this person's alone, and recordings
        that nobody else's samples come from.
        """
        gone = keys(sample.id for sample in self.samples if sample.speaker == speaker)
        samples = tuple(sample for sample in self.samples if sample.speaker != speaker)
        recordings = {sample.recording for sample in samples}
        clips = {sample.clip for sample in samples}
        prints = (one.without(gone) for one in self.voiceprints)
        return replace(
            self,
            speakers=tuple(one for one in self.speakers if one.id != speaker),
            recordings=tuple(one for one in self.recordings if one.id in recordings),
            samples=samples,
            voiceprints=tuple(one for one in prints if len(one)),
            consents=tuple(one for one in self.consents if one.speaker != speaker),
            clips={sha256: clip for sha256, clip in self.clips.items() if sha256 in clips},
        )

    def _row_counts(self) -> dict[str, int]:
        return {kind: len(getattr(self, kind)) for kind in kinds_of(self.format)}

    def _contents(self, report: Callable[[int], None]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The members that the manifest names, in chunks."""
        for kind in kinds_of(self.format):
            yield f"{kind}.jsonl", _lines(kind, getattr(self, kind), report)
        for number, prints in enumerate(self.voiceprints):
            yield f"voiceprints-{number}.safetensors", [prints.serialize()]
            report(len(prints))
        for sha256 in sorted(self.clips):
            yield f"clips/{sha256}.flac", [self.clip(sha256)]
            report(1)

    def _check(self) -> None:
        """See that all refers to what is there, and vectors can be stored; else a ValueError says what not."""
        _check_each_once("names", [person.name for person in self.speakers if person.name is not None])
        _check_each_once("recordings", [recording.sha256 for recording in self.recordings])
        speakers = {person.id for person in self.speakers}
        recordings = {recording.id for recording in self.recordings}
        for number, sample in enumerate(self.samples, start=1):
            if sample.speaker not in speakers or sample.recording not in recordings:
                raise ValueError(f"samples.jsonl, line {number}: of nobody, or of no recording")
        if not {consent.speaker for consent in self.consents} <= speakers:
            raise ValueError("consents of nobody")
        if {sample.clip for sample in self.samples} - {None} != self.clips.keys():
            raise ValueError("clips of no sample, or samples whose clip is missing")
        if sum(calibration.in_use for calibration in self.calibrations) > 1:
            raise ValueError("more than one calibration is in use")
        samples = keys(sample.id for sample in self.samples)
        for prints in self.voiceprints:
            prints.check(samples)


class Reporter:
    """Says now and then how far it is: not for each of a million rows."""

    def __init__(self, progress: Progress | None, total: int, what: str) -> None:
        self._progress, self._total, self._what = progress, total, what
        self._done = self._said = 0

    def __call__(self, more: int) -> None:
        """So many more are done."""
        self._done += more
        far = self._done - self._said > self._total // 200 or self._done == self._total
        if self._progress is not None and far:
            self._said = self._done
            self._progress(self._done, self._total, self._what)


def _lines(kind: str, every: Iterable[object], report: Callable[[int], None]) -> Iterator[bytes]:
    for row in every:
        yield rows.serialize(kind, row)
        report(1)


def _check_each_once(what: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"{what} that come twice")
