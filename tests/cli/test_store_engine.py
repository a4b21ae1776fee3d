"""`spk store status | rebuild | verify | migrate | compact`, on the database and the engines that people have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.qdrant import Server

from .conftest import Spk


@pytest.fixture
def there(enrolled: Spk, tmp_path: Path) -> Spk:
    return enrolled.copy(tmp_path / "home")


@pytest.fixture
def server(qdrant_program: Path) -> Iterator[Server]:
    """A Qdrant that may be stopped."""
    with Server(qdrant_program) as alone:
        yield alone


def test_a_misspelt_home_is_not_made(spk: Spk) -> None:
    for command in ("status", "verify", "rebuild", "compact"):
        assert "no voiceprints are kept here yet" in spk("store", command, status=2).err
    assert not spk.home.exists()


def test_an_empty_home(spk: Spk) -> None:
    spk("speakers", "list")
    assert spk("store", "status").lines[-1] == "no voiceprints yet"
    assert spk("store", "status", "--json").records == []
    assert spk("store", "verify").lines[-1] == "all is well"
    assert spk("store", "compact", "--json").records == [{"changes": 0, "scrubbed": True}]
    [complaint] = spk("store", "migrate", "--to", "qdrant://127.0.0.1:1", status=2).complaints
    assert "does not answer" in complaint


def test_an_empty_home_that_is_to_be_searched_by_another(spk: Spk, server: Server) -> None:
    address = server.address("grpc", timeout=10)
    spk("speakers", "list")
    assert spk("store", "migrate", "--to", address).lines == [f"{address} will search", "no voiceprints yet"]


def test_the_engine_of_each_process(there: Spk) -> None:
    [status] = there("store", "status", "--json").records
    assert (status["engine"], status["voiceprints"], status["state"]) == ("exact", 2, "ready")
    assert there("store", "rebuild", "--json").records == [status]
    assert there("store", "verify").lines[0].endswith("as in the database")
    [whole] = there("store", "verify", "--json").records
    assert whole["whole"]
    assert whole["engines"][0]["voiceprints"] == 2
    assert there("store", "compact").lines == ["2 listed changes forgotten"]
    complaint = there("store", "migrate", "--to", "faiss", status=2).complaints
    assert complaint == ["spk: faiss: is the engine in use already: fill it anew by `spk store rebuild`"]
    assert "write qdrant://host:6333" in there("store", "migrate", "--to", "milvus://x", status=2).err


def test_to_a_qdrant_and_back(there: Spk, server: Server) -> None:
    address = server.address("grpc", timeout=10)
    [status] = there("store", "migrate", "--to", address, "--json").records
    assert (status["engine"], status["indexed"], status["state"]) == (address, 2, "ready")
    assert there("store", "verify").lines[-1] == "all is well"
    there("speakers", "rename", "ann", "Änn 安")
    assert set(there.people()) == {"bob", "Änn 安"}
    server.kill()
    down = there("store", "status", status=1)
    assert down.lines[1].split()[0] == "MODEL"
    assert "does not answer" in down.lines[-1]
    assert there("store", "verify", status=1).lines[0].startswith(f"{address}: Qdrant does not answer")
    warned = there("speakers", "rename", "bob", "Bob").complaints
    assert warned == []
    server.start()
    there("speakers", "erase", "Bob", "--yes")
    [status] = there("store", "status", "--json").records
    assert (status["voiceprints"], status["indexed"], status["state"]) == (1, 1, "ready")
    [status] = there("store", "migrate", "--to", "faiss", "--json").records
    assert (status["engine"], status["state"]) == ("exact", "ready")
    assert server.request("GET", "/collections")["result"]["collections"] == []


def test_what_is_wrong_is_said(there: Spk) -> None:
    (clip, *_) = sorted((there.home / "clips").iterdir())
    clip.write_bytes(b"something else")
    wrong = there("store", "verify", status=1)
    assert wrong.lines[0].endswith("altered: copy it from a backup")
    assert wrong.lines[-1] == "something is wrong"
    [found] = there("store", "verify", "--json", status=1).records
    assert not found["whole"]
    assert len(found["problems"]) == 1
