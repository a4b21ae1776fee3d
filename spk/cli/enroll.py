"""`spk enroll`: add people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import Batch, counter, either, print_json, say, workbench
from spk.cli.options import (
    AsJson,
    DeviceName,
    Force,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
    complete_speaker,
)
from spk.errors import AudioError, FormatError, InputError, NotFoundError, SpkError
from spk.timeline import Segment

if TYPE_CHECKING:
    from spk.audio import Audio
    from spk.config import Workbench
    from spk.enroll import EnrollmentReport, Excerpt
    from spk.store.records import Origin

    Load = Callable[[], Excerpt]
    People = dict[str, list[tuple[str, Load]]]  # whom, and each recording's name with what loads it in its turn

__all__ = ["enroll"]

SLACK = 0.1  # seconds that a turn may reach past the end: tools round


def enroll(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Whom to enroll.", show_default=False, autocompletion=complete_speaker),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", readable=False, help="Recordings of that person alone.", show_default=False),
    ] = None,
    *,
    start: Annotated[
        float | None,
        typer.Option("--from", metavar="SECONDS", help="Use the file from here ...", show_default=False),
    ] = None,
    end: Annotated[
        float | None, typer.Option("--to", metavar="SECONDS", help="... to here.", show_default=False)
    ] = None,
    turns: Annotated[
        Path | None,
        typer.Option(
            "--turns",
            metavar="RTTM",
            readable=False,
            help="Corrected turns of the recording: enroll everybody in it.",
            show_default=False,
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="LABEL=NAME", help="Whom a label of --turns means.", show_default=False),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="CSV",
            readable=False,
            help="A table of speaker,file[,start,end]: enroll many people.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Enroll people's voices.

    Enrolling somebody again adds to what is known. With --turns the one argument is the recording, with
    --manifest there is none.

    Example: spk enroll alice alice1.wav alice2.wav
    """
    arguments = [given for given in (name, *map(str, files or [])) if given is not None]
    _check_options(arguments, start=start, end=end, turns=turns, mapping=mapping, manifest=manifest)
    batch = Batch()
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        if turns is not None:
            people = _from_turns(Path(arguments[0]), turns, _names(mapping or []), batch)
        elif manifest is not None:
            people = _from_manifest(manifest)
        else:
            people = _from_files(arguments[0], [Path(file) for file in arguments[1:]], start, end)
        _check_names(bench, people, manifest or turns)
        another = counter(bench.progress, sum(map(len, people.values())), "enrolling")
        for person, offered in people.items():
            excerpts = _readable(offered, batch, another)
            if (first := next(excerpts, None)) is None:
                continue
            bench.make_gallery()
            report = bench.enroller()(person, chain([first], excerpts), origin=_origin(turns), force=force)
            for error in report.refused:
                batch.fail(getattr(error, "source", person), error)
            if report.enrollment is not None:
                batch.done += len(report.enrollment.added) + len(report.enrollment.already)
                _show(report, as_json=as_json, quiet=quiet)
    batch.finish()


def _check_options(
    arguments: Sequence[str],
    *,
    start: float | None,
    end: float | None,
    turns: Path | None,
    mapping: list[str] | None,
    manifest: Path | None,
) -> None:
    """Refuse options that say different things, rather than leave one of them out."""
    if turns is not None and manifest is not None:
        raise InputError("--turns and --manifest each say whom to enroll: give one of them")
    if mapping and turns is None:
        raise InputError("--map names the labels of --turns: give the turns, too")
    if (start is not None or end is not None) and (turns is not None or manifest is not None):
        raise InputError("--from and --to are for one person in one recording: leave them out here")
    if turns is not None and len(arguments) != 1:
        raise InputError(f"--turns {turns} belongs to one recording: give just that, not {len(arguments)}")
    if manifest is not None and arguments:
        raise InputError(f"--manifest {manifest} names people and recordings itself: leave out {arguments[0]!r}")
    if turns is None and manifest is None:
        if len(arguments) < 2:
            raise InputError("say whom to enroll from which recordings, as in: spk enroll alice alice.wav")
        if (start is None) != (end is None):
            raise InputError("--from and --to belong together: give both or neither")
        if start is not None and len(arguments) != 2:
            raise InputError("--from and --to are times in one recording: give just one")


def _check_names(bench: Workbench, people: People, source: Path | None) -> None:
    """Refuse impossible names before hours of work."""
    from spk.store.names import clean_name, label_digits

    for name in people:
        try:
            if label_digits(name):
                bench.store.speaker(bench.gallery, name)
            else:
                clean_name(name)
        except (InputError, NotFoundError) as error:
            if source is None:
                raise
            raise FormatError(source, str(error)) from error


def _origin(turns: Path | None) -> Origin:
    from spk.store.records import Origin

    return Origin.ENROLLED if turns is None else Origin.CORRECTED


