"""`spk enroll`: add people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import Batch, counter, desk, either, print_json, say
from spk.cli.options import (
    AsJson,
    DeviceName,
    Force,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Server,
    Threads,
    complete_speaker,
)
from spk.errors import FormatError, InputError, NotFoundError, RefusedError
from spk.timeline import Segment

if TYPE_CHECKING:
    from spk.client import Client
    from spk.desk import Desk
    from spk.formats.manifest import ManifestRow
    from spk.messages.enrollment import Enrolled, EnrolledTurns, Refusal

__all__ = ["enroll"]


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
    server: Server = None,
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
    with desk(**options, server=server, threads=threads, quiet=quiet) as ask:
        if turns is not None:
            found = _by_turns(ask, Path(arguments[0]), turns, _names(mapping or []), force=force)
            _refuse(batch, found.refused)
            done: Iterable[Enrolled] = found.people
        elif manifest is not None:
            done = _by_manifest(ask, manifest, batch, force=force)
        else:
            segments = [_times(start, end)] if start is not None and end is not None else []
            done = _person(ask, arguments[0], [Path(file) for file in arguments[1:]], segments, batch, force=force)
        for person in done:
            if turns is None:
                _refuse(batch, person.refused)
            if person.speaker_id is not None:
                batch.done += person.added + person.already
                _show(person, as_json=as_json, quiet=quiet)
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


def _times(start: float, end: float) -> tuple[float, float]:
    try:
        segment = Segment(start, end)
    except InputError as error:
        raise InputError(f"--from {start:g} --to {end:g}: {error}") from error
    return segment.start, segment.end


def _person(
    ask: Desk | Client,
    name: str,
    paths: Sequence[Path],
    segments: Sequence[tuple[float, float] | None],
    batch: Batch,
    *,
    force: bool,
) -> Iterable[Enrolled]:
    """One person; nobody where a server refused everything, which is said."""
    try:
        yield ask.enroll(name, paths, segments=segments, force=force)
    except RefusedError as error:
        reasons = error.reasons if len(paths) > 1 else (str(error),)
        for path, reason in zip(paths, reasons, strict=False):
            batch.fail(str(path), InputError(reason))
    except InputError as error:
        if len(paths) > 1:  # then it is about no recording
            raise
        batch.fail(str(paths[0]), error)


def _by_manifest(ask: Desk | Client, manifest: Path, batch: Batch, *, force: bool) -> Iterable[Enrolled]:
    """The people of a table, one after the other; all of it is read first: a wrong line stores nobody."""
    from spk.formats.manifest import read_manifest

    people: dict[str, list[ManifestRow]] = {}
    for row in read_manifest(manifest):
        people.setdefault(row.speaker, []).append(row)
    if not people:
        raise FormatError(manifest, "names nobody: write a line speaker,file for each recording")
    for name in people:
        try:
            ask.check_name(name)
        except (InputError, NotFoundError) as error:
            raise FormatError(manifest, str(error)) from error
    another = counter(ask.progress, len(people), "people")
    for name, rows in people.items():
        paths = [_place(row.file, manifest) for row in rows]
        segments = [None if row.segment is None else (row.segment.start, row.segment.end) for row in rows]
        yield from _person(ask, name, paths, segments, batch, force=force)
        another()


def _place(file: Path, manifest: Path) -> Path:
    """Where a recording of a table lies: its name counts from the table's folder, or from here."""
    return either(file, file.relative_to(manifest.parent) if file.is_relative_to(manifest.parent) else file)


def _by_turns(ask: Desk | Client, recording: Path, turns: Path, names: dict[str, str], *, force: bool) -> EnrolledTurns:
    try:
        return ask.enroll_turns(recording, turns, mapping=names, form="rttm", force=force)
    except FormatError as error:
        if form := _other_form(turns):
            reason = f"is {form}, not RTTM: make it so with spk import {turns} --format rttm, or see spk apply"
            raise FormatError(turns, reason) from error
        raise


def _other_form(turns: Path) -> str:
    """What a file of turns is written in that is no RTTM; empty where nobody can tell."""
    from spk.formats.turns import TurnFormat, guess

    try:
        form = guess(turns)
    except FormatError:
        return ""
    return "" if form is TurnFormat.RTTM else f"in the format {form.value}"


def _names(mapping: list[str]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in mapping]
    for entry, (label, equals, name) in zip(mapping, pairs, strict=True):
        if not (label and equals and name):
            raise InputError(f"--map {entry}: write it as LABEL=NAME")
    return {label: name for label, _, name in pairs}


def _refuse(batch: Batch, refused: Iterable[Refusal]) -> None:
    """Say what was not stored."""
    for one in refused:
        batch.fail(one.source, InputError(one.detail))


def _show(person: Enrolled, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(person.to_json())
    elif not quiet:
        parts = [f"{person.added} added"]
        if person.already:
            parts.append(f"{person.already} known already")
        parts.append(f"{person.net_speech:.1f} s of speech in all")
        if person.provisional:
            parts.append("provisional until 30 s")
        say(f"{person.name}: {', '.join(parts)}")
