"""What is lost when machines fail: processes are killed at work, and what was acknowledged is counted afterwards.

    python bench/faults.py --json faults.json
    python bench/faults.py --only cluster --seconds 60

``writer`` kills the process that enrolls, searches and erases; ``server`` kills the Qdrant that a store enrolls into;
``cluster`` kills one of three nodes under a load of reads and writes. Qdrant is the one that the tests run.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from timing import machine

from spk.cli.common import print_table
from spk.errors import EngineError
from spk.store import NewRecording, NewSample, Origin, Store
from spk.store.index import IndexRows, keys, to_uuid
from spk.timeline import Segment

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from servers import processes
from servers.killing import kill_writers
from servers.qdrant import Server, address, binary, cluster

DIM = 192
MODEL = "a model"
GALLERY = UUID(int=1)
TOGETHER = 10  # voiceprints that the cluster stores at once
NODES = {"replicas": 3, "consistency": 2, "shards": 6}


def main() -> None:
    parts: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "writer": writer,
        "server": server,
        "cluster": lost_node,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(parts), help="some of the parts writer,server,cluster")
    parser.add_argument("--kills", type=int, default=100, help="how often the writer is killed")
    parser.add_argument("--rounds", type=int, default=20, help="how often the server is killed")
    parser.add_argument("--seconds", type=float, default=30, help="how long the cluster is under load")
    parser.add_argument("--transport", choices=["http", "grpc"], default="http", help="what the server is spoken to by")
    parser.add_argument("--json", type=Path, help="write everything there")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(parts):
        parser.error(f"there is no part {min(unknown)!r}; there are: {', '.join(parts)}")
    if min(arguments.kills, arguments.rounds, arguments.seconds) < 1:
        parser.error("kills, rounds and seconds are counted from 1")

    logging.disable()  # that the server is down is no news here
    result: dict[str, Any] = {"machine": machine()}
    for name in chosen:
        result[name] = parts[name](arguments)
        print(f"\n{name}")
        print_table(["count", "of"], [[value, key.replace("_", " ")] for key, value in result[name].items()])
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def writer(arguments: argparse.Namespace) -> dict[str, Any]:
    """Kill the process that enrolls, searches and erases; each time the home is checked, and a fault raises."""
    with tempfile.TemporaryDirectory() as folder:
        said, opened = kill_writers(Path(folder) / "home", processes.start, arguments.kills)
    words = list(said.values())
    return {
        "kills": arguments.kills,
        "of_them_at_work": opened,
        "acknowledged_enrollments": len(words),
        "acknowledged_erasures": words.count("erased"),
        "lost_or_half_present": 0,
    }


def server(arguments: argparse.Namespace) -> dict[str, Any]:
    """Kill the Qdrant that a store enrolls into, and let the store catch up."""
    dice, acknowledged, stop = random.Random(1), [], threading.Event()  # noqa: S311 - dice, not secrets
    with tempfile.TemporaryDirectory() as folder, Server(binary()) as one, Store.open(Path(folder) / "home") as store:
        gallery = store.gallery("default", create=True)
        store.move_engine(one.address(arguments.transport))

        def enroll() -> None:
            while not stop.is_set():
                name = f"p{len(acknowledged)}"
                store.enroll(gallery, name, [_sample(name)])
                acknowledged.append(name)

        thread = threading.Thread(target=enroll)
        thread.start()
        down = 0
        for _ in range(arguments.rounds):
            time.sleep(dice.uniform(0.2, 1.0))
            one.kill()
            before = len(acknowledged)
            time.sleep(dice.uniform(0.1, 0.5))
            down += len(acknowledged) - before
            one.start()
        stop.set()
        thread.join()
        there = {speaker.name for speaker in store.speakers(gallery)}
        time.sleep(4)  # until the server is asked again
        (check,) = store.check().engines
        return {
            "kills": arguments.rounds,
            "acknowledged_enrollments": len(acknowledged),
            "of_them_while_the_server_was_down": down,
            "missing_in_sql": len(set(acknowledged) - there),
            "missing_in_qdrant_after_catching_up": check.missing,
            "other_than_in_sql": check.different + check.stray,
        }


@dataclass
class Load:
    """What one thread did to the cluster."""

    reads: int = 0
    failed_reads: int = 0
    reads_without_what_was_stored: int = 0
    writes: int = 0
    failed_writes: int = 0
    deletes: int = 0
    failed_deletes: int = 0
    problem: str = ""  # the first
    stored: list[IndexRows] = field(default_factory=list)
    touched: list[IndexRows] = field(default_factory=list)  # that were to be deleted
    deleted: list[IndexRows] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The numbers of it."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.type == "int"}


def lost_node(arguments: argparse.Namespace) -> dict[str, Any]:
    """Kill one of three nodes under load, start it again, and look for everything on each node."""
    from spk.store.index.qdrant import QdrantIndex
    from spk.store.index.qdrant_address import QdrantAddress
    from spk.store.index.qdrant_nodes import Nodes

    def index(nodes: list[Server]) -> QdrantIndex:
        where = QdrantAddress.parse(address(nodes, timeout=20, **NODES))
        return QdrantIndex(Nodes(where, None), MODEL, DIM)

    stop = threading.Event()
    with cluster(binary()) as nodes:
        loads = [Load() for _ in range(4)]
        index(nodes).commit(1)  # which makes the collection
        threads = [
            # Each asks another node first.
            threading.Thread(target=_work, args=(index(nodes[number % 3 :] + nodes[: number % 3]), load, stop, number))
            for number, load in enumerate(loads)
        ]
        for thread in threads:
            thread.start()
        time.sleep(arguments.seconds / 3)
        nodes[0].kill()
        killed_at = [load.counts() for load in loads]
        time.sleep(arguments.seconds / 3)
        nodes[0].start()
        time.sleep(arguments.seconds / 3)
        stop.set()
        for thread in threads:
            thread.join()
        total = {name: sum(load.counts()[name] for load in loads) for name in loads[0].counts()}
        before = sum(counts["writes"] + counts["reads"] for counts in killed_at)
        stored = _ids(rows for load in loads for rows in load.stored)
        touched = _ids(rows for load in loads for rows in load.touched)
        deleted = _ids(rows for load in loads for rows in load.deleted)
        lost = back = 0
        for node in nodes:
            there = _ids(index([node]).rows())
            lost = max(lost, len(stored - touched - there))
            back = max(back, len(deleted & there))
    return {
        **total,
        "reads_and_writes_after_the_kill": total["reads"] + total["writes"] - before,
        "voiceprints_acknowledged": len(stored),
        "of_them_lost_on_any_node": lost,
        "deleted_ones_that_came_back": back,
        **{f"problem_{number}": load.problem for number, load in enumerate(loads) if load.problem},
    }


def _work(index: Any, load: Load, stop: threading.Event, seed: int) -> None:  # noqa: ANN401 - imported late
    """Store, look for what was stored, delete some of it."""
    rng = np.random.default_rng(seed)
    kept: list[IndexRows] = []
    while not stop.is_set():
        rows = _rows(rng)
        load.writes += 1
        try:
            index.upsert(rows)
        except EngineError as error:
            load.failed_writes += 1
            load.problem = load.problem or str(error)
            continue
        load.stored.append(rows)
        kept.append(rows)
        for _ in range(3):
            one = kept[rng.integers(len(kept))]
            load.reads += 1
            try:
                (found,) = index.search(one.vectors[:1], 1, GALLERY)
            except EngineError as error:
                load.failed_reads += 1
                load.problem = load.problem or str(error)
            else:
                load.reads_without_what_was_stored += not found or found[0].cosine < 0.999
        if load.writes % 5 == 0:
            gone = kept.pop(int(rng.integers(len(kept))))
            load.deletes += 1
            load.touched.append(gone)
            try:
                index.delete([to_uuid(key) for key in gone.ids.tolist()])
            except EngineError as error:
                load.failed_deletes += 1
                load.problem = load.problem or str(error)
            else:
                load.deleted.append(gone)


def _ids(parts: Iterable[IndexRows]) -> set[bytes]:
    return {key for rows in parts for key in rows.ids.tolist()}


def _rows(rng: np.random.Generator) -> IndexRows:
    ids, speakers = (keys(uuid4() for _ in range(TOGETHER)) for _ in range(2))
    return IndexRows(ids, speakers, keys([GALLERY] * TOGETHER), _noise(rng, TOGETHER))


def _noise(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    vectors = rng.normal(size=(count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _sample(name: str) -> NewSample:
    sha256 = uuid4().hex * 2
    vector = _noise(np.random.default_rng(int(sha256[:8], 16)), 1)[0]
    recording = NewRecording(sha256, f"{name}.wav", 60.0)
    return NewSample(recording, Segment(0.0, 10.0), sha256, 10.0, {}, Origin.ENROLLED, {MODEL: vector})


if __name__ == "__main__":
    main()
