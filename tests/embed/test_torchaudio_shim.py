"""The stand-in for torchaudio's compiled part comes in where that part fails, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import spk

PROGRAM = """
from spk.embed.torchaudio_shim import ensure_torchaudio
ensure_torchaudio()
import torchaudio
print(torchaudio.FOUND)
"""


@pytest.mark.parametrize(
    ("extension", "found"),
    [
        ("_IS_TORCHAUDIO_EXT_AVAILABLE = True", "True"),
        ("raise OSError('libc10_cuda.so: cannot open shared object file')", "False"),
    ],
    ids=["works", "fails"],
)
def test_only_where_the_native_import_fails(tmp_path, extension, found):
    package = tmp_path / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text("from ._extension import _IS_TORCHAUDIO_EXT_AVAILABLE as FOUND\n")
    (package / "_extension.py").write_text(extension + "\n")
    path = f"{tmp_path}:{Path(spk.__file__).parents[1]}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert done.stdout.strip() == found
