"""Calibrations that are kept, and how they are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spk.cli.common import exists, print_json, print_table, say, write_output
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.client import Client
    from spk.desk import Desk
    from spk.identify.calibration import Calibration, Interval
    from spk.identify.choosing import Compared
    from spk.identify.fitting import Figures, Result
    from spk.messages.calibrations import CalibrationInfo
    from spk.workbench import Workbench

__all__ = ["SHIPPED", "about", "find", "result_json", "show", "table", "use", "write"]

SHIPPED = "default"  # as in spk.desk.calibrations, which takes long to load


def show(ask: Desk | Client, given: Sequence[str], output: Path | None, *, as_json: bool) -> None:
    """What is in use and what is kept, or all about the one that is given."""
    kept = ask.calibrations.list()
    in_use = next((one for one in kept if one.in_use), None)
    if given or output is not None:
        which = given[0] if given else in_use.id if in_use else SHIPPED
        if output is not None:
            write(find(_bench(ask), which), output)
            return
        shown = _info(ask, which, in_use)
        if as_json:
            print_json(shown.to_json())
        else:
            _details(shown)
        return
    if as_json:
        for one in kept:
            print_json(one.to_json())
        return
    if in_use is None:
        say(f"in use: the calibration that ships for {ask.calibrations.show(SHIPPED).model} (generic)")
    else:
        _details(in_use)
    if kept:
        say()
        print_table(
            ("kept", "recipe", "model", "speakers", "cllr", "created"),
            (
                (
                    one.id,
                    one.recipe,
                    one.model,
                    one.speakers,
                    f"{one.held_out['cllr'].value:.3f}" if one.held_out else "",
                    one.created,
                )
                for one in kept
            ),
        )


def use(ask: Desk | Client, which: str, *, as_json: bool, quiet: bool) -> None:
    """Judge the gallery by a calibration: an id, a file, or ``default``.

    Raises:
        FingerprintError: it is for a model that nobody there is enrolled by, or for another version of one.
    """
    from spk.desk import Desk

    used = Desk(_bench(ask)).calibrations.use_file(Path(which)) if _is_file(which) else ask.calibrations.use(which)
    if as_json:
        print_json(used.to_json())
    elif not quiet and used.id is None:
        say(f'The gallery "{ask.gallery}" is judged by the calibration that ships from now on.')
    elif not quiet:
        say(f'The gallery "{ask.gallery}" is judged by {used.id} from now on.')
        _details(ask.calibrations.show(used.id))


def find(bench: Workbench, which: str) -> Calibration:
    """By an id, a file, or ``default``."""
    from spk.desk import Desk
    from spk.identify.calibration import Calibration

    return Calibration.load(Path(which)) if _is_file(which) else Desk(bench).calibrations.find(which)


def _info(ask: Desk | Client, which: str, in_use: CalibrationInfo | None) -> CalibrationInfo:
    if not _is_file(which):
        return ask.calibrations.show(which)
    from spk.desk.calibrations import calibration_info
    from spk.identify.calibration import Calibration

    found = Calibration.load(Path(which))
    return calibration_info(found, in_use=in_use is not None and in_use.id == found.id)


def _bench(ask: Desk | Client) -> Workbench:
    """What this machine works with.

    Raises:
        InputError: a server is asked.
    """
    from spk.client import Client

    if isinstance(ask, Client):
        raise InputError("files of calibrations are for the machine of the server: leave out the file, or --server")
    return ask.bench


def _is_file(which: str) -> bool:
    return which != SHIPPED and (which.endswith(".json") or exists(Path(which)))


# Printing


def write(calibration: Calibration, output: Path) -> None:
    """As a file that `--use` reads."""
    write_output(output, json.dumps(calibration.to_json(), indent=1, ensure_ascii=False) + "\n")


def _details(calibration: CalibrationInfo) -> None:
    from spk.identify.calibration import Interval

    say(f"{calibration.id}  {calibration.recipe} on {calibration.model}{', in use' if calibration.in_use else ''}")
    say(f"fitted {calibration.created} on {calibration.data or 'something that it does not say'}")
    trials = ", ".join(f"{count} {kind}" for kind, count in calibration.trials.items())
    say(f"{calibration.speakers} speakers, trials: {trials}{'; generic' if calibration.generic else ''}")
    if calibration.held_out is not None:
        rates = {name: Interval(**dict(rate)) for name, rate in calibration.held_out.items()}
        eer = _percent(rates["eer"])
        say(f"on speakers it did not know: Cllr {rates['cllr']}, minCllr {rates['min_cllr']}, EER {eer} %")
    if calibration.false_alarms is None:
        say("it does not say which threshold keeps to an --fpir")


def about(calibration: Calibration, *, in_use: bool) -> dict[str, Any]:
    """The record without the numbers of the recipe."""
    from spk.desk.calibrations import calibration_info

    return calibration_info(calibration, in_use=in_use).to_json()


def table(rows: Sequence[tuple[str, str, Result | Compared]]) -> None:
    """Figures, a row each under two names of what they are of."""

    def cells(figures: Figures) -> tuple[str, ...]:
        return (
            _percent(figures.eer),
            f"{figures.min_dcf.value:.3f}",
            _plain(figures.cllr),
            _plain(figures.min_cllr),
            *(f"{100 * rate:.1f}" for rate in figures.fnir.values()),
        )

    fpirs = ("FNIR at 1 %", "at 5 %")
    print_table(
        ("recipe", "model", "EER %", "minDCF", "Cllr", "minCllr", *fpirs, "Cllr less first"),
        (
            (name, of, *cells(row.figures), _plain(row.difference) if row.difference else "")
            if row.figures
            else (name, of, *[""] * 6, getattr(row, "reason", ""))
            for name, of, row in rows
        ),
    )


def result_json(row: Result | Compared) -> dict[str, Any]:
    """The same as plain data."""
    candidate = getattr(row, "candidate", None)
    about = {"model": candidate.model, "recipe": candidate.recipe} if candidate else {}
    if row.figures is None:
        return {**about, "reason": getattr(row, "reason", "")}
    figures = asdict(row.figures)
    fnir = {str(fpir): rate for fpir, rate in figures.pop("fnir").items()}
    return {**about, **figures, "fnir": fnir, "difference": asdict(row.difference) if row.difference else None}


def _percent(rate: Interval) -> str:
    return f"{100 * rate.value:.1f} ({100 * rate.low:.1f}-{100 * rate.high:.1f})"


def _plain(rate: Interval) -> str:
    return f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"
