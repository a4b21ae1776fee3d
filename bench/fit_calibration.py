"""Fit the calibrations that ship, as `spk calibrate` does it, with degraded clips besides.

    python bench/fit_calibration.py FOLDER --models ecapa resnet34 ecapa+resnet34 -o spk/identify/calibrations

FOLDER holds ``manifest.csv`` with the columns ``file``, ``speaker`` and ``role``: people's clips make the trials,
people of the role ``cohort`` are background, and ``noise``, ``music`` and ``rir`` degrade some clips. Prints how the
recipes compare on people that they were not fitted on. Only statistics are written, no voiceprint.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from degrade import Degrader, Samples, variants
from manifests import read_folder

from spk.audio import load
from spk.diarize.vad import load_vad
from spk.embed import load_embedder, model_id, model_parts, model_sizes
from spk.identify.choosing import COMPARED, candidates, choose, describe
from spk.identify.fitting import Candidate, CrossValidation, Result
from spk.identify.labelled import Material, hear, read_labels


def listen(folder: Path, models: list[str], threads: int | None) -> Material:
    """Every clip as it is, cut and degraded, with its vectors by every model."""
    sounds = {role: [] for role in ("noise", "music", "rir")}
    for row in read_folder(folder):
        if row.role in sounds:
            sounds[row.role].append(load(row.path).samples)
    degrade = Degrader(sounds["noise"] + sounds["music"], sounds["rir"])

    def vary(samples: Samples, rng: np.random.Generator) -> Iterator[tuple[str, Samples]]:
        yield from variants(samples, degrade, rng)

    parts = dict.fromkeys(part for model in models for part in model_parts(model))
    embedders = [load_embedder(part, threads=threads) for part in parts]
    material = hear(
        read_labels([folder]),
        load_vad(threads=threads),
        embedders,
        vary=vary,
        progress=lambda done, of, what: print(f"{what}: {done} of {of}", end="\r", flush=True),
    )
    for model in models:
        if "+" in model:
            material = material.with_fusion(model_id(model))
    return material.only(models)


def row(result: Result) -> str:
    """One line of the table."""
    figures = result.figures
    if figures is None:
        return f"{result.candidate!s:36} {result.reason}"
    fnir = "".join(f"{100 * rate:9.1f}" for rate in figures.fnir.values())
    eer = f"{100 * figures.eer.value:.2f} ({100 * figures.eer.low:.2f}-{100 * figures.eer.high:.2f})"
    return f"{result.candidate!s:36} {eer:18} {figures.cllr!s:22} {figures.min_cllr!s:22}{fnir}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where manifest.csv lies")
    parser.add_argument("--models", nargs="+", default=["ecapa"], help="names as in spk --model")
    parser.add_argument("--recipe", default="centred-cosine", help="what ships; it needs the least of the user's data")
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, help="the folder to write MODEL.json to")
    arguments = parser.parse_args()

    material = listen(arguments.folder, arguments.models, arguments.threads)
    sizes = {model: model_sizes(model) for model in arguments.models}
    trial = CrossValidation(material, sizes)
    recipes = list(dict.fromkeys([*COMPARED, arguments.recipe]))
    results = trial.results(candidates(arguments.models, recipes))
    print(f"{'held out':36} {'EER %':18} {'Cllr':22} {'minCllr':22}{'FNIR 1%':>9}{'5%':>9}")
    for result in results:
        print(row(result))
    print(f"{choose(results).reason}")
    if arguments.output is None:
        return
    by_candidate = {result.candidate: result for result in results}
    for model in arguments.models:
        candidate = Candidate(model, arguments.recipe)
        figures = by_candidate[candidate].figures
        calibration = trial.fit(
            candidate,
            figures.held_out if figures else None,
            data=f"{describe(material)}; and some degraded by telephone, room and noise",
            generic=True,
        )
        calibration.save(arguments.output / f"{model}.json")
        print(f"{model}.json: slope {calibration.slope:.2f}, offset {calibration.offset:.2f}, {calibration.held_out}")


if __name__ == "__main__":
    main()
