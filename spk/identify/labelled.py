"""Labelled speech: clips of which somebody said whose they are, read, heard and embedded, to learn from.

Four things hold such material: a table (`spk.formats.manifest`), a folder for each speaker, recordings with
corrected turns (``talk.wav`` and ``talk.rttm``), and the samples that a gallery keeps. Clips are heard and embedded
as `spk.identify.Identifier.single` does it, and two pieces are cut from each, for short speech must be judged, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from spk.audio import SAMPLE_RATE, Audio, load
from spk.embed import Embedder, ModelId, Speech, embed_speech
from spk.errors import AudioError, FormatError, InputError, NotFoundError
from spk.formats.lines import printable
from spk.formats.manifest import read_manifest
from spk.formats.rttm import NAMELESS, read_rttm
from spk.timeline import Segment

if TYPE_CHECKING:
    from spk.diarize import VoiceActivity
    from spk.embed.weights import Progress
    from spk.store import Gallery, Store

__all__ = [
    "COHORT",
    "CUTS",
    "SOUNDS",
    "Labelled",
    "Labels",
    "Material",
    "Vary",
    "cuts",
    "from_gallery",
    "hear",
    "pieces",
    "read_labels",
]

CUTS = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Lengths of the pieces that are cut from clips, in seconds."""
COHORT = "cohort"
"""The role of people who are background: they serve as strangers and as company, and enroll for no trial."""
SOUNDS = {
    ".aac",
    ".aif",
    ".aiff",
    ".flac",
    ".m4a",
    ".mkv",
    ".mp3",
    ".mp4",
    ".oga",
    ".ogg",
    ".opus",
    ".w64",
    ".wav",
    ".webm",
}
"""Endings of the files in a folder that are taken for recordings."""
TABLES = {".csv", ".tsv", ".txt"}
SCRAP = 0.3  # seconds: shorter turns are left out
TOGETHER = 24  # clips in one call of an embedder
PIECES = 2

Vary = Callable[[NDArray[np.float32], np.random.Generator], Iterable[tuple[str, NDArray[np.float32]]]]
"""Makes further clips of one (samples,), each with its kind."""


@dataclass(frozen=True)
class Labelled:
    """One clip before it is heard.

    Attributes:
        speaker: Whose voice it is said to be.
        file: The recording.
        session: Which day or device; the file itself where nobody said.
        segment: The part of it that is meant; None for all of it.
        turns: Where exactly the person speaks alone, if somebody said so; empty to find out.
        role: Only ``cohort`` makes a difference.
    """

    speaker: str
    file: Path
    session: str
    segment: Segment | None = None
    turns: tuple[Segment, ...] = ()
    role: str = ""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        part = f" ({self.segment.start:g}-{self.segment.end:g} s)" if self.segment else ""
        return printable(self.file) + part


