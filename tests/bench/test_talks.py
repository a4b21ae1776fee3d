"""Conversations that the review bench makes, and how it measures what became of strangers."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from strangers import LEAST_SECONDS, Linked, _measured
from talks import Talk, Utterance, talks

from spk.audio import SAMPLE_RATE, Audio
from spk.timeline import Segment, Timeline, Turn, total


@pytest.fixture
def said():
    """Ten people who say six times 2 s."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (10, 6, 2 * SAMPLE_RATE)).astype(np.float32)
    speech = (Segment(0.0, 2.0),)
    return {f"p{number}": [Utterance(samples, speech) for samples in some] for number, some in enumerate(noise)}


def test_everything_is_said_once(said):
    made = list(talks(said, _Nothing(), seed=1))
    spoken = Counter()
    for talk in made:
        assert len(talk.turns.labels) <= 5
        assert talk.turns.end == pytest.approx(talk.audio.duration)
        for label in talk.turns.labels:
            spoken[label] += total(talk.turns.of(label))
    assert set(spoken) == set(said)
    assert all(10.0 <= seconds <= 16.0 for seconds in spoken.values())  # pauses of up to 0.3 s are joined


class _Nothing:
    """A degrader that leaves talks as they are."""

    def telephone(self, samples, _):
        return samples

    noise = room = telephone


def test_the_same_seed_makes_the_same_talks(said):
    one, other = (next(talks(said, _Nothing(), seed=3)) for _ in range(2))
    assert np.array_equal(one.audio.samples, other.audio.samples)
    assert one.turns == other.turns


def talk(**turns):
    """A recording in which people speak from when to when."""
    found = Timeline(Turn(Segment(*times), name) for name, times in turns.items())
    return Talk(Audio(np.zeros(SAMPLE_RATE, np.float32), "talk"), found)


def voice(label, who, name=None):
    return SimpleNamespace(label=label, named=None if who is None else SimpleNamespace(id=who, name=name))


def test_what_became_of_strangers_by_hand():
    # Ann is heard in three recordings: twice as unknown 1, once not at all. Bob joins her unknown; Eve is enrolled.
    made = [talk(ann=(0, 20), eve=(20, 40)), talk(ann=(0, 20)), talk(ann=(0, 20), bob=(20, 30)), talk(dan=(0, 5))]
    found = [one.turns for one in made]
    heard = [
        [voice("ann", 1), voice("eve", 9, "eve")],
        [voice("ann", 1)],
        [voice("ann", None), voice("bob", 1)],
        [voice("dan", 2)],
    ]
    linked = _measured(made, heard, found, {"eve"}, {1, 2})
    assert (linked.joined, linked.confused, linked.missed) == (1, 2, 2)
    assert linked.purity == pytest.approx(45 / 55)
    assert (linked.unknowns, linked.strangers, linked.ghosts) == (2, 2, 0)
    assert (linked.wrong_names, linked.names) == (0, 1)
    assert LEAST_SECONDS == 10.0


def test_shares():
    linked = Linked(8, 2, 0, 1.0, 3, 3, 0, 0, 0)
    assert (linked.precision, linked.recall) == (0.8, 1.0)
    assert linked.f == pytest.approx(8 / 9)
