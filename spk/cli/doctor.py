"""`spk doctor`: is everybody enrolled well?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import print_json, print_table, say, workbench
from spk.cli.options import AsJson, CostText, Fpir, GalleryName, Home, ModelName, Quiet, complete_speaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spk.evaluate.checkup import Checkup, SampleCheck

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
    model: ModelName = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Is everybody enrolled well?

    Says whose samples may be mixed up, how often people will be missed, and what to record next. Leaves with
    status 0 whatever is found, 2 for an error.

    Example: spk doctor alice
    """
    with workbench(home=home, gallery=gallery, model=model, fpir=fpir, cost=cost, quiet=quiet) as bench:
        from spk.evaluate.doctor import examine

        people = None if name is None else [bench.store.speaker(bench.gallery, name)]
        found = examine(bench.scorer(), bench.point, people, seconds=seconds, progress=bench.progress)
        where = bench.gallery.name
    if as_json:
        for checkup in found:
            print_json(checkup.to_json())
    elif name is not None:
        _page(found[0])
    elif found:
        _table(found)
        if not quiet:
            say(f"\n{_summary(found)}")
    elif not quiet:
        say(f"nobody is enrolled in the gallery {where}")


def _table(found: Sequence[Checkup]) -> None:
    print_table(
        ("name", "speech", "samples", "sessions", "spread", "missed", "nearest", "what to do"),
        (
            (
                checkup.speaker.label,
                f"{checkup.net_seconds:.1f} s",
                len(checkup.checks),
                checkup.sessions,
                "-" if checkup.spread is None else f"{checkup.spread.lowest_llr:+.1f}",
                _share(checkup.fnir),
                "-" if checkup.nearest is None else f"{checkup.nearest.speaker.label} {checkup.nearest.most:+.1f}",
                _first(checkup),
            )
            for checkup in found
        ),
    )


def _first(checkup: Checkup) -> str:
    if not checkup.advice:
        return "nothing"
    others = len(checkup.advice) - 1
    return checkup.advice[0].text + (f" (and {others} more)" if others else "")


def _summary(found: Sequence[Checkup]) -> str:
    doubtful = sum(any(advice.concern.doubtful for advice in checkup.advice) for checkup in found)
    fine = sum(not checkup.advice for checkup in found)
    rates = [checkup.fnir for checkup in found if checkup.fnir is not None]
    people = "1 person" if len(found) == 1 else f"{len(found)} people"
    text = f"{people}: {doubtful} to listen to, {len(found) - doubtful - fine} to record more of, {fine} in order"
    if rates:
        share = _share(sum(rates) / len(rates))
        text += f"; of clips of {found[0].typical:g} s, {share} would not be named (predicted)"
    return text


def _page(checkup: Checkup) -> None:
    speaker, nearest, spread = checkup.speaker, checkup.nearest, checkup.spread
    state = "provisional" if checkup.provisional else "settled"
    counts = ((len(checkup.checks), "sample"), (checkup.recordings, "recording"), (checkup.sessions, "session"))
    of = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
    say(f"{speaker.label}  {checkup.net_seconds:.1f} s of speech, {state}; {of}")
    if spread is None:
        say("spread        unknown: there are no two samples to compare")
    else:
        say(f"spread        LLR of a sample against the rest: lowest {spread.lowest_llr:+.1f}, ", nl=False)
        say(f"median {spread.median_llr:+.1f}")
    if checkup.misses:
        rates = ", ".join(f"{_share(miss.rate)} of clips of {miss.seconds:g} s" for miss in checkup.misses)
        say(f"not named     {rates} (predicted; LLR {checkup.needed_llr:.1f} is needed)")
    if nearest is not None:
        say(f"nearest       {nearest.speaker.label}, LLR {nearest.llr:+.1f} and {nearest.llr_back:+.1f}")
    for old in checkup.retired:
        say(f"other models  {old.samples} samples by {old.model[:12]} and not by {checkup.model.name}")
    if checkup.checks:
        say()
        print_table(
            ("recording", "from", "to", "speech", "llr", "origin", "remarks"), (_row(check) for check in checkup.checks)
        )
    say()
    if not checkup.advice:
        say("nothing to do")
    for number, advice in enumerate(checkup.advice, start=1):
        say(f"{number}. {advice.text}")


def _row(check: SampleCheck) -> tuple[str, ...]:
    sample = check.sample
    remarks = [f"forced: {reason}" for reason in sample.forced]
    if check.sounds_like is not None:
        remarks.insert(0, f"sounds like {check.sounds_like.label}")
    elif check.unlike:
        remarks.insert(0, "unlike the rest")
    return (
        sample.recording.source,
        f"{sample.segment.start:.1f}",
        f"{sample.segment.end:.1f}",
        f"{sample.net_seconds:.1f} s",
        "-" if check.llr is None else f"{check.llr:+.1f}",
        sample.origin.value,
        "; ".join(remarks),
    )


def _share(rate: float | None) -> str:
    """A share as it can be known: 0.3 % is not known."""
    if rate is None:
        return "-"
    return "under 1 %" if rate < 0.01 else f"{rate * 100:.0f} %"