@dataclass(frozen=True)
class Labels:
    """What a table, folders or turns say.

    Attributes:
        clips: In the order they were named.
        left_out: How many rows were no person's clips, by role.
        source: What was read, for the record: kinds and counts, nobody's name.
        skipped: What is labelled and tells nothing, one line each.
    """

    clips: tuple[Labelled, ...]
    left_out: Mapping[str, int]
    source: str
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Material:
    """Labelled clips and what models make of them; the arrays have a row a clip.

    Attributes:
        people: Names, by number.
        files: What to call the recordings, by number.
        speaker: (n,) the number of the person.
        file: (n,) the number of the recording: clips of one recording are never compared with each other.
        session: (n,) the number of the session.
        kind: (n,) ``natural``, ``cut`` (a piece of the recording), ``degraded``.
        cohort: (n,) whether the person is background.
        net_seconds: (n,) net speech.
        sha256: (n,) of the speech.
        vectors: (n, dim) by the name of the model.
        models: Their identities, by name.
        source: What it is, for the record: counts, nobody's name.
        skipped: What was named and could not be used, one line each.
        left_out: How many rows were no person's clips, by role.
    """

    people: tuple[str, ...]
    files: tuple[str, ...]
    speaker: NDArray[np.int64]
    file: NDArray[np.int64]
    session: NDArray[np.int64]
    kind: NDArray[np.str_]
    cohort: NDArray[np.bool_]
    net_seconds: NDArray[np.float64]
    sha256: NDArray[np.str_]
    vectors: Mapping[str, NDArray[np.float32]]
    models: Mapping[str, ModelId]
    source: str = ""
    skipped: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, clips: Sequence[Mapping[str, Any]], models: Mapping[str, ModelId], **about: Any) -> Self:  # noqa: ANN401
        """From one mapping a clip: ``speaker``, ``file``, ``session`` (texts), ``vectors`` and the other columns.

        Raises:
            InputError: an embedding is not finite.
        """
        people = tuple(dict.fromkeys(clip["speaker"] for clip in clips))
        files = tuple(dict.fromkeys(clip["file"] for clip in clips))
        sessions = tuple(dict.fromkeys((clip["speaker"], clip["session"]) for clip in clips))
        number = [{name: at for at, name in enumerate(names)} for names in (people, files, sessions)]
        vectors = {
            name: np.array([clip["vectors"][name] for clip in clips], np.float32).reshape(len(clips), -1)
            for name in models
        }
        for name, rows in vectors.items():
            if not np.isfinite(rows).all():
                at = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
                raise InputError(
                    f"{clips[at]['file']}: the embedding by {name} is not finite, which no score can be made of: "
                    "leave the recording out, or embed it again"
                )
        return cls(
            people=people,
            files=files,
            speaker=np.array([number[0][clip["speaker"]] for clip in clips], np.int64),
            file=np.array([number[1][clip["file"]] for clip in clips], np.int64),
            session=np.array([number[2][clip["speaker"], clip["session"]] for clip in clips], np.int64),
            kind=np.array([clip["kind"] for clip in clips], np.str_),
            cohort=np.array([clip.get("cohort", False) for clip in clips], np.bool_),
            net_seconds=np.array([clip["net_seconds"] for clip in clips], np.float64),
            sha256=np.array([clip.get("sha256", "") for clip in clips], np.str_),
            vectors=vectors,
            models=models,
            **about,
        )

    def __len__(self) -> int:
        return len(self.speaker)

    @property
    def natural(self) -> NDArray[np.bool_]:
        """(n,) whether the clip is as it was recorded."""
        found: NDArray[np.bool_] = self.kind == "natural"
        return found

    def recordings(self) -> NDArray[np.int64]:
        """(people,) recordings between which trials of the same person can be made.

        Those of different sessions where somebody has several sessions, else different files.
        """
        speaker = self.speaker[self.natural]
        pairs = {(int(s), int(f)) for s, f in zip(speaker, self.file[self.natural], strict=True)}
        sessions = {(int(s), int(f)) for s, f in zip(speaker, self.session[self.natural], strict=True)}
        files, days = (Counter(speaker for speaker, _ in some) for some in (pairs, sessions))
        enough = [days[at] if days[at] > 1 else files[at] for at in range(len(self.people))]
        return np.array(enough, np.int64).reshape(-1)

    def paired(self) -> NDArray[np.bool_]:
        """(people,) who can be enrolled and tried: at least two recordings, and not the cohort."""
        return self._paired

    @cached_property
    def _paired(self) -> NDArray[np.bool_]:
        background = np.zeros(len(self.people), bool)
        background[self.speaker[self.cohort]] = True
        found: NDArray[np.bool_] = (self.recordings() >= 2) & ~background
        return found

    def take(self, rows: NDArray[Any]) -> Material:
        """Some of the clips; people keep their numbers."""
        return replace(
            self,
            speaker=self.speaker[rows],
            file=self.file[rows],
            session=self.session[rows],
            kind=self.kind[rows],
            cohort=self.cohort[rows],
            net_seconds=self.net_seconds[rows],
            sha256=self.sha256[rows],
            vectors={name: vectors[rows] for name, vectors in self.vectors.items()},
        )

    def only(self, models: Sequence[str]) -> Material:
        """With the vectors of these models alone."""
        return replace(
            self,
            vectors={name: self.vectors[name] for name in models},
            models={name: self.models[name] for name in models},
        )

    def with_fusion(self, model: ModelId) -> Material:
        """With the vectors of a fused model (``ecapa+resnet34``) made from those of its parts."""
        parts = [self.vectors[name] for name in model.name.split("+")]
        fused = np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))
        return replace(self, vectors={**self.vectors, model.name: fused}, models={**self.models, model.name: model})


# Reading


def read_labels(paths: Sequence[Path]) -> Labels:
    """Whose recordings are where: of one table, one folder, or recordings that have their turns beside them.

    A folder holds a ``manifest.csv``, or recordings with their turns (``talk.wav``, ``talk.rttm``), or a folder for
    each speaker.

    Raises:
        NotFoundError: files that are named are not there; all of them are said at once.
        FormatError: a table or turns cannot be read.
        InputError: nothing there is labelled.
    """
    if not paths:
        raise InputError("nothing was named: give a table, a folder for each speaker, or recordings with their turns")
    if len(paths) == 1 and paths[0].is_dir():
        labels = _folder(paths[0])
    elif len(paths) == 1 and paths[0].suffix.lower() in TABLES:
        labels = _table(paths[0])
    else:
        labels = _turns([path for path in paths if path.suffix.lower() != ".rttm"])
    if missing := [clip.name for clip in labels.clips if not clip.file.is_file()]:
        files = ", ".join(dict.fromkeys(missing))
        raise NotFoundError(f"{len(set(missing))} of the files that are named are not there: {files}")
    if not labels.clips and labels.skipped:
        raise InputError(f"no voice of these recordings has a name: {'; '.join(labels.skipped[:3])}")
    if not labels.clips:
        raise InputError(f"{printable(paths[0])}: holds no labelled speech: name a speaker and a file in each row")
    return labels


