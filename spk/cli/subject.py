"""`spk speakers disclose`: what is kept about a person, for that person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spk.cli.common import check_output, desk, print_json, say, size
from spk.cli.options import AsJson, GalleryName, Home, Quiet, Server, complete_speaker

__all__ = ["disclose"]


def disclose(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="A name, an unknown-xxxx label, or an id.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="The ZIP file to write.", readable=False, show_default=False)
    ],
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Answer a person who asks what is kept.

    Everything about one person, in files that they can read and listen to: samples, recordings and turns, decisions,
    consents, voiceprints, clips. Nobody else is in them. For programs there is export.

    Example: spk speakers disclose alice alice.zip
    """
    check_output(output)
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.speakers.disclose(who, output)
    if as_json:
        print_json(done.to_json())
    elif not quiet:
        say(f"{done.name}: {done.files} files in {output} ({size(done.bytes)}); hand them to nobody else")
