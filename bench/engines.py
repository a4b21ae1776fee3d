"""One engine of the store's bench in a process of its own, so that memory and threads are its own: prints JSON.

python bench/engines.py '{"system": "faiss", "folder": …, "budget": 60}'
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID

import numpy as np
from asking import ASKED, FEWER, Bench, disk, memory, seconds
from baselines import flat, floor, local, matmul
from haystack import GALLERY, MODEL, Haystack
from numpy.typing import NDArray

from spk.store import NewRecording, NewSample, Origin, Store, outbox
from spk.store.index import VectorIndex, to_uuid
from spk.store.index.exact import ExactIndex
from spk.timeline import Segment

__all__ = ["SYSTEMS"]

NEW = 5  # people who are enrolled while it is watched when they are found
DELETED = 600
NEAREST = (100, 200, 400, 800)
WAIT = 60.0  # seconds until somebody must have been found


def exact(bench: Bench) -> dict[str, Any]:
    """spk's exact engine, which answers where there are few voiceprints."""
    with Store.open(bench.haystack.home) as store:
        gallery, [model] = store.gallery(GALLERY), store._retrieval.models()
        index = ExactIndex(model.dim)
        with store._database.read() as tx:
            built = seconds(lambda: outbox.fill(tx, index, model.number))
        asks = {"engine": lambda queries, k: index.search(queries, k, gallery.id)}
        figures = {"build": built, **bench.searched(asks, _numbers(bench.haystack)), "memory": bench.memory()}
        return {**figures, "delete": _deleted(bench, index, gallery.id)}


def faiss(bench: Bench) -> dict[str, Any]:
    """What a store uses that is told nothing else."""
    figures = _built(bench)
    return figures | _stored(bench, figures)


def _built(bench: Bench) -> dict[str, Any]:
    """The first fill, and the second; nothing of it stays in memory."""
    with Store.open(bench.haystack.home) as store:
        gallery = store.gallery(GALLERY)
        return {
            "build": seconds(lambda: store.search(gallery, MODEL, bench.haystack.queries[:1], ASKED)),
            "rebuild": seconds(store.rebuild_engines),
            "memory_built": bench.memory(),
            "disk": disk(bench.haystack.home / "index"),
        }


def qdrant(bench: Bench, transport: str) -> dict[str, Any]:
    """A Qdrant server on this machine."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from servers.qdrant import Server, UnavailableError, binary

    try:
        program = binary()
    except UnavailableError as error:
        return {"failed": str(error)}
    figures: dict[str, Any] = {}
    with Server(program) as server, Store.open(bench.haystack.home) as store:
        address = server.address(transport, timeout=60)
        figures["build"] = seconds(lambda: store.move_engine(address))
        _say(figures)
        figures["indexed"] = seconds(lambda: _settled(server))
        figures |= {"server": _server_memory(server), "disk": disk(server.storage)}
        figures |= _stored(bench, figures)
        figures["server"] = _server_memory(server)
        store.move_engine("faiss")
    return figures


def watch(bench: Bench) -> dict[str, Any]:
    """Another process on the same home: says when it found somebody, whose vector a line on its input names."""
    with Store.open(bench.haystack.home) as store:
        gallery = store.gallery(GALLERY)
        store.search(gallery, MODEL, bench.haystack.queries[:1], FEWER)
        print("ready", flush=True)
        for line in sys.stdin:
            _found(store, gallery, np.load(line.strip()))
            print(time.monotonic(), flush=True)
    return {}


def _stored(bench: Bench, before: dict[str, Any]) -> dict[str, Any]:
    """What the home's engine does, through the store as well; said with what is known before, part by part."""
    from spk.store.index import faiss as module

    with Store.open(bench.haystack.home) as store:
        began = time.monotonic()
        gallery, [model] = store.gallery(GALLERY), store._retrieval.models()
        store.search(gallery, MODEL, bench.haystack.queries[:1], ASKED)
        figures: dict[str, Any] = {"open": time.monotonic() - began, "memory": bench.memory()}
        shared = store._retrieval.shared()
        engine = shared.engine(model) if shared else store._retrieval.own.engine(model)
        asks = {
            "engine": lambda queries, k: engine.search(queries, k, gallery.id),
            "store": lambda queries, k: store.search(gallery, MODEL, queries, k),
        }
        number = _numbers(bench.haystack)
        figures |= bench.searched(asks, number)
        _say(before | figures)
        if isinstance(engine, module.FaissIndex) and len(engine) >= module.CENTROIDS_FROM:
            usual, figures["nearest"] = module.NEAREST, {}
            for module.NEAREST in NEAREST:
                figures["nearest"][module.NEAREST] = bench.searches({"engine": asks["engine"]}, number, [FEWER])
            module.NEAREST = usual
        figures["delete"] = _deleted(bench, engine, gallery.id)
        figures["enroll"] = _enrolled(bench, store, gallery)
        _say(before | figures)
        newest = store.speaker(gallery, "new 0")
        figures["erase"] = seconds(lambda: store.delete(newest))
        figures["after_erase"] = seconds(lambda: store.search(gallery, MODEL, bench.haystack.queries[:1], ASKED))
        figures["memory_most"] = bench.memory()["most"]
    return figures


