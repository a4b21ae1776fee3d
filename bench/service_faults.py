"""What a service survives: long use, kills in the middle of work, and whatever its OpenAPI document allows."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import numpy as np
from service_load import ask
from service_server import Held, Served

from spk.cli.common import print_table
from spk.store import Store

if TYPE_CHECKING:
    from service import Bench

__all__ = ["kills", "schemathesis", "soak"]

GALLERY = "/v1/galleries/default"
EVERY = 5.0  # seconds of asking between two looks at the memory
CLIENTS = 8
LENGTHS = (1.0, 5.0)  # seconds of the clips of a soak: memory must not grow with each length that comes
WARM = 0.25  # of the soak, before memory is judged
PATIENCE = 600.0  # seconds after which a job that has not ended, or a request without an answer, is taken for lost
LULL = 30.0  # seconds without a kill, at most
STALLED = {409, 503}  # a request is worked on still, perhaps by a server that was killed; there is too much to do
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def soak(bench: Bench, minutes: float) -> dict[str, Any]:
    """Ask for a long time, about clips of all lengths, with a job now and then, and see whether the processes grow."""
    dice = random.Random(1)  # noqa: S311 - dice, not secrets
    lengths = (dice.uniform(*LENGTHS) for _ in count())
    each = (bench.requests("verify", lengths), bench.requests("identify", lengths))
    requests = chain.from_iterable(zip(*each, strict=True))
    looks: list[tuple[float, Held]] = []
    answered = 0
    with bench.served() as served, served.client() as client:
        bench.enroll(served)
        began = time.monotonic()
        while (now := time.monotonic() - began) < minutes * 60:
            looks.append((now, served.held()))
            name = f"job{len(looks)}.wav"
            audio = {"audio": (name, bench.clip(next(lengths)))}
            client.post(f"{GALLERY}/identify", files=audio, headers={"Prefer": "respond-async"}).raise_for_status()
            answered += len(ask(served, requests, CLIENTS, EVERY).seconds)
        looks.append((now, served.held()))
    minutes_at = np.array([seconds / 60 for seconds, _ in looks])
    result: dict[str, Any] = {"minutes": round(float(minutes_at[-1]), 1), "requests": answered}
    for name in ("server_mib", "worker_mib", "files", "uploads"):
        result[name] = _trend(minutes_at, np.array([getattr(held, name) for _, held in looks], dtype=float))
    result["mib"] = [[round(seconds / 60, 2), held.server_mib, held.worker_mib] for seconds, held in looks]
    print(f"\nsoak of {result['minutes']} minutes, {answered} requests; the slope after the first quarter")
    names = {"server_mib": "server, MiB", "worker_mib": "workers, MiB", "files": "open files", "uploads": "uploads"}
    print_table(
        ["of", "at first", "after a quarter", "at last", "a minute"],
        [
            [text, *(f"{result[name][key]:.1f}" for key in ("first", "warm", "last")), f"{result[name]['slope']:+.3f}"]
            for name, text in names.items()
        ],
    )
    return result


def _trend(minutes: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """The first value, that after the warm-up, the last one, and the slope from there on, a minute."""
    warm = minutes >= WARM * minutes[-1]
    slope = float(np.polyfit(minutes[warm], values[warm], 1)[0]) if warm.sum() > 2 else 0.0
    return {
        "first": float(values[0]),
        "warm": float(np.median(values[warm][:3])),
        "last": float(np.median(values[-3:])),
        "slope": round(slope, 4),
    }


@dataclass
class _Acknowledged:
    """What the service has said that it has.

    Attributes:
        people: The names that were enrolled.
        jobs: The ids of jobs, by the recording of each.
        again: Requests that were sent again, since the service was gone.
    """

    people: set[str] = field(default_factory=set)
    jobs: dict[str, str] = field(default_factory=dict)
    again: int = 0


def kills(bench: Bench, number: int) -> dict[str, Any]:
    """Kill server and worker in turn under a load of enrollments and jobs, then count what was acknowledged."""
    said, stop = _Acknowledged(), threading.Event()
    dice = random.Random(1)  # noqa: S311 - dice, not secrets
    with bench.served() as served:
        bench.enroll(served)
        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(_enroll, bench, served, said, stop, turn) for turn in range(2)]
            clients += [pool.submit(_submit, bench, served, said, stop, turn) for turn in range(2)]
            workers = 0
            try:
                for kill in range(number):
                    _wait_for_more(said)
                    time.sleep(dice.uniform(0.0, 2.0))
                    if kill % 2:
                        workers += served.kill_worker()
                    else:
                        served.kill()
                        served.start()
            finally:
                stop.set()
            for client in clients:
                client.result()
        states = _ended(served, said)
        tracebacks = served.tracebacks()
    people, once = _stored(bench, said)
    result = {
        "kills": number,
        "of_them_workers": workers,
        "requests_sent_again": said.again,
        "acknowledged_enrollments": len(said.people),
        "enrollments_lost": len(said.people - people),
        "acknowledged_jobs": len(said.jobs),
        "jobs_not_done": sum(state != "done" for state in states.values()),
        "jobs_done_not_once": len(said.jobs) - once,
        "tracebacks": tracebacks,
    }
    print("\nkills of server and worker")
    print_table(["count", "of"], [[value, key.replace("_", " ")] for key, value in result.items()])
    return result


def _wait_for_more(said: _Acknowledged) -> None:
    """Until one more enrollment and one more job are acknowledged, lest all of them be killed before their time."""
    people, jobs, until = len(said.people), len(said.jobs), time.monotonic() + LULL
    while time.monotonic() < until and not (len(said.people) > people and len(said.jobs) > jobs):
        time.sleep(0.05)


def _enroll(bench: Bench, served: Served, said: _Acknowledged, stop: threading.Event, turn: int) -> None:
    for number in _numbers(stop):
        name, clip = f"new {turn} {number}", bench.clip()
        _until_answered(
            lambda client, key, name=name, clip=clip: client.post(
                f"{GALLERY}/enrollments",
                data={"name": name, "force": "true"},
                files={"audio": ("clip.wav", clip)},
                headers={"Idempotency-Key": key},
            ),
            served,
            said,
            stop,
            lambda _, name=name: said.people.add(name),
        )


def _submit(bench: Bench, served: Served, said: _Acknowledged, stop: threading.Event, turn: int) -> None:
    for number in _numbers(stop):
        name, clip = f"job {turn} {number}.wav", bench.clip()
        _until_answered(
            lambda client, key, name=name, clip=clip: client.post(
                f"{GALLERY}/identify",
                data={"single": "true"},
                files={"audio": (name, clip)},
                headers={"Idempotency-Key": key, "Prefer": "respond-async"},
            ),
            served,
            said,
            stop,
            lambda answer, name=name: said.jobs.__setitem__(name, answer.headers["Location"]),
        )
        time.sleep(0.5)


def _numbers(stop: threading.Event) -> Iterator[int]:
    number = 0
    while not stop.is_set():
        yield number
        number += 1


def _until_answered(
    send: Callable[[httpx.Client, str], httpx.Response],
    served: Served,
    said: _Acknowledged,
    stop: threading.Event,
    note: Callable[[httpx.Response], Any],
) -> None:
    """Send a request, and again with the same key, until it is acknowledged or the end has come."""
    key, until = uuid4().hex, time.monotonic() + PATIENCE
    while True:
        try:
            with served.client(60) as client:
                answer = send(client, key)
        except httpx.HTTPError:
            said.again += 1
        else:
            if answer.is_success:
                note(answer)
                return
            if answer.status_code not in STALLED or time.monotonic() > until:
                raise RuntimeError(f"{answer.status_code}: {answer.text}")
        if stop.wait(0.2):
            return


def _ended(served: Served, said: _Acknowledged) -> dict[str, str]:
    """The state of every acknowledged job, once it has ended or its time is over."""
    states: dict[str, str] = {}
    until = time.monotonic() + PATIENCE
    with served.client(60) as client:
        for name, location in said.jobs.items():
            while time.monotonic() < until:
                answer = client.get(location)
                states[name] = answer.json()["state"] if answer.is_success else f"answered {answer.status_code}"
                if states[name] not in {"queued", "running"}:
                    break
                time.sleep(0.2)
    return states


def _stored(bench: Bench, said: _Acknowledged) -> tuple[set[str | None], int]:
    """The names in the store, and how many of the jobs have left one decision there."""
    with Store.open(bench.scratch / "home", create=False) as store:
        gallery = store.gallery("default")
        people = {speaker.name for speaker in store.speakers(gallery)}
        sources = [record.source for record in store.decisions(gallery, limit=1_000_000)]
    return people, sum(sources.count(name) == 1 for name in said.jobs)


def schemathesis(bench: Bench) -> dict[str, Any]:
    """Try every operation of the OpenAPI document with what it allows and with what it does not."""
    with bench.served() as served:
        bench.enroll(served)
        program = Path(sys.executable).with_name("schemathesis")
        command = [program, "run", f"{served.url}/v1/openapi.json", "--checks", ",".join(CHECKS), "--seed", "1"]
        command += ["--header", f"Authorization: {served.authorization}"]
        more = ["--max-examples", "50", "--request-timeout", "60", "--continue-on-failure", "--no-color"]
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, cwd=bench.scratch)
        alive, tracebacks, held = served.is_alive(), served.tracebacks(), served.held()
    print("\n" + done.stdout[done.stdout.rfind("= SUMMARY ") :])
    return {
        "passed": done.returncode == 0,
        "alive_at_the_end": alive,
        "tracebacks": tracebacks,
        "uploads_left": held.uploads,
        "output": done.stdout.splitlines(),
    }
