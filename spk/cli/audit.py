"""`spk audit`: who changed what, and whether anybody changed that."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, print_json, say
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Quiet, Server, complete_speaker
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.messages.audit import AuditRow

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="The log of changes.")


@app.command()
def verify(
    *,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            metavar="HASH",
            help="The head that was printed earlier: it must be in the log still.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """See that nobody has changed the log.

    Prints how many rows it has, and its head. Note that elsewhere: with --head, a later check sees whether the end was
    cut off.

    Example: spk audit verify
    """
    if head is not None and not re.fullmatch(r"[0-9a-f]{64}", head):
        raise InputError(f"--head {head}: a head has 64 hexadecimal digits: `spk audit verify` prints one")
    with desk(home=home, server=server) as ask:
        check = ask.audit.verify(head)
    if as_json:
        print_json(check.to_json())
    elif not quiet:
        say(f"{check.entries} rows, none changed; head {check.head}")


@app.command()
def show(
    *,
    speaker: Annotated[
        str | None,
        typer.Option(
            "--speaker",
            metavar="WHO",
            help="About one person; by id also somebody who was erased.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="From a day on, 2026-11-20, or a moment.", show_default=False),
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="WHAT", help="Of one kind: enroll, say.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="NUMBER", min=1, help="The last so many.", show_default=False)
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Print the log, the newest last.

    Example: spk audit show --speaker alice --limit 10
    """
    after = None if since is None else _moment(since)
    with desk(home=home, gallery=gallery, server=server) as ask:
        for row in ask.audit.everything(speaker=speaker, action=action, since=after, limit=limit):
            if as_json:
                print_json(row.to_json())
            else:
                say(_line(row))


def _moment(text: str) -> datetime:
    """A moment; a day begins at midnight where the machine is, as does what it says without a zone."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"--since {text}: is no date: write it as 2026-11-20, or 2026-11-20T14:30") from None


def _line(row: AuditRow) -> str:
    detail = ", ".join(f"{name} {_text(value)}" for name, value in row.detail.items())
    return f"{row.sequence:>6}  {row.at.astimezone():%Y-%m-%d %H:%M:%S}  {row.user}  {row.action}: {detail}"


def _text(value: object) -> str:
    """A value of a row in a few words: of a long list how long it is."""
    if isinstance(value, list) and len(value) > 3:
        return f"({len(value)})"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
