"""Searching 10,000 to 1,000,000 voiceprints: spk's vector engines beside what the machine could do at best.

    python bench/store.py --json store.json
    python bench/store.py FOLDER --sizes 10000,100000 --engines floor,faiss,qdrant-grpc

A tenth as many people are made up so that they resemble each other as real ones do; with FOLDER (recordings and a
``manifest.csv``; or what SPK_CORPUS names) real voiceprints are among them and among the probes. Each engine runs in
a process of its own. What is measured, and how, is written in docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from crowd import CHUNK, add_people
from engines import SYSTEMS
from haystack import GALLERY, KINDS, MODEL, Haystack
from numpy.typing import NDArray
from timing import machine
from voices import Real, real

from spk.cli.common import print_table, say
from spk.store import Store
from spk.store.index import KEY, keys

ENGINES = Path(__file__).with_name("engines.py")
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
SIZES = (10_000, 100_000, 1_000_000)
LOCAL_MODE = 100_000  # voiceprints that qdrant-client's local mode is asked to hold, at most
DISK = 8_000  # bytes a voiceprint, with everything that lies on the disk at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where manifest.csv lies; $SPK_CORPUS")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="voiceprints; %(default)s")
    parser.add_argument("--engines", default=",".join(SYSTEMS), help="%(default)s")
    parser.add_argument("--queries", type=int, default=200, help="probes of each kind; %(default)s")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each process; %(default)s")
    parser.add_argument("--budget", type=float, default=120, help="seconds of searching one at a time; %(default)s")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for one engine and size; %(default)s")
    parser.add_argument("--json", type=Path, help="write everything there")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    chosen = arguments.engines.split(",")
    if unknown := set(chosen) - set(SYSTEMS):
        parser.error(f"there is no engine {min(unknown)!r}; there are: {', '.join(SYSTEMS)}")
    if min(sizes) < 1_000:
        parser.error("sizes are 1,000 or more")
    free, needed = shutil.disk_usage(tempfile.gettempdir()).free, DISK * max(sizes)
    say(f"needs {needed / 1e9:.1f} GB in {tempfile.gettempdir()}, where {free / 1e9:.1f} GB are free", err=True)
    if free < needed:
        parser.error("set TMPDIR to a folder with more room, or ask for smaller --sizes")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder goes

    voices = _voices(arguments.folder, arguments.threads)
    result: dict[str, Any] = {"machine": machine() | {"threads": arguments.threads}, "sizes": {}}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="spk-bench-") as folder:
            Path(folder).chmod(0o711)  # a server may run as somebody else
            result["sizes"][size] = _measured(Path(folder), size, chosen, voices, arguments)
    result["machine"]["load_at_the_end"] = [round(load, 2) for load in os.getloadavg()]
    print("\n" + ", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _voices(folder: Path | None, threads: int) -> Real | None:
    """Real ones, where there are recordings."""
    folder = folder or Path(os.environ.get("SPK_CORPUS", CORPUS))
    if (folder / "manifest.csv").is_file():
        return real(folder, threads)
    print(f"no recordings at {folder}: everybody is made up")
    return None


def _measured(
    folder: Path, size: int, chosen: Sequence[str], voices: Real | None, arguments: argparse.Namespace
) -> dict[str, Any]:
    """One size: make the voiceprints, let every engine search them, print the tables."""
    say(f"making {size:,} voiceprints", err=True)
    haystack = Haystack.make(folder, size, arguments.queries, voices)
    began = time.monotonic()
    fill(haystack)
    filled = time.monotonic() - began
    figures: dict[str, Any] = {
        "people": len(haystack.starts),
        "fill_sql": filled,
        "sql_mib": sum(file.stat().st_size for file in haystack.home.glob("spk.db*")) / 2**20,
    }
    say("comparing all with all", err=True)
    truth = haystack.best()
    engines = {}
    for name in chosen:
        say(f"{name}, {size:,}", err=True)
        engines[name] = _run(haystack, name, arguments) | {"load": round(os.getloadavg()[0], 1)}
        for ways in (engines[name].get("search", {}), *engines[name].get("nearest", {}).values()):
            for way in ways.values():
                way["found"] = found(haystack, truth, way.pop("best"))
    figures["engines"] = engines
    _print(size, figures)
    return figures


def fill(haystack: Haystack) -> None:
    """A store of the voiceprints, and the ids of the people in it."""
    rng, people, first = np.random.default_rng(2), [], 0
    with Store.open(haystack.home) as store:
        gallery, ends = store.gallery(GALLERY, create=True), np.append(haystack.starts[1:], len(haystack.owners))
        while first < len(haystack.starts):
            # Whole people: who comes twice would be two people.
            last = max(int(np.searchsorted(ends, haystack.starts[first] + CHUNK)), first + 1)
            some = slice(haystack.starts[first], ends[last - 1])
            owners, vectors = haystack.owners[some], haystack.vectors[some]
            people += add_people(store, gallery, MODEL, owners, vectors, rng=rng)
            first = last
    np.save(haystack.folder / "people.npy", keys(people).astype(KEY))


def found(haystack: Haystack, truth: NDArray[np.int64], best: dict[str, list[int]]) -> dict[str, dict[str, float]]:
    """How the best people of an engine compare with those of comparing all with all, by the kind of probe.

    ``exact_right``: the nearest voiceprint is the right person's. ``right``: the engine's best person is the right
    one. ``same``: it is the one with the nearest voiceprint. ``lost``: that would have been right, and is not the
    engine's best. ``recall``: of the ten nearest people. Strangers count for ``same`` and ``recall``.
    """
    queries = np.array([int(query) for query in best])
    them = [people or [-2] for people in best.values()]
    first = np.array([people[0] for people in them])
    recall = np.array([np.isin(truth[query], people).mean() for query, people in zip(queries, them, strict=True)])
    whose, nearest = haystack.whose[queries], truth[queries, 0]
    result = {}
    for kind, name in enumerate(KINDS):
        some = haystack.kinds[queries] == kind
        known = some & (whose >= 0)
        if known.any():
            result[name] = {
                "probes": int(some.sum()),
                "exact_right": float((nearest == whose)[known].mean()),
                "right": float((first == whose)[known].mean()),
                "same": float((first == nearest)[some].mean()),
                "lost": float(((nearest == whose) & (first != whose))[known].mean()),
                "recall": float(recall[some].mean()),
            }
    return result


def _run(haystack: Haystack, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What a process of its own measures."""
    if name == "qdrant-local" and len(haystack.owners) > LOCAL_MODE:
        return {"failed": f"not run with more than {LOCAL_MODE:,}"}
    settings = {"system": name, "folder": str(haystack.folder), "budget": arguments.budget}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(arguments.threads))
    try:
        done = subprocess.run(
            [sys.executable, ENGINES, json.dumps(settings)],
            env=os.environ | threads | {"TMPDIR": str(haystack.folder)},
            capture_output=True,
            check=False,
            timeout=arguments.limit,
        )
    except subprocess.TimeoutExpired as late:
        return last_said(late.stdout or b"") | {"failed": f"not done after {arguments.limit:.0f} s"}
    failed = (done.stderr.strip() or b"ended without a word").splitlines()[-1].decode(errors="replace")
    return last_said(done.stdout) | ({"failed": failed} if done.returncode else {})