def _from_files(name: str, files: list[Path], start: float | None, end: float | None) -> People:
    segment = None
    if start is not None and end is not None:
        try:
            segment = Segment(start, end)
        except InputError as error:
            raise InputError(f"--from {start:g} --to {end:g}: {error}") from error
    return {name: [(str(file), partial(_excerpt, file, segment)) for file in files]}


def _from_manifest(manifest: Path) -> People:
    from spk.formats.manifest import read_manifest

    people: People = {}
    for row in read_manifest(manifest):  # all of it is read first: a wrong line stores nobody
        here = row.file.relative_to(manifest.parent) if row.file.is_relative_to(manifest.parent) else row.file
        file = either(row.file, here)
        people.setdefault(row.speaker, []).append((str(file), partial(_excerpt, file, row.segment)))
    if not people:
        raise FormatError(manifest, "names nobody: write a line speaker,file for each recording")
    return people


def _from_turns(recording: Path, turns: Path, names: dict[str, str], batch: Batch) -> People:
    from spk.enroll import excerpts_of_turns
    from spk.formats.rttm import NAMELESS, read_rttm

    try:
        files = read_rttm(turns)
    except FormatError as error:
        if form := _other_form(turns):
            reason = f"is {form}, not RTTM: make it so with spk import {turns} --format rttm, or see spk apply"
            raise FormatError(turns, reason) from error
        raise
    if not files:
        raise FormatError(turns, "holds no turns: check that it is the file you mean")
    if recording.stem not in files and len(files) != 1:
        reason = f"has turns of {len(files)} recordings, none of them {recording.stem}: keep one recording's"
        raise FormatError(turns, reason)
    timeline = files.get(recording.stem) or next(iter(files.values()))
    if unknown := sorted(set(names) - set(timeline.labels)):
        labels = ", ".join(timeline.labels)
        raise InputError(f"--map {unknown[0]}: {turns} has no such label, only {labels}")
    audio = _audio(recording)
    if timeline.end > audio.duration + SLACK:
        late = f"has a turn up to {timeline.end:.2f} s, but {recording} ends at {audio.duration:.2f} s"
        reason = f"{late}: check which recording it is of"
        raise FormatError(turns, reason)
    people: People = {}
    for label, excerpts in excerpts_of_turns(audio, timeline.crop(Segment(0.0, audio.duration))):
        if label not in names and NAMELESS.fullmatch(label):
            reason = f"{label} has no name: add --map {label}=NAME, or rename it in {turns}"
            batch.fail(label, InputError(reason))
        elif not excerpts:
            batch.fail(label, FormatError(turns, f"{label} never speaks alone for long enough to be enrolled"))
        else:
            of_person = people.setdefault(names.get(label, label), [])
            of_person += [(label, partial(_given, excerpt)) for excerpt in excerpts]
    return people


def _other_form(turns: Path) -> str:
    """What a file of turns is written in that is no RTTM; empty where nobody can tell."""
    from spk.formats.turns import TurnFormat, guess

    try:
        form = guess(turns)
    except FormatError:
        return ""
    return "" if form is TurnFormat.RTTM else f"in the format {form.value}"


def _readable(offered: list[tuple[str, Load]], batch: Batch, another: Callable[[], None]) -> Iterator[Excerpt]:
    """Every recording that can be read, each when it is asked for; the others are named as failed."""
    for name, load in offered:
        try:
            yield load()
        except SpkError as error:
            batch.fail(name, error)
        another()


def _excerpt(file: Path, segment: Segment | None) -> Excerpt:
    from spk.enroll import Excerpt

    audio = _audio(file)
    if segment is not None and segment.end > audio.duration + SLACK:
        raise AudioError(audio.source, f"ends at {audio.duration:.2f} s, before {segment.end:g} s: check the times")
    return Excerpt(audio, segment)


def _given(excerpt: Excerpt) -> Excerpt:
    return excerpt


@lru_cache(maxsize=1)
def _audio(file: Path) -> Audio:
    """A recording; the last one is kept, because the rows of a table often name it again."""
    from spk.audio import load

    return load(file)


def _names(mapping: list[str]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in mapping]
    for entry, (label, equals, name) in zip(mapping, pairs, strict=True):
        if not (label and equals and name):
            raise InputError(f"--map {entry}: write it as LABEL=NAME")
    return {label: name for label, _, name in pairs}


def _show(report: EnrollmentReport, *, as_json: bool, quiet: bool) -> None:
    enrollment = report.enrollment
    if enrollment is None:
        return
    if as_json:
        print_json(
            {
                "name": report.name,
                "speaker_id": str(enrollment.speaker.id),
                "added": len(enrollment.added),
                "already": len(enrollment.already),
                "net_speech": round(report.net_seconds, 3),
                "provisional": report.provisional,
            }
        )
    elif not quiet:
        parts = [f"{len(enrollment.added)} added"]
        if enrollment.already:
            parts.append(f"{len(enrollment.already)} known already")
        parts.append(f"{report.net_seconds:.1f} s of speech in all")
        if report.provisional:
            parts.append("provisional until 30 s")
        say(f"{report.name}: {', '.join(parts)}")
