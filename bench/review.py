"""Review: whether strangers who are heard again become one unknown, and how many answers give all speech its name.

    python bench/review.py FOLDER --json review.json

FOLDER holds ``manifest.csv`` with the columns ``file``, ``speaker`` and ``role``. Out of the roles ``enroll``,
``test``, ``unknown-test`` and ``cohort`` conversations are made, half of them over telephones, in noise (``noise``)
and in rooms (``rir``); recordings of the roles ``diarization`` and ``diarization-mix``, with an ``.rttm`` beside them,
are taken as they are. All are identified one after another, in several orders, with galleries of several sizes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from degrade import Degrader
from diarization import DIARIZATION_ROLES
from manifests import Row, read_folder
from reviewer import ORDERS, WANTED, review
from strangers import Ears, Linked, Ours, link
from talks import Talk, Utterance, labelled, talks, utterances
from timing import machine

from spk.audio import load
from spk.cli.common import print_table, say
from spk.diarize import load_diarizer
from spk.embed import load_embedder

ENROLLED = (0, 5, 20)
SPEECH_ROLES = ("test", "unknown-test", "cohort")
TARGET = 0.9  # pairwise F of strangers with 10 s and more

Set = tuple[str, Sequence[Talk], dict[str, Sequence[Utterance]]]


# Part 1: strangers


def strangers(rows: Sequence[Row], ears: Ears, *, seeds: int, orders: int, scratch: Path) -> list[dict[str, Any]]:
    """Pairwise precision and recall of unknowns against the truth, and how pure they are."""
    record, table = [], []
    for name, some, enrolled in _sets(rows, ears, seeds):
        for order in range(orders):
            say(f"{name}, order {order + 1} of {orders}", err=True)
            shuffled = [some[at] for at in np.random.default_rng(order).permutation(len(some))]
            with tempfile.TemporaryDirectory(dir=scratch) as home, Ours(Path(home), ears) as bench:
                linked = link(shuffled, enrolled, bench)
            record.append({"set": name, "order": order, **asdict(linked), "f": linked.f})
            table.append([name, str(order + 1), *_cells(linked)])
    print(f"\nstrangers with at least 10 s in a recording; target: pairwise F of at least {TARGET}")
    columns = ["precision", "recall", "F", "purity", "unknowns", "strangers", "of them enrolled", "wrong names"]
    print_table(["recordings", "order", *columns], table)
    return record


def _sets(rows: Sequence[Row], ears: Ears, seeds: int) -> list[Set]:
    """Recordings with the people who are enrolled before."""
    sets: list[Set] = []
    as_they_are = [row for row in rows if row.role in DIARIZATION_ROLES]
    if as_they_are:
        sets.append((f"{len(as_they_are)} as they are", labelled(as_they_are), {}))
    spoken = utterances([row for row in rows if row.role in SPEECH_ROLES], ears.vad)
    before = utterances([row for row in rows if row.role == "enroll"], ears.vad)
    degrade = Degrader(*([load(row.path).samples for row in rows if row.role == role] for role in ("noise", "rir")))
    for seed in range(seeds if spoken else 0):
        for people in ENROLLED:
            rng = np.random.default_rng(seed)
            able = sorted(set(spoken) & set(before))
            enrolled: dict[str, Sequence[Utterance]] = {
                able[at]: before[able[at]] for at in rng.permutation(len(able))[:people]
            }
            said = {
                name: [*spoken.get(name, ()), *(() if name in enrolled else before.get(name, ()))]
                for name in {*spoken, *before}
            }
            made = list(talks(said, degrade, seed))
            sets.append((f"{len(made)} made, {len(enrolled)} enrolled", made, enrolled))
    return sets


def _cells(linked: Linked) -> list[str]:
    shares = (linked.precision, linked.recall, linked.f, linked.purity)
    counts = (linked.unknowns, linked.strangers, linked.ghosts)
    return [*(f"{share:.3f}" for share in shares), *map(str, counts), f"{linked.wrong_names} of {linked.names}"]


# Part 2: a reviewer who knows the reference


def reviewer(rows: Sequence[Row], ears: Ears, *, scratch: Path) -> list[dict[str, Any]]:
    """How many answers it takes, in the order of the queue, in random order, and without linked strangers."""
    record, table = [], []
    often = [row for row in rows if row.role != "cohort"]  # of whom everybody speaks but once
    for name, some, enrolled in _sets(often, ears, 1):
        for order in ORDERS:
            say(f"{name}, {order}", err=True)
            with tempfile.TemporaryDirectory(dir=scratch) as home:
                done = review(some, enrolled, Path(home), ears, order)
            record.append({"set": name, **asdict(done)})
            answers = str(done.answers) if done.enough else f"{done.answers}, not reached"
            table.append(
                [
                    name,
                    order,
                    answers,
                    str(done.fewest),
                    *(f"{share:.3f}" for share in (done.before, done.named, done.wrong)),
                ]
            )
    print(f"\nanswers until {WANTED:.0%} of the speech is rightly named")
    print_table(["recordings", "order", "answers", "fewest", "named before", "named", "wrong"], table)
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where manifest.csv lies")
    parser.add_argument("--only", choices=["strangers", "reviewer"], action="append", help="a part; all")
    parser.add_argument("--seeds", type=int, default=2, help="how often conversations are made; %(default)s")
    parser.add_argument("--orders", type=int, default=2, help="in how many orders they are heard; %(default)s")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path, help="write everything that was measured here")
    arguments = parser.parse_args()
    parts = arguments.only or ["strangers", "reviewer"]
    record: dict[str, Any] = {"machine": machine()}

    rows = read_folder(arguments.folder)
    diarizer = load_diarizer(threads=arguments.threads)
    ears = Ears(diarizer, diarizer.vad, load_embedder(threads=arguments.threads))
    with tempfile.TemporaryDirectory() as scratch:
        if "strangers" in parts:
            record["strangers"] = strangers(
                rows, ears, seeds=arguments.seeds, orders=arguments.orders, scratch=Path(scratch)
            )
        if "reviewer" in parts:
            record["reviewer"] = reviewer(rows, ears, scratch=Path(scratch))
    if arguments.json:
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
