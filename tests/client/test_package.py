"""What the client costs to import, and what its types say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"fastapi", "numpy", "openvino", "scipy", "sqlalchemy", "torch"}
TYPED = """
from pathlib import Path
from typing import assert_type

from spk.client import AsyncClient, Client
from spk.messages.base import Page
from spk.messages.identification import Identified
from spk.messages.speakers import SpeakerInfo


def ask(client: Client) -> None:
    assert_type(client.identify(Path("call.wav"), single=True), Identified)
    assert_type(client.speakers.list(), Page[SpeakerInfo])
    client.identify(7)  # wrong


async def ask_again(client: AsyncClient) -> None:
    assert_type(await client.identify(Path("call.wav")), Identified)
    assert_type([one async for one in client.speakers.everybody()], list[SpeakerInfo])
"""


def test_importing_it_is_light() -> None:
    code = "import sys, spk.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


def test_its_results_are_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "asking.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "asking.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(complaints) == 1, done.stdout
    assert 'asking.py:14: error: Argument 1 to "identify"' in complaints[0]
