"""`spk consent`: what people consented to, and what a gallery requires."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, print_json, print_table, say
from spk.cli.options import PLAIN, AsJson, GalleryName, Home, Quiet, Server, complete_speaker
from spk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spk.messages.consents import ConsentInfo, ConsentRequired

__all__ = ["app"]

app = typer.Typer(**PLAIN, help="What people consented to.")

Who = Annotated[
    str,
    typer.Argument(
        metavar="WHO",
        help="A name, an unknown-xxxx label, or an id.",
        show_default=False,
        autocompletion=complete_speaker,
    ),
]
Purpose = Annotated[
    str | None,
    typer.Option("--purpose", metavar="TEXT", help="What for, if not what the gallery requires.", show_default=False),
]


@app.command()
def give(
    who: Who,
    *,
    purpose: Purpose = None,
    given_by: Annotated[
        str | None,
        typer.Option(
            "--given-by", metavar="TEXT", help="Who gave it for them; they themselves without.", show_default=False
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option("--given", metavar="DATE", help="When it was given, 2026-11-20, if not now.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="The last day on which it holds.", show_default=False),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="TEXT", help="Where what they signed lies.", show_default=False),
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Note that somebody consents.

    A new name makes a person without samples, whom you can enroll then. The purpose stays in the audit log for ever, so
    it should name nobody.

    Example: spk consent give alice --purpose "recognition in calls" --until 2027-12-31
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        done = ask.consents.give(
            who,
            purpose,
            given_by=given_by,
            given=None if given is None else _day("--given", given),
            until=None if until is None else _day("--until", until, last=True),
            reference=reference,
        )
    if as_json:
        print_json(done.to_json())
    elif not quiet:
        say(f'{done.name} consents to "{done.purpose}"{_until(done)}')


@app.command()
def withdraw(
    who: Who,
    *,
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="TEXT", help="To this alone; to everything without.", show_default=False),
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Note that somebody withdraws their consent.

    Where the gallery requires it, voices are not compared with them from now on. Their samples stay until you erase
    them. It cannot be undone; consent can be given anew.

    Example: spk consent withdraw alice
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        ended = ask.consents.withdraw(who, purpose)
        required = ask.consents.required()
    if as_json:
        for one in ended:
            print_json(one.to_json())
    elif not quiet:
        for one in ended:
            say(f'{one.name} does not consent to "{one.purpose}" any more')
        if any(person.speaker_id == ended[0].speaker_id for person in required.without):
            name = ended[0].name
            say(f"{name} is not recognised any more; `spk speakers erase` removes what is kept of them")


@app.command("list")
def list_consents(
    who: Annotated[
        str | None,
        typer.Argument(
            metavar="WHO",
            help="Whose; everybody's without.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    *,
    expired: Annotated[bool, typer.Option("--expired", help="Only those that ended.")] = False,
    within: Annotated[
        float | None,
        typer.Option(
            "--within", metavar="DAYS", help="Only those that run out within so many days.", min=0, show_default=False
        ),
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Who consented to what, until when.

    Then who has not, of a gallery that requires it.

    Example: spk consent list --within 30
    """
    if within is not None and (expired or who is not None):
        raise InputError("--within lists what runs out for everybody: leave out WHO and --expired")
    with desk(home=home, gallery=gallery, server=server) as ask:
        found = ask.consents.list(who) if within is None else ask.consents.expiring(within)
        required = ask.consents.required()
    if expired:
        found = [one for one in found if one.state != "valid"]
    if as_json:
        for one in found:
            print_json(one.to_json())
        return
    if found:
        _table(found)
    elif not quiet:
        say("no consents" if who is None else f"no consents of {who}")
    if who is None and within is None and not quiet:
        _without(required)


@app.command()
def require(
    purpose: Annotated[
        str | None,
        typer.Argument(metavar="PURPOSE", help="What everybody must have consented to.", show_default=False),
    ] = None,
    *,
    nothing: Annotated[bool, typer.Option("--nothing", help="Require no consent any more.")] = False,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Require consent in a gallery, or show it.

    Nobody gets a name or samples without it, strangers are not kept, and who withdrew it, or let it run out, is not
    recognised.

    Example: spk consent require "recognition in calls"
    """
    if nothing and purpose is not None:
        raise InputError("a purpose and --nothing cannot be given together: leave one of them out")
    with desk(home=home, gallery=gallery, server=server) as ask:
        required = ask.consents.require(purpose) if nothing or purpose is not None else ask.consents.required()
    if as_json:
        print_json(required.to_json())
    elif not quiet:
        what = "no consent" if required.purpose is None else f'consent to "{required.purpose}"'
        say(f"the gallery {required.gallery} requires {what}")
        _without(required)


def _without(required: ConsentRequired) -> None:
    names = [person.name for person in required.without]
    if names:
        some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        say(f"without it, and so not recognised: {some}")


def _table(found: Sequence[ConsentInfo]) -> None:
    print_table(
        ("name", "purpose", "given", "until", "state", "given by", "reference", "noted by"),
        (
            (
                one.name,
                one.purpose,
                f"{one.given.astimezone():%Y-%m-%d}",
                "-" if one.until is None else _last_day(one.until),
                one.state,
                one.given_by or "the person",
                one.reference or "-",
                one.recorded_by,
            )
            for one in found
        ),
    )


def _until(one: ConsentInfo) -> str:
    return "" if one.until is None else f" until {_last_day(one.until)}"


def _last_day(until: datetime) -> str:
    """The last day on which something holds that ends at a moment, where the machine is."""
    return f"{until.astimezone() - timedelta(microseconds=1):%Y-%m-%d}"


def _day(option: str, text: str, *, last: bool = False) -> datetime:
    """The moment at which a day begins where the machine is, or ends; or a moment that is written out."""
    try:
        moment = datetime.fromisoformat(text)
        if last and len(text) == len("2026-11-20"):
            moment = datetime.combine(moment.date() + timedelta(days=1), time())
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"{option} {text}: is no date: write it as 2026-11-20, or 2026-11-20T14:30") from None
