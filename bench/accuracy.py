"""How often spk is right: speakers against SpeechBrain's own pipeline, diarization against references and peers.

    python bench/accuracy.py FOLDER --json accuracy.json
    python bench/accuracy.py FOLDER --only diarization --peer senko --peer-python PEERS/bin/python

FOLDER holds ``manifest.csv`` with the columns ``file``, ``speaker`` and ``role``. What is measured, and how, is
written in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from diarization import DIARIZATION_ROLES, Score, compare
from manifests import Row, read_folder
from speakers import SEARCH_RATES, SPEAKER_ROLES, Heard, hear, length, measure, shares, speechbrain_scores, trials
from timing import machine

from spk.cli.common import print_table
from spk.config import Settings
from spk.embed import MODELS
from spk.identify import Calibration
from spk.workbench import Workbench

RATES = {
    "eer": "EER %",
    "min_dcf": "minDCF(.01)",
    "rank1": "rank-1 %",
    "fnir_1": "FNIR @ 1 %",
    "fnir_5": "FNIR @ 5 %",
    "cllr": "Cllr",
    "min_cllr": "min Cllr",
    "eer_of_speechbrain": "EER / SpeechBrain's",
}
PERCENT = {"eer", "rank1", "fnir_1", "fnir_5"}
VERDICTS = ("known", "wrong", "unsure", "unknown", "refused")
PARTS = ("der", "der_collar", "missed", "false_alarm", "confusion", "jer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where manifest.csv lies")
    parser.add_argument("--model", choices=list(MODELS), default="ecapa")
    parser.add_argument("--precision", choices=["full", "fast"], default="full")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--calibration", type=Path, help="use this one instead of the one that ships")
    parser.add_argument("--only", choices=["speakers", "diarization"], help="one of the two parts")
    parser.add_argument("--peer", choices=["senko", "sherpa"], action="append", default=[], help="diarize with it, too")
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that the peers are installed for")
    parser.add_argument("--json", type=Path, help="write everything there")
    arguments = parser.parse_args()

    rows = read_folder(arguments.folder)
    result: dict[str, Any] = {"folder": arguments.folder.name, "machine": machine()}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pyannote")
        scratch = Path(folder)
        if arguments.only != "diarization" and any(row.role in SPEAKER_ROLES for row in rows):
            result["speakers"] = speakers(arguments, rows, scratch)
        talks = [row for row in rows if row.role in DIARIZATION_ROLES]
        if arguments.only != "speakers" and talks:
            peers = dict.fromkeys(arguments.peer, arguments.peer_python)
            scores = compare(talks, peers, arguments.threads, scratch, say)
            result["diarization"] = diarization(scores)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def speakers(arguments: argparse.Namespace, rows: list[Row], scratch: Path) -> dict[str, Any]:
    """Measure and print the speaker part."""
    settings = Settings(
        scratch / "home", model=arguments.model, precision=arguments.precision, threads=arguments.threads
    )
    with Workbench(settings) as bench:
        if arguments.calibration:
            bench.calibration = Calibration.load(arguments.calibration, bench.embedder.model)
        heard = hear(bench, rows, say)
        every, judged = trials(bench, heard, speechbrain_scores(heard, arguments.threads, scratch, say))
        say("drawing speakers")
        calibration = bench.calibration
    common = every.only(judged)
    lengths = np.array([length(probe.net_seconds) for probe in heard.probes])
    bins = {name: every.only(judged & (lengths == name)) for name in sorted(set(lengths))}
    result: dict[str, Any] = {
        "model": arguments.model,
        "precision": arguments.precision,
        "enrolled": len(heard.people),
        "probes": Counter(probe.row.role for probe in heard.probes),
        "judged": measure(common),
        "all": measure(every, ["eer", *SEARCH_RATES]),
        "by_net_speech": {name: measure(some, ["eer"]) for name, some in bins.items()},
        "verdicts": shares(heard),
        "refused": {
            "enrollment": heard.refused,
            "not_enrolled": heard.missing,
            "probes": {probe.row.name: probe.reason for probe in heard.probes if probe.reason},
        },
        "wrong": wrong(heard),
        "noises": Counter(probe.verdict for probe in heard.noises),
        "calibration": {
            "shipped": arguments.calibration is None,
            "data": calibration.data,
            "held_out": asdict(calibration.held_out) if calibration.held_out else None,
        },
    }
    print_speakers(result)
    return result


def wrong(heard: Heard) -> list[dict[str, str | None]]:
    """Every probe that got somebody else's name."""
    return [
        {"file": probe.row.name, "speaker": probe.row.speaker, "named": probe.name}
        for probe in [*heard.probes, *heard.noises]
        if probe.verdict == "known" and probe.name != probe.row.speaker
    ]


