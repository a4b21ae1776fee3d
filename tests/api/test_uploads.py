"""Uploads: what arrives, what is refused, and that nothing of either is left."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import json
import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock
from uuid import uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from spk.api import receiving
from spk.api.problems import Problems
from spk.api.receiving import Receiver
from spk.api.uploads import Uploads, form_body
from spk.errors import StoreError

MOST = 3_000_000


class Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = "nobody"
    fpir: float | None = Field(default=None, ge=0, le=1)
    tags: list[str] = []
    scope: str = Field(default="x", alias="as")


@dataclass
class Received:
    """An application that takes uploads, and what lies in its folder."""

    app: FastAPI
    uploads: Uploads
    client: TestClient
    during: list[list[str]] = field(default_factory=list)

    @property
    def left(self) -> list[str]:
        return [path.name for path in self.uploads.folder.glob("*")]

    def send(self, body: bytes, boundary: str = "b", **headers: str) -> httpx.Response:
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.client.post("/upload", content=body, headers=kind | headers)


@pytest.fixture
def received(tmp_path: Path) -> Iterator[Received]:
    app, uploads = FastAPI(), Uploads(tmp_path, most_bytes=MOST)
    Problems(tmp_path).install(app)

    @app.post("/upload")
    async def upload(request: Request) -> dict:
        async with uploads.receive(request) as form:
            there.during.append([stat.filemode(file.path.stat().st_mode) for file in form.files])
            return {
                "fields": form.fields,
                "files": [
                    [file.field, file.name, file.size, file.sha256, file.path.read_bytes()[:20].decode("latin-1")]
                    for file in form.files
                ],
            }

    @app.post("/form", openapi_extra=form_body(Fields, one=["audio"], many=["more"]))
    async def form(request: Request) -> dict:
        async with uploads.receive(request) as form:
            fields = form.form(Fields)
            return fields.model_dump() | {"audio": form.one("audio").name}

    @app.post("/job")
    async def job(request: Request, fail: bool = False) -> list[str]:
        async with uploads.receive(request) as form:
            with suppress(ZeroDivisionError), form.handing_over(form.files[0]):
                print(1 / 0 if fail else 1)  # noqa: T201 - a job that is submitted
            return [file.path.name for file in form.files]

    with TestClient(app) as client:
        there = Received(app, uploads, client)
        yield there


def part(name: str, content: bytes, filename: str | None = None, boundary: bytes = b"b") -> bytes:
    more = b"" if filename is None else f'; filename="{filename}"'.encode()
    head = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + more
    return head + b"\r\n\r\n" + content + b"\r\n"


def test_files_go_to_the_disk_and_fields_to_memory(received):
    content = os.urandom(1_000_000) + b"\r\n--" + os.urandom(1_000_000)
    answer = received.client.post(
        "/upload",
        files=[("audio", ("Zoë.wav", content)), ("more", ("b.txt", b"text"))],
        data={"name": "Zoë", "tags": ["a", "b"]},
    )
    assert answer.json() == {
        "fields": {"name": ["Zoë"], "tags": ["a", "b"]},
        "files": [
            ["audio", "Zoë.wav", len(content), hashlib.sha256(content).hexdigest(), content[:20].decode("latin-1")],
            ["more", "b.txt", 4, hashlib.sha256(b"text").hexdigest(), "text"],
        ],
    }
    assert received.during == [["-rw-------"] * 2]
    assert stat.S_IMODE(received.uploads.folder.stat().st_mode) == 0o700
    assert received.left == []


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("../../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\\\calls\\\\a.wav", "a.wav"),
        ("a\x00b\x1b[31m.wav", "ab[31m.wav"),
        ("..", "upload"),
        ("x" * 300 + ".wav", "x" * 196 + ".wav"),
        ("e\u0301.wav", "\u00e9.wav"),
    ],
)
def test_a_name_is_a_label_and_no_path(received, filename, shown):
    answer = received.send(part("audio", b"x", filename) + b"--b--\r\n")
    assert answer.json()["files"][0][1] == shown
    assert received.left == []


def test_a_file_that_nobody_chose_is_none(received):
    assert received.send(part("audio", b"", "") + b"--b--").json() == {"fields": {}, "files": []}
    assert len(received.send(part("audio", b"", "a.wav") + b"--b--").json()["files"]) == 1


@pytest.mark.parametrize("length", [True, False], ids=["announced", "unannounced"])
def test_too_large_an_upload_is_stopped(received, length):
    body = part("audio", b"x" * (MOST + 1), "a.wav") + b"--b--"

    def piecewise() -> Iterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    answer = received.send(body if length else piecewise())
    assert answer.status_code == 413
    assert answer.json()["detail"] == "an upload has at most 3 MB here: send it in parts"
    assert received.left == []


def test_a_length_that_lies_is_no_matter(received):
    body = part("audio", b"x" * (MOST + 1), "a.wav") + b"--b--"
    assert received.send(body, **{"Content-Length": "10"}).status_code == 413
    assert received.left == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *((b"", 400), (b"x", 400), (b"--b\r\n", 400), (b"--c\r\n\r\n", 400)),
        (part("audio", b"x" * 1000, "a.wav"), 400),  # without an end
        (part("audio", b"x" * 1000, "a.wav")[:-300], 400),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", 400),
        (b"--b\r\n\r\nx\r\n--b--", 400),
        (b"--b\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--b--", 400),
        (b"--b\r\n" + b"X: y\r\n" * 1000 + b"\r\nx\r\n--b--", 400),
        (part("name", b"\xff\xfe") + b"--b--", 400),
        (b"".join(part(f"f{number}", b"") for number in range(300)) + b"--b--", 413),
        (b"".join(part("audio", b"", "x") for _ in range(101)) + b"--b--", 413),
    ],
)
def test_what_is_no_form_is_refused(received, body, status):
    answer = received.send(body)
    assert answer.status_code == status, answer.text
    assert received.left == []
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_fields_are_small(received, monkeypatch):
    monkeypatch.setattr(receiving, "MOST_FIELD_BYTES", 1 << 20)
    assert received.send(part("name", b"x" * (1 << 20)) + b"--b--").status_code == 413


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "audio/wav",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=b",
        "",
    ],
)
def test_another_type_of_content_is_refused(received, kind):
    answer = received.client.post("/upload", content=b"x", headers={"Content-Type": kind})
    assert answer.status_code == 415


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_sent_nothing_is_left(received, data):
    whole = part("name", b"x") + part("audio", b"\r\n-\r\n--\r\n" * 20, "a.wav") + b"--b--\r\n"
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    boundary = data.draw(st.sampled_from(["b", "b" * 70, "x", '"b"']))
    answer = received.send(bytes(body), boundary)
    assert answer.status_code in {200, 400, 413, 415}
    assert received.left == []


def test_fields_as_a_model_has_them(received):
    def ask(**data: object) -> httpx.Response:
        return received.client.post("/form", files={"audio": ("a.wav", b"x")}, data=data)

    answer = ask(name="Zoë", fpir="0.5", tags=["a", "b"], **{"as": "y"})
    assert answer.json() == {"name": "Zoë", "fpir": 0.5, "tags": ["a", "b"], "scope": "y", "audio": "a.wav"}
    assert ask(tags="a", fpir="").json()["tags"] == ["a"]
    assert [one["field"] for one in ask(fpir="2").json()["errors"]] == ["body.fpir"]
    assert "there is no such field; there are: name, fpir" in ask(frip="1").json()["detail"]
    answer = received.client.post("/form", files={"other": ("a.wav", b"x")})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "body.audio", "message": "a file is missing here"}]
    twice = [("audio", ("a.wav", b"x")), ("audio", ("b.wav", b"x"))]
    assert received.client.post("/form", files=twice).status_code == 422
    assert received.left == []


def test_a_form_is_in_the_openapi_document(received):
    body = received.app.openapi()["paths"]["/form"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert body["required"] == ["audio", "more"]
    assert set(body["properties"]) == {"audio", "more", "name", "fpir", "tags", "as"}
    json.dumps(body)


def test_a_file_is_left_to_a_job_that_was_submitted(received):
    files = [("audio", ("a.wav", b"x")), ("audio", ("b.wav", b"y"))]
    names = received.client.post("/job", files=files).json()
    assert received.left == names[:1]
    (received.uploads.folder / names[0]).unlink()
    assert received.client.post("/job?fail=1", files=files).status_code == 200
    assert received.left == []


def test_a_full_disk_is_said_and_leaves_nothing(received, monkeypatch):
    body = part("audio", b"x" * 1_000_000, "a.wav") + b"--b--"
    for number, status in ((errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 503)):
        error = OSError(number, os.strerror(number))
        with monkeypatch.context() as patched:
            patched.setattr(receiving.os, "write", Mock(side_effect=error))
            answer = received.send(body)
        assert answer.status_code == status
        assert str(received.uploads.folder) not in answer.text
        assert received.left == []


def test_what_killed_processes_left_is_swept(received):
    uploads = received.uploads
    assert uploads.sweep(list) == 0, "before anything was uploaded"
    assert received.client.post("/job", files={"audio": ("a.wav", b"x")}).status_code == 200
    (kept,) = received.left
    (uploads.folder / uuid4().hex).touch()
    several = uploads.folder / uuid4().hex
    several.mkdir()
    (several / "one").touch()
    (uploads.folder / "0.zip").touch()  # of somebody else
    during = []

    @received.app.post("/sweep")
    async def sweep(request: Request) -> None:
        async with uploads.receive(request) as form:
            during.append(uploads.sweep(lambda: [kept]))
            assert form.files[0].path.exists()

    assert received.client.post("/sweep", files={"audio": ("a.wav", b"x")}).status_code == 200
    assert during == [2]
    assert sorted(received.left) == sorted([kept, "0.zip"])
    assert uploads.sweep(list) == 1
    assert received.left == ["0.zip"]


def test_more_jobs_may_wait_than_files_can_be_open(received):
    folder = received.uploads.folder
    folder.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 30 + max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    waiting = [uuid4().hex for _ in range(most)]
    for name in waiting:
        (folder / name).touch()
    (folder / uuid4().hex).touch()
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        assert received.uploads.sweep(lambda: waiting) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(received.left) == sorted(waiting)


def test_a_folder_that_a_worker_has_just_removed_is_passed_over(received, monkeypatch):
    (received.uploads.folder / uuid4().hex).mkdir(parents=True)
    monkeypatch.setattr(Path, "iterdir", Mock(side_effect=FileNotFoundError))
    assert received.uploads.sweep(list) == 0


def test_a_disk_that_locks_nothing_is_said(received, monkeypatch):
    received.uploads.folder.mkdir()
    (received.uploads.folder / uuid4().hex).touch()
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))))
    with pytest.raises(StoreError, match="uploads: "):
        received.uploads.sweep(list)


def test_files_are_removed_while_others_are_served(received, monkeypatch):
    close, threads = Receiver.close, []
    monkeypatch.setattr(Receiver, "close", lambda *of: threads.append(threading.get_ident()) or close(*of))
    assert received.send(part("audio", b"x", "a.wav") + b"--b--").status_code == 200
    assert len(threads) == 1
    assert received.client.portal.call(threading.get_ident) not in threads
    assert received.left == []


@pytest.fixture
def served(received: Received) -> Iterator[tuple[str, int]]:
    """The application on a real server."""
    server = uvicorn.Server(uvicorn.Config(received.app, log_config=None, timeout_graceful_shutdown=5))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        yield listening.getsockname()
        server.should_exit = True
        thread.join(20)


def wait_for(condition) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


def test_who_hangs_up_leaves_nothing(received, served):
    head = (
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 2000000"
    )
    for _ in range(5):
        with socket.create_connection(served) as client:
            client.sendall(f"{head}\r\n\r\n".encode() + part("audio", b"x" * 700_000, "a.wav"))
            wait_for(lambda: received.left)
        wait_for(lambda: not received.left)


def test_a_large_upload_holds_nobody_up(received, served):
    # Bytes on which the parser has the most work.
    awkward = part("audio", b"\r\n--" * 700_000, "a.wav") + b"--b--"
    address = f"http://{served[0]}:{served[1]}"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    with httpx.Client() as client:
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{address}/upload", content=awkward, headers=kind, timeout=60))
        )
        thread.start()
        meanwhile = 0
        while thread.is_alive():
            assert client.get(f"{address}/openapi.json", timeout=60).status_code == 200
            meanwhile += 1
        thread.join()
    assert answers[0].status_code == 200
    assert meanwhile > 1
    assert received.left == []
