"""What a command loads before it works: nobody waits for what is not needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import BOB, Demo, Spk

HEAVY = ("torch", "torchaudio", "onnxruntime", "openvino", "qdrant_client", "speechbrain", "scipy", "sklearn", "faiss")
STORE = ("sqlalchemy", "alembic")
SHOWING = ("rich", "numpy")


def loaded(code: str, spk: Spk) -> set[str]:
    """The packages in memory after some code."""
    report = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        cwd=spk.folder,
        env=spk.environment(),
        check=True,
    )
    return set(done.stderr.split())


def running(*arguments: str) -> str:
    """Code that runs a command."""
    run = "try:\n    from spk.cli import main; main()\nexcept SystemExit: pass"
    return f"import sys; sys.argv = {['spk', *arguments]}\n{run}"


@pytest.mark.parametrize(
    "code",
    ["import spk", "import spk.cli", running("--help"), running("identify", "--help"), running("--version")],
)
def test_help_loads_next_to_nothing(code: str, spk: Spk) -> None:
    assert not loaded(code, spk).intersection((*HEAVY, *STORE, *SHOWING))


def test_models_list_loads_no_runtime(spk: Spk) -> None:
    assert not loaded(running("models", "list"), spk).intersection((*HEAVY, *STORE))


def test_the_store_alone(enrolled: Spk) -> None:
    """To list people takes the database, and neither models nor an engine."""
    assert not loaded(running("speakers", "list"), enrolled).intersection(HEAVY)


def test_verify_without_torch(enrolled: Spk, demo: Demo) -> None:
    """Once its graph is there, a model needs nothing of what it was made with."""
    clip = demo.cut(enrolled.folder / "five seconds.wav", (BOB[1][0], BOB[1][0] + 5))
    enrolled("verify", "bob", clip)
    found = loaded(running("verify", "bob", str(clip)), enrolled)
    assert "openvino" in found
    assert not found.intersection({*HEAVY, "alembic", "rich"} - {"openvino"})


def test_identify_without_torch(enrolled: Spk, demo: Demo) -> None:
    found = loaded(running("identify", str(demo.recording)), enrolled)
    assert not found.intersection({"torch", "torchaudio", "speechbrain", "onnxruntime", "sklearn", "faiss"})
