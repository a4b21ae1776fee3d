"""`spk calibrate`: fit scores to the user's own recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import check_output, complain, exists, print_json, print_table, say, workbench, write_output
from spk.cli.options import AsJson, DeviceName, GalleryName, Home, ModelName, Output, PrecisionName, Quiet, Threads
from spk.errors import FingerprintError, InputError

if TYPE_CHECKING:
    from spk.config import Workbench
    from spk.identify.calibration import Calibration, Interval
    from spk.identify.choosing import Compared, Fitted
    from spk.identify.fitting import Figures, Result
    from spk.identify.labelled import Material

__all__ = ["calibrate"]

PAIR = ("ecapa", "resnet34")  # models that are compared together, and their fusion
SHIPPED = "default"  # what the calibration that ships is called


def calibrate(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="A table of speaker,file; a folder for each speaker; or recordings with an .rttm beside them.",
            show_default=False,
        ),
    ] = None,
    *,
    gallery_samples: Annotated[
        bool,
        typer.Option("--gallery-samples", help="Learn from the gallery's own samples; also where no DATA is named."),
    ] = False,
    models: Annotated[
        str | None,
        typer.Option("--models", metavar="NAMES", help="Compare these embedders: ecapa,resnet34.", show_default=False),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="NAME", help="Take this recipe; compare no others.", show_default=False),
    ] = None,
    drop_suspects: Annotated[
        bool, typer.Option("--drop-suspects", help="Leave out what is probably labelled wrong.")
    ] = False,
    keep_suspects: Annotated[bool, typer.Option("--keep-suspects", help="Trust every label.")] = False,
    no_use: Annotated[bool, typer.Option("--no-use", help="Keep the calibration, but do not judge by it yet.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Show what is in use and what is kept; of an id, all about it.")
    ] = False,
    use: Annotated[
        str | None,
        typer.Option(
            "--use", metavar="ID|FILE", help="Judge by a kept one, a file's, or 'default'.", show_default=False
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare calibrations (ids or files; all, if none) on DATA.")
    ] = False,
    output: Output = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fit how scores are judged to your own labelled recordings.

    Compares recipes and models on people that they were not fitted on, takes the best, and judges the gallery by it.

    Example: spk calibrate people.csv
    """
    given = list(data or [])
    _check_options(given, show=show, use=use, compare=compare, fit=gallery_samples or recipe or models or no_use)
    if drop_suspects and keep_suspects:
        raise InputError("--drop-suspects leaves out what --keep-suspects trusts: give one of them")
    check_output(output)
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        _ = bench.gallery  # a misspelt one is said before any work
        if show:
            _show(bench, given, output, as_json=as_json)
        elif use is not None:
            _use(bench, use, as_json=as_json, quiet=quiet)
        else:
            trust = "keep" if keep_suspects else "drop" if drop_suspects else "refuse"
            if compare:
                _compare(bench, given, trust, as_json=as_json)
            else:
                names = [name.strip() for name in (models or "").split(",") if name.strip()]
                fitted, material = _fit(bench, [Path(name) for name in given], names, recipe, trust, keep_only=no_use)
                _finish(bench, fitted, material, output, use=not no_use, as_json=as_json, quiet=quiet)


def _check_options(given: Sequence[str], *, show: bool, use: str | None, compare: bool, fit: object) -> None:
    if sum((show, use is not None, compare, bool(fit))) > 1:
        raise InputError("--show, --use and --compare fit nothing: give one of them, without what belongs to fitting")
    if use is not None and given:
        raise InputError(f"--use takes one calibration: leave out {given[0]!r}")
    if show and len(given) > 1:
        raise InputError(f"--show takes one id: leave out {given[1]!r}")


# Fitting


