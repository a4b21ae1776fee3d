"""`spk galleries`: sets of people that are searched together."""

from __future__ import annotations

from typing import Annotated

import typer

from spk.cli.common import desk, print_json, print_table, say
from spk.cli.options import PLAIN, AsJson, Home, Quiet, Server

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="Sets of people that are searched together.")


@app.command("list")
def list_galleries(*, home: Home = None, server: Server = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Every gallery, and how many people it has.

    Example: spk galleries list
    """
    with desk(home=home, server=server) as ask:
        found = ask.galleries.list()
    if as_json:
        for one in found:
            print_json(one.to_json())
    elif found or not quiet:
        print_table(("gallery", "people", "unknown"), ((one.name, one.people, one.unknown) for one in found))


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", show_default=False)],
    *,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a gallery.

    One that is there already stays as it is. The default gallery need not be made.

    Example: spk galleries create newsroom
    """
    with desk(home=home, server=server) as ask:
        made = ask.galleries.create(name)
    if as_json:
        print_json(made.to_json())
    elif not quiet:
        say(f"the gallery {made.name} is there, with {made.people} people")
