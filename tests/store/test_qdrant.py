"""What only a server can do: be down, slow, refuse, be killed, be wiped; and what it keeps."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from servers.qdrant import Server, address, cluster

from spk.errors import EngineError, InputError
from spk.store.index import IndexRows, keys
from spk.store.index import qdrant_nodes as calls
from spk.store.index.qdrant import QdrantIndex
from spk.store.index.qdrant_address import QdrantAddress
from spk.store.index.qdrant_nodes import MissingError, Nodes

DIM = 16
GALLERY = UUID(int=1)
TRANSPORTS = pytest.mark.parametrize("transport", ["http", "grpc"])


def engine(url: str, key: str | None = None) -> QdrantIndex:
    return QdrantIndex(Nodes(QdrantAddress.parse(url), key), "a model", DIM)


def crowd(count: int, seed: int = 0) -> IndexRows:
    vectors = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return IndexRows(*(keys(uuid4() for _ in range(count)) for _ in range(2)), keys([GALLERY] * count), vectors)


def found(index: QdrantIndex, rows: IndexRows) -> list[float]:
    """The cosine of the nearest to each row."""
    return [one[0].cosine if one else 0.0 for one in index.search(rows.vectors, 1, GALLERY)]


@pytest.fixture
def server(qdrant_program):
    """One that a test may do anything to."""
    with Server(qdrant_program) as alone:
        yield alone


@contextmanager
def listener():
    """A port that takes connections and never answers, and how many it took."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = []

        def take():
            try:
                while True:
                    taken.append(listening.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield listening.getsockname()[1], taken
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


# Addresses


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("qdrant://localhost", "qdrant://localhost:6333"),
        ("qdrant://localhost:7000/", "qdrant://localhost:7000"),
        ("qdrant://[::1]:7000", "qdrant://[::1]:7000"),
        ("qdrant://a_b.c-d", "qdrant://a_b.c-d:6333"),
        (
            "qdrant://a,b:7,c?replicas=3&transport=grpc&consistency=2",
            "qdrant://a:6333,b:7,c:6333?transport=grpc&replicas=3&consistency=2",
        ),
        ("qdrant://a?timeout=5&shards=1&tls=0&prefix=spk", "qdrant://a:6333"),
        ("qdrant://a?grpc_port=65535&tls=1&timeout=600", "qdrant://a:6333?grpc_port=65535&tls=1&timeout=600"),
    ],
)
def test_addresses(url, means):
    parsed = QdrantAddress.parse(url)
    assert str(parsed) == means
    assert QdrantAddress.parse(means) == parsed


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "write qdrant://host:6333"),
        ("http://localhost:6333", "write qdrant://host:6333"),
        ("qdrant://", "'' is no host"),
        ("qdrant://a,,b", "'' is no host"),
        ("qdrant://a b", "'a b' is no host"),
        ("qdrant://a\u0661:6333", "is no host"),
        ("qdrant://a:", "port cannot be ''"),
        ("qdrant://a:0", "port cannot be '0'"),
        ("qdrant://a:65536", "from 1 to 65535"),
        ("qdrant://a:x", "is no host"),
        ("qdrant://[::1", "write qdrant://host:6333"),
        ("qdrant://a,a:6333", "a host is there twice"),
        ("qdrant://a/collection", "write qdrant://host:6333"),
        ("qdrant://a#b", "write qdrant://host:6333"),
        ("qdrant://a?key=secret", "there is no 'key' in an address; there are: transport"),
        ("qdrant://a?nodes=1", "there is no 'nodes'"),
        ("qdrant://a?shards", "write qdrant://host:6333"),
        ("qdrant://a?shards=", "shards cannot be ''"),
        ("qdrant://a?shards=1&shards=2", "shards is there twice"),
        ("qdrant://a?shards=-1", "from 1 to 1000"),
        ("qdrant://a?timeout=1.5", "timeout cannot be '1.5'"),
        ("qdrant://a?tls=2", "from 0 to 1"),
        ("qdrant://a?tls=true", "tls cannot be 'true'"),
        ("qdrant://a?transport=udp", "transport is http or grpc"),
        ("qdrant://a?prefix=../x", "prefix is made of"),
        ("qdrant://a?replicas=2&consistency=3", "consistency cannot be larger than replicas"),
    ],
)
def test_addresses_that_are_refused(url, why):
    with pytest.raises(InputError) as caught:
        QdrantAddress.parse(url)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["qdrant://me:secret@host", "qdrant://secret@host:1?x", "redis://:secret@host"])
def test_a_key_in_an_address_is_refused_and_not_shown(url):
    with pytest.raises(InputError) as caught:
        QdrantAddress.parse(url)
    assert "secret" not in str(caught.value)


