"""The command line as a user meets it: an hour of audio, and cold starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from runs import Run, demo
from workers import Worker

from spk.audio import SAMPLE_RATE, load
from spk.cli.common import print_table

__all__ = ["cold", "hour", "run_command"]

SPK = str(Path(sys.executable).with_name("spk"))
MIB = 2**20


@dataclass(frozen=True)
class Finished:
    """A command that ended.

    Attributes:
        seconds: What it took.
        cpu_seconds: What of that it computed, all threads together.
        memory: The most it held, in bytes.
    """

    seconds: float
    cpu_seconds: float
    memory: int


def run_command(*command: str, cores: int) -> Finished:
    """Run a command to its end on some cores; what it prints goes nowhere.

    Raises:
        SystemExit: it failed; the message is its last line.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as complaints:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            preexec_fn=partial(_stay_on, cores),  # noqa: PLW1509 - this process has one thread
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # it cannot be waited for again
        if process.returncode:
            complaints.seek(0)
            last = complaints.read().strip().splitlines()[-1:]
            raise SystemExit(f"{' '.join(command)} left with status {process.returncode}: {' '.join(last)}")
    return Finished(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def hour(run: Run, threads: int) -> dict[str, Any]:
    """One hour of audio, diarized and identified by ``spk identify``, in a gallery of the demo's two people."""
    home = _enrolled(run, threads)
    file = run.wav("hour", run.speech("diarization", "diarization-mix", seconds=3600))
    done = run_command(SPK, "identify", file, "--json", "--home", home, "--threads", str(threads), cores=threads)
    result = {
        "threads": threads,
        "seconds": done.seconds,
        "cpu_seconds": done.cpu_seconds,
        "memory_mib": done.memory / MIB,
    }
    print("\none hour of audio, diarized and identified; limits: 180 s, 2048 MiB")
    print_table(
        ["threads", "seconds", "of computing a thread", "peak memory, MiB"],
        [[threads, f"{done.seconds:.0f}", f"{done.cpu_seconds / threads:.0f}", f"{done.memory / MIB:.0f}"]],
    )
    return result


def cold(run: Run, threads: int) -> dict[str, Any]:
    """Cold starts with warm caches: help, a verified clip of 5 s, and the same by SpeechBrain."""
    home = _enrolled(run, threads)
    clip = run.wav("clip", load(demo()["sample.wav"]).samples[22 * SAMPLE_RATE : 27 * SAMPLE_RATE])
    folder = run.speechbrain()
    memory: dict[str, list[int]] = {"help": [], "verify": []}

    def command(kind: str, *arguments: str) -> float:
        done = run_command(SPK, *arguments, cores=threads)
        memory[kind].append(done.memory)
        return done.seconds

    def speechbrain() -> float:
        """Load the model and embed the clip; the cosine with a kept vector costs nothing."""
        began = time.perf_counter()
        with Worker("speechbrain", threads=threads, folder=folder) as worker:
            worker(files=[clip], out=str(run.scratch / "cold.npy"))
        return time.perf_counter() - began

    verify = ("verify", "speaker91", clip, "--home", home, "--threads", str(threads), "--quiet")
    runs = {
        "help": partial(command, "help", "--help"),
        "verify": partial(command, "verify", *verify),
        "speechbrain": speechbrain,
    }
    for warm_up in runs.values():
        warm_up()
    times = run.interleaved(runs)
    result = {kind: {"seconds": some.median, "all": some.seconds} for kind, some in times.items()}
    limits = {"help": "0.3", "verify": "2.0", "speechbrain": "-"}
    print(f"\ncold start, caches warm, {threads} threads; SpeechBrain: load the model and embed that clip")
    print_table(
        ["", "seconds", "limit", "x SpeechBrain", "peak memory, MiB"],
        [
            [
                kind,
                f"{some.median:.2f}",
                limits[kind],
                f"{some.speedup(times['speechbrain']):.2f}",
                f"{median(memory[kind]) / MIB:.0f}" if kind in memory else "-",
            ]
            for kind, some in times.items()
        ],
    )
    return result


def _enrolled(run: Run, threads: int) -> str:
    """A home in which the demo's two people are enrolled."""
    home = str(run.scratch / "home")
    files = demo()
    turns, recording = str(files["sample.rttm"]), str(files["sample.wav"])
    if not Path(home).exists():
        run_command(SPK, "enroll", recording, "--turns", turns, "--home", home, cores=threads)
    return home


def _stay_on(cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
