"""`spk doctor`: is everybody enrolled well?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import desk, print_json, print_table, say
from spk.cli.options import AsJson, CostText, Fpir, GalleryName, Home, ModelName, Quiet, Server, complete_speaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spk.messages.health import Checkup, Nearest, SampleCheck

__all__ = ["doctor"]


def doctor(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Whom; everybody who is enrolled if nobody is named.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    *,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds", metavar="SECONDS", help="Net speech in the clips that you identify; 3.", show_default=False
        ),
    ] = 3.0,
    fpir: Fpir = None,
    cost: CostText = None,
    gallery: GalleryName = None,
    home: Home = None,
    server: Server = None,
    model: ModelName = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Is everybody enrolled well?

    Says whose samples may be mixed up, how often people will be missed, and what to record next. Leaves with
    status 0 whatever is found, 2 for an error.

    Example: spk doctor alice
    """
    options: dict[str, Any] = {"home": home, "gallery": gallery, "model": model, "fpir": fpir, "cost": cost}
    with desk(**options, server=server, quiet=quiet) as ask:
        found = ask.health.everybody(seconds=seconds) if name is None else [ask.health.of(name, seconds=seconds)]
        where = ask.gallery
    if as_json:
        for checkup in found:
            print_json(checkup.to_json())
    elif name is not None:
        _page(found[0])
    elif found:
        _table(found, seconds)
        if not quiet:
            say(f"\n{_summary(found, seconds)}")
    elif not quiet:
        say(f"nobody is enrolled in the gallery {where}")


def _table(found: Sequence[Checkup], seconds: float) -> None:
    print_table(
        ("name", "speech", "samples", "sessions", "spread", "missed", "nearest", "what to do"),
        (
            (
                checkup.name,
                f"{checkup.net_speech:.1f} s",
                len(checkup.samples),
                checkup.sessions,
                "-" if checkup.spread is None else f"{checkup.spread.lowest_llr:+.1f}",
                _share(_fnir(checkup, seconds)),
                _nearest(checkup.nearest),
                _first(checkup),
            )
            for checkup in found
        ),
    )


def _fnir(checkup: Checkup, seconds: float) -> float | None:
    """Predicted for clips of so many seconds."""
    return next((one.rate for one in checkup.fnir if one.seconds == seconds), None)


def _nearest(one: Nearest | None) -> str:
    return "-" if one is None else f"{one.name} {max(one.llr, one.llr_back):+.1f}"


def _first(checkup: Checkup) -> str:
    if not checkup.advice:
        return "nothing"
    others = len(checkup.advice) - 1
    return checkup.advice[0].text + (f" (and {others} more)" if others else "")


def _summary(found: Sequence[Checkup], seconds: float) -> str:
    from spk.evaluate.checkup import Concern

    doubtful = sum(any(Concern(advice.concern).doubtful for advice in checkup.advice) for checkup in found)
    fine = sum(not checkup.advice for checkup in found)
    rates = [rate for rate in (_fnir(checkup, seconds) for checkup in found) if rate is not None]
    people = "1 person" if len(found) == 1 else f"{len(found)} people"
    text = f"{people}: {doubtful} to listen to, {len(found) - doubtful - fine} to record more of, {fine} in order"
    if rates:
        share = _share(sum(rates) / len(rates))
        text += f"; of clips of {seconds:g} s, {share} would not be named (predicted)"
    return text


def _page(checkup: Checkup) -> None:
    nearest, spread = checkup.nearest, checkup.spread
    state = "provisional" if checkup.provisional else "settled"
    counts = ((len(checkup.samples), "sample"), (checkup.recordings, "recording"), (checkup.sessions, "session"))
    of = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
    say(f"{checkup.name}  {checkup.net_speech:.1f} s of speech, {state}; {of}")
    if spread is None:
        say("spread        unknown: there are no two samples to compare")
    else:
        say(f"spread        LLR of a sample against the rest: lowest {spread.lowest_llr:+.1f}, ", nl=False)
        say(f"median {spread.median_llr:+.1f}")
    if checkup.fnir:
        rates = ", ".join(f"{_share(miss.rate)} of clips of {miss.seconds:g} s" for miss in checkup.fnir)
        say(f"not named     {rates} (predicted; LLR {checkup.needed_llr:.1f} is needed)")
    if nearest is not None:
        say(f"nearest       {nearest.name}, LLR {nearest.llr:+.1f} and {nearest.llr_back:+.1f}")
    for old in checkup.retired:
        say(f"other models  {old.samples} samples by {old.fingerprint[:12]} and not by {checkup.model.name}")
    if checkup.samples:
        say()
        print_table(
            ("recording", "from", "to", "speech", "llr", "origin", "remarks"),
            (_row(check) for check in checkup.samples),
        )
    say()
    if not checkup.advice:
        say("nothing to do")
    for number, advice in enumerate(checkup.advice, start=1):
        say(f"{number}. {advice.text}")


def _row(sample: SampleCheck) -> tuple[str, ...]:
    remarks = [f"forced: {reason}" for reason in sample.forced]
    if sample.sounds_like is not None:
        remarks.insert(0, f"sounds like {sample.sounds_like.name}")
    elif sample.unlike:
        remarks.insert(0, "unlike the rest")
    return (
        sample.recording,
        f"{sample.start:.1f}",
        f"{sample.end:.1f}",
        f"{sample.net_speech:.1f} s",
        "-" if sample.llr is None else f"{sample.llr:+.1f}",
        sample.origin,
        "; ".join(remarks),
    )


def _share(rate: float | None) -> str:
    """A share as it can be known: 0.3 % is not known."""
    if rate is None:
        return "-"
    return "under 1 %" if rate < 0.01 else f"{rate * 100:.0f} %"
