"""Errors of turns, worked out by hand."""

from __future__ import annotations

import pytest

from spk.evaluate.diarization import TalkScore, score_turns
from spk.timeline import Segment, Timeline, Turn


def turns(*given: tuple[float, float, str]) -> Timeline:
    return Timeline(Turn(Segment(start, end), label) for start, end, label in given)


def test_parts_by_hand() -> None:
    # Of 10 s the last two are given to somebody who does not exist, and one more is claimed after the end.
    found = score_turns("talk", turns((0, 10, "ann")), turns((0, 8, "a"), (8, 11, "b")), 12.0)
    assert (found.speech, found.missed, found.false_alarm, found.confusion) == pytest.approx((10, 0, 1, 2))
    assert found.der == pytest.approx(0.3)
    assert found.der_collar == pytest.approx((1.875 + 0.875) / 9.75)  # 0.125 s on each side of 0 and 10 is forgiven
    assert found.jer == pytest.approx(0.2)  # 8 of 10 s of the one person
    assert (found.speakers, found.found) == (1, 2)


def test_two_people_at_once_are_scored_twice() -> None:
    found = score_turns("talk", turns((0, 10, "ann"), (0, 10, "bob")), turns((0, 10, "a")), 10.0)
    assert (found.speech, found.missed, found.der) == pytest.approx((20, 10, 0.5))


def test_pooling_weighs_files_by_their_speech() -> None:
    right = score_turns("right", turns((0, 30, "ann")), turns((0, 30, "a")), 30.0)
    nothing = score_turns("nothing", turns((0, 10, "ann")), turns(), 10.0)
    pooled = TalkScore.pooled([right, nothing])
    assert pooled.der == pytest.approx(0.25)
    assert pooled.jer == pytest.approx(0.5)  # people count alike
    assert (pooled.speakers, pooled.found) == (2, 1)


def test_a_score_survives() -> None:
    score = score_turns("talk", turns((0, 10, "ann")), turns((0, 8, "a")), 12.0)
    assert TalkScore.from_json(score.to_json()) == score
    assert score.to_json()["der"] == pytest.approx(0.2)
