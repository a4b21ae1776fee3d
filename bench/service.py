"""What the service adds to the models, and what it survives: load, soak, malformed uploads, kills, schemathesis.

    python bench/service.py FOLDER --json service.json
    python bench/service.py FOLDER --soak 20 --malformed 10000 --kills 50 --schemathesis

A real ``spk serve`` answers on a port of this machine, with a home of its own. FOLDER holds recordings and a
``manifest.csv``; without it the demo dialogue serves. Without options the load is measured; else what they say. What
is measured, and how, is written in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count, repeat
from pathlib import Path
from statistics import median
from struct import pack
from typing import Any

import numpy as np
from runs import Run
from service_faults import kills, schemathesis, soak
from service_load import Answered, Bare, ask, post
from service_malformed import malformed
from service_server import Served
from timing import machine

from spk.audio import SAMPLE_RATE, Audio
from spk.cli.common import print_table
from spk.config import Settings
from spk.diarize import load_vad
from spk.workbench import Workbench

CLIENTS = (1, 8, 32)
PEOPLE = 10
CLIPS = 64
SECONDS = 5  # of a clip
HEADER = 44  # bytes of a WAV file before its samples
GALLERY = "/v1/galleries/default"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where manifest.csv lies")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of the load; %(default)s")
    parser.add_argument("--seconds", type=float, default=8, help="that each load lasts; %(default)s")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="ask for so long, and look at the memory")
    parser.add_argument("--malformed", type=int, metavar="NUMBER", help="so many uploads that are not right")
    parser.add_argument("--kills", type=int, metavar="NUMBER", help="kill server and worker so often, in turn")
    parser.add_argument("--schemathesis", action="store_true", help="try everything that the OpenAPI document says")
    parser.add_argument("--json", type=Path, help="write everything there")
    arguments = parser.parse_args()
    given = (arguments.rounds, arguments.seconds, arguments.soak, arguments.malformed, arguments.kills)
    if min(number for number in given if number is not None) <= 0:
        parser.error("rounds, seconds, minutes and numbers are above 0")

    parts: dict[str, Callable[[Bench], dict[str, Any]] | None] = {
        "soak": arguments.soak and (lambda bench: soak(bench, arguments.soak)),
        "malformed": arguments.malformed and (lambda bench: malformed(bench, arguments.malformed)),
        "kills": arguments.kills and (lambda bench: kills(bench, arguments.kills)),
        "schemathesis": schemathesis if arguments.schemathesis else None,
    }
    if not any(parts.values()):
        parts["load"] = lambda bench: load(bench, arguments.rounds, arguments.seconds)
    result: dict[str, Any] = {"machine": machine()}
    for name, part in parts.items():
        if part is not None:
            with tempfile.TemporaryDirectory() as folder:
                run = Run(arguments.folder, Path(folder), 1, 0, sys.executable)
                result[name] = part(Bench(run))
    result["machine"]["load_at_the_end"] = [round(load, 2) for load in os.getloadavg()]
    print("\n" + ", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


class Bench:
    """What the parts share: clips, and a service that knows a few people.

    Args:
        run: Where speech is, and where files may be written.
    """

    def __init__(self, run: Run) -> None:
        self.scratch = run.scratch
        recorded = Audio(run.speech("test", "enroll", seconds=CLIPS * SECONDS), "speech")
        speech = recorded.take(load_vad()(recorded)).samples  # in every clip somebody speaks
        clips = np.resize(speech, (CLIPS, SECONDS * SAMPLE_RATE))
        self.files = [Path(run.wav(f"clip{number}", clip)) for number, clip in enumerate(clips)]
        self.clips = [file.read_bytes() for file in self.files]
        self._made = count()

    def served(self, *, workers: int = 1) -> Served:
        """A service; to be entered."""
        return Served(self.scratch / "home", self.scratch / "serve.log", workers=workers)

    def enroll(self, served: Served) -> None:
        """Make the service know somebody."""
        with served.client() as client:
            client.post("/v1/galleries", json={"name": "default"}).raise_for_status()
            for number in range(PEOPLE):
                form = {"name": f"person {number}", "force": "true"}
                file = {"audio": ("clip.wav", self.clip())}
                client.post(f"{GALLERY}/enrollments", data=form, files=file).raise_for_status()

    def requests(self, operation: str, lengths: Iterable[float] = repeat(SECONDS)) -> Iterator[bytes]:
        """Requests to ``verify`` somebody, or to ``identify`` one voice: no recording comes twice."""
        for number, seconds in enumerate(lengths):
            who = {"speaker": f"person {number % PEOPLE}"} if operation == "verify" else {"single": "true"}
            yield post(f"{GALLERY}/{operation}", who, (f"clip{number}.wav", self.clip(seconds)))

    def clip(self, seconds: float = SECONDS) -> bytes:
        """One of the clips, or the beginning, begun elsewhere: no recording and no stretch of speech is the same."""
        rounds, which = divmod(next(self._made), len(self.clips))
        clip, cut = self.clips[which], HEADER + 2 * 37 * rounds
        size = 2 * int(seconds * SAMPLE_RATE)
        head = clip[:4] + pack("<I", HEADER - 8 + size) + clip[8:40] + pack("<I", size)
        return head + (clip[cut:] + clip[HEADER:cut])[:size]


def load(bench: Bench, rounds: int, seconds: float) -> dict[str, Any]:
    """Requests a second and how long they take, against what the models do without a service, in turn."""
    operations = {name: bench.requests(name) for name in ("verify", "identify")}
    bare_rates: list[float] = []
    embed_rates: list[float] = []
    found: dict[tuple[str, int], list[Answered]] = {(name, many): [] for name in operations for many in CLIENTS}
    spent = dict.fromkeys((*found, "bare"), 0.0)  # processor seconds
    with (
        Workbench(Settings(bench.scratch / "bare", threads=0)) as workbench,
        bench.served() as served,
    ):
        bare = Bare(workbench.embedder, workbench.vad, 4 * (os.cpu_count() or 1))
        bench.enroll(served)
        bare.pipeline(bench.files, 1)
        for requests in operations.values():
            ask(served, requests, max(CLIENTS), 2)
        for _ in range(rounds):
            before = time.process_time()
            bare_rates.append(bare.pipeline(bench.files, seconds))
            spent["bare"] += (time.process_time() - before) / bare_rates[-1] / seconds / rounds
            embed_rates.append(bare.embed_alone(bench.files))
            for (name, many), some in found.items():
                before = served.processor_seconds()
                some.append(ask(served, operations[name], many, seconds))
                spent[name, many] += (served.processor_seconds() - before) / len(some[-1].seconds) / rounds
        held = served.held()
    rows = []
    for (name, many), some in found.items():
        ratios = [one.per_second / rate for one, rate in zip(some, bare_rates, strict=True)]
        pooled = sum(some[1:], some[0]).to_json()
        more = {"of_bare": round(median(ratios), 3), "processor_ms": round(1000 * spent[name, many], 1)}
        rows.append({"operation": name, "clients": many, **pooled, **more})
    result = {
        "clip_seconds": SECONDS,
        "rounds": rounds,
        "bare_per_second": round(median(bare_rates), 2),
        "embed_alone_per_second": round(median(embed_rates), 2),
        "bare_processor_ms": round(1000 * spent["bare"], 1),
        "server_mib": round(held.server_mib),
        "rows": rows,
    }
    print(f"\nthe models alone: {result['bare_per_second']} clips of {SECONDS} s a second decoded, listened to and")
    print(
        f"embedded, by {result['bare_processor_ms']} ms of processors each; {result['embed_alone_per_second']} a second"
    )
    print(f"embedded alone; the server holds {result['server_mib']} MiB")
    print_table(
        [
            "operation",
            "clients",
            "requests a second",
            "of the models alone",
            "p50",
            "p95",
            "p99",
            "processors",
            "not answered",
        ],
        [
            [
                row["operation"],
                row["clients"],
                f"{row['per_second']:.1f}",
                f"{100 * row['of_bare']:.0f} %",
                *(f"{row[key]:.0f} ms" for key in ("p50_ms", "p95_ms", "p99_ms", "processor_ms")),
                row["other_answers"],
            ]
            for row in rows
        ],
    )
    return result


if __name__ == "__main__":
    main()
