"""`spk find`: where somebody speaks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import Batch, complain, print_json, say, workbench
from spk.cli.options import (
    AsJson,
    CostText,
    DeviceName,
    Files,
    Fpir,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
    complete_speaker,
)
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.audio import Audio
    from spk.timeline import Segment

__all__ = ["find"]


def find(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Who is looked for.", show_default=False, autocompletion=complete_speaker),
    ],
    files: Files,
    *,
    clips: Annotated[
        Path | None,
        typer.Option(
            "--clips", metavar="FOLDER", readable=False, help="Cut what is found out, as WAV.", show_default=False
        ),
    ] = None,
    min_llr: Annotated[
        float | None,
        typer.Option(
            "--min-llr",
            metavar="LLR",
            help="Everything with so much evidence, not what is known or unsure.",
            show_default=False,
        ),
    ] = None,
    fpir: Fpir = None,
    cost: CostText = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find where somebody speaks in recordings.

    A line for each passage: file, start and end in seconds, LLR, and known or unsure; of a stranger who is kept,
    unknown. Voices are compared with the whole gallery, so that nobody else of it is taken for who is looked for.

    Example: spk find alice meeting1.wav meeting2.wav
    """
    if min_llr is not None and math.isnan(min_llr):
        raise InputError("--min-llr nan: is no number: write one, as in 3.5")
    batch = Batch()
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, fpir=fpir, cost=cost, threads=threads, quiet=quiet) as bench:
        from spk.audio import load
        from spk.formats.lines import printable
        from spk.identify.finding import places

        speaker = bench.store.speaker(bench.gallery, name)
        bench.store.profile(speaker, bench.model.fingerprint)  # says so where this model does not know them
        if clips is not None:
            _make(clips)
        identifier, heard = None, 0

        def one(path: Path) -> None:
            nonlocal identifier, heard
            audio = load(path)  # first: a file that cannot be read is said before models are loaded
            identifier = identifier or bench.identifier()
            for place in places(identifier.recording(audio, progress=bench.progress), speaker, min_llr):
                heard += 1
                cut = None if clips is None else str(_cut(audio, place.segment, clips, path.stem))
                if as_json:
                    print_json({"recording": str(path), "name": speaker.label, **place.to_json(), "clip": cut})
                else:
                    times = f"{place.segment.start:.2f}  {place.segment.end:.2f}"
                    say(f"{printable(path)}  {times}  LLR {place.llr:+.1f}  {place.verdict.value}")

        batch.each(files, one, bench.progress)
    if not heard and not quiet and not batch.failed:
        complain(f"{speaker.label} was not found in {'this recording' if len(files) == 1 else 'these recordings'}")
    batch.finish()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}): choose another folder for clips") from error


def _cut(audio: Audio, segment: Segment, folder: Path, stem: str) -> Path:
    """Write a passage to a new file; where it lies."""
    import soundfile

    from spk.audio import SAMPLE_RATE

    path = folder / f"{stem}_{segment.start:.2f}-{segment.end:.2f}.wav"
    try:
        with path.open("xb") as file:
            soundfile.write(file, audio.crop(segment).samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    except FileExistsError:
        raise InputError(f"{path}: is there already: choose another folder for clips") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}): choose another folder for clips") from error
    return path