def print_speakers(result: dict[str, Any]) -> None:
    """The speaker part for people to read."""
    probes = result["probes"]
    print(
        f"\n{result['model']}, {result['precision']}: {result['enrolled']} people enrolled, "
        f"{probes.get('test', 0)} probes of theirs, {probes.get('unknown-test', 0)} of strangers"
    )
    for title, part in (("clips that spk judges", "judged"), ("all clips; what spk refuses scores 0", "all")):
        print(f"\n{title} (95 % intervals from drawing the speakers again)")
        systems = result[part].values()
        print_table(
            ["", *result[part]],
            [
                [label, *(_rate(rates.get(name), name) for rates in systems)]
                for name, label in RATES.items()
                if any(name in rates for rates in systems)
            ],
        )
    print("\nby net speech: EER %")
    print_table(
        ["", *result["judged"]],
        [
            [name, *(_rate(rates["eer"], "eer") for rates in part.values())]
            for name, part in result["by_net_speech"].items()
        ],
    )
    print("\nverdicts by net speech; wrong: known as somebody else")
    print_table(
        ["whose", "net speech", "clips", *VERDICTS],
        [
            [whose, name, sum(counts.values()), *(counts.get(verdict, 0) for verdict in VERDICTS)]
            for whose, lengths in result["verdicts"].items()
            for name, counts in sorted(lengths.items())
        ],
    )
    print(f"noise and music: {dict(result['noises'])}")
    for error in result["wrong"]:
        print(f"wrong: {error['file']} of {error['speaker']} is named {error['named']}")
    for line in result["refused"]["enrollment"]:
        print(f"enrollment refused: {line}")
    for line in result["refused"]["not_enrolled"]:
        print(f"left out, its speaker is not enrolled: {line}")
    for name, reason in result["refused"]["probes"].items():
        print(f"probe refused: {name}: {reason}")
    calibration = result["calibration"]
    print(f"\ncalibration{' (ships with spk)' if calibration['shipped'] else ''}, fitted on {calibration['data']}")
    if calibration["shipped"]:
        print("If that is this very data, its Cllr and verdicts are optimistic here; on speakers it was not fitted on:")
    for name, rate in (calibration["held_out"] or {}).items():
        print(f"  {name} {rate['value']:.4f} ({rate['low']:.4f}-{rate['high']:.4f})")


def diarization(scores: dict[str, Score]) -> dict[str, Any]:
    """Print the diarization part."""
    result = {name: {"pooled": score.pooled(), "files": score.files} for name, score in scores.items()}
    first = next(iter(scores.values()))
    print("\nDER % by file (found speakers)")
    print_table(
        ["file", "speakers", *scores],
        [
            [
                Path(name).stem,
                file["speakers"],
                *(f"{100 * some.files[name]['der']:5.1f} ({some.files[name]['found']})" for some in scores.values()),
            ]
            for name, file in first.files.items()
        ],
    )
    print("\npooled, %; overlap is scored, on whole files; collar: 0.25 s in all, half on each side of an edge")
    print_table(
        ["", "DER", "DER, collar", "missed", "false alarm", "confusion", "JER", "counts right", "real-time factor"],
        [
            [
                name,
                *(f"{100 * part['pooled'][rate]:.2f}" for rate in PARTS),
                f"{part['pooled']['counts_right']}/{part['pooled']['files']}",
                f"{part['pooled']['real_time_factor']:.4f}",
            ]
            for name, part in result.items()
        ],
    )
    return result


def say(line: str) -> None:
    """Show how far it is, where a terminal watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _rate(rate: dict[str, float] | None, name: str) -> str:
    if rate is None:
        return "-"
    scale, digits = (100, 2) if name in PERCENT else (1, 3)
    value, low, high = (f"{scale * rate[part]:.{digits}f}" for part in ("value", "low", "high"))
    return f"{value} ({low}-{high})"


if __name__ == "__main__":
    main()