def last_said(said: bytes) -> dict[str, Any]:
    """What a process said last; nothing where it said nothing whole."""
    whole = said[: said.rfind(b"\n") + 1].splitlines()
    figures: dict[str, Any] = json.loads(whole[-1]) if whole else {}
    return figures


# What is printed


def _print(size: int, figures: dict[str, Any]) -> None:
    engines = figures["engines"]
    ran = {name: engine for name, engine in engines.items() if "search" in engine}
    print(
        f"\n{size:,} voiceprints of {figures['people']:,} people; SQL filled in {figures['fill_sql']:.0f} s, "
        f"{figures['sql_mib']:,.0f} MiB"
    )
    for name, reading in engines.get("floor", {}).items():
        if name in ("float32", "float16", "means"):
            what = "everybody's means in float16" if name == "means" else f"every voiceprint in {name}"
            speed = f"{reading['gb_per_s']:.0f} GB/s"
            print(f"reading {what} and doing nothing: {reading['p50']:.2f} ms ({reading['min']:.2f}), {speed}")
    for name, engine in engines.items():
        if "failed" in engine:
            print(f"{name}: {engine['failed']}")
    ways = [(f"{way} {k}", f"{'through the store, ' if way == 'store' else ''}k={k}") for way, k in _WAYS]
    print("\nmilliseconds of one search: median (least; 99 %); and searches a second, 32 at once, k=200")
    print_table(
        ["engine", *(title for _, title in ways), "32 at once", "load"],
        [
            [name, *(_times(engine["search"].get(way)) for way, _ in ways), _rate(engine["batches"]), engine["load"]]
            for name, engine in ran.items()
        ],
    )
    print(
        "\nwho is found with k=200, %: right person is best (by comparing all), best is the nearest voiceprint's,\n"
        "right person lost, ten nearest people"
    )
    print_table(
        ["engine", "probes", "", "right", "(all)", "same", "lost", "of ten"],
        [
            [name, kind, some["probes"], *(f"{100 * some[rate]:.1f}" for rate in _RATES)]
            for name, engine in ran.items()
            for kind, some in engine["search"]["engine 200"]["found"].items()
        ],
    )
    for name, engine in ran.items():
        if "nearest" in engine:
            _print_nearest(name, engine["nearest"])
    _print_keeping(ran)


