"""What is to be evaluated: a table of labelled clips, a list of trials, or conversations with their turns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from spk.errors import FormatError, InputError
from spk.formats.lines import printable, read_lines
from spk.formats.manifest import ManifestRow, read_manifest
from spk.formats.rttm import read_rttm
from spk.formats.trials import Trial, read_trials
from spk.identify.labelled import SOUNDS
from spk.store.names import new_name
from spk.timeline import Segment

__all__ = ["Claim", "Clip", "Material", "Talk", "check_people", "read_material"]

TALKS = ("diarization", "diarization-mix")  # roles of conversations with an .rttm
PROBES = ("test", "unknown-test")


@dataclass(frozen=True)
class Clip:
    """One person's voice in a recording.

    Attributes:
        file: The recording, as the list has it.
        path: Where it lies.
        speaker: Whose voice it is.
        segment: The part of it; None for all of it.
        stranger: Whether this person must be somebody who is not enrolled; None where the list does not say.
    """

    file: str
    path: Path
    speaker: str
    segment: Segment | None = None
    stranger: bool | None = None

    @property
    def name(self) -> str:
        """The recording, and the part of it, to be told from other clips."""
        return self.file if self.segment is None else f"{self.file} ({self.segment.start:g}-{self.segment.end:g} s)"


@dataclass(frozen=True)
class Claim:
    """One trial of a list.

    Attributes:
        enroll: A name, or a recording.
        test: A recording.
        same: Whether both are the same person.
        enroll_path: Where the recording lies; None where there is none of that name, so that it must be a person's.
        test_path: Where the recording lies.
    """

    enroll: str
    test: str
    same: bool
    enroll_path: Path | None
    test_path: Path


@dataclass(frozen=True)
class Talk:
    """A conversation, and the turns that it truly has."""

    file: str
    path: Path
    rttm: Path


@dataclass(frozen=True)
class Material:
    """What a list asks for.

    Attributes:
        source: The list.
        form: ``table``, ``trials``, or ``conversations``.
        enroll: Clips to enroll a gallery from; none where the one that is there is meant.
        probes: Clips to identify.
        claims: Trials.
        talks: Conversations to diarize.
        ignored: How many rows of which role play no part.
        repeated: How many rows or trials were there before, and count once.
    """

    source: Path
    form: str
    enroll: tuple[Clip, ...] = ()
    probes: tuple[Clip, ...] = ()
    claims: tuple[Claim, ...] = ()
    talks: tuple[Talk, ...] = ()
    ignored: dict[str, int] | None = None
    repeated: int = 0

    def describe(self) -> str:
        """One sentence: what the list was taken for."""
        parts = []
        if self.enroll:
            people = len({clip.speaker for clip in self.enroll})
            parts.append(f"{_count(self.enroll, 'clip')} to enroll {people} people in a gallery of their own")
        if self.probes:
            where = "to identify there" if self.enroll else "to identify in the gallery as it is"
            parts.append(
                f"{_count(self.probes, 'clip')} of {len({clip.speaker for clip in self.probes})} people {where}"
            )
        if self.claims:
            same = sum(claim.same for claim in self.claims)
            parts.append(f"{_count(self.claims, 'trial')}, {same} of them of one person")
        if self.talks:
            parts.append(f"{_count(self.talks, 'conversation')} to diarize")
        left = [f"{count} of the role {role}" for role, count in (self.ignored or {}).items()]
        left += [f"{self.repeated} that were there before"] if self.repeated else []
        rest = f"; left out: {', '.join(left)}" if left else ""
        what = {"table": "a table", "trials": "a list of trials", "conversations": "recordings with turns"}[self.form]
        return f"{printable(self.source)}: {what}: {', '.join(parts)}{rest}"


def read_material(source: Path) -> Material:
    """Read a list, and see that every recording it names is there.

    A folder is its ``manifest.csv``, or else the recordings in it that have an ``.rttm`` beside them. A file is a table
    if its first line names a column ``file``, a list of recordings if its lines have one field, else a list of trials.

    Raises:
        FormatError: the list cannot be read, breaks its format, contradicts itself, or names files that are not there.
    """
    if source.is_dir():
        if not (source / "manifest.csv").is_file():
            return _folder(source)
        source = source / "manifest.csv"
    first = next((line for line in read_lines(source) if line.strip() and not line.lstrip().startswith("#")), None)
    if first is None:
        raise FormatError(printable(source), "is empty: list recordings to evaluate, or trials")
    if _names_columns(first):
        return _table(source)
    fields = {len(line.split()) for line in islice(read_lines(source), 100) if _says(line)}
    return _recordings(source) if fields == {1} else _trials(source)


def _names_columns(line: str) -> bool:
    row = next(csv.reader([line], delimiter=max(",;\t", key=line.count), skipinitialspace=True))
    return "file" in [cell.strip().lower() for cell in row]


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _table(source: Path) -> Material:
    rows = list(read_manifest(source, nobodys=True))
    if not rows:
        raise FormatError(printable(source), "lists nothing: write a line for each recording")
    roles = any(row.role for row in rows)
    enroll: list[Clip] = []
    probes: list[Clip] = []
    talks: list[Talk] = []
    ignored: Counter[str] = Counter()
    for row in rows:
        file = _relative(row.file, source.parent)
        if row.role in TALKS or (row.rttm is not None and not row.role):
            path = _either(row.file, Path(file))
            talks.append(Talk(file, path, row.rttm or _turns_of(path)))
        elif row.role == "enroll":
            enroll.append(_clip(row, file))
        elif row.role in PROBES or not roles:
            probes.append(_clip(row, file))
        else:
            ignored[row.role or "(none)"] += 1
    material = Material(
        source,
        "table",
        tuple(dict.fromkeys(enroll)),
        tuple(dict.fromkeys(probes)),
        talks=tuple(dict.fromkeys(talks)),
        ignored=dict(ignored),
    )
    kept = len(material.enroll) + len(material.probes) + len(material.talks)
    material = Material(**{**vars(material), "repeated": len(enroll) + len(probes) + len(talks) - kept})
    return _found(_consistent(material))


def _clip(row: ManifestRow, file: str) -> Clip:
    stranger = row.role == "unknown-test" if row.role else None
    return Clip(file, _either(row.file, Path(file)), row.speaker, row.segment, stranger)


def _trials(source: Path) -> Material:
    trials = list(read_trials(source))
    named = printable(source)
    for trial in trials:
        if trial.same is None:
            line = printable(trial.serialize())
            raise FormatError(
                named, f'"{line}" does not say whether it is the same person: end it on target or nontarget'
            )
    truths: dict[tuple[str, str], bool] = {}
    for trial in trials:
        if truths.setdefault((trial.enroll, trial.test), bool(trial.same)) != trial.same:
            line = f"{printable(trial.enroll)} {printable(trial.test)}"
            raise FormatError(named, f'"{line}" is target and nontarget: decide which')
    claims = [_claim(trial, source.parent) for trial in dict.fromkeys(trials)]
    return _found(Material(source, "trials", claims=tuple(claims), repeated=len(trials) - len(claims)))


def _claim(trial: Trial, folder: Path) -> Claim:
    enroll = _either(Path(trial.enroll), folder / trial.enroll)
    test = _either(Path(trial.test), folder / trial.test)
    return Claim(trial.enroll, trial.test, bool(trial.same), enroll if _exists(enroll) else None, test)


def _recordings(source: Path) -> Material:
    files = [line.strip() for line in read_lines(source) if _says(line)]
    talks = []
    for file in dict.fromkeys(files):
        path = _either(source.parent / file, Path(file))
        talks.append(Talk(file, path, _turns_of(path)))
    return _found(Material(source, "conversations", talks=tuple(talks), repeated=len(files) - len(talks)))


def _folder(source: Path) -> Material:
    files = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in SOUNDS]
    talks = [Talk(_relative(path, source), path, _turns_of(path)) for path in files]
    talks = [talk for talk in talks if talk.rttm.is_file()]
    if not talks:
        reason = "has neither a manifest.csv nor recordings with an .rttm of the same name beside them"
        raise FormatError(printable(source), f"{reason}: name a list")
    return Material(source, "conversations", talks=tuple(talks))


def _consistent(material: Material) -> Material:
    """Refuse a table that would measure something else than it says."""
    source = printable(material.source)
    whose: dict[str, str] = {}
    for clip in (*material.enroll, *material.probes):
        if whose.setdefault(clip.name, clip.speaker) != clip.speaker:
            reason = f"{clip.name} is said to be {whose[clip.name]}'s and {clip.speaker}'s: correct the table"
            raise FormatError(source, reason)
    enrolled = {clip.speaker for clip in material.enroll}
    for name in enrolled:
        try:
            new_name(name)
        except InputError as error:
            raise FormatError(source, str(error)) from None
    if material.enroll:
        strangers = {clip.speaker for clip in material.probes if clip.stranger}
        if both := sorted(enrolled & strangers):
            raise FormatError(source, f"{_list(both)}: have the roles enroll and unknown-test: decide which")
        tested = {clip.speaker for clip in material.probes if clip.stranger is False}
        if nobody := sorted(tested - enrolled):
            reason = "have clips of the role test and none of the role enroll: add some, or call theirs unknown-test"
            raise FormatError(source, f"{_list(nobody)}: {reason}")
        if twice := sorted({clip.name for clip in material.enroll} & {clip.name for clip in material.probes}):
            reason = "are enrolled from and tested with: the result would be too good, so take another clip"
            raise FormatError(source, f"{_list(twice)}: {reason}")
        if not material.probes:
            raise FormatError(source, "has clips to enroll and none to test: give some the role test or unknown-test")
    elif not material.probes and not material.talks:
        roles = ", ".join(material.ignored or {})
        reason = f"has nothing to evaluate, only the roles {roles}: there are enroll, test, unknown-test, diarization"
        raise FormatError(source, reason)
    return material


def _found(material: Material) -> Material:
    """See that every file is there, before hours of work; all that are not are named at once."""
    paths: list[tuple[str, Path]] = [(clip.file, clip.path) for clip in (*material.enroll, *material.probes)]
    paths += [(claim.test, claim.test_path) for claim in material.claims]
    paths += [pair for talk in material.talks for pair in ((talk.file, talk.path), (str(talk.rttm), talk.rttm))]
    names = dict.fromkeys(paths)
    if missing := [name for name, path in names if not _exists(path)]:
        reason = f"{len(missing)} of {len(names)} files are not there: {_list(dict.fromkeys(missing))}"
        raise FormatError(printable(material.source), f"{reason}: correct the list; nothing was done")
    for talk in material.talks:
        if len(turns := read_rttm(talk.rttm)) != 1:
            reason = f"has turns of {len(turns)} recordings: keep one recording's"
            raise FormatError(printable(talk.rttm), reason)
    return material


def check_people(material: Material, names: Sequence[str]) -> None:
    """See that whoever a trial names is in the gallery, or else a recording.

    Raises:
        InputError: some are neither; all are named at once.
    """
    known = set(names)
    wrong = [claim.enroll for claim in material.claims if claim.enroll not in known and claim.enroll_path is None]
    if wrong:
        reason = "are neither people of the gallery nor recordings: enroll them, or correct the list"
        raise InputError(f"{printable(material.source)}: {_list(dict.fromkeys(wrong))}: {reason}; nothing was done")


def _list(names: Iterable[object]) -> str:
    return ", ".join(printable(name) for name in names)


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _turns_of(path: Path) -> Path:
    """The file beside a recording; a list may name anything, such as ``/``, which `Path.with_suffix` refuses."""
    return path.parent / f"{path.stem}.rttm"


def _either(path: Path, other: Path) -> Path:
    """``other`` where only that exists: names in a list may count from the list's folder, or from here."""
    return other if not _exists(path) and _exists(other) else path


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
