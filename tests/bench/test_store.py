"""The bench of the store: made-up voices, what is compared, and a small run of all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from haystack import GALLERY, KINDS, MODEL, TOP, Haystack
from store import fill, found, last_said
from voices import DIM, Real, crowd

from spk.store import Store

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def voices():
    [part] = crowd(prints=5_000, people=500, probes=500)
    return part


@pytest.fixture
def haystack(tmp_path):
    return Haystack.make(tmp_path, 1_000, 20, None)


def test_made_up_voices_resemble_each_other_as_real_ones_do(voices):
    cosines = voices.vectors @ voices.vectors.T
    same = voices.owners[:, None] == voices.owners
    np.fill_diagonal(same, val=False)
    between = cosines[(voices.owners[:, None] != voices.owners)]
    assert between.mean() == pytest.approx(0.09, abs=0.02)
    assert between.std() == pytest.approx(0.095, abs=0.015)
    assert np.percentile(between, 99.9) == pytest.approx(0.42, abs=0.06)
    assert 0.5 < cosines[same].mean() < 0.65  # over several channels


def test_a_probe_over_another_channel_is_further_away(voices):
    known, foreign = ((probes[voices.owners] * voices.vectors).sum(axis=1) for probes in (voices.known, voices.foreign))
    assert foreign.mean() == pytest.approx(0.48, abs=0.03)
    assert foreign.std() == pytest.approx(0.135, abs=0.03)
    assert known.mean() > foreign.mean() + 0.05
    starts = np.flatnonzero(np.diff(voices.owners, prepend=-1))
    nearest = [
        np.maximum.reduceat(probes @ voices.vectors.T, starts, axis=1).argmax(axis=1)
        for probes in (voices.known, voices.foreign)
    ]
    right = [(people == voices.probed).mean() for people in nearest]
    assert right[0] > right[1] > 0.8


def test_a_crowd_has_what_was_asked_for_and_is_the_same_each_time():
    first, second = ([*crowd(prints=12_000, people=6_000, probes=50, seed=3)] for _ in range(2))
    owners = np.concatenate([part.owners for part in first])
    assert len(owners) == 12_000
    assert np.array_equal(np.unique(owners), np.arange(6_000))
    assert (np.diff(owners) >= 0).all()
    assert sum(len(part.known) for part in first) == sum(len(part.foreign) for part in first) == 50
    assert all(np.array_equal(one.vectors, other.vectors) for one, other in zip(first, second, strict=True))
    assert np.bincount(owners).max() > 5  # some have many more than others


def test_real_voices_are_among_the_made_up(tmp_path):
    vectors = np.eye(DIM, dtype=np.float32)[:5]
    recorded = Real(np.array([0, 0, 1, 2, 2]), vectors, vectors[[3, 4]], np.array([2, -1]))
    mixed = Haystack.make(tmp_path, 1_000, 20, recorded)
    assert np.array_equal(mixed.vectors[-5:], vectors)
    assert len(mixed.starts) == 100
    probes = mixed.kinds == KINDS.index("recordings")
    assert sorted(mixed.whose[probes].tolist()) == [-1, 99]
    assert 99 in mixed.best()[probes][:, 0]


def test_comparing_all_with_all_finds_the_nearest(haystack, monkeypatch):
    monkeypatch.setattr("haystack._AT_ONCE", 64)
    cosines = haystack.queries @ np.array(haystack.vectors).T
    by_person = np.stack([cosines[:, haystack.owners == person].max(axis=1) for person in range(100)], axis=1)
    assert np.array_equal(haystack.best(), np.argsort(-by_person, axis=1)[:, :TOP])


def test_rates_by_hand(haystack):
    truth = haystack.best()
    known = [int(query) for query in np.flatnonzero((haystack.kinds == 0) & (truth[:, 0] == haystack.whose))[:4]]
    best = {str(query): truth[query].tolist() for query in known}
    best[str(known[0])] = truth[known[0]][1:].tolist()  # the right person is missing
    assert found(haystack, truth, best) == {
        KINDS[0]: {
            "probes": 4,
            "exact_right": 1.0,
            "right": 0.75,
            "same": 0.75,
            "lost": 0.25,
            "recall": pytest.approx(0.975),
        }
    }


def test_an_engine_that_was_stopped_has_said_what_it_knew():
    assert last_said(b'{"build": 1}\n{"build": 1, "open": 2}\n{"build"') == {"build": 1, "open": 2}
    assert last_said(b'{"bui') == last_said(b"") == {}


def test_a_filled_store_finds_who_is_in_it(haystack, monkeypatch):
    monkeypatch.setattr("store.CHUNK", 300)
    fill(haystack)
    truth, people = haystack.best(), haystack.people.tolist()
    with Store.open(haystack.home) as store:
        gallery = store.gallery(GALLERY)
        assert len(store.speakers(gallery)) == 100
        nearest = store.search(gallery, MODEL, haystack.queries, TOP)
        assert [[people.index(one.speaker.bytes.rstrip(b"\0")) for one in some] for some in nearest] == truth.tolist()


def test_a_small_run(tmp_path):
    command = [sys.executable, BENCH / "store.py", "--sizes", 2_000, "--engines", "floor,numpy,exact,faiss"]
    command += ["--queries", 10, "--budget", 0.5, "--threads", 1, "--json", tmp_path / "out.json"]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "SPK_CORPUS": str(tmp_path)}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "everybody is made up" in done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]  # it cleans up
    figures = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["sizes"]["2000"]
    assert figures["people"] == 200
    for name in ("numpy", "exact", "faiss"):
        for rates in figures["engines"][name]["search"]["engine 200"]["found"].values():
            assert (rates["same"], rates["lost"], rates["recall"]) == (1.0, 0.0, 1.0)
    assert len(figures["engines"]["faiss"]["enroll"]["there"]) == 5
    assert figures["engines"]["floor"]["float32"]["p50"] > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--engines", "nothing"], "there is no engine 'nothing'"),
        (["--sizes", "10"], "sizes are 1,000 or more"),
        (["--sizes", "10000000000000"], "with more room"),
    ],
)
def test_what_cannot_be_run(arguments, says):
    done = subprocess.run([sys.executable, BENCH / "store.py", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr
