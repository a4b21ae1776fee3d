"""The client on a real server: keys, cut connections, jobs, and many requests at once."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import httpx
import pytest
import soundfile

from spk.client import AsyncClient, Client
from spk.errors import AccessError, InputError, NotFoundError, ServiceError
from spk.messages.speakers import Disclosed

from .conftest import Server


def key(server: Server, name: str, *options: str) -> str:
    return server.home("keys", "create", name, "--json", *options).records[0]["key"]


def test_keys_open_what_they_are_for(server: Server, gallery: str, scratch: Path) -> None:
    with Client(server.url, gallery=gallery) as client, pytest.raises(AccessError, match="spk keys create"):
        client.speakers.list()
    with Client(server.url, "spk_0_0", gallery=gallery) as client, pytest.raises(AccessError):
        client.speakers.list()
    narrow = key(server, f"narrow-{gallery}", "--scopes", "identify", "--galleries", gallery)
    with Client(server.url, narrow, gallery=gallery) as client:
        assert client.identify(scratch / "ann.wav", single=True).speakers[0].verdict == "unknown"
        assert [one.name for one in client.galleries.list()] == [gallery]
        with pytest.raises(AccessError, match="review"):
            client.speakers.list()
        with pytest.raises(AccessError):
            client.audit.verify()
    with Client(server.url, narrow) as client, pytest.raises(NotFoundError, match='no gallery "default"'):
        client.identify(scratch / "ann.wav", single=True)
    assert narrow not in server.log.read_text()


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ServiceError, match="is it running"):
        client.galleries.list()


class Wire:
    """A connection in between, which breaks off: one after the other, as it is told.

    Args:
        server: Where it leads.
        cuts: For each connection after how many bytes sent, and after how many answered; None for never.
    """

    def __init__(self, server: Server, *cuts: tuple[int | None, int | None]) -> None:
        self._to = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        self._cuts: Iterator[tuple[int | None, int | None]] = iter(cuts)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [Thread(target=self._accept)]
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Wire:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                sent, answered = next(self._cuts, (None, None))
                other = socket.create_connection(self._to)
                self._ends += [one, other]
                for source, to, most in ((one, other, sent), (other, one, answered)):
                    self._threads.append(Thread(target=self._pass_on, args=(source, to, most)))
                    self._threads[-1].start()

    @staticmethod
    def _pass_on(source: socket.socket, to: socket.socket, most: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while (most is None or passed < most) and (piece := source.recv(4096)):
                to.sendall(piece)
                passed += len(piece)
        for end in (source, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("cut", [(60_000, None), (None, 0)], ids=["upload", "answer"])
def test_a_connection_that_breaks_off_enrolls_once(
    server: Server, gallery: str, scratch: Path, cut: tuple[int | None, int | None]
) -> None:
    with Wire(server, cut) as wire, Client(wire.url, server.key, gallery=gallery) as client:
        done = client.enroll("ann", [scratch / "ann.wav"])
    assert (done.added, done.already) == (1, 0)
    with server.client(gallery) as client:
        assert [one.samples for one in client.speakers.list().items] == [1]
        actions = [one.action for one in client.audit.everything(speaker="ann")]
        assert actions.count("enroll") == 1
    wait_for(lambda: not list((server.home.home / "uploads").glob("*")))


@pytest.fixture
def long(scratch: Path) -> Path:
    """A recording that is long enough for a job."""
    samples, rate = soundfile.read(scratch / "sample.wav", dtype="float32")
    soundfile.write(scratch / "long.wav", [*samples, *samples, *samples[: 2 * rate]], rate)
    return scratch / "long.wav"


def test_a_long_recording_becomes_a_job(server: Server, gallery: str, scratch: Path, long: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    with server.client(gallery) as client:
        client.progress = lambda *told: seen.append(told)
        client.enroll("ann", [scratch / "ann.wav"])
        found = client.identify(long)
        assert found.duration == pytest.approx(62.0)
        assert "ann" in {voice.name for voice in found.speakers}
        assert seen
        assert all(0 <= done <= total for done, total, _ in seen)
        [job] = [one for one in client.jobs.list(state=["done"]).items if one.gallery == gallery]
        assert job.kind == "identify"
        with pytest.raises(InputError, match="cut it"):
            client.verify("ann", long)


def test_a_task_that_is_cancelled_cancels_its_job(server: Server, gallery: str, scratch: Path, long: Path) -> None:
    samples, rate = soundfile.read(long, dtype="float32")
    soundfile.write(scratch / "longer.wav", [*samples] * 5, rate)

    async def ask() -> None:
        async with AsyncClient(server.url, server.key, gallery=gallery) as client:
            begun = asyncio.Event()
            client.progress = lambda *_: begun.set()
            task = asyncio.create_task(client.diarize(scratch / "longer.wav"))
            await asyncio.wait_for(begun.wait(), 120)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(ask())
    with server.client(gallery) as client:
        [job] = [one for one in client.jobs.list().items if one.gallery == gallery]
        wait_for(lambda: client.jobs.show(str(job.id)).finished is not None)
        assert client.jobs.show(str(job.id)).state == "cancelled"


def test_many_at_once(server: Server, gallery: str, scratch: Path) -> None:
    async def ask() -> list[str | None]:
        async with AsyncClient(server.url, server.key, gallery=gallery) as client:
            await client.enroll("ann", [scratch / "ann.wav"])
            await client.enroll("bob", [scratch / "bob.wav"])
            names = ("ann.wav", "bob.wav", "bob2.wav", "ann.wav")
            found = await asyncio.gather(
                *(client.identify(scratch / name, single=True) for name in names),
                client.identify(scratch / "broken.wav", single=True),
                return_exceptions=True,
            )
            assert isinstance(found.pop(), InputError)
            assert [one.name async for one in client.speakers.everybody()] == ["ann", "bob"]
            return [voice.name for one in found for voice in one.speakers]

    assert asyncio.run(ask()) == ["ann", "bob", "bob", "ann"]


def test_clips_are_fetched(server: Server, gallery: str, scratch: Path) -> None:
    with server.client(gallery) as client:
        client.identify(scratch / "bob.wav", single=True, enroll_unknown=True)
        [unknown] = client.unknowns.list().items
        [clip] = client.unknowns.clips(unknown.name).clips
        assert client.unknowns.audio(unknown.name, clip.rpartition("/")[2]).startswith(b"fLaC")
        assert httpx.get(server.url + clip).status_code == 401


def test_an_archive_is_fetched_although_the_connection_breaks_off(server: Server, gallery: str, scratch: Path) -> None:
    with server.client(gallery) as client:
        client.enroll("ann", [scratch / "ann.wav"])

    async def ask(url: str) -> Disclosed:
        async with AsyncClient(url, server.key, gallery=gallery) as client:
            return await client.speakers.disclose("ann", scratch / "async.zip")

    half = (None, 20_000)
    with Wire(server, half) as wire, Client(wire.url, server.key, gallery=gallery) as client:
        done = client.speakers.disclose("ann", scratch / "sync.zip")
    with Wire(server, half) as wire:
        again = asyncio.run(ask(wire.url))
    for told, name in ((done, "sync.zip"), (again, "async.zip")):
        content = (scratch / name).read_bytes()
        assert (told.output, told.bytes) == (str(scratch / name), len(content))
        assert len(content) > 20_000
        assert told.sha256 == hashlib.sha256(content).hexdigest()
        with ZipFile(scratch / name) as archive:
            assert archive.testzip() is None
            assert told.files == len(archive.namelist())
    assert not list(scratch.glob(".*"))


def test_turns_come_back_as_they_were_shown_and_as_files(server: Server, gallery: str, scratch: Path) -> None:
    with server.client(gallery) as client:
        client.enroll("ann", [scratch / "ann.wav"])
        client.identify(scratch / "sample.wav", enroll_unknown=True)
        shown = client.recordings.show("sample.wav").turns
        told = client.recordings.correct("sample.wav", shown)
        assert (told.turns.pop("unchanged"), {*told.turns.values()}, told.labels) == (len(shown), {0}, [])
        assert client.recordings.correct("sample.wav", shown).change is None
        exported = client.recordings.export("sample.wav", "textgrid")
        names = [client.recordings.export("sample.wav", form).name for form in ("audacity", "labelstudio")]
        assert [exported.name, *names] == ["sample.TextGrid", "sample.txt", "sample.json"]
        stranger = next(one.who for one in shown if one.who not in {"ann", None})
        file = scratch / "corrected.TextGrid"
        file.write_text(exported.text.replace(stranger, "bob"))
        assert client.recordings.correct("sample.wav", file, dry_run=True).new == ["bob"]
        file.rename(scratch / "corrected")
        named = {"form": "textgrid", "turns_name": "sample"}
        assert client.recordings.correct("sample.wav", scratch / "corrected", **named).new == ["bob"]
        other = next(one for one in shown if one.who == stranger)
        turns = client.recordings.show("sample.wav").turns
        turns = [one.model_copy(update={"who": "carl"}) if one.id == other.id else one for one in turns]
        assert client.recordings.correct("sample.wav", turns).new == ["carl"]
        with pytest.raises(InputError, match="apply"):
            client.recordings.correct("sample.wav", turns, audio=scratch / "sample.wav")


def test_headers_have_an_end(server: Server) -> None:
    """Before anybody has shown a key."""
    where = httpx.URL(server.url)
    with socket.create_connection((where.host, where.port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100_000)
        assert connection.recv(64).startswith(b"HTTP/1.1 400 ")


def wait_for(true: Callable[[], bool]) -> None:
    """Until something is true, for a minute at most."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("that did not come true")