def _table(path: Path) -> Labels:
    clips: list[Labelled] = []
    left_out: Counter[str] = Counter()
    for row in read_manifest(path, nobodys=True):
        if row.nobodys:
            left_out[row.role] += 1
        else:
            file = row.file
            here = file.relative_to(path.parent) if file.is_relative_to(path.parent) else file
            if not file.is_file() and here.is_file():  # names count from the table's folder, or from here
                file = here
            clips.append(Labelled(row.speaker, file, row.session or printable(file), row.segment, role=row.role))
    return Labels(tuple(clips), left_out, "a table")


def _folder(folder: Path) -> Labels:
    if (folder / "manifest.csv").is_file():
        return _table(folder / "manifest.csv")
    sounds = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SOUNDS and file.is_file())
    if any(file.with_suffix(".rttm").is_file() for file in sounds):
        return _turns([file for file in sounds if file.with_suffix(".rttm").is_file()])
    people = [(file.relative_to(folder).parts[0], file) for file in sounds if file.parent != folder]
    if not people:
        raise InputError(
            f"{printable(folder)}: says of no recording whose it is: make a folder for each speaker in it, "
            "put turns beside the recordings (talk.wav, talk.rttm), or write a table"
        )
    return Labels(tuple(Labelled(who, file, printable(file)) for who, file in people), {}, "a folder for each speaker")


def _turns(recordings: Sequence[Path]) -> Labels:
    """What each label says alone; the recording is the session, so nobody is compared with themselves in one.

    Labels that nobody has corrected are left out: ``SPEAKER_00`` is somebody else in each recording.
    """
    if missing := [printable(file) for file in recordings if not file.is_file()]:
        raise NotFoundError(f"{len(missing)} of the files that are named are not there: {', '.join(missing)}")
    without = [printable(file) for file in recordings if not file.with_suffix(".rttm").is_file()]
    if without or not recordings:
        raise InputError(
            f"{', '.join(without) or 'turns alone'}: whose voice is it? Put the corrected turns beside each recording "
            "(talk.wav, talk.rttm), or write a table of speaker,file"
        )
    clips: list[Labelled] = []
    skipped: list[str] = []
    for recording in recordings:
        path = recording.with_suffix(".rttm")
        files = read_rttm(path)
        if recording.stem not in files and len(files) != 1:
            raise FormatError(path, f"has turns of {len(files)} recordings, none of them {recording.stem}")
        timeline = files.get(recording.stem) or next(iter(files.values()))
        for label in timeline.labels:
            if NAMELESS.fullmatch(label):
                skipped.append(f"{printable(path)}: {label} has no name; write it into the turns")
                continue
            alone = tuple(part for part in timeline.alone(label) if part.duration >= SCRAP)
            if alone:
                clips.append(Labelled(label, recording, printable(recording), turns=alone))
    return Labels(tuple(clips), {}, "recordings with corrected turns", tuple(skipped))


# Hearing


def hear(
    labels: Labels,
    vad: VoiceActivity,
    embedders: Sequence[Embedder],
    *,
    vary: Vary | None = None,
    progress: Progress | None = None,
) -> Material:
    """Listen to the clips, cut pieces from them, and embed all by every model.

    What cannot be used (no speech, a damaged file, the same audio twice under one name) is left out and named in
    ``skipped``. Pieces are cut from the same places every time.

    Args:
        labels: Which clips.
        vad: Finds their speech.
        embedders: The models.
        vary: What else is made of each clip; two pieces, unless told.
        progress: Told of every clip.

    Raises:
        InputError: nothing is left.
    """
    skipped = list(labels.skipped)
    found: list[dict[str, Any]] = []
    waiting: list[tuple[dict[str, Any], Speech]] = []
    heard: set[tuple[str, str]] = set()
    least = max((embedder.min_seconds for embedder in embedders), default=0.0)

    def embed() -> None:
        for embedder in embedders:
            vectors = embed_speech(embedder, [speech for _, speech in waiting])
            for (clip, _), vector in zip(waiting, vectors, strict=True):
                clip["vectors"][embedder.model.name] = vector
        found.extend(clip for clip, _ in waiting)
        waiting.clear()

    for number, entry in enumerate(labels.clips):
        try:
            speeches = list(_speeches(entry, vad, least, vary or cuts, np.random.default_rng([7, number])))
        except AudioError as error:
            skipped.append(str(error))
            speeches = []
        for kind, speech in speeches:
            sha256 = speech.joined().sha256
            if kind == "natural" and (entry.speaker, sha256) in heard:
                skipped.append(f"{entry.name}: the same audio was given for {printable(entry.speaker)} before")
                break
            heard.add((entry.speaker, sha256))
            clip = {
                "speaker": entry.speaker,
                "file": printable(entry.file),
                "session": entry.session,
                "kind": kind,
                "cohort": entry.role == COHORT,
                "net_seconds": speech.net_seconds,
                "sha256": sha256,
                "vectors": {},
            }
            waiting.append((clip, speech))
        if len(waiting) >= TOGETHER:
            embed()
        if progress:
            progress(number + 1, len(labels.clips), "listening")
    embed()
    if not found:
        raise InputError(f"none of the {len(labels.clips)} clips can be used: {'; '.join(skipped[:3])}")
    models = {embedder.model.name: embedder.model for embedder in embedders}
    return Material.of(found, models, source=labels.source, skipped=tuple(skipped), left_out=dict(labels.left_out))