# What is stored


def test_nothing_but_ids_and_vectors_is_stored(qdrant_address, qdrant):
    index, rows = engine(qdrant_address()), crowd(3)
    index.upsert(rows)
    index.commit(9)
    points, _ = index._nodes.call(lambda client: client.scroll(index._name, with_vectors=True))
    assert {tuple(sorted(point.payload)) for point in points} == {("gallery", "speaker"), ("applied",)}
    for point in points:
        for value in point.payload.values():
            assert value == 9 or str(UUID(value)) == value
    about = index._nodes.call(lambda client: client.get_collection(index._name))
    assert about.payload_schema["gallery"].params.is_tenant
    assert about.config.params.vectors.distance == "Dot"


def test_swapping_leaves_nothing_behind(qdrant_address):
    index, rows = engine(qdrant_address()), crowd(5)
    index.upsert(rows)
    index.fresh().upsert(rows)  # a rebuild that was killed
    for position in (1, 2):
        new = index.fresh()
        new.upsert(rows[position:])
        new.commit(position)
        new.publish()
        assert len(index._generations()) == 1
        aliases = index._nodes.call(lambda client: client.get_aliases()).aliases
        assert sum(alias.alias_name == index._alias for alias in aliases) == 1
        assert (len(index), index.applied()) == (len(rows) - position, position)


def test_dropping_leaves_nothing(qdrant_address, qdrant):
    index = engine(qdrant_address())
    index.drop()
    index.upsert(crowd(5))
    index.commit(3)
    index.fresh()
    index.drop()
    assert index._generations() == []
    assert index._alias not in str(qdrant.request("GET", "/aliases"))
    assert (len(index), index.applied()) == (0, 0)
    index.upsert(crowd(2))
    assert len(index) == 2


def test_erased_vectors_are_in_no_file(server):
    index, rows = engine(server.address()), crowd(200)
    index.upsert(rows)
    gone, kept = rows[:1], rows[1:]
    in_log = b"".join(b"\xfa" + struct.pack(">f", value) for value in gone.vectors[0])  # as CBOR
    needles = (gone.vectors.tobytes(), in_log, str(UUID(bytes=gone.speakers.tolist()[0])).encode())

    def hits():
        contents = []
        for folder, _, files in os.walk(server.storage):
            for file in files:
                with suppress(FileNotFoundError):  # they go while we look
                    contents.append(Path(folder, file).read_bytes())
        return [sum(needle in content for content in contents) for needle in needles]

    assert all(hits()), "the test looks for the wrong bytes"
    index.delete([UUID(bytes=gone.ids.tolist()[0])])
    new = index.fresh()
    new.upsert(kept)
    new.publish()
    until = time.monotonic() + 20
    while any(hits()) and time.monotonic() < until:
        time.sleep(0.1)  # files go a moment after the answer
    assert not any(hits())
    assert found(index, kept[:9]) == pytest.approx([1.0] * 9)


# Servers that fail


@TRANSPORTS
def test_nobody_answers(transport):
    url = f"qdrant://127.0.0.1:1?transport={transport}&grpc_port=1&timeout=1"
    index = engine(url)
    for ask in (
        index.applied,
        lambda: len(index),
        lambda: index.search(crowd(1).vectors, 1, GALLERY),
        lambda: index.upsert(crowd(1)),
        lambda: index.delete([uuid4()]),
        lambda: list(index.rows()),
        index.fresh,
        index.publish,
    ):
        index._nodes._resting_until = 0.0
        with pytest.raises(EngineError) as caught:
            ask()
        assert str(caught.value).startswith(f"qdrant://127.0.0.1:1?transport={transport}"[: -len("?transport=http")])
        assert "does not answer" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_after_a_failure_nobody_is_asked_for_a_while():
    with listener() as (port, taken):
        index = engine(f"qdrant://127.0.0.1:{port}?timeout=1")
        with pytest.raises(EngineError, match="does not answer"):
            index.applied()
        asked = len(taken)
        assert asked > 0
        with pytest.raises(EngineError, match="does not answer"):
            index.applied()
        assert len(taken) == asked
        index._nodes._resting_until = time.monotonic()
        with pytest.raises(EngineError):
            index.applied()
        assert len(taken) > asked


@TRANSPORTS
def test_a_server_that_hangs_and_goes_on(server, transport):
    index, rows = engine(server.address(transport, timeout=3)), crowd(3)
    index.upsert(rows)
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(EngineError, match="does not answer"):
        found(index, rows)
    os.kill(server.pid, signal.SIGCONT)
    index._nodes._resting_until = 0.0
    assert found(index, rows) == pytest.approx([1.0] * 3)


