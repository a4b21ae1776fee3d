"""`spk models` as a user types it."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from typer.testing import CliRunner

from spk.cli.models import app, download_bar
from spk.embed import manifests, weights
from spk.embed.weights import Artefact, LocalFolder, Manifest
from spk.errors import NotFoundError, WeightsError

CONTENT = b"weights" * 1000


@pytest.fixture(autouse=True)
def two_models(tmp_path, monkeypatch):
    """Two small models in place of the real ones, with their file in a local folder."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    here = Artefact("small.bin", sha256, len(CONTENT), "MIT", "made for this test", (LocalFolder(),))
    gone = Artefact("gone.bin", "0" * 64, 5_000_000, "Apache-2.0", "nowhere to be had", (LocalFolder(),))
    models = {
        "small": Manifest("small", "a small one", (here,), default=True),
        "gone": Manifest("gone", "a lost one", (gone,)),
    }
    monkeypatch.setattr(manifests, "MANIFESTS", models)
    monkeypatch.setattr(weights, "MANIFESTS", models)
    monkeypatch.setenv("SPK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SPK_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "small.bin").write_bytes(CONTENT)
    return tmp_path / "cache" / "weights" / sha256 / "small.bin"


def spk_models(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception:
        raise result.exception
    return result.stdout


def test_list():
    assert spk_models("list").splitlines() == [
        "NAME   SIZE    LICENCE     STATE   PURPOSE",
        "small  7.0 kB  MIT         absent  a small one",
        "gone   5.0 MB  Apache-2.0  absent  a lost one",
    ]


def test_list_json_says_what_is_here(two_models):
    spk_models("pull")
    first, second = map(json.loads, spk_models("list", "--json").splitlines())
    assert first == {
        "name": "small",
        "purpose": "a small one",
        "bytes": 7000,
        "licence": "MIT",
        "default": True,
        "state": "cached",
    }
    assert second["state"] == "absent"
    two_models.write_bytes(CONTENT[::-1])
    assert json.loads(spk_models("list", "--json", "--verify").splitlines()[0])["state"] == "damaged"


def test_show(two_models):
    spk_models("pull", "small")
    shown = spk_models("show", "small")
    for part in (
        hashlib.sha256(CONTENT).hexdigest(),
        "MIT",
        "made for this test",
        "folder SPK_MODELS",
        str(two_models),
    ):
        assert part in shown
    details = json.loads(spk_models("show", "gone", "--json"))
    assert details["name"] == "gone"
    assert details["files"][0]["path"] is None
    assert details["files"][0]["sources"] == ["folder SPK_MODELS"]


def test_pull(two_models):
    assert spk_models("pull") == f"{two_models}\n"
    assert json.loads(spk_models("pull", "small", "--json")) == {"file": "small.bin", "path": str(two_models)}
    assert spk_models("pull", "--quiet") == ""
    two_models.write_bytes(CONTENT[::-1])
    spk_models("pull")
    assert two_models.read_bytes() == CONTENT


def test_errors_go_to_the_caller():
    with pytest.raises(NotFoundError, match="small, gone"):
        spk_models("pull", "smal")
    with pytest.raises(NotFoundError, match="small, gone"):
        spk_models("show", "smal")
    with pytest.raises(WeightsError, match=r"gone\.bin: cannot be fetched"):
        spk_models("pull", "gone")


@pytest.mark.parametrize("command", ["list", "show", "pull"])
def test_help_has_an_example(command):
    assert f"Example: spk models {command}" in spk_models(command, "--help")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_on_a_terminal_only(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with download_bar() as progress:
        progress(10, 20, "small.bin")
        progress(20, 20, "small.bin")
    with download_bar(quiet=True) as progress:
        assert progress is None
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with download_bar() as progress:
        assert progress is None
