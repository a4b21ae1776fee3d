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
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from runs import Run
from service_faults import kills, schemathesis, soak
from service_load import Answered, Bare, ask, post
from service_malformed import malformed
from service_server import Served
from timing import machine

from spk.audio import SAMPLE_RATE
from spk.cli.common import print_table
from spk.config import Settings
from spk.workbench import Workbench

CLIENTS = (1, 8, 32)
PEOPLE = 20
CLIPS = 64
SECONDS = 5  # of a clip
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
        speech = run.speech("test", "enroll", seconds=CLIPS * SECONDS)
        self.files = [
            Path(run.wav(f"clip{number}", speech[number * SECONDS * SAMPLE_RATE :][: SECONDS * SAMPLE_RATE]))
            for number in range(CLIPS)
        ]
        self.clips = [file.read_bytes() for file in self.files]

    def served(self, *, workers: int = 1) -> Served:
        """A service; to be entered."""
        return Served(self.scratch / "home", self.scratch / "serve.log", workers=workers)

    def enroll(self, served: Served) -> None:
        """Make the service know somebody."""
        with httpx.Client(base_url=served.url, timeout=120) as client:
            client.post("/v1/galleries", json={"name": "default"}).raise_for_status()
            for number in range(PEOPLE):
                form = {"name": f"person {number}", "force": "true"}
                file = {"audio": (f"clip{number}.wav", self.clips[number])}
                client.post(f"{GALLERY}/enrollments", data=form, files=file).raise_for_status()

    def requests(self, operation: str) -> list[bytes]:
        """Requests with each of the clips: to ``verify`` somebody, or to ``identify`` one voice."""
        return [
            post(
                f"{GALLERY}/{operation}",
                {"speaker": f"person {number % PEOPLE}"} if operation == "verify" else {"single": "true"},
                (f"clip{number}.wav", clip),
            )
            for number, clip in enumerate(self.clips)
        ]


def load(bench: Bench, rounds: int, seconds: float) -> dict[str, Any]:
    """Requests a second and how long they take, against what the models do without a service, in turn."""
    operations = {name: bench.requests(name) for name in ("verify", "identify")}
    bare_rates: list[float] = []
    embed_rates: list[float] = []
    found: dict[tuple[str, int], list[Answered]] = {(name, count): [] for name in operations for count in CLIENTS}
    with (
        Workbench(Settings(bench.scratch / "bare", threads=0)) as workbench,
        bench.served() as served,
    ):
        bare = Bare(workbench.embedder, workbench.vad, 4 * (os.cpu_count() or 1))
        bench.enroll(served)
        bare.pipeline(bench.files, 1)
        for requests in operations.values():
            ask(served.port, requests, max(CLIENTS), 2)
        for _ in range(rounds):
            bare_rates.append(bare.pipeline(bench.files, seconds))
            embed_rates.append(bare.embed_alone(bench.files))
            for (name, count), some in found.items():
                some.append(ask(served.port, operations[name], count, seconds))
        held = served.held()
    rows = []
    for (name, count), some in found.items():
        ratios = [one.per_second / rate for one, rate in zip(some, bare_rates, strict=True)]
        pooled = sum(some[1:], some[0]).to_json()
        rows.append({"operation": name, "clients": count, **pooled, "of_bare": round(median(ratios), 3)})
    result = {
        "clip_seconds": SECONDS,
        "rounds": rounds,
        "bare_per_second": round(median(bare_rates), 2),
        "embed_alone_per_second": round(median(embed_rates), 2),
        "server_mib": round(held.server_mib),
        "rows": rows,
    }
    print(f"\nthe models alone: {result['bare_per_second']} clips of {SECONDS} s a second decoded, listened to and")
    print(f"embedded; {result['embed_alone_per_second']} embedded alone; the server holds {result['server_mib']} MiB")
    print_table(
        ["operation", "clients", "requests a second", "of the models alone", "p50", "p95", "p99", "not answered"],
        [
            [
                row["operation"],
                row["clients"],
                f"{row['per_second']:.1f}",
                f"{100 * row['of_bare']:.0f} %",
                *(f"{row[key]:.0f} ms" for key in ("p50_ms", "p95_ms", "p99_ms")),
                row["other_answers"],
            ]
            for row in rows
        ],
    )
    return result


if __name__ == "__main__":
    main()
