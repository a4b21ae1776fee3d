"""Converting, keeping and running graphs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import spk
from spk.embed import convert
from spk.embed.model import ModelId
from spk.embed.runtime import Graph
from spk.errors import ModelError

MODEL = ModelId.of("small", "small/1")
STATM = Path("/proc/self/statm")

CHILD = """
import sys, torch
from spk.embed import convert
from spk.embed.model import ModelId

def build():
    print("built")
    return torch.nn.Linear(80, 3).eval()

print(convert.graph(ModelId.of("small", "small/1"), build))
"""


FIRST = """
import builtins, sys, threading, time
from pathlib import Path
import numpy as np
from spk.embed.runtime import Graph

load = builtins.__import__

def slowly(*what, **how):  # so that others come there meanwhile
    time.sleep(0.5)
    return load(*what, **how)

graph = Graph(Path(sys.argv[1]), threads=2)
builtins.__import__ = slowly
feed = {graph.inputs[0]: np.zeros((1, 200, 80), np.float32)}
threads = [threading.Thread(target=graph._run, args=(feed,)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


class Mean(torch.nn.Module):
    """Stands for a network: three features, averaged over time."""

    def __init__(self):
        super().__init__()
        self.choose = torch.nn.Conv1d(80, 3, 1, bias=False)
        torch.nn.init.dirac_(self.choose.weight)

    def forward(self, features):
        return self.choose(features.transpose(1, 2)).mean(2)


class Wide(torch.nn.Module):
    """Stands for a network that looks at some frames at once, as OpenVINO has code for each length of input."""

    def __init__(self):
        super().__init__()
        layers = (torch.nn.Conv1d(80, 80, 3, dilation=step, padding=step) for step in (1, 2, 3, 4))
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, features):
        return self.layers(features.transpose(1, 2)).mean(2)


def small():
    return Mean().eval()


def never():
    raise AssertionError("there is a graph already")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


@pytest.fixture
def graph():
    return Graph(convert.graph(MODEL, small), threads=2)


def resident():
    """What this process holds, in MiB."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def feeds(*lengths):
    return [{"features": np.full((1, length, 80), length, np.float32)} for length in lengths]


def test_results_come_in_the_order_of_the_inputs(graph):
    lengths = (700, 3, 40, 41, 300, 5, 5, 90)
    results = graph.map(iter(feeds(*lengths)))
    assert [result["embeddings"].tolist() for result in results] == [[[n, n, n]] for n in lengths]
    assert (graph.inputs, graph.outputs) == (("features",), ("embeddings",))
    assert graph(feeds(12)[0])["embeddings"][0, 0] == 12
    assert graph.map([]) == []


def test_results_do_not_change_when_the_next_input_runs(graph):
    first = graph(feeds(3)[0])["embeddings"]
    graph.map(feeds(*range(5, 30)))
    assert first.tolist() == [[3, 3, 3]]


@pytest.mark.skipif(not STATM.exists(), reason="memory is read as Linux tells it")
def test_inputs_of_many_lengths_leave_nothing_in_memory():
    graph = Graph(convert.graph(ModelId.of("wide", "wide/1"), lambda: Wide().eval()), threads=2)
    graph.map(feeds(*range(100, 500, 2)))
    before = resident()
    graph.map(feeds(*range(101, 499, 2)))
    assert resident() - before < 80  # it is 15; 175 where code is kept for each length


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": np.zeros((1, 9, 7), np.float32)},
        {"sound": np.zeros((1, 9, 80), np.float32)},
        {"features": "x"},
    ],
)
def test_a_wrong_input_is_one_clear_error_and_the_graph_goes_on(graph, wrong):
    with pytest.raises(ModelError, match="the graph"):
        graph.map([*feeds(4), wrong, *feeds(5)])
    assert graph(feeds(12)[0])["embeddings"][0, 0] == 12


def test_an_error_of_the_inputs_maker_is_not_hidden(graph):
    def broken():
        yield from feeds(4)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        graph.map(broken())
    assert graph(feeds(12)[0])["embeddings"][0, 0] == 12


def test_converted_once_then_read(cache):
    path = convert.graph(MODEL, small)
    assert convert.graph(MODEL, never) == path
    assert path.parent.name == MODEL.fingerprint
    assert {entry.name for entry in cache.iterdir()} == {".lock", MODEL.fingerprint}


def test_what_a_killed_conversion_left_is_cleared(cache):
    (cache / ".converting-abc").mkdir(parents=True)
    convert.graph(MODEL, small)
    assert {entry.name for entry in cache.iterdir()} == {".lock", MODEL.fingerprint}


def test_two_processes_convert_once():
    environment = os.environ | {"PYTHONPATH": str(Path(spk.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(map(len, said)) == [1, 2]  # one of them built it
    assert said[0][-1] == said[1][-1]


def test_the_first_inputs_of_all_may_come_at_once():
    """OpenVINO sets itself up at its first input, and would wait for ever for a thread that waits for it."""
    path = convert.graph(MODEL, small)
    environment = os.environ | {"PYTHONPATH": str(Path(spk.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", FIRST, path], env=environment, timeout=60, check=True)


def test_a_cache_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SPK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match=r"cannot be written .* SPK_CACHE"):
        convert.graph(MODEL, small)


@pytest.mark.parametrize("part", ["model.xml", "model.bin"])
def test_a_damaged_graph_says_which_file(tmp_path, part):
    path = convert.graph(MODEL, small)
    (path.parent / part).write_bytes((path.parent / part).read_bytes()[:100])
    with pytest.raises(ModelError, match=re.escape(str(path))):
        Graph(path)


def test_a_missing_graph_says_which_file(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx"):
        Graph(tmp_path / "none.onnx")
