"""`spk enroll`: add people."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import (
    AsJson,
    Batch,
    DeviceName,
    Force,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
    print_json,
    workbench,
)
from spk.errors import InputError, SpkError
from spk.timeline import Segment

if TYPE_CHECKING:
    from spk.enroll import EnrollmentReport, Excerpt
    from spk.store.records import Origin

    People = list[tuple[str, Callable[[], list[Excerpt]]]]  # whom, and what loads their speech when it is their turn

__all__ = ["enroll"]

SLACK = 0.1  # seconds that a turn may reach past the end: tools round
NAMELESS = re.compile(r"SPEAKER_\d+")  # what spk diarize calls people


def enroll(
    name: Annotated[str | None, typer.Argument(help="Whom to enroll.", show_default=False)] = None,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings of that person alone.", show_default=False)
    ] = None,
    *,
    start: Annotated[float | None, typer.Option("--from", help="Use the file from here (s) ...")] = None,
    end: Annotated[float | None, typer.Option("--to", help="... to here (s).")] = None,
    turns: Annotated[
        Path | None,
        typer.Option("--turns", help="Corrected turns (RTTM) of the recording: enroll everybody in it."),
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="LABEL=NAME: whom a label of --turns means.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="A table of speaker,file[,start,end]: enroll many people."),
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
    """Enroll people's voices; enrolling somebody again adds to what is known of them.

    With --turns the one argument is the recording; with --manifest there is none.

    Example: spk enroll alice alice1.wav alice2.wav
    """
    batch = Batch()
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        bench.make_gallery()
        if turns is not None:
            recording = _only([Path(given) for given in (name, *(files or [])) if given], turns)
            people = _from_turns(recording, turns, _names(mapping or []), batch)
        elif manifest is not None:
            people = _from_manifest(manifest, batch)
        else:
            people = _from_files(name, files or [], start, end, batch)
        for number, (person, excerpts) in enumerate(people, 1):
            report = bench.enroller()(person, excerpts(), origin=_origin(turns), force=force)
            for error in report.refused:
                batch.fail(getattr(error, "source", person), error)
            if report.enrollment is not None:
                batch.done += len(report.enrollment.added) + len(report.enrollment.already)
                _show(report, as_json=as_json, quiet=quiet)
            if bench.progress is not None:
                bench.progress(number, len(people), "enrolling")
    batch.finish()


def _origin(turns: Path | None) -> Origin:
    from spk.store.records import Origin

    return Origin.ENROLLED if turns is None else Origin.CORRECTED


def _from_files(name: str | None, files: list[Path], start: float | None, end: float | None, batch: Batch) -> People:
    if name is None or not files:
        raise InputError("say whom to enroll from which recordings, as in: spk enroll alice alice.wav")
    if (start is None) != (end is None):
        raise InputError("--from and --to belong together: give both or neither")
    segment = None
    if start is not None and end is not None:
        if len(files) != 1:
            raise InputError("--from and --to are times in one recording: give just one")
        segment = Segment(start, end)
    return [(name, partial(_excerpts, [(path, segment) for path in files], batch))]


def _from_manifest(manifest: Path, batch: Batch) -> People:
    from spk.formats.manifest import read_manifest

    people: dict[str, list[tuple[Path, Segment | None]]] = {}
    for row in read_manifest(manifest):  # all of it is read first: a wrong line stores nobody
        people.setdefault(row.speaker, []).append((row.file, row.segment))
    if not people:
        raise InputError(f"{manifest}: names nobody: write a line speaker,file for each recording")
    return [(person, partial(_excerpts, sources, batch)) for person, sources in people.items()]


def _from_turns(recording: Path, turns: Path, names: dict[str, str], batch: Batch) -> People:
    from spk.audio import load
    from spk.enroll import excerpts_of_turns
    from spk.errors import FormatError
    from spk.formats.rttm import read_rttm

    files = read_rttm(turns)
    if recording.stem not in files and len(files) != 1:
        reason = f"has turns of {len(files)} recordings, none of them {recording.stem}: keep one recording's"
        raise FormatError(turns, reason)
    timeline = files.get(recording.stem) or next(iter(files.values()))
    if unknown := sorted(set(names) - set(timeline.labels)):
        labels = ", ".join(timeline.labels)
        raise InputError(f"--map {unknown[0]}: {turns} has no such label, only {labels}")
    audio = load(recording)
    if timeline.end > audio.duration + SLACK:
        late = f"has a turn up to {timeline.end:.2f} s, but {recording} ends at {audio.duration:.2f} s"
        reason = f"{late}: check which recording it is of"
        raise FormatError(turns, reason)
    cropped = timeline.crop(Segment(0.0, audio.duration))
    for label in timeline.labels:
        if label not in names and NAMELESS.fullmatch(label):
            batch.fail(label, InputError(f"{label} has no name: add --map {label}=NAME, or rename it in {turns}"))
    people: dict[str, list[Excerpt]] = {}
    for label, excerpts in excerpts_of_turns(audio, cropped):
        if label in names or not NAMELESS.fullmatch(label):
            people.setdefault(names.get(label, label), []).extend(excerpts)
    return [(person, partial(list, excerpts)) for person, excerpts in people.items()]


def _excerpts(sources: list[tuple[Path, Segment | None]], batch: Batch) -> list[Excerpt]:
    """Every recording that can be read; the others are named as failed."""
    from spk.audio import load
    from spk.enroll import Excerpt
    from spk.errors import AudioError

    found: list[Excerpt] = []

    def one(source: tuple[Path, Segment | None]) -> None:
        path, segment = source
        same = next((excerpt.audio for excerpt in found if excerpt.audio.source == str(path)), None)
        audio = same or load(path)
        if segment is not None and segment.end > audio.duration + SLACK:
            reason = f"ends at {audio.duration:.2f} s, before {segment.end:g} s: check the times"
            raise AudioError(path, reason)
        found.append(Excerpt(audio, segment))

    for source in sources:
        try:
            one(source)
        except SpkError as error:
            batch.fail(str(source[0]), error)
    return found


def _names(mapping: list[str]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in mapping]
    for entry, (label, equals, name) in zip(mapping, pairs, strict=True):
        if not (label and equals and name):
            raise InputError(f"--map {entry}: write it as LABEL=NAME")
    return {label: name for label, _, name in pairs}


def _only(recordings: list[Path], turns: Path) -> Path:
    if len(recordings) != 1:
        raise InputError(f"--turns {turns} belongs to one recording: give just that, not {len(recordings)}")
    return recordings[0]


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
        typer.echo(f"{report.name}: {', '.join(parts)}")
