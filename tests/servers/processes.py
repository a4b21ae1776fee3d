"""Other Python processes that work on the same home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import spk

__all__ = ["start"]

PRELUDE = """
import hashlib, os, sys
from pathlib import Path
import numpy as np
from spk.errors import SpkError
from spk.store import NewRecording, NewSample, Origin, Store
from spk.timeline import Segment

def sample(content, clip=None, seed=None):
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    vector = np.random.default_rng(int(sha256[:8], 16)).normal(size=16).astype(np.float32)
    return NewSample(
        NewRecording(sha256, "talk.wav", 60.0), Segment(0.0, 10.0), sha256, 10.0, {}, Origin.ENROLLED,
        {"a model": vector / np.linalg.norm(vector)}, clip=clip,
    )

if server := os.environ.get("SPK_TEST_POSTGRESQL"):
    import postgresql
    Store.open = postgresql.opened_at(server, Store.open)
home = Path(sys.argv[1])
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """``PRELUDE`` and the code given, with the arguments in ``sys.argv``."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    folders = (Path(spk.__file__).parents[1], Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
