"""Back-labelling and the queue: how long naming a stranger takes, and finding out whom to ask about.

    python bench/relabel.py --json relabel.json

Everything is made up: people, their voiceprints, and recordings of four voices, half of them of enrolled people. What
is measured is how long it takes to judge all recordings again after a stranger gets a name, to undo that, and to
order thousands of strangers by what one answer would label.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import machine

from spk.cli.common import print_table, say
from spk.embed import model_id
from spk.identify import OperatingPoint, default_calibration
from spk.review import Corrections, Judge
from spk.review.queue import Queue
from spk.store import Gallery, Store
from spk.store.heard import HeardPiece, HeardTurn, Label, NewHearing, NewVoice
from spk.store.records import NewRecording, NewSample, Origin, SpeakerState
from spk.timeline import Segment

MODEL = model_id("ecapa")
DIM = 192
SPREAD = 0.8  # of one person's voices around their own direction: cosines of about 0.6, as real ones have
VOICES, PIECE = 4, 10.0  # voices a recording, seconds of a piece
Vectors = NDArray[np.float32]


class Crowd:
    """People who do not exist, and what they sound like.

    Args:
        people: How many.
        seed: Of whom.
    """

    def __init__(self, people: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._middle = default_calibration(MODEL).recipe.background_
        self._people = self._rng.normal(size=(people, DIM)) / np.sqrt(DIM)

    def __len__(self) -> int:
        return len(self._people)

    def voice(self, person: int, count: int = 1) -> Vectors:
        """Embeddings (count, dim) of somebody, each of another recording."""
        noise = self._rng.normal(size=(count, DIM)) / np.sqrt(DIM)
        rows = self._middle + self._people[person] + SPREAD * noise
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def some(self, people: range, count: int) -> list[int]:
        """So many different people of a range."""
        return [int(person) for person in self._rng.choice(people, count, replace=False)]

    def seconds(self) -> float:
        """How long somebody may speak in a recording."""
        return float(self._rng.uniform(8, 60))


def enrol(store: Store, gallery: Gallery, crowd: Crowd, people: range) -> None:
    """Two samples of each."""
    for person in people:
        samples = []
        for number, vector in enumerate(crowd.voice(person, 2)):
            name = f"enrolled {person} {number}"
            recording = NewRecording(_digest(name), f"{name}.wav", 30.0)
            span = Segment(0.0, 20.0)
            samples.append(
                NewSample(recording, span, _digest(name), 20.0, {}, Origin.ENROLLED, {MODEL.fingerprint: vector})
            )
        store.enroll(gallery, f"person {person}", samples)


def recording(number: int, crowd: Crowd, people: list[int]) -> NewHearing:
    """One in which some people speak one after the other."""
    voices, turns, at = [], [], 0.0
    for place, person in enumerate(people):
        seconds, label = crowd.seconds(), f"SPEAKER_{place:02d}"
        edges = np.linspace(at, at + seconds, max(int(seconds / PIECE), 1) + 1)
        parts = [Segment(float(start), float(end)) for start, end in pairwise(edges)]
        vectors = crowd.voice(person, len(parts))
        mean = vectors.mean(axis=0)
        voices.append(
            NewVoice(
                label=label,
                vector=mean / np.linalg.norm(mean),
                pieces=tuple(HeardPiece((part,), vector) for part, vector in zip(parts, vectors, strict=True)),
                net_seconds=seconds,
                heard=seconds,
                parts=(Segment(at, at + seconds),),
                sha256=_digest(f"{number} {label}"),
                quality={},
            )
        )
        turns.append(HeardTurn(f"t{place}", label, Segment(at, at + seconds)))
        at += seconds
    return NewHearing(
        recording=NewRecording(_digest(f"recording {number}"), f"recording {number}.wav", at),
        model=MODEL.fingerprint,
        dim=DIM,
        least=None,
        point=asdict(OperatingPoint()),
        attendees=None,
        strangers=True,
        corrected=False,
        voices=tuple(voices),
        turns=tuple(turns),
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class Clock:
    """Takes times, and prints them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.busy: dict[str, float] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        began, busy = time.perf_counter(), time.process_time()
        yield
        self.seconds[what] = time.perf_counter() - began
        self.busy[what] = time.process_time() - busy
        say(f"{what}: {self.seconds[what]:.1f} s", err=True)


