"""`spk keys`: who may ask the service for what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import print_json, print_table, say, workbench
from spk.cli.options import PLAIN, AsJson, Home, Quiet
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.store.keys import KeyRecord, Scope

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="Keys to the service.")

_LASTS = re.compile(r"(\d{1,6})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 168, "y": 8760}
_SCOPES = ("enroll", "identify", "review", "admin")


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of who or what will use it.", show_default=False)],
    *,
    scopes: Annotated[
        str,
        typer.Option(
            "--scopes",
            metavar="LIST",
            help="What it is for: enroll, identify, review, with commas between; admin is everything.",
            show_default=False,
            autocompletion=lambda: list(_SCOPES),
        ),
    ],
    galleries: Annotated[
        str | None,
        typer.Option(
            "--galleries", metavar="LIST", help="For these alone, with commas between, if not all.", show_default=False
        ),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="WHEN", help="After 12h, 90d, 8w, 1y, on 2027-03-31, or never.")
    ] = "1y",
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a key, and print it.

    It is shown this once: what is kept of it cannot open anything. With the first key, the service asks everybody for
    one, also on this machine.

    Example: spk keys create front-desk --scopes identify --galleries staff --expires 90d
    """
    from spk.config import DEFAULT_GALLERY

    wanted, until = _scopes(scopes), _moment(expires)
    with workbench(home=home) as bench:
        store = bench.store
        names = None if galleries is None else [one.strip() for one in galleries.split(",") if one.strip()]
        which = None if names is None else [store.gallery(one, create=one == DEFAULT_GALLERY) for one in names]
        new = store.create_key(name, wanted, galleries=which, expires=until)
    if as_json:
        print_json({**_json(new.record), "key": new.token})
        return
    say(new.token)
    if not quiet:
        say(f"{_about(new.record)}. Note it down now: it is not shown again.")


@app.command("list")
def list_keys(
    *,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Print every key that was made, without its secret.

    Example: spk keys list
    """
    with workbench(home=home) as bench:
        keys = bench.store.every_key()
    if as_json:
        for key in keys:
            print_json(_json(key))
    elif keys:
        print_table(
            ("name", "id", "scopes", "galleries", "created", "until", "last used"),
            (
                (
                    key.name,
                    key.id,
                    ",".join(sorted(key.scopes)),
                    "all" if key.galleries is None else ",".join(key.galleries),
                    _day(key.created),
                    _end(key),
                    "never" if key.used is None else f"{key.used.astimezone():%Y-%m-%d %H:%M}",
                )
                for key in keys
            ),
        )


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name or id, not the key itself.", show_default=False)],
    *,
    home: Home = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """End a key.

    From now on it opens nothing, whoever has logged in with it is out, and its jobs are cancelled.

    Example: spk keys revoke front-desk
    """
    with workbench(home=home) as bench:
        ended = bench.store.revoke_key(key)
        left = any(one.valid for one in bench.store.every_key())
    if as_json:
        print_json(_json(ended))
    elif not quiet:
        say(f"{ended.name} ({ended.id}) was revoked and opens nothing any more.")
        if not left:
            say("It was the last key: until there is another one, the service refuses everybody.")


def _scopes(text: str) -> set[Scope]:
    from spk.store.keys import Scope

    found = set()
    for one in filter(None, (part.strip() for part in text.split(","))):
        if one not in _SCOPES:
            raise InputError(f"--scopes {text}: there is no scope {one!a}; there are: {', '.join(_SCOPES)}")
        found.add(Scope(one))
    return found


def _moment(text: str) -> datetime | None:
    """When a key ends: after a time, at the beginning of a day or at a moment; None for never."""
    if text == "never":
        return None
    try:
        if lasts := _LASTS.fullmatch(text):
            return datetime.now(UTC) + timedelta(hours=int(lasts[1]) * _HOURS[lasts[2]])
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"--expires {text}: is no time: write 90d, 2027-03-31 or never") from None


def _json(key: KeyRecord) -> dict[str, object]:
    moments = {name: getattr(key, name) for name in ("created", "expires", "used", "revoked")}
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "galleries": None if key.galleries is None else list(key.galleries),
        "valid": key.valid,
        **{name: moment and moment.isoformat() for name, moment in moments.items()},
    }


def _about(key: KeyRecord) -> str:
    of = "all galleries" if key.galleries is None else f"the galleries {', '.join(key.galleries)}"
    until = "for good" if key.expires is None else f"until {_day(key.expires)}"
    return f"{key.name} ({key.id}): {', '.join(sorted(key.scopes))} in {of}, {until}"


def _end(key: KeyRecord) -> str:
    if key.revoked is not None:
        return f"revoked {_day(key.revoked)}"
    return "never" if key.expires is None else _day(key.expires)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d}"
