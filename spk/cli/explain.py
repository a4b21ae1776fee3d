"""`spk explain` and `spk replay`: why a voice was found to be somebody's, and whether it comes out so again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import desk, exists, print_json, print_table, say
from spk.cli.options import AsJson, GalleryName, Home, Quiet, Server
from spk.errors import FormatError, InputError

if TYPE_CHECKING:
    from spk.identify.evidence import Evidence
    from spk.messages.decisions import DecidedToday, DecisionInfo, Replayed, TodayVoice

__all__ = ["explain", "replay"]

EXIT_DIFFERENT = 1
LISTED = 20  # the latest decisions

Which = Annotated[
    str,
    typer.Argument(metavar="DECISION", help="The first digits of a decision's id.", show_default=False),
]


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="DECISION[:LABEL]|FILE",
            help="The first digits of a decision's id, or a file of --evidence.",
            show_default=False,
        ),
    ] = None,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,  # noqa: ARG001 - every command takes it; this one prints nothing but results
) -> None:
    """Why was it decided so?

    Without an argument, the latest decisions are listed.

    Example: spk explain 3f2a9c1e:SPEAKER_00
    """
    from spk.identify.evidence import Evidence

    if what and exists(Path(what)):
        _told(_in_file(Path(what)), as_json=as_json)
        return
    with desk(home=home, gallery=gallery, server=server) as ask:
        if what is None:
            found, where = ask.decisions.list(limit=LISTED).items, ask.gallery
            _list(found, where, as_json=as_json)
            return
        which, _, label = what.partition(":")
        if which.endswith((".json", ".jsonl")):
            raise InputError(f"{which}: there is no such file: write one with `spk identify --evidence`")
        evidence = Evidence.from_json(ask.decisions.explain(which, label or None, anywhere=True).to_json())
    _told([evidence], as_json=as_json)


def replay(
    which: Which,
    *,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Does a decision come out the same again?

    Leaves with status 0 if so, 1 if not, 2 for an error. What today's gallery would decide is said, too.

    Example: spk replay 3f2a9c1e
    """
    with desk(home=home, gallery=gallery, server=server) as ask:
        found = ask.decisions.replay(which, anywhere=True)
    if as_json:
        print_json(found.to_json())
    else:
        _print_replay(found, quiet=quiet)
        if not quiet:
            _print_today(found.today)
    raise typer.Exit(0 if found.same else EXIT_DIFFERENT)


def _in_file(path: Path) -> list[Evidence]:
    """The evidence in a file: one object after the other, in lines or over several."""
    from spk.identify.evidence import Evidence

    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FormatError(path, f"cannot be read ({reason})") from error
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        try:
            record, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise FormatError(path, f"not evidence ({error}): write it anew") from error
        found.append(Evidence.from_json(record, source=str(path)))
        while place < len(text) and text[place].isspace():
            place += 1
    if not found:
        raise FormatError(path, "holds no evidence: write some with `spk identify --evidence`")
    return found


def _list(found: Sequence[DecisionInfo], where: str, *, as_json: bool) -> None:
    if as_json:
        for one in found:
            print_json(one.to_json())
        return
    if not found:
        say(f"no decisions are kept of the gallery {where}")
        return
    print_table(
        ["decision", "when", "kind", "recording", "voices"],
        (
            (
                one.decision_id.hex[:8],
                f"{one.created.astimezone():%Y-%m-%d %H:%M}",
                one.kind,
                one.recording,
                ", ".join(f"{voice.verdict} {voice.name}" if voice.name else voice.verdict for voice in one.voices),
            )
            for one in found
        ),
    )


def _told(found: Sequence[Evidence], *, as_json: bool) -> None:
    from spk.cli.evidence import lines

    for number, evidence in enumerate(found):
        if as_json:
            print_json(evidence.to_json())
            continue
        if number:
            say()
        for line in lines(evidence):
            say(line)


def _print_replay(found: Replayed, *, quiet: bool) -> None:
    from spk.identify.replaying import TOLERANCE

    which = f"decision {found.decision_id.hex[:8]}"
    said = f"{which}: {found.compared} numbers and verdicts computed again"
    if not found.compared:
        say(f"{which}: nothing could be computed again")
    elif found.same:
        say(f"{said}: the same to {TOLERANCE:g}")
    else:
        say(f"{said}, {len(found.differences)} of them differ:")
        for one in found.differences:
            say(f"  {one.label + ': ' if one.label else ''}{one.what}: recorded {one.recorded}, now {one.now}")
    for line in () if quiet else found.lost:
        say(f"not computed again: {line}")


def _print_today(today: DecidedToday) -> None:
    if today.problem is not None:
        say(f"today: {today.problem}")
        return
    say(f"today, by calibration {today.calibration}:")
    for line in _voices(today.voices):
        say(f"  {line}")


def _voices(voices: Sequence[TodayVoice]) -> Iterator[str]:
    if not voices:
        yield "nothing: whom it is about is not there any more"
    for one in voices:
        numbers = "" if one.llr is None else f"LLR {one.llr:+.1f}, probability {one.probability:.6f}"
        who = one.name or "nobody"
        if one.verdict in ("unknown", "unsure"):
            who = f"nearest {who}"
        yield f"{one.label}  {one.verdict:<9}  {who}  {numbers}".rstrip()
