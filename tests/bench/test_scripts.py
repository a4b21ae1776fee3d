"""The benches as they are run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spk.embed import weights

BENCH = Path(__file__).resolve().parents[2] / "bench"


def run(script, *arguments):
    command = [sys.executable, BENCH / f"{script}.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def demo_folder(tmp_path):
    """The demo dialogue as a folder with a manifest."""
    for artefact in weights.manifest("demo").artefacts:
        path = weights.fetch(artefact)
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "manifest.csv").write_text("file,speaker,role\nsample.wav,two,diarization\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("script", ["accuracy", "review", "service", "sort", "speed", "store", "fit_calibration"])
def test_help(script):
    done = run(script, "--help")
    assert done.returncode == 0, done.stderr
    assert "manifest.csv" in done.stdout


def test_faults_of_a_few_kills(tmp_path):
    done = run("faults", "--only", "writer", "--kills", 3, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["writer"]
    assert (result["kills"], result["lost_or_half_present"]) == (3, 0)


def test_relabel_of_a_few_recordings(tmp_path):
    few = ("--recordings", 4, "--enrolled", 3, "--strangers", 3, "--unknowns", 5)
    done = run("relabel", *few, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert result["relabel"]["voices"] == 16
    assert result["queue"]["unknowns"] == 5
    assert result["seconds"].keys() == result["processor_seconds"].keys()


def test_service_of_a_few_requests(tmp_path):
    few = ("--rounds", 1, "--seconds", 0.5)
    done = run("service", *few, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["load"]
    asked = {(row["operation"], row["clients"]): row for row in result["rows"]}
    assert asked.keys() == {(name, clients) for name in ("verify", "identify") for clients in (1, 8, 32)}
    assert all(row["requests"] and not row["other_answers"] for row in asked.values())


def test_service_of_malformed_uploads(tmp_path):
    done = run("service", "--malformed", 40, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["malformed"]
    assert sum(sum(answers.values()) for answers in result["kinds"].values()) == 40
    assert (result["server_errors_but_overload"], result["tracebacks"], result["uploads_left"]) == (0, 0, 0)
    assert result["alive_at_the_end"]


def test_accuracy_of_the_demo(demo_folder, tmp_path):
    done = run("accuracy", demo_folder, "--threads", 1, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert result["diarization"]["spk"]["files"]["sample.wav"]["found"] == 2
    assert result["diarization"]["spk"]["pooled"]["der"] < 0.2
    assert "sample" in done.stdout
    assert "speakers" not in result


def test_a_part_that_does_not_exist():
    done = run("speed", "--only", "nothing")
    assert done.returncode == 2
    assert "there is no part 'nothing'" in done.stderr
