"""Grouping clips by speaker: how long 10,000 take and how much memory, and how right it is.

    python bench/sort.py --json sort.json
    python bench/sort.py FOLDER --clips 10000 --people 1000,5000

The many voices are made up (bench/voices.py), so nothing is embedded; what is right is measured on them, and on the
clips of FOLDER (recordings and a ``manifest.csv``; or what SPK_CORPUS names) and two pieces of each. Pairs: of those
that were joined, how many are one person's (precision), of those that are, how many were joined (recall). Purity: the
share of clips that are of their group's main person.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from manifests import write_people
from numpy.typing import NDArray
from timing import machine
from voices import crowd

from spk.cli.common import bar, print_table, say
from spk.diarize import load_vad
from spk.embed import load_embedder, model_id
from spk.identify import default_calibration
from spk.identify.grouping import group
from spk.identify.labelled import hear, read_labels

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
ROLES = ("enroll", "test", "unknown-test", "cohort")
SECONDS = (1.5, 4.0, 30.0)  # least, median and most of the made-up clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where manifest.csv lies; $SPK_CORPUS")
    parser.add_argument("--clips", type=int, default=10_000, help="made up; %(default)s")
    parser.add_argument("--people", default="1000,5000", help="who speak in them; %(default)s")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="%(default)s")
    parser.add_argument("--model", default="ecapa", help="of the clips of FOLDER; %(default)s")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)  # one crowd, in a process of its own
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(made_up(arguments.clips, arguments.alone)))
        return
    result: dict[str, Any] = {"machine": machine() | {"threads": arguments.threads}}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(arguments.threads))
    for people in map(int, arguments.people.split(",")):
        say(f"{arguments.clips:,} clips of {people:,} people", err=True)
        command = [sys.executable, __file__, "--clips", str(arguments.clips), "--alone", str(people)]
        done = subprocess.run(command, env=os.environ | threads, capture_output=True, check=True)
        result[f"{people} people"] = json.loads(done.stdout)
    folder = arguments.folder or Path(os.environ.get("SPK_CORPUS", CORPUS))
    if (folder / "manifest.csv").is_file():
        result |= recorded(folder, arguments.model, arguments.threads)
    else:
        say(f"no recordings at {folder}: everybody is made up", err=True)
    columns = ("clips", "people", "groups", "f", "precision", "recall", "purity", "seconds", "memory_mib")
    print_table(
        ("", *columns),
        [
            (name, *(_text(some.get(column, "-")) for column in columns))
            for name, some in result.items()
            if name != "machine"
        ],
    )
    print("\n" + ", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def made_up(clips: int, people: int) -> dict[str, Any]:
    """Group made-up voices; they are seen from their own middle, as people of a gallery of that kind would be."""
    rng = np.random.default_rng(0)
    parts = list(crowd(clips, people, 1))
    order = rng.permutation(clips)
    vectors = np.concatenate([part.vectors for part in parts])[order]
    owners = np.concatenate([part.owners for part in parts])[order]
    least, median, most = SECONDS
    seconds = np.clip(np.exp(rng.normal(np.log(median), 0.6, clips)), least, most)
    calibration = default_calibration(model_id("ecapa"))
    gallery = [
        SimpleNamespace(vectors=vectors[owners == owner], net_seconds=seconds[owners == owner])
        for owner in range(people)
    ]
    scorer: Any = SimpleNamespace(scorer=calibration.scorer(gallery), calibration=calibration)
    began = time.perf_counter()
    labels = group(scorer, vectors, seconds)
    took = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return quality(owners, labels) | {"seconds": took, "memory_mib": memory}


def recorded(folder: Path, model: str, threads: int) -> dict[str, Any]:
    """Group the clips of a folder, and pieces of them."""
    with tempfile.TemporaryDirectory() as scratch, bar() as progress:
        people = write_people(folder, Path(scratch) / "people.csv", ROLES)
        embedder = load_embedder(model, threads=threads)
        material = hear(read_labels([people]), load_vad(threads=threads), [embedder], progress=progress)
    calibration = default_calibration(embedder.model)
    scorer: Any = SimpleNamespace(scorer=calibration.scorer(), calibration=calibration)
    found = {}
    for name, some in (("recorded clips", material.natural), ("pieces of them", ~material.natural)):
        rows = material.take(some & (material.net_seconds >= 0.5))
        began = time.perf_counter()
        labels = group(scorer, rows.vectors[model], rows.net_seconds)
        found[name] = quality(rows.speaker, labels) | {"seconds": time.perf_counter() - began}
    return found


def quality(owners: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, Any]:
    """How right a grouping is.

    >>> quality(np.array([0, 0, 1]), np.array([0, 0, 1]))["f"]
    1.0
    """
    _, owner = np.unique(owners, return_inverse=True)
    counts = np.zeros((owner.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (owner, labels), 1)
    both, same, joined = (_pairs(some) for some in (counts, counts.sum(axis=1), counts.sum(axis=0)))
    precision, recall = both / max(joined, 1), both / max(same, 1)
    return {
        "clips": len(labels),
        "people": len(counts),
        "groups": counts.shape[1],
        "f": 2 * precision * recall / max(precision + recall, 1e-9),
        "precision": precision,
        "recall": recall,
        "purity": float(counts.max(axis=0).sum() / len(labels)),
    }


def _pairs(counts: NDArray[np.int64]) -> float:
    return float((counts * (counts - 1) // 2).sum())


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if value <= 1 else f"{value:,.0f}"
    return str(value)


if __name__ == "__main__":
    main()