def _deleted(bench: Bench, engine: VectorIndex, gallery: UUID) -> dict[str, float]:
    """Seconds to delete some voiceprints and be asked again, and to put them back."""
    rows, query = next(engine.rows())[:DELETED], bench.haystack.queries[:1]
    ids = [to_uuid(id_) for id_ in rows.ids.tolist()]
    engine.delete([UUID(int=1)])  # the first change of a process makes what later ones use
    engine.search(query, FEWER, gallery)
    began = time.monotonic()
    engine.delete(ids)
    engine.search(query, FEWER, gallery)
    deleted = time.monotonic() - began
    began = time.monotonic()
    engine.upsert(rows)
    engine.search(query, FEWER, gallery)
    return {"rows": len(rows), "deleted": deleted, "back": time.monotonic() - began}


def _enrolled(bench: Bench, store: Store, gallery: Any) -> dict[str, list[float]]:  # noqa: ANN401 - a Gallery
    """Seconds that enrolling takes, and from then until the person is found, here and in another process."""
    rng, took, here, there = np.random.default_rng(time.time_ns()), [], [], []

    def enroll(name: str, vector: NDArray[np.float32]) -> float:
        sha256 = rng.bytes(32).hex()
        recording = NewRecording(sha256, "new", 10.0)
        new = NewSample(recording, Segment(0, 10), sha256, 10.0, {}, Origin.ENROLLED, {MODEL: vector})
        took.append(seconds(lambda: store.enroll(gallery, name, [new])))
        return time.monotonic()

    def somebody() -> NDArray[np.float32]:
        vector = rng.standard_normal(bench.haystack.queries.shape[1]).astype(np.float32)
        return vector / np.linalg.norm(vector)

    for number in range(NEW):
        vector = somebody()
        at = enroll(f"new {number}", vector)
        _found(store, gallery, vector)
        here.append(time.monotonic() - at)
    with _watcher(bench) as found_at:
        for number in range(NEW):
            vector = somebody()
            wait = found_at(vector)
            at = enroll(f"newer {number}", vector)
            there.append(max(0.0, wait() - at))
    return {"took": took, "here": here, "there": there}


@contextmanager
def _watcher(bench: Bench) -> Iterator[Callable[[NDArray[np.float32]], Callable[[], float]]]:
    """`watch`: told of a vector it begins to look for it, and can then be asked when it found it."""
    settings = json.dumps({"system": "watch", "folder": str(bench.haystack.folder)})
    command = [sys.executable, __file__, settings]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        orders, answers = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        answers.readline()  # it is ready

        def told(vector: NDArray[np.float32]) -> Callable[[], float]:
            path = bench.haystack.folder / "vector.npy"
            np.save(path, vector)
            orders.write(f"{path}\n")
            orders.flush()
            return lambda: float(answers.readline())

        yield told
        orders.close()
        answers.read()


def _found(store: Store, gallery: Any, vector: NDArray[np.float32]) -> None:  # noqa: ANN401 - a Gallery
    """Search until somebody has this very vector."""
    until = time.monotonic() + WAIT
    while store.search(gallery, MODEL, vector[None], 1)[0][0].cosine < 0.99:
        if time.monotonic() > until:
            raise TimeoutError(f"nobody was found for {WAIT:.0f} s")


def _settled(server: Any) -> None:  # noqa: ANN401 - of the tests
    """Wait until the server has built what it builds while it answers already."""
    while True:
        names = [one["name"] for one in server.request("GET", "/collections")["result"]["collections"]]
        states = [server.request("GET", f"/collections/{name}")["result"]["status"] for name in names]
        if set(states) == {"green"}:
            return
        time.sleep(0.2)


def _numbers(haystack: Haystack) -> Callable[[Any], int]:
    """What gives the number of a candidate; -1 for somebody new."""
    number = {to_uuid(key): at for at, key in enumerate(haystack.people.tolist())}
    return lambda candidate: number.get(candidate.speaker, -1)


def _say(figures: dict[str, Any]) -> None:
    """All that is known so far: the last line counts, should the process be ended."""
    print(json.dumps(figures), flush=True)


def _server_memory(server: Any) -> dict[str, float]:  # noqa: ANN401 - of the tests
    return dict(zip(("now", "most"), memory(server.pid), strict=True))


SYSTEMS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "floor": floor,
    "numpy": matmul,
    "faiss-flat": flat,
    "qdrant-local": local,
    "exact": exact,
    "faiss": faiss,
    "qdrant-http": lambda bench: qdrant(bench, "http"),
    "qdrant-grpc": lambda bench: qdrant(bench, "grpc"),
}
"""spk's own engines last."""


def main() -> None:
    settings = json.loads(sys.argv[1])
    bench = Bench(Haystack(Path(settings["folder"])), settings.get("budget", 1.0))
    systems = SYSTEMS | {"watch": watch}
    _say(systems[settings["system"]](bench))


if __name__ == "__main__":
    main()
