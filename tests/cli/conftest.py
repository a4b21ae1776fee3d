"""The ``spk`` command as a process, a home to work in, and the demo dialogue to work on."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile

from spk.embed import weights

# Who speaks alone when in the demo dialogue, by its reference: enough to enroll from, and to probe with.
ANN = ((10.57, 14.49), (18.6, 21.49))
BOB = ((14.7, 17.92), (21.78, 27.85))


@dataclass(frozen=True)
class Result:
    """What a run of ``spk`` printed, and how it left."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def complaints(self) -> list[str]:
        return self.err.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every line of the output as the JSON object it must be."""
        return [json.loads(line) for line in self.lines]


@dataclass(frozen=True)
class Spk:
    """Runs ``spk`` in a folder of its own, with a home there."""

    folder: Path
    home: Path

    def __call__(self, *arguments: object, status: int | None = 0, **environment: str) -> Result:
        """Run it to its end; what must hold of every run is checked here."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            cwd=self.folder,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        assert "\x1b" not in result.out + result.err, "terminal codes, and nobody's terminal"
        if status is not None:
            assert result.status == status, result
        if status == 0:
            assert not result.err, result
        return result

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start it, to be watched or killed."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(),
            **{"stdin": subprocess.DEVNULL, "text": True, "bufsize": 1, **options},
        )

    def environment(self, **more: str) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("SPK_") or name in PASSED}
        return {**ours, "SPK_HOME": str(self.home), **more}

    def copy(self, home: Path) -> Spk:
        """The same command with a copy of the home, to change."""
        shutil.copytree(self.home, home)
        return Spk(home.parent, home)

    def stored(self) -> dict[str, int]:
        """How much the home holds, read past spk."""
        tables = ("galleries", "speakers", "recordings", "samples", "voiceprints", "clips", "audit")
        with closing(sqlite3.connect(f"file:{self.home / 'spk.db'}?mode=ro", uri=True)) as database:
            return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608

    def people(self) -> dict[str, dict[str, Any]]:
        """The records of ``spk speakers list`` by name."""
        return {person["name"]: person for person in self("speakers", "list", "--json").records}


COMMAND = (sys.executable, "-m", "spk")
PASSED = {"SPK_CACHE", "SPK_MODELS"}
UNKNOWN = re.compile(r"unknown-[0-9a-f]{4,}")


@pytest.fixture
def spk(tmp_path: Path) -> Spk:
    """``spk("enroll", "ann", file)``, in an empty folder with an empty home."""
    return Spk(tmp_path, tmp_path / "home")


@dataclass(frozen=True)
class Demo:
    """The demo dialogue: 30 s in which two people talk."""

    recording: Path
    turns: Path

    def cut(self, path: Path, *parts: tuple[float, float], **how: Any) -> Path:
        """Some of its seconds, joined, as a file of their own."""
        samples, rate = soundfile.read(self.recording, dtype="float32")
        joined = [samples[round(start * rate) : round(end * rate)] for start, end in parts]
        soundfile.write(path, [value for part in joined for value in part], rate, **how)
        return path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The recording and its turns, as copies of their own in one folder."""
    folder = tmp_path_factory.mktemp("demo")
    for artefact in weights.manifest("demo").artefacts:
        (folder / artefact.file).write_bytes(weights.fetch(artefact).read_bytes())
    return Demo(folder / "sample.wav", folder / "sample.rttm")


@pytest.fixture
def enrolled(enrolled_once: Spk, tmp_path_factory: pytest.TempPathFactory) -> Spk:
    """A home in which the two people of the dialogue are enrolled as ann and bob; anew for each test."""
    return enrolled_once.copy(tmp_path_factory.mktemp("enrolled") / "home")


@pytest.fixture(scope="session")
def enrolled_once(tmp_path_factory: pytest.TempPathFactory, demo: Demo) -> Spk:
    """What every `enrolled` is a copy of."""
    folder = tmp_path_factory.mktemp("enrolled")
    spk = Spk(folder, folder / "home")
    turns = ("--turns", demo.turns, demo.recording)
    spk("enroll", *turns, "--map", "speaker90=ann", "--map", "speaker91=bob")
    return spk
