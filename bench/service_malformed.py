"""Uploads that are not right, of many kinds: what a careless client sends, and what a wicked one does."""

from __future__ import annotations

import asyncio
import io
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from service_load import post

from spk.cli.common import print_table

if TYPE_CHECKING:
    from service import Bench
    from service_server import Served

__all__ = ["malformed"]

GALLERY = "/v1/galleries/default"
AT_ONCE = 8
PATIENCE = 60.0  # seconds for one answer
MAGIC = (
    b"RIFF",
    b"fLaC",
    b"OggS",
    b"ID3\x04",
    b"\xff\xfb\x90\x64",
    b"FORM",
    b"\x1aE\xdf\xa3",
    b"\0\0\0 ftypM4A ",
    b"caff",
)

Kind = Callable[[random.Random, bytes], bytes]


def malformed(bench: Bench, number: int) -> dict[str, Any]:
    """Send them, and see that the service goes on, and that nothing is left of them."""
    with bench.served() as served:
        bench.enroll(served)
        kinds = _kinds()
        dice = random.Random(1)  # noqa: S311 - dice, not secrets
        asyncio.run(_send(served, _some(kinds, dice, bench.clips, 2 * len(kinds)), defaultdict(Counter)))
        before = served.held()
        statuses: dict[str, Counter[int]] = defaultdict(Counter)
        asyncio.run(_send(served, _some(kinds, dice, bench.clips, number), statuses))
        alive, after = served.is_alive(), served.held()
        tracebacks = served.tracebacks()
    faults = sum(count for some in statuses.values() for status, count in some.items() if 500 <= status != 503)
    result = {
        "uploads": number,
        "kinds": {kind: dict(sorted(some.items())) for kind, some in sorted(statuses.items())},
        "server_errors_but_overload": faults,
        "tracebacks": tracebacks,
        "alive_at_the_end": alive,
        "uploads_left": after.uploads,
        "open_files_more": after.files - before.files,
        "server_mib_more": round(after.server_mib - before.server_mib, 1),
    }
    print(f"\n{number} malformed uploads; 0: the connection was closed without an answer")
    print_table(
        ["kind", "answers"],
        [
            [kind, ", ".join(f"{status}: {count}" for status, count in some.items())]
            for kind, some in result["kinds"].items()
        ],
    )
    print_table(["count", "of"], [[value, key.replace("_", " ")] for key, value in result.items() if key != "kinds"])
    return result


def _some(kinds: dict[str, Kind], dice: random.Random, clips: list[bytes], number: int) -> Iterator[tuple[str, bytes]]:
    names = list(kinds)
    for index in range(number):
        name = names[index % len(names)]
        yield name, kinds[name](dice, dice.choice(clips))


async def _send(served: Served, uploads: Iterator[tuple[str, bytes]], statuses: dict[str, Counter[int]]) -> None:
    async def client() -> None:
        for kind, request in uploads:
            statuses[kind][await _status(served, request)] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(client())


