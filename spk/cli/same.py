"""`spk same`: do two recordings hold one voice?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spk.cli.common import desk, print_json, say
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
from spk.cli.verify import EXIT_DIFFERENT, verification_line

__all__ = ["same"]


def same(
    one: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="A recording of one voice.", show_default=False)
    ],
    other: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="Another recording.", show_default=False)
    ],
    *,
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
    """Do two recordings hold one voice?

    Nobody needs to be enrolled. Leaves with status 0 for the same, 1 for different or unsure, 2 for an error.

    Example: spk same monday.wav tuesday.wav
    """
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with desk(**options, fpir=fpir, cost=cost, server=server, threads=threads, quiet=quiet) as ask:
        found = ask.compare(one, other)
    if as_json:
        print_json(found.to_json())
    else:
        say(verification_line(found))
    raise typer.Exit(0 if found.decision == "same" else EXIT_DIFFERENT)
