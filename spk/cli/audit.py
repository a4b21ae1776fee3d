"""`spk audit`: who changed what, and whether anybody changed that."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from spk.cli.common import print_json, say, workbench
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Quiet, complete_speaker
from spk.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.store.audit import AuditEntry

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
    with workbench(home=home) as bench:
        check = bench.store.verify_audit(head)
    if as_json:
        print_json({"entries": check.entries, "head": check.head})
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
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Print the log, the newest last.

    Example: spk audit show --speaker alice --limit 10
    """
    after = None if since is None else _moment(since)
    with workbench(home=home, gallery=gallery) as bench:
        about = None if speaker is None else _id(bench, speaker)
        for entry in bench.store.audit_log(about=about, action=action, since=after, limit=limit):
            if as_json:
                print_json(_record(entry))
            else:
                say(_line(entry))


def _id(bench: Workbench, who: str) -> UUID:
    """The id of somebody who is there, or of somebody who was."""
    try:
        return bench.store.speaker(bench.gallery, who).id
    except NotFoundError:
        try:
            return UUID(who)
        except ValueError:
            pass
        raise


def _moment(text: str) -> datetime:
    """A moment; a day begins at midnight where the machine is, as does what it says without a zone."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"--since {text}: is no date: write it as 2026-11-20, or 2026-11-20T14:30") from None


def _record(entry: AuditEntry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "at": entry.at.isoformat(),
        "user": entry.user,
        "action": entry.action,
        "detail": dict(entry.detail),
        "hash": entry.hash,
    }


def _line(entry: AuditEntry) -> str:
    detail = ", ".join(f"{name} {_text(value)}" for name, value in entry.detail.items())
    return f"{entry.sequence:>6}  {entry.at.astimezone():%Y-%m-%d %H:%M:%S}  {entry.user}  {entry.action}: {detail}"


def _text(value: object) -> str:
    """A value of a row in a few words: of a long list how long it is."""
    if isinstance(value, list) and len(value) > 3:
        return f"({len(value)})"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
