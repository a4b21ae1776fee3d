"""Threads that share an embedder: each gets what it would get alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Event, Thread

import numpy as np
import pytest

from spk.embed.batching import Batching
from spk.embed.fake import FakeEmbedder
from spk.errors import InputError


@dataclass(frozen=True)
class Gated(FakeEmbedder):
    """Notes how many clips each call has; the first call waits until it may go on."""

    calls: list = field(default_factory=list)
    began: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)

    def __call__(self, batch):
        self.calls.append(len(batch))
        self.began.set()
        assert self.go_on.wait(30)
        return super().__call__(batch)


def clip(number, seconds=0.5):
    return np.random.default_rng(number).normal(size=round(seconds * 16_000)).astype(np.float32) * 0.1


def asked_meanwhile(gated, batching, batches):
    """What threads get that ask while the first call is under way."""
    first = Thread(target=batching, args=([clip(0)],))
    first.start()
    assert gated.began.wait(30)
    with ThreadPoolExecutor(len(batches)) as pool:
        answers = [pool.submit(batching, batch) for batch in batches]
        while len(batching._waiting) < len(batches):
            assert first.is_alive()
        gated.go_on.set()
    first.join()
    return answers


def test_who_waits_is_served_together_and_gets_what_it_would_get_alone():
    gated = Gated()
    batches = [[clip(1)], [clip(2), clip(3, 1.0)], [], [clip(4, 0.3)]]
    answers = asked_meanwhile(gated, Batching(gated), batches)
    assert gated.calls == [1, 4]
    for batch, answer in zip(batches, answers, strict=True):
        np.testing.assert_array_equal(answer.result(), FakeEmbedder()(batch))


def test_a_damaged_clip_is_told_to_its_owner_alone():
    gated = Gated()
    answers = asked_meanwhile(gated, Batching(gated), [[clip(1)], [clip(2), clip(3)[:9]], [clip(4)]])
    with pytest.raises(InputError, match="clip 2 of 2 lasts"):
        answers[1].result()
    for number, index in ((1, 0), (4, 2)):
        np.testing.assert_array_equal(answers[index].result(), FakeEmbedder()([clip(number)]))


def test_one_call_has_so_much_audio_at_most():
    gated = Gated()
    asked_meanwhile(gated, Batching(gated, most_seconds=1.0), [[clip(n)] for n in range(5)] + [[clip(9, 3.0)]])
    assert sum(gated.calls) == 7
    assert max(gated.calls) == 2


def test_what_fails_for_all_is_told_to_all():
    class Broken(Gated):
        def __call__(self, batch):
            super().__call__(batch)
            if len(self.calls) > 1:
                raise MemoryError("full")
            return np.zeros((1, 32), np.float32)

    gated = Broken()
    batching = Batching(gated)
    for answer in asked_meanwhile(gated, batching, [[clip(1)], [clip(2)]]):
        with pytest.raises(MemoryError, match="full"):
            answer.result()
    with pytest.raises(MemoryError):
        batching([clip(1)])  # and the next is served, too


def test_it_is_the_embedder_that_it_asks():
    inner = FakeEmbedder()
    batching = Batching(inner)
    assert (batching.model, batching.dim, batching.min_seconds) == (inner.model, inner.dim, inner.min_seconds)


def test_threads_share_a_graph_and_get_what_each_would_get_alone(embedder):
    clips = [clip(number, 0.5 + number / 5) for number in range(12)]
    alone = [embedder([one]) for one in clips]  # the first of them on one thread each, the later ones on all
    np.testing.assert_array_equal(embedder(clips), np.concatenate(alone))
    together = Barrier(6)

    def ask(number):
        together.wait(30)
        return embedder([clips[number]]), embedder(clips[: number + 1])

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    for number, (one, several) in enumerate(answers):
        np.testing.assert_array_equal(one, alone[number])
        np.testing.assert_array_equal(several, np.concatenate(alone[: number + 1]))


def test_threads_share_the_voice_activity_model(diarizer):
    clips = [clip(number, 2.0) for number in range(6)]
    alone = [diarizer.vad.probabilities(one) for one in clips]
    with ThreadPoolExecutor(6) as pool:
        for found, expected in zip(pool.map(diarizer.vad.probabilities, clips), alone, strict=True):
            np.testing.assert_array_equal(found, expected)
