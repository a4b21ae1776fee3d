"""`spk who-is`: whose voice is this?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import print_json, print_table, say, workbench
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
    Threads,
)

if TYPE_CHECKING:
    from spk.identify import Voice
    from spk.identify.finding import Candidate

__all__ = ["who_is"]

SCHEMA = "spk-candidates/1"


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
    with workbench(**options, fpir=fpir, cost=cost, threads=threads, quiet=quiet) as bench:
        from spk.audio import load
        from spk.identify.finding import candidates

        _ = bench.gallery  # a misspelt one is said before any work
        found = bench.identifier().single(load(file))
    voice, people = found.voices[0], candidates(found, top)
    if as_json:
        about = {"net_speech": round(voice.net_seconds, 3), "verdict": voice.verdict.value}
        entries = [candidate.to_json() for candidate in people]
        print_json({"schema": SCHEMA, "recording": str(file), "people": found.people, **about, "candidates": entries})
        return
    say(_line(voice, people))
    if people and not quiet:
        say()
        print_table(
            ("person", "LLR", "probability"),
            [(one.speaker.label, f"{one.llr:+.1f}", f"{one.probability:.3f}") for one in people],
        )


def _line(voice: Voice, people: tuple[Candidate, ...]) -> str:
    """The answer, for people to read."""
    from spk.identify import Verdict
    from spk.identify.gallery import LEAST_SECONDS

    seconds = f"{voice.net_seconds:.1f} s of speech"
    if voice.row is None or voice.speech.net_seconds < LEAST_SECONDS:
        return f"unsure: too short to say ({seconds})"
    if not people:
        return f"unknown: nobody is enrolled ({seconds})"
    best = next((one for one in people if one.speaker.id == voice.match.speaker), people[0])
    if voice.verdict is Verdict.KNOWN:
        return f"known: {best.speaker.label} ({seconds})"
    if voice.match.verdict is Verdict.KNOWN:
        return f"unknown: met before as {best.speaker.label} ({seconds})"
    if voice.match.verdict is Verdict.UNSURE:
        return f"unsure: perhaps {best.speaker.label}, so listen ({seconds})"
    return f"unknown: nobody of the gallery; nearest {best.speaker.label} ({seconds})"