def back_label(folder: Path, clock: Clock, *, recordings: int, enrolled: int, strangers: int) -> dict[str, Any]:
    """Name the stranger who is heard most, and undo that."""
    crowd = Crowd(enrolled + strangers)
    how = Judge(MODEL, default_calibration(MODEL))
    with Store.open(folder) as store:
        gallery = store.gallery("default", create=True)
        enrol(store, gallery, crowd, range(enrolled))
        with clock("hear"), store.change(gallery, "identify") as change:
            for number in range(recordings):
                known, foreign = range(enrolled), range(enrolled, enrolled + strangers)
                people = [*crowd.some(known, VOICES // 2), *crowd.some(foreign, VOICES // 2)]
                change.hear(recording(number, crowd, people))
        corrections = Corrections(store, gallery, lambda _: how)
        with clock("judge all for the first time"):
            corrections.again()
        with clock("judge all again"):
            again = corrections.again()
        unknowns = store.speakers(gallery, SpeakerState.UNKNOWN)
        with clock("queue"):
            queue = Queue.of(store, gallery, lambda _: how)
        with clock("name"):
            outcome = corrections.name(queue.unknowns[0].speaker, "somebody")
        with clock("name somebody enrolled"):
            merged = corrections.name(queue.unknowns[1].speaker, "person 0")
        with clock("undo"):
            store.undo(gallery)
    return {
        "recordings": recordings,
        "voices": VOICES * recordings,
        "unknowns": len(unknowns),
        "labels changed": [len(one.labels) for one in (again, outcome, merged)],
    }


def line_up(folder: Path, clock: Clock, *, unknowns: int, enrolled: int) -> dict[str, Any]:
    """The queue of very many strangers."""
    crowd = Crowd(enrolled + unknowns, seed=1)
    how = Judge(MODEL, default_calibration(MODEL))
    with Store.open(folder) as store:
        gallery = store.gallery("default", create=True)
        enrol(store, gallery, crowd, range(enrolled))
        with clock("hear strangers"), store.change(gallery, "identify") as change:
            for number in range(unknowns):
                hearing = change.hear(recording(number, crowd, [enrolled + number]))
                [voice] = hearing.voices
                person = change.make_speaker(None, id_=change.stranger_ids(voice.sha256)[0])
                change.give({change.sample_of(hearing, voice): person.id})
                change.label({voice.id: (voice.said, Label(speaker=person.id, verdict="unknown"))})
        with clock("queue of strangers"):
            queue = Queue.of(store, gallery, lambda _: how)
    return {"unknowns": unknowns, "suggestions": sum(len(one.alike) for one in queue.unknowns)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=1_000, help="to judge again; %(default)s")
    parser.add_argument("--enrolled", type=int, default=50, help="people; %(default)s")
    parser.add_argument("--strangers", type=int, default=50, help="people in the recordings; %(default)s")
    parser.add_argument("--unknowns", type=int, default=10_000, help="in a queue by themselves; %(default)s")
    parser.add_argument("--json", type=Path, help="write everything that was measured here")
    arguments = parser.parse_args()
    clock = Clock()
    record: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="spk-bench-") as folder:
        record["relabel"] = back_label(
            Path(folder, "relabel"),
            clock,
            recordings=arguments.recordings,
            enrolled=arguments.enrolled,
            strangers=arguments.strangers,
        )
        if arguments.unknowns:
            record["queue"] = line_up(
                Path(folder, "queue"), clock, unknowns=arguments.unknowns, enrolled=arguments.enrolled
            )
    record |= {"seconds": clock.seconds, "processor_seconds": clock.busy}
    record["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [(what, f"{seconds:.2f}", f"{clock.busy[what]:.2f}") for what, seconds in clock.seconds.items()]
    print_table(["what", "seconds", "of the processors"], rows)
    print(f"at most {record['peak_mib']:.0f} MiB; {record['relabel']}")
    if arguments.json:
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
