"""`spk who-is`: whose voice is this?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, print_json, print_table, say
from spk.cli.options import (
    AsJson,
    CostText,
    DeviceName,
    Fpir,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Server,
    Threads,
)

if TYPE_CHECKING:
    from spk.messages.identification import CandidateList

__all__ = ["who_is"]


def who_is(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="A clip of one voice.", show_default=False)
    ],
    *,
    top: Annotated[
        int, typer.Option("--top", metavar="NUMBER", min=1, help="How many people; 3.", show_default=False)
    ] = 3,
    fpir: Fpir = None,
    cost: CostText = None,
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
    """Whose voice is it most like?

    The nearest people of the gallery, the best first, and whether the clip may be called theirs.

    Example: spk who-is clip.wav
    """
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with desk(**options, fpir=fpir, cost=cost, server=server, threads=threads, quiet=quiet) as ask:
        found = ask.who_is(file, top=top)
    if as_json:
        print_json(found.to_json())
        return
    say(_line(found))
    if found.candidates and not quiet:
        say()
        print_table(
            ("person", "LLR", "probability"),
            [(one.name, f"{one.llr:+.1f}", f"{one.probability:.3f}") for one in found.candidates],
        )


def _line(found: CandidateList) -> str:
    """The answer, for people to read."""
    seconds = f"{found.net_speech:.1f} s of speech"
    if found.too_short:
        return f"unsure: too short to say ({seconds})"
    if not found.candidates:
        return f"unknown: nobody is enrolled ({seconds})"
    best = found.candidates[0]
    if found.verdict == "known":
        return f"known: {best.name} ({seconds})"
    if found.met:
        return f"unknown: met before as {best.name} ({seconds})"
    if found.verdict == "unsure":
        return f"unsure: perhaps {best.name}, so listen ({seconds})"
    return f"unknown: nobody of the gallery; nearest {best.name} ({seconds})"