_WAYS = (("engine", 200), ("engine", 50), ("store", 200), ("store", 50))
_RATES = ("right", "exact_right", "same", "lost", "recall")


def _print_nearest(name: str, nearest: dict[str, Any]) -> None:
    print(f"\n{name}, by the number of people whose voiceprints are compared (k=50): ms; same / lost / of ten, %")
    print_table(
        ["people", "ms", *KINDS],
        [
            [
                people,
                _times(ways["engine 50"]),
                *(
                    " / ".join(f"{100 * some[rate]:.1f}" for rate in ("same", "lost", "recall"))
                    for some in ways["engine 50"]["found"].values()
                ),
            ]
            for people, ways in nearest.items()
        ],
    )


def _print_keeping(ran: dict[str, Any]) -> None:
    print(
        "\nseconds: to build (first fill, from SQL; then until its graph is built), rebuild, open; milliseconds until "
        "a new person is found,\nhere and in another process: median (most), until 600 voiceprints are deleted; MiB"
    )
    print_table(
        ["engine", "build", "rebuild", "open", "found ms", "elsewhere", "deleted", "erase", "memory", "most", "disk"],
        [
            [
                name,
                _one(engine, "build", ".2f") + (f" + {engine['indexed']:.0f}" if engine.get("indexed", 0) > 1 else ""),
                _one(engine, "rebuild", ".2f"),
                _one(engine, "open", ".2f"),
                *(_later(engine.get("enroll", {}).get(where)) for where in ("here", "there")),
                f"{1000 * engine['delete']['deleted']:.1f}" if "delete" in engine else "",
                f"{engine['erase']:.2f} + {engine['after_erase']:.2f}" if "erase" in engine else "",
                _one(engine["memory"], "now", ",.0f") + _server(engine, "now"),
                f"{engine.get('memory_most', engine['memory']['most']):,.0f}" + _server(engine, "most"),
                _one(engine, "disk", ",.0f"),
            ]
            for name, engine in ran.items()
        ],
    )


def _times(some: dict[str, float] | None) -> str:
    return "" if some is None else f"{some['p50']:.2f} ({some['min']:.2f}; {some['p99']:.2f})"


def _rate(some: dict[str, float]) -> str:
    return f"{some['median']:,.0f} ({some['most']:,.0f})"


def _later(seconds: Sequence[float] | None) -> str:
    return f"{1000 * np.median(seconds):.1f} ({1000 * max(seconds):.1f})" if seconds else ""


def _one(figures: dict[str, Any], name: str, form: str) -> str:
    return format(figures[name], form) if name in figures else ""


def _server(engine: dict[str, Any], name: str) -> str:
    return f" + {engine['server'][name]:,.0f}" if "server" in engine else ""


if __name__ == "__main__":
    main()