@TRANSPORTS
def test_a_server_that_is_killed_and_comes_back(server, transport):
    index, rows = engine(server.address(transport, timeout=10)), crowd(500)
    index.upsert(rows)
    index.commit(5)
    index.upsert(crowd(50, seed=1))
    server.kill()
    with pytest.raises(EngineError, match="does not answer"):
        index.applied()
    server.start()
    index._nodes._resting_until = 0.0
    assert (index.applied(), len(index)) == (5, 550)
    assert found(index, rows[:20]) == pytest.approx([1.0] * 20)


@TRANSPORTS
@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_key_that_is_not_right(qdrant_program, transport, key):
    with Server(qdrant_program, key="the right one") as server:
        index = engine(server.address(transport), key)
        with pytest.raises(EngineError, match="set SPK_QDRANT_KEY") as caught:
            index.applied()
        assert "wrong" not in str(caught.value)
        right = engine(server.address(transport), "the right one")
        right.upsert(crowd(2))
        assert len(right) == 2


def test_another_server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        do_POST = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            with pytest.raises(EngineError, match="no Qdrant that spk understands"):
                engine(f"qdrant://127.0.0.1:{web.server_port}").applied()
        finally:
            web.shutdown()
            thread.join()


@TRANSPORTS
@pytest.mark.parametrize("how", ["wiped", "collection removed"])
def test_what_was_in_is_gone(server, transport, how):
    """The position is gone with it, and nothing is taken for complete that is not."""
    index, rows = engine(server.address(transport)), crowd(5)
    index.upsert(rows)
    index.commit(5)
    assert index.applied() == 5
    if how == "wiped":
        server.kill()
        server.wipe()
        server.start()
    else:
        server.remove("spk-")
    with pytest.raises(EngineError, match="is gone while it was written to"):
        index.upsert(crowd(1))
    with pytest.raises(EngineError, match="is gone while it was written to"):
        index.commit(6)
    assert (index.applied(), len(index), found(index, rows[:1])) == (0, 0, [0.0])
    index.upsert(rows)
    index.commit(6)
    assert (index.applied(), len(index)) == (6, 5)


# How calls are tried again


@pytest.fixture
def nodes(qdrant_address, monkeypatch):
    monkeypatch.setattr(calls, "PAUSE", 0.0)
    return Nodes(QdrantAddress.parse(qdrant_address()), None)


def answer(status: int):
    from httpx import Headers
    from qdrant_client.http.exceptions import UnexpectedResponse

    return UnexpectedResponse(status, "", b'{"status":\n{"error":"why"}}', Headers())


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_what_may_pass_is_tried_again(nodes, status):
    answers = [answer(status), answer(status), None]

    def what(_):
        if problem := answers.pop(0):
            raise problem
        return "done"

    assert nodes.call(what) == "done"


def test_not_for_ever(nodes):
    tries = []

    def what(_):
        tries.append(1)
        raise answer(503)

    with pytest.raises(EngineError, match=r"does not answer \(status 503: .*why"):
        nodes.call(what)
    assert len(tries) == calls.TRIES


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, EngineError), (401, EngineError), (403, EngineError), (404, MissingError), (409, EngineError)],
)
def test_our_mistakes_are_not(nodes, status, error):
    tries = []

    def what(_):
        tries.append(1)
        raise answer(status)

    with pytest.raises(error) as caught:
        nodes.call(what)
    assert len(tries) == 1
    assert "\n" not in str(caught.value)
    assert nodes.call(lambda _: "asked at once") == "asked at once"


def test_other_mistakes_are_shown_as_they_are(nodes):
    with pytest.raises(ZeroDivisionError):
        nodes.call(lambda _: 1 / 0)


@TRANSPORTS
def test_a_node_that_is_dead_is_passed_over(server, transport):
    url = server.address(transport).replace("//", "//127.0.0.1:1,")
    index = engine(url)
    index.upsert(crowd(3))
    assert len(index) == 3


# A cluster


def test_a_cluster_loses_a_node(qdrant_program):
    """Of three nodes with three replicas, two of which must have stored: one is killed while it is written to."""
    with cluster(qdrant_program) as servers:
        url = address(servers, replicas=3, consistency=2, shards=2, timeout=20)
        index, parts = engine(url), [crowd(10, seed) for seed in range(20)]
        for number, rows in enumerate(parts):
            if number == 7:
                servers[0].kill()  # the one that is called
            index.upsert(rows)
            assert found(index, rows) == pytest.approx([1.0] * 10)
        index.commit(20)
        servers[0].start()
        for server in servers:
            one = engine(server.address(replicas=3, timeout=20))
            assert (len(one), one.applied()) == (200, 20)