def _speeches(
    entry: Labelled, vad: VoiceActivity, least: float, vary: Vary, rng: np.random.Generator
) -> Iterator[tuple[str, Speech]]:
    """The clip and its pieces, as far as there is speech in them.

    Raises:
        AudioError: the recording cannot be read, or there is too little speech.
    """
    audio = load(entry.file)
    if entry.segment:
        if entry.segment.start >= audio.duration:
            raise AudioError(audio.source, f"ends at {audio.duration:.2f} s, before {entry.segment.start:g} s")
        audio = audio.crop(entry.segment)
    if entry.turns:
        whole = Speech(audio, tuple(part for turn in entry.turns if (part := turn & Segment(0.0, audio.duration))))
        audio = whole.joined()
    else:
        whole = Speech(audio, vad(audio), alone=True)
    if not whole.parts or whole.joined().duration < least:
        raise AudioError(entry.name, "holds no speech" if not whole.parts else "holds too little speech to embed")
    yield "natural", whole
    for kind, samples in vary(audio.samples, rng):
        piece = Audio(samples, audio.source)
        speech = Speech(piece, vad(piece), alone=True)
        if speech.parts and speech.joined().duration >= least:
            yield kind, speech


def cuts(samples: NDArray[np.float32], rng: np.random.Generator) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Two pieces of a clip (samples,), each with its kind."""
    for piece in pieces(samples, PIECES, rng):
        yield "cut", piece


def pieces(samples: NDArray[np.float32], count: int, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Up to ``count`` pieces of a clip (samples,), of different lengths of `CUTS`."""
    lengths = [round(cut * SAMPLE_RATE) for cut in CUTS if cut * SAMPLE_RATE < 0.95 * len(samples)]
    for length in rng.choice(lengths, size=min(count, len(lengths)), replace=False) if lengths else []:
        # Of several places the loudest, so that a piece is seldom silence.
        starts = rng.integers(len(samples) - length, size=4)
        yield max((samples[at : at + length] for at in starts), key=lambda piece: float(np.mean(piece**2)))


def from_gallery(store: Store, gallery: Gallery, models: Iterable[ModelId]) -> Material:
    """The samples of the people enrolled in a gallery, as far as they have voiceprints by all of these models.

    No audio is needed, so there are no pieces. A recording is a session: samples of one recording share a
    microphone and a day, and make no trial of the same person.

    Raises:
        NotFoundError: there are none.
    """
    from spk.store.records import SpeakerState

    ids = {model.name: model for model in models}
    profiles = {name: store.profiles(gallery, model.fingerprint) for name, model in ids.items()}
    vectors: dict[Any, dict[str, Any]] = {}
    clips: dict[Any, dict[str, Any]] = {}
    for name, some in profiles.items():
        for profile in some:
            if profile.speaker.state is not SpeakerState.ENROLLED:
                continue
            for sample, vector, net in zip(profile.samples, profile.vectors, profile.net_seconds, strict=True):
                vectors.setdefault(sample.id, {})[name] = vector
                clips[sample.id] = {
                    "speaker": profile.speaker.label,
                    "file": sample.recording.source,
                    "session": str(sample.recording.id),
                    "kind": "natural",
                    "net_seconds": float(net),
                    "sha256": sample.sha256,
                    "vectors": vectors[sample.id],
                }
    shared = [clip for clip in clips.values() if len(clip["vectors"]) == len(ids)]
    if not shared:
        raise NotFoundError(
            f'nobody in the gallery "{gallery.name}" has voiceprints by {" and by ".join(ids)}: '
            "enroll people by it, or name material to hear"
        )
    return Material.of(shared, ids, source="the gallery's own samples")
