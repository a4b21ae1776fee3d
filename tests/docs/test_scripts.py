"""The scripts that the README names, where they refuse; that they work, everything else shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "dirname", "realpath", "sha256sum", "head", "grep", "cat")
OLD = "#!/bin/bash\nexit 1\n"
WITHOUT_VENV = f'#!/bin/bash\n[[ "$*" == *ensurepip* ]] && exit 1\nexec {sys.executable} "$@"\n'


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("python", "advice"),
    [(OLD, "sudo apt install python3 python3-venv"), (WITHOUT_VENV, r"sudo apt install python3\.\d+-venv")],
)
def test_setup_says_what_is_missing(tmp_path: Path, python: str, advice: str):
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(str(shutil.which(tool)))
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (programs / name).write_text(python)
        (programs / name).chmod(0o755)
    done = run("bash", ROOT / "scripts/setup", PATH=str(programs), VENV=str(tmp_path / "venv"))
    assert done.returncode == 1
    assert re.search(advice, done.stderr)
    assert not (tmp_path / "venv").exists()


def test_demo_does_not_empty_a_folder_that_is_not_its_own(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run(ROOT / "scripts/demo", tmp_path, PATH="/usr/bin:/bin")
    assert done.returncode == 1
    assert "name another folder" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("which", ["", "manifests"])
def test_bench_says_which_there_are(which: str):
    done = run(ROOT / "scripts/bench", which, PATH="/usr/bin:/bin")
    assert (
        done.returncode,
        "accuracy|decisions|relabel|review|service|sort|speed|store|faults|fit_calibration" in done.stderr,
    ) == (
        2,
        True,
    )
    for name in re.findall(r"\w+(?=\|| \[)", done.stderr):
        assert (ROOT / "bench" / f"{name}.py").is_file()
