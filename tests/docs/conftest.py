"""The files that the documents name, cut from the demo dialogue; and how a document's examples are run."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from spk.embed import weights

CACHES = ("SPK_CACHE", "SPK_MODELS")  # where the weights are is not the documents' business
NAMES = {"speaker90": "anna", "speaker91": "bob"}

# Every recording is a piece of the dialogue (seconds): nobody else speaks in those that bear a name.
PIECES = {
    "dialogue.wav": (0.0, 30.0),
    "monday.wav": (0.0, 18.0),
    "tuesday.wav": (18.0, 30.0),
    "rest.wav": (18.0, 30.0),
    "anna1.wav": (10.9, 14.5),
    "anna2.wav": (18.5, 21.5),
    "bob1.wav": (14.7, 17.95),
    "bob2.wav": (21.8, 27.8),
    "claim.wav": (21.8, 27.8),
    "word.wav": (7.55, 8.0),
}
TABLES = {
    "people.csv": "speaker,file,start,end\nanna,anna1.wav,,\nanna,anna2.wav,,\nbob,tuesday.wav,3.8,9.8\n",
    "trials.txt": "anna anna2.wav\nbob anna2.wav\nbob1.wav bob2.wav\n",
}

TABLES["dialogue.json"] = json.dumps(
    {
        "segments": [
            {
                "start": 10.8,
                "end": 17.4,
                "text": " Shall we begin? Yes, please.",
                "words": [
                    {"word": word, "start": start, "end": start + 0.4}
                    for word, start in (
                        ("Shall", 10.8),
                        ("we", 11.4),
                        ("begin?", 12.0),
                        ("Yes,", 15.2),
                        ("please.", 17.0),
                    )
                ],
            }
        ]
    }
)
TABLES["dialogue.srt"] = """1
00:00:10,800 --> 00:00:17,400
- Shall we begin?
- Yes, please.

2
00:00:22,500 --> 00:00:25,500
Then let us begin.
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder with every file that the documents name, and room for a home."""
    sound, rttm = (weights.fetch(artefact) for artefact in weights.manifest("demo").artefacts)
    samples, rate = soundfile.read(sound)
    for name, (start, end) in PIECES.items():
        soundfile.write(tmp_path / name, samples[int(start * rate) : int(end * rate)], rate)
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text)
    turns = _turns(rttm)
    corrected = [_rttm("monday", *turn) for turn in turns if turn[1] <= 18]
    (tmp_path / "corrected.rttm").write_text("".join(corrected))
    (tmp_path / "first.rttm").write_text("".join(corrected).replace(" monday ", " dialogue "))
    channels = np.zeros((len(samples), 2))  # who speaks, a channel each, as on the telephone
    for start, end, who in turns:
        part = slice(int(start * rate), int(end * rate))
        channels[part, list(NAMES.values()).index(who)] = samples[part]
    soundfile.write(tmp_path / "phone.wav", channels, rate)
    return tmp_path


@pytest.fixture
def environment(scratch: Path) -> dict[str, str]:
    """The environment of whoever follows a document: a home of its own, and nothing set but where weights lie."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPK_") or name in CACHES}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "SPK_HOME": str(scratch / "home"), "COLUMNS": "100"}


@pytest.fixture
def serve(scratch: Path, environment: dict[str, str]) -> Iterator[Callable[[str], int]]:
    """Starts what a document serves in the background, on a free port; all of it ends with the test."""
    servers: list[subprocess.Popen[str]] = []

    def start(command: str) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        with (scratch / "served.log").open("w") as log:
            servers.append(
                subprocess.Popen(
                    [*command.split(), "--port", str(port)], cwd=scratch, env=environment, stderr=log, text=True
                )
            )
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz").is_success:
                    return port
            if servers[-1].poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError((scratch / "served.log").read_text())

    yield start
    for server in servers:
        server.terminate()
        server.wait(60)


@pytest.fixture
def shell(scratch: Path, environment: dict[str, str]) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a command in the scratch folder; both its outputs come back as one."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=scratch,
            env=environment,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return run


def _turns(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and name of every reference turn."""
    fields = [line.split() for line in path.read_text().splitlines()]
    return [(float(line[3]), float(line[3]) + float(line[4]), NAMES[line[7]]) for line in fields]


def _rttm(file: str, start: float, end: float, who: str) -> str:
    return f"SPEAKER {file} 1 {start:.3f} {end - start:.3f} <NA> <NA> {who} <NA> <NA>\n"
