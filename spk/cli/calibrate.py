"""`spk calibrate`: fit scores to the user's own recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli import calibrations
from spk.cli.common import check_output, complain, desk, exists, print_json, say, workbench
from spk.cli.options import (
    AsJson,
    DeviceName,
    GalleryName,
    Home,
    ModelName,
    Output,
    PrecisionName,
    Quiet,
    Server,
    Threads,
)
from spk.errors import FingerprintError, InputError

if TYPE_CHECKING:
    from spk.identify.choosing import Fitted
    from spk.identify.labelled import Material
    from spk.workbench import Workbench

__all__ = ["calibrate"]

PAIR = ("ecapa", "resnet34")  # models that are compared together, and their fusion


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
        typer.Option("--gallery-samples", help="Learn from the gallery's own samples, as where no DATA is named."),
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
    server: Server = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fit the scores to your own recordings.

    Compares recipes and models on people that they were not fitted on, takes the best, and judges the gallery by it.

    Example: spk calibrate people.csv
    """
    given = list(data or [])
    fit = gallery_samples or recipe or models or no_use
    _check_options(given, show=show, use=use, compare=compare, gallery_samples=gallery_samples, fit=fit)
    if drop_suspects and keep_suspects:
        raise InputError("--drop-suspects leaves out what --keep-suspects trusts: give one of them")
    check_output(output)
    options: dict[str, Any] = {"home": home, "gallery": gallery, "model": model, "precision": precision}
    options |= {"device": device, "server": server}
    if show or use is not None:
        with desk(**options, threads=threads, quiet=quiet) as ask:
            if use is not None:
                calibrations.use(ask, use, as_json=as_json, quiet=quiet)
            else:
                calibrations.show(ask, given, output, as_json=as_json)
        return
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        if bench.settings.server is not None:
            raise InputError("calibrations are fitted on this machine, for its home: leave out --server and SPK_SERVER")
        _ = bench.gallery  # a misspelt one is said before any work
        trust = "keep" if keep_suspects else "drop" if drop_suspects else "refuse"
        if compare:
            _compare(bench, given, trust, as_json=as_json)
        else:
            names = [name.strip() for name in (models or "").split(",") if name.strip()]
            fitted, material = _fit(bench, [Path(name) for name in given], names, recipe, trust, keep_only=no_use)
            _finish(bench, fitted, material, output, use=not no_use, as_json=as_json, quiet=quiet)


def _check_options(
    given: Sequence[str], *, show: bool, use: str | None, compare: bool, gallery_samples: bool, fit: object
) -> None:
    if sum((show, use is not None, compare, bool(fit))) > 1:
        raise InputError("--show, --use and --compare fit nothing: give one of them, without what belongs to fitting")
    if gallery_samples and given:
        raise InputError(f"--gallery-samples learns from the gallery alone: leave it out, or {given[0]!r}")
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
    rest = without(rest, found)
    found = [*doubled, *found]
    if not found:
        return material
    if trust == "drop":
        return replace(rest, skipped=(*material.skipped, *(suspect.text for suspect in found)))
    for suspect in found:
        complain(suspect.text)
    raise InputError(
        f"{'1 label is' if len(found) == 1 else f'{len(found)} labels are'} probably wrong: listen, and correct the "
        "table; --drop-suspects leaves out what is suspected, --keep-suspects trusts it"
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
        calibrations.write(calibration, output)
    if as_json:
        best = fitted.choice.result.candidate
        print_json(
            {
                **calibrations.about(calibration, in_use=use),
                "left_out": dict(material.left_out),
                "skipped": list(material.skipped),
                "compared": [calibrations.result_json(result) for result in fitted.results],
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
    calibrations.table([(result.candidate.recipe, result.candidate.model, result) for result in fitted.results])
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


# Comparing calibrations


def _compare(bench: Workbench, given: Sequence[str], trust: str, *, as_json: bool) -> None:
    from spk.identify.choosing import compare_calibrations

    ids = [record.id for record in bench.store.calibrations(bench.gallery)]
    named = [name for name in given if name == calibrations.SHIPPED or name.endswith(".json") or _is_id(name, ids)]
    paths = [Path(name) for name in given if name not in named]
    found = [calibrations.find(bench, name) for name in named or [calibrations.SHIPPED, *ids]]
    unique = list({calibration.id: calibration for calibration in found}.values())
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
            print_json({"id": one.calibration.id, **calibrations.result_json(one)})
        return
    calibrations.table(
        [(one.calibration.id, f"{one.calibration.recipe_name} on {one.calibration.model}", one) for one in compared]
    )
    say()
    best = min(compared, key=lambda one: one.figures.cllr.value)
    say(f"{best.calibration.id} has the lowest Cllr. One that was fitted on these very people does too well here.")


def _is_id(name: str, ids: Sequence[str]) -> bool:
    return len(name) >= 4 and not exists(Path(name)) and any(one.startswith(name) for one in ids)
