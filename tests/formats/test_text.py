"""Turns for people."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.formats.text import format_turns
from spk.timeline import Segment, Timeline, Turn

TURNS = st.lists(
    st.builds(
        lambda start, length, label: Turn(Segment(start, start + length), label),
        st.floats(0, 1e6),
        st.floats(0.001, 1e5),
        st.text(),
    )
)


def seconds(clock: str) -> float:
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def test_as_documented() -> None:
    talk = Timeline([Turn(Segment(4.2, 9.8), "SPEAKER_00"), Turn(Segment(9.96, 360_000), "Ann Lee")])
    assert format_turns(talk) == (
        "[SPEAKER_00] 00:00:04.2 \u2013 00:00:09.8\n[Ann Lee] 00:00:10.0 \u2013 100:00:00.0\n"
    )
    assert format_turns(Timeline()) == ""


@given(TURNS)
def test_one_line_a_turn_to_a_tenth(turns: list[Turn]) -> None:
    timeline = Timeline(turns)
    lines = format_turns(timeline).splitlines()
    assert len(lines) == len(timeline)
    for line, turn in zip(lines, timeline, strict=True):
        times = re.fullmatch(r"\[.*\] (\d{2,}:[0-5]\d:[0-5]\d\.\d) \u2013 (\d{2,}:[0-5]\d:[0-5]\d\.\d)", line)
        assert times
        assert [seconds(time) for time in times.groups()] == pytest.approx([turn.start, turn.end], abs=0.0501)