async def _status(served: Served, request: bytes) -> int:
    """Of the answer; 0 where the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = b""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(PATIENCE):
            writer.write(served.signed(request) if request.startswith(b"POST") else request)
            if not _is_whole(request):
                writer.write_eof()
            head = await reader.readuntil(b"\r\n")
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return int(head.split(b" ")[1]) if head.startswith(b"HTTP/1.1 ") else 0


def _is_whole(request: bytes) -> bool:
    """Whether it is a request, and all that it promises has been sent."""
    head, _, body = request.partition(b"\r\n\r\n")
    return head.startswith(b"POST") and int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) <= len(body)


def _kinds() -> dict[str, Kind]:
    """By name, what makes a request from a good clip."""
    audio: dict[str, Kind] = {
        "wav cut off": lambda dice, clip: clip[: dice.randrange(1, len(clip))],
        "flac cut off": lambda dice, clip: _cut(dice, _as("FLAC", clip)),
        "mp3 cut off": lambda dice, clip: _cut(dice, _as("MP3", clip)),
        "flac with flipped bits": lambda dice, clip: _flipped(dice, _as("FLAC", clip)),
        "mp3 with flipped bits": lambda dice, clip: _flipped(dice, _as("MP3", clip)),
        "noise behind a magic number": lambda dice, _: dice.choice(MAGIC) + dice.randbytes(dice.randrange(5_000)),
        "header of 4 GiB": lambda _, clip: (
            clip[:4] + b"\xff\xff\xff\xff" + clip[8:40] + b"\xff\xff\xff\xff" + clip[44:]
        ),
        "header of 65535 channels": lambda _, clip: clip[:22] + b"\xff\xff" + clip[24:],
        "header of 4 GHz": lambda _, clip: clip[:24] + b"\xff\xff\xff\xff" + clip[28:],
        "header of 0 Hz": lambda _, clip: clip[:24] + bytes(4) + clip[28:],
        "header of 0 bits": lambda _, clip: clip[:34] + bytes(2) + clip[36:],
        "nothing at all": lambda *_: b"",
        "one sample": lambda *_: _wav(np.zeros(1)),
        "silence": lambda *_: _wav(np.zeros(48_000)),
        "not numbers": lambda *_: _wav(np.full(48_000, np.nan), "FLOAT"),
        "beyond all measure": lambda *_: _wav(np.full(48_000, 1e30), "FLOAT"),
        "noise": lambda dice, _: _wav(np.random.default_rng(dice.randrange(99)).normal(size=32_000) * 0.1),
        "text": lambda *_: b"this is no audio\n" * 50,
        "a playlist": lambda *_: b"#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1:1/x.wav\n",
    }
    kinds: dict[str, Kind] = {name: _uploaded(make) for name, make in audio.items()}
    kinds |= {
        "name of a path": lambda dice, clip: _identify(clip, name="../" * dice.randrange(1, 200) + "etc/passwd"),
        "name of 100 kB": lambda _, clip: _identify(clip, name="x" * 100_000),
        "name of control characters": lambda _, clip: _identify(clip, name="a\x1b[2J\x00b.wav"),
        "10000 fields": lambda _, clip: post(
            f"{GALLERY}/identify", {f"field{number}": "1" for number in range(10_000)}, ("a.wav", clip)
        ),
        "field of 5 MB": lambda _, clip: post(f"{GALLERY}/identify", {"single": "x" * 5_000_000}, ("a.wav", clip)),
        "impossible options": lambda dice, clip: post(
            f"{GALLERY}/identify", {dice.choice(["speakers", "fpir", "single"]): "-1e999"}, ("a.wav", clip)
        ),
        "nobody to verify": lambda _, clip: post(f"{GALLERY}/verify", {"speaker": "nobody'; --"}, ("a.wav", clip)),
        "wrong boundary": lambda _, clip: _identify(clip).replace(b"boundary=", b"boundary=x", 1),
        "no boundary": lambda _, clip: _identify(clip).replace(b"; boundary=", b"; border=", 1),
        "wrong type": lambda _, clip: _identify(clip).replace(b"multipart/form-data", b"application/json", 1),
        "body cut off": lambda dice, clip: _shorter(dice, _identify(clip)),
        "no HTTP": lambda dice, _: dice.randbytes(200),
    }
    return kinds


def _uploaded(make: Kind) -> Kind:
    def request(dice: random.Random, clip: bytes) -> bytes:
        operation = dice.choice(["identify", "verify", "enrollments"])
        fields = {"identify": {}, "verify": {"speaker": "person 1"}, "enrollments": {"name": "somebody"}}[operation]
        return post(f"{GALLERY}/{operation}", fields, ("clip.wav", make(dice, clip)))

    return request


def _identify(clip: bytes, name: str = "clip.wav") -> bytes:
    return post(f"{GALLERY}/identify", {"single": "true"}, (name, clip))


def _as(kind: str, clip: bytes) -> bytes:
    samples, rate = soundfile.read(io.BytesIO(clip))
    found = io.BytesIO()
    soundfile.write(found, samples, rate, format=kind)
    return found.getvalue()


def _wav(samples: NDArray[np.float64], subtype: str = "PCM_16") -> bytes:
    found = io.BytesIO()
    soundfile.write(found, samples, 16_000, format="WAV", subtype=subtype)
    return found.getvalue()


def _cut(dice: random.Random, content: bytes) -> bytes:
    return content[: dice.randrange(1, len(content))]


def _flipped(dice: random.Random, content: bytes) -> bytes:
    spoilt = bytearray(content)
    for _ in range(20):
        spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
    return bytes(spoilt)


def _shorter(dice: random.Random, request: bytes) -> bytes:
    """A request whose sender goes away in the middle of the body."""
    return request[: dice.randrange(request.index(b"\r\n\r\n") + 4, len(request))]
