"""Clients that ask one after the other, and how quickly the same work is done without a service."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from spk.audio import load
from spk.embed import Speech, embed_pieces

if TYPE_CHECKING:
    from service_server import Served

    from spk.diarize import VoiceActivity
    from spk.embed import Embedder

__all__ = ["Answered", "Bare", "ask", "post"]


@dataclass
class Answered:
    """What clients were answered.

    Attributes:
        seconds: Of each request that was answered well.
        statuses: How often each status came.
        took: Seconds in all.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    took: float = 0.0

    def __add__(self, other: Answered) -> Answered:
        """What both were answered, one after the other."""
        return Answered(self.seconds + other.seconds, self.statuses + other.statuses, self.took + other.took)

    @property
    def per_second(self) -> float:
        """Requests a second that were answered well."""
        return len(self.seconds) / self.took if self.took else 0.0

    def to_json(self) -> dict[str, Any]:
        """Requests a second, percentiles in milliseconds, and how many were not answered well."""
        p50, p95, p99 = np.percentile(self.seconds or [float("nan")], [50, 95, 99]) * 1000
        well = len(self.seconds)
        return {
            "requests": well,
            "per_second": round(self.per_second, 2),
            "p50_ms": round(float(p50), 1),
            "p95_ms": round(float(p95), 1),
            "p99_ms": round(float(p99), 1),
            "other_answers": sum(self.statuses.values()) - well,
        }


def post(path: str, fields: dict[str, str], file: tuple[str, bytes]) -> bytes:
    """A request with a form and one file, as it goes over the wire."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    name, content = file
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="audio"; filename="{name}"\r\n'
        "Content-Type: audio/wav\r\n\r\n".encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    body = b"".join(parts)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask(served: Served, requests: Iterator[bytes], clients: int, seconds: float) -> Answered:
    """Let so many clients ask for so many seconds, each with a connection of its own, again as soon as it is answered.

    They are as light as can be, since they share the machine with the service.
    """
    found = Answered()
    asyncio.run(_all(served, requests, clients, seconds, found))
    return found


async def _all(served: Served, requests: Iterator[bytes], clients: int, seconds: float, found: Answered) -> None:
    began = time.perf_counter()
    until = began + seconds
    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(_client(served, requests, until, found))
    found.took = time.perf_counter() - began


async def _client(served: Served, requests: Iterator[bytes], until: float, found: Answered) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(served.signed(next(requests)))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        status = int(head.split(b" ")[1])
        found.statuses[status] += 1
        if status < 300:
            found.seconds.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()


@dataclass(frozen=True)
class Bare:
    """The models without a service: what a machine can do at best.

    Args:
        embedder: Of the gallery.
        vad: Finds the speech.
        threads: How many work at once.
    """

    embedder: Embedder
    vad: VoiceActivity
    threads: int

    def pipeline(self, files: Sequence[Path], seconds: float) -> float:
        """Clips a second that are decoded, listened to for speech, and embedded."""
        return self._rate(files, seconds, self._hear)

    def embed_alone(self, files: Sequence[Path]) -> float:
        """Clips a second that are embedded, all given at once."""
        clips = [load(file).samples for file in files]
        began = time.perf_counter()
        self.embedder(clips)
        return len(clips) / (time.perf_counter() - began)

    def _hear(self, file: Path) -> None:
        audio = load(file)
        embed_pieces(self.embedder, [Speech(audio, self.vad(audio), alone=True)])

    def _rate(self, files: Sequence[Path], seconds: float, work: Callable[[Path], None]) -> float:
        began = time.perf_counter()
        until = began + seconds

        def some(number: int) -> int:
            done = 0
            while time.perf_counter() < until:
                work(files[(number + done * self.threads) % len(files)])
                done += 1
            return done

        with ThreadPoolExecutor(self.threads) as pool:
            done = sum(pool.map(some, range(self.threads)))
        return done / (time.perf_counter() - began)
