"""Evaluations made by hand, small enough to work out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spk.evaluate.diarization import TalkScore
from spk.evaluate.results import Claimed, Evaluation, Probe, Searches

CONDITIONS = {"list": "list.csv", "taken": "a table", "model": "ecapa", "operating_point": {"yes": 0.95, "no": 0.75}}


@pytest.fixture(scope="session")
def searches() -> Callable[..., Searches]:
    """``searches(noise)``: 8 enrolled people and 4 strangers with 4 clips each; LLR 10 and -10, and noise on top."""

    def searches(noise: float = 0.0, seed: int = 0) -> Searches:
        rng = np.random.default_rng(seed)
        people = tuple(f"person{number}" for number in range(8))
        names = [*people, *(f"stranger{number}" for number in range(4))]
        probes = []
        for name in names:
            for take in range(4):
                known = name in people
                verdict = "known" if known else "unknown"
                seconds = (0.5, 1.5, 3.0, 8.0)[take]
                probes.append(Probe(f"{name}-{take}.wav", name, known, seconds, verdict, name if known else None, 0.9))
        same = np.array([probe.speaker for probe in probes])[:, None] == np.array(people)
        llr = np.round(20.0 * same - 10 + noise * rng.normal(size=same.shape), 6)
        return Searches(people, tuple(probes), np.round(llr / 20, 6), llr, llr)

    return searches


@pytest.fixture(scope="session")
def evaluation(searches) -> Evaluation:
    """One of everything."""
    talk = TalkScore("talk.wav", 12.0, 10.0, 0.5, 1.0, 0.5, 8.0, 0.8, 0.6, 3, 2)
    found = searches(6.0)
    probes = (*found.probes, Probe("silence.wav", "person0", enrolled=True, reason="holds no speech"))
    rows = [np.vstack([matrix, np.full((1, 8), np.nan)]) for matrix in (found.score, found.llr, found.claim)]
    return Evaluation(CONDITIONS, Searches(found.people, probes, *rows), (), (talk, talk), ("left out: x.wav",))


@pytest.fixture(scope="session")
def claims() -> tuple[Claimed, ...]:
    """Six files of three people, every pair of them; one is refused."""
    files = [f"{who}{take}.wav" for who in "abc" for take in (1, 2)]
    pairs = [(one, other) for number, one in enumerate(files) for other in files[:number]]
    made = []
    for one, other in pairs:
        same = one[0] == other[0]
        llr = 5.0 if same else -5.0
        made.append(Claimed(one, other, same, llr / 10, llr, llr, "same" if same else "different", 3.0))
    return (*made, Claimed("a1.wav", "hum.wav", same=False, reason="holds no speech"))