def _fit(
    bench: Workbench, paths: list[Path], names: list[str], recipe: str | None, trust: str, *, keep_only: bool
) -> tuple[Fitted, Material]:
    from spk.embed import model_id, model_sizes
    from spk.identify.choosing import COMPARED, candidates, fit_best

    names = names or _default_models(bench.model_name)
    offered = candidates(names, [recipe] if recipe else COMPARED)  # a misspelt one is said before hours of work
    ids = {name: model_id(name) for name in names}
    there = set(bench.store.models(bench.gallery))
    able = [name for name in names if ids[name].fingerprint in there]
    if there and not able and not keep_only:
        raise FingerprintError(
            f'nobody in the gallery "{bench.gallery.name}" is enrolled by {" or ".join(names)}: '
            f"name their model with --models, or only keep the calibration with --no-use"
        )
    material = _material(bench, paths, names if paths else able or names)
    material = _trusted(material, trust)
    offered = [candidate for candidate in offered if candidate.model in material.models]
    sizes = {name: model_sizes(name) for name in material.models}
    usable = able if able and not keep_only else None
    return fit_best(material, offered, sizes, models=usable, progress=bench.progress), material


def _default_models(name: str) -> list[str]:
    """The settings' model first; it and the other of the pair, with their fusion."""
    both = "+".join(PAIR)
    if name not in (*PAIR, both):
        return [name]
    return [name, *(other for other in (*PAIR, both) if other != name)]


def _material(bench: Workbench, paths: Sequence[Path], names: Sequence[str]) -> Material:
    """Labelled clips with their vectors by these models."""
    from spk.embed import load_embedder, model_id, model_parts, weights
    from spk.identify.labelled import from_gallery, hear, read_labels

    if not paths:
        first = from_gallery(bench.store, bench.gallery, [model_id(names[0])])
        found = [model_id(names[0])]
        for name in names[1:]:  # others only where they lose no sample
            some = from_gallery(bench.store, bench.gallery, [*found, model_id(name)])
            if len(some) == len(first):
                found, first = [*found, model_id(name)], some
        return first
    labels = read_labels(paths)
    parts = list(dict.fromkeys(part for name in names for part in model_parts(name)))
    weights.pull(*parts, progress=bench.progress)
    settings = bench.settings
    embedders = [
        load_embedder(part, precision=settings.precision, device=settings.device, threads=bench.threads)
        for part in parts
    ]
    material = hear(labels, bench.vad, embedders, progress=bench.progress)
    for name in names:
        if "+" in name:
            material = material.with_fusion(model_id(name))
    return material.only(names)


def _trusted(material: Material, trust: str) -> Material:
    """The material without labels that are probably wrong.

    Raises:
        InputError: there are some, and nobody said what to do with them.
    """
    from spk.identify.fitting import check_enough
    from spk.identify.suspects import find_suspects, same_audio, without

    check_enough(material)
    if trust == "keep":
        return material
    doubled = same_audio(material)
    rest = without(material, doubled)
    found = find_suspects(rest)
    if trust == "drop":
        return without(rest, found)
    found = [*doubled, *found]
    if not found:
        return material
    for suspect in found:
        complain(suspect.text)
    raise InputError(
        f"{len(found)} labels are probably wrong: listen to them and correct the labels; --drop-suspects leaves them "
        f"out, --keep-suspects trusts them"
    )


def _finish(
    bench: Workbench,
    fitted: Fitted,
    material: Material,
    output: Path | None,
    *,
    use: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Keep the calibration, and say what was found and what to do next."""
    from spk.identify.explaining import calibration_record

    calibration = fitted.calibration
    bench.store.keep_calibration(bench.gallery, calibration_record(calibration))
    if use:
        bench.store.use_calibration(bench.gallery, calibration.id)
    if output is not None:
        _write(calibration, output)
    if as_json:
        best = fitted.choice.result.candidate
        print_json(
            {
                **_about(calibration, in_use=use),
                "left_out": dict(material.left_out),
                "skipped": list(material.skipped),
                "compared": [_result_json(result) for result in fitted.results],
                "best": {"model": best.model, "recipe": best.recipe},
                "reason": fitted.used.reason,
            }
        )
        return
    if quiet:
        say(calibration.id)
        return
    say(calibration.data)
    for line in _left_out(material):
        say(line)
    say()
    _table([(result.candidate.recipe, result.candidate.model, result) for result in fitted.results])
    say()
    for line in _conclusion(bench, fitted, use=use):
        say(line)


def _conclusion(bench: Workbench, fitted: Fitted, *, use: bool) -> list[str]:
    calibration, used, best = fitted.calibration, fitted.used.result, fitted.choice.result
    lines = [f"Chosen: {fitted.used.reason}."]
    if used is not best and used.figures and best.figures:
        lines.append(
            f"The gallery's people are enrolled by {used.candidate.model}. Enrolling them again by "
            f"{best.candidate.model} would take Cllr from {used.figures.cllr.value:.3f} to "
            f"{best.figures.cllr.value:.3f}, and EER from {100 * used.figures.eer.value:.1f} to "
            f"{100 * best.figures.eer.value:.1f} %."
        )
    if calibration.false_alarms is None:
        lines.append("There are too few strangers to say which threshold keeps to an --fpir: give more speakers.")
    if not use:
        lines.append(f"Kept as {calibration.id}; `spk calibrate --use {calibration.id}` puts it to use.")
        return lines
    lines.append(f'The gallery "{bench.gallery.name}" is judged by {calibration.id} from now on.')
    if calibration.fingerprint not in bench.store.models(bench.gallery):
        lines.append(f"Next: enroll people; without --model that is by {calibration.model} now.")
    else:
        lines.append("Next: `spk evaluate` it on recordings that are not among these.")
    return lines


def _left_out(material: Material) -> list[str]:
    lines = [f"left out: {count} rows of the role {role}" for role, count in material.left_out.items()]
    return lines + [f"left out: {reason}" for reason in material.skipped]


# Calibrations that are kept


def _show(bench: Workbench, given: Sequence[str], output: Path | None, *, as_json: bool) -> None:
    in_use = bench.store.calibration(bench.gallery)
    if given or output is not None:
        calibration = _calibration(bench, given[0] if given else in_use.id if in_use else SHIPPED)
        if output is not None:
            _write(calibration, output)
        elif as_json:
            print_json(_about(calibration, in_use=bool(in_use and in_use.id == calibration.id)))
        else:
            _details(calibration, in_use=bool(in_use and in_use.id == calibration.id))
        return
    kept = [_calibration(bench, record.id) for record in bench.store.calibrations(bench.gallery)]
    if as_json:
        for calibration in kept:
            print_json(_about(calibration, in_use=bool(in_use and in_use.id == calibration.id)))
        return
    if in_use is None:
        say(f"in use: the calibration that ships for {bench.model_name} (generic)")
    else:
        _details(_calibration(bench, in_use.id), in_use=True)
    if kept:
        say()
        print_table(
            ("kept", "recipe", "model", "speakers", "cllr", "created"),
            (
                (
                    one.id,
                    _recipe(one),
                    one.model,
                    one.speakers,
                    f"{one.held_out.cllr.value:.3f}" if one.held_out else "",
                    one.created,
                )
                for one in kept
            ),
        )


def _use(bench: Workbench, which: str, *, as_json: bool, quiet: bool) -> None:
    from spk.identify.explaining import calibration_record

    if which == SHIPPED:
        bench.store.use_calibration(bench.gallery, None)
        if as_json:
            print_json({"id": None, "in_use": True})
        elif not quiet:
            say(f'The gallery "{bench.gallery.name}" is judged by the calibration that ships from now on.')
        return
    calibration = _calibration(bench, which)
    there = bench.store.models(bench.gallery)
    if there and calibration.fingerprint not in there:
        raise FingerprintError(
            f"the calibration {calibration.id} is for {calibration.model} ({calibration.fingerprint[:12]}), by which "
            f'nobody in the gallery "{bench.gallery.name}" is enrolled: enroll people by it first'
        )
    bench.store.keep_calibration(bench.gallery, calibration_record(calibration))
    bench.store.use_calibration(bench.gallery, calibration.id)
    if as_json:
        print_json(_about(calibration, in_use=True))
    elif not quiet:
        say(f'The gallery "{bench.gallery.name}" is judged by {calibration.id} from now on.')
        _details(calibration, in_use=True)


def _compare(bench: Workbench, given: Sequence[str], trust: str, *, as_json: bool) -> None:
    from spk.identify.choosing import compare_calibrations

    ids = [record.id for record in bench.store.calibrations(bench.gallery)]
    named = [name for name in given if name == SHIPPED or name.endswith(".json") or _is_id(name, ids)]
    paths = [Path(name) for name in given if name not in named]
    calibrations = [_calibration(bench, name) for name in named or [SHIPPED, *ids]]
    unique = list({calibration.id: calibration for calibration in calibrations}.values())
    if len(unique) < 2:
        raise InputError("there is one calibration, and nothing to compare it with: name files or ids of two")
    material = _trusted(_material(bench, paths, list(dict.fromkeys(one.model for one in unique))), trust)
    missing = [one for one in unique if one.model not in material.models]
    if missing:
        raise FingerprintError(
            f"the calibration {missing[0].id} is for {missing[0].model}, which not all samples have voiceprints by: "
            "name recordings to compare on"
        )
    compared = compare_calibrations(material, unique)
    if as_json:
        for one in compared:
            print_json({"id": one.calibration.id, **_result_json(one)})
        return
    _table([(one.calibration.id, f"{_recipe(one.calibration)} on {one.calibration.model}", one) for one in compared])
    say()
    best = min(compared, key=lambda one: one.figures.cllr.value)
    say(f"{best.calibration.id} has the lowest Cllr. One that was fitted on these very people does too well here.")


def _calibration(bench: Workbench, which: str) -> Calibration:
    """By an id, a file, or ``default``."""
    from spk.embed import model_id
    from spk.identify.calibration import Calibration, default_calibration

    if which == SHIPPED:
        return default_calibration(model_id(bench.model_name))
    path = Path(which)
    if which.endswith(".json") or exists(path):
        return Calibration.load(path)
    record = bench.store.find_calibration(bench.gallery, which)
    return Calibration.parse(record.record, source=f"calibration {record.id}")


def _is_id(name: str, ids: Sequence[str]) -> bool:
    return len(name) >= 4 and not exists(Path(name)) and any(one.startswith(name) for one in ids)


# Printing


def _write(calibration: Calibration, output: Path) -> None:
    import json

    write_output(output, json.dumps(calibration.to_json(), indent=1, ensure_ascii=False) + "\n")


def _recipe(calibration: Calibration) -> str:
    """The recipe's name; of a fusion, that of its parts."""
    parts = getattr(calibration.recipe, "parts", ())
    return "+".join(dict.fromkeys(part.name for part in parts)) or calibration.recipe.name


def _details(calibration: Calibration, *, in_use: bool) -> None:
    held_out = calibration.held_out
    say(f"{calibration.id}  {_recipe(calibration)} on {calibration.model}{', in use' if in_use else ''}")
    say(f"fitted {calibration.created} on {calibration.data or 'something that it does not say'}")
    trials = ", ".join(f"{count} {kind}" for kind, count in calibration.trials.items())
    say(f"{calibration.speakers} speakers, trials: {trials}{'; generic' if calibration.generic else ''}")
    if held_out is not None:
        eer = _percent(held_out.eer)
        say(f"on speakers it did not know: Cllr {held_out.cllr}, minCllr {held_out.min_cllr}, EER {eer} %")
    if calibration.false_alarms is None:
        say("it does not say which threshold keeps to an --fpir")


def _about(calibration: Calibration, *, in_use: bool) -> dict[str, Any]:
    """The record without the numbers of the recipe."""
    record = {name: value for name, value in calibration.to_json().items() if name != "recipe"}
    return {"id": calibration.id, "in_use": in_use, "recipe": _recipe(calibration), **record}


def _table(rows: Sequence[tuple[str, str, Result | Compared]]) -> None:
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


def _result_json(row: Result | Compared) -> dict[str, Any]:
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
