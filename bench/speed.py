"""How fast spk is beside SpeechBrain, sherpa-onnx and senko, in one run, as ratios; and what it needs for an hour.

    python bench/speed.py FOLDER --threads 1,2 --json speed.json
    python bench/speed.py --only diarize --peer-python PEERS/bin/python

FOLDER holds recordings and a ``manifest.csv``; without it the demo dialogue serves, repeated. What is measured, and
how, is written in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from commands import cold, hour
from diarization import DIARIZATION_ROLES
from runs import Run, demo
from timing import machine
from workers import NotInstalledError, Worker, peer

from spk.audio import SAMPLE_RATE, load
from spk.cli.common import print_table

CLIPS = 16
LENGTHS = (2, 3, 5, 10)  # seconds
TOGETHER = 8  # clips in a batch of SpeechBrain's


def main() -> None:
    parts: dict[str, Callable[[Run, list[int]], Any]] = {
        "embed": embed,
        "diarize": diarize,
        "hour": lambda run, threads: hour(run, max(threads)),
        "cold": lambda run, threads: cold(run, max(threads)),
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where manifest.csv lies")
    parser.add_argument("--threads", default="1,2", help="thread counts; hour and cold take the largest")
    parser.add_argument("--only", default=",".join(parts), help="some of the parts embed,diarize,hour,cold")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, at most")
    parser.add_argument("--budget", type=float, default=60, help="seconds after which no further round begins")
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that the peers are installed for")
    parser.add_argument("--json", type=Path, help="write everything there")
    arguments = parser.parse_args()
    threads = [int(count) for count in arguments.threads.split(",")]
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(parts):
        parser.error(f"there is no part {min(unknown)!r}; there are: {', '.join(parts)}")
    if min(threads) < 1 or arguments.rounds < 1:
        parser.error("threads and rounds are counted from 1")

    result: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        run = Run(arguments.folder, Path(folder), arguments.rounds, arguments.budget, arguments.peer_python)
        for name in chosen:
            result[name] = parts[name](run, threads)
    result["machine"]["load_at_the_end"] = [round(load, 2) for load in os.getloadavg()]
    print("\n" + ", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def embed(run: Run, threads: list[int]) -> list[dict[str, Any]]:
    """Embeddings a second against SpeechBrain's encode_batch, and how far they agree."""
    speech = run.speech("test", seconds=300)
    result = []
    for count in threads:
        systems = {
            "full": Worker("embed", threads=count, model="ecapa", precision="full"),
            "fast": Worker("embed", threads=count, model="ecapa", precision="fast"),
            "speechbrain": Worker("speechbrain", threads=count, folder=run.speechbrain()),
        }
        with ExitStack() as stack:
            for system in systems.values():
                stack.enter_context(system)
            for seconds in LENGTHS:
                starts = np.linspace(0, len(speech) - seconds * SAMPLE_RATE, CLIPS).astype(int)
                clips = [speech[start : start + seconds * SAMPLE_RATE] for start in starts]
                files = [run.wav(f"{number}", clip) for number, clip in enumerate(clips)]
                result.append({"threads": count, "seconds": seconds, **_embedded(run, systems, files)})
    print(f"\nembeddings a second of ECAPA, {CLIPS} clips; against the better of SpeechBrain's two ways")
    print_table(
        [
            "threads",
            "clip",
            "SpeechBrain",
            f"by {TOGETHER}",
            "full",
            "ratio",
            "least cosine",
            "fast",
            "ratio",
            "least cosine",
        ],
        [
            [
                row["threads"],
                f"{row['seconds']} s",
                *(f"{row['per_second'][name]:.1f}" for name in ("speechbrain", "speechbrain_batches")),
                *(
                    text
                    for name in ("full", "fast")
                    for text in (
                        f"{row['per_second'][name]:.1f}",
                        f"{row['ratio'][name]:.2f}",
                        f"{row['cosine'][name]:.6f}",
                    )
                ),
            ]
            for row in result
        ],
    )
    return result


def _embedded(run: Run, systems: dict[str, Worker], files: list[str]) -> dict[str, Any]:
    """The clips of one length."""

    def once(name: str, together: int = 1) -> float:
        seconds: float = systems[name](files=files, together=together, out=str(run.scratch / f"{name}.npy"))["seconds"]
        return seconds

    runs = {name: partial(once, name) for name in systems}
    runs["speechbrain_batches"] = partial(once, "speechbrain", TOGETHER)
    for warm_up in runs.values():
        warm_up()
    times = run.interleaved(runs)
    once("speechbrain")
    vectors = {name: np.load(run.scratch / f"{name}.npy") for name in systems}
    theirs = min(times["speechbrain"], times["speechbrain_batches"], key=lambda some: some.median)
    return {
        "rounds": len(theirs.seconds),
        "per_second": {name: len(files) / some.median for name, some in times.items()},
        "ratio": {name: times[name].speedup(theirs) for name in ("full", "fast")},
        "cosine": {name: float((vectors[name] * vectors["speechbrain"]).sum(1).min()) for name in ("full", "fast")},
    }


def diarize(run: Run, threads: list[int]) -> list[dict[str, Any]]:
    """Real-time factors against sherpa-onnx with the same segmentation and voice model, and against senko."""
    talks = {"demo": load(demo()["sample.wav"]).samples, "10 min": run.speech(*DIARIZATION_ROLES, seconds=600)}
    files = {name: run.wav(name, samples) for name, samples in talks.items()}
    result = []
    for count in threads:
        with ExitStack() as stack:
            systems = {
                "spk": stack.enter_context(Worker("diarize", threads=count)),
                "spk_resnet34": stack.enter_context(Worker("diarize", threads=count, model="resnet34")),
            }
            for name in ("sherpa", "senko"):
                try:
                    system = peer(name, threads=count, python=run.peer_python, folder=run.scratch)
                    systems[name] = stack.enter_context(system)
                except NotInstalledError as error:
                    print(error)
            for system in systems.values():
                system(file=files["demo"])  # the first call of a process is not its usual pace
            for talk, file in files.items():
                times = run.interleaved({name: partial(_diarized, system, file) for name, system in systems.items()})
                duration = len(talks[talk]) / SAMPLE_RATE
                for name, some in times.items():
                    ratios = {one: some.speedup(times[one]) for one in ("sherpa", "senko") if one in times}
                    row = {"threads": count, "recording": talk, "system": name, "rounds": len(some.seconds)}
                    result.append({**row, "real_time_factor": some.median / duration, "times_as_fast_as": ratios})
    print("\ndiarization; spk_resnet34: with the voice model that sherpa-onnx has here")
    print_table(
        ["threads", "recording", "system", "rounds", "real-time factor", "x sherpa", "x senko"],
        [
            [
                *(row[name] for name in ("threads", "recording", "system", "rounds")),
                f"{row['real_time_factor']:.4f}",
                *(f"{row['times_as_fast_as'].get(one, float('nan')):.2f}" for one in ("sherpa", "senko")),
            ]
            for row in result
        ],
    )
    return result


def _diarized(system: Worker, file: str) -> float:
    seconds: float = system(file=file)["seconds"]
    return seconds


if __name__ == "__main__":
    main()
