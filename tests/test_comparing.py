"""What a person changed between two timelines."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk.comparing import MOST_SHARED, Kind, compare
from spk.errors import InputError
from spk.evaluate.diarization import score_turns, turn_errors
from spk.timeline import Segment, Timeline, Turn

TIMES = st.floats(0, 100) | st.integers(0, 20).map(float)
LENGTHS = st.floats(0.02, 20) | st.integers(1, 10).map(float)
IDS = st.none() | st.sampled_from("xyz")
TURNS = st.builds(
    lambda start, length, label, id_: Turn(Segment(start, start + length), label, id_),
    TIMES,
    LENGTHS,
    st.sampled_from("abc"),
    IDS,
)
TIMELINES = st.builds(Timeline, st.lists(TURNS, max_size=12))


def talk(*turns: tuple[float, float, str] | tuple[float, float, str, str]) -> Timeline:
    return Timeline(Turn(Segment(start, end), label, *id_) for start, end, label, *id_ in turns)


def kinds(before: Timeline, after: Timeline) -> list[str]:
    return [change.kind.value for change in compare(before, after).all]


@given(TIMELINES, TIMELINES)
def test_every_turn_is_accounted_for_once(before: Timeline, after: Timeline) -> None:
    changes = compare(before, after)
    for side, turns in (("before", before), ("after", after)):
        found = [turn for change in changes.all for turn in getattr(change, side)]
        assert Counter(map(id, found)) == Counter(map(id, turns))
    for turn, change in zip(after, changes.of_after, strict=True):
        assert any(turn is other for other in change.after)
        assert any(change is other for other in changes.all)
    assert [change.start for change in changes.all] == sorted(change.start for change in changes.all)
    assert sum(changes.counts.values()) == len(changes.all)
    assert compare(before, after) == changes


@given(TIMELINES)
def test_nothing_differs_from_itself(turns: Timeline) -> None:
    changes = compare(turns, turns)
    assert (changes.touched, changes.renamed) == ((), {})
    assert len(changes.all) == len(turns)
    errors = turn_errors(turns, turns)
    assert errors.der == errors.ier == 0


@given(st.lists(TURNS, max_size=12), st.lists(st.sampled_from([-0.009, 0, 0.009]), min_size=24, max_size=24))
def test_rounding_is_no_change(turns: list[Turn], by: list[float]) -> None:
    """Turns of one person that lie apart, as files hold them, and edges that a format rounds."""
    apart = Timeline(turns).joined(0.1)
    moved = Timeline(
        Turn(Segment(max(turn.start + by[2 * i], 0), turn.end + by[2 * i + 1]), turn.label)
        for i, turn in enumerate(apart[:12])
        if turn.duration > 0.1
    )
    assert all(change.before for change in compare(apart, moved).of_after)
    assert {change.kind for change in compare(apart, moved).of_after} <= {Kind.UNCHANGED}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([(0, 2, "a")], [(0, 2, "a")], ["unchanged"]),
        ([(0, 2, "a")], [(0, 2.01, "a")], ["unchanged"]),
        ([(0, 2, "a")], [(0, 2.02, "a")], ["moved"]),
        ([(0, 2, "a")], [(0, 2, "b")], ["relabelled"]),
        ([(0, 2, "a")], [(0.1, 2, "b")], ["moved and relabelled"]),
        ([], [(0, 2, "a")], ["added"]),
        ([(0, 2, "a")], [], ["removed"]),
        ([(0, 2, "a")], [(2, 3, "a")], ["removed", "added"]),
        ([(0, 2, "a")], [(1.5, 4, "b")], ["removed", "added"]),  # hardly the same
        ([(0, 5, "a"), (5, 9, "b")], [(0, 4, "a"), (4, 9, "b")], ["moved", "moved"]),
        ([(0, 10, "a")], [(0, 4, "a"), (4, 6, "b"), (6, 10, "a")], ["split"]),
        ([(0, 4, "a"), (4.2, 10, "a")], [(0, 10, "a")], ["joined"]),
        ([(0, 10, "a")], [(0, 10, "a"), (4, 6, "b")], ["unchanged", "added"]),  # beside it, not out of it
        ([(0, 10, "a"), (4, 6, "b")], [(0, 10, "a")], ["unchanged", "removed"]),
        ([(0, 5, "a"), (0, 5, "b")], [(0, 5, "a"), (0, 5.005, "b")], ["unchanged", "unchanged"]),
        ([(0, 5.005, "a"), (0, 5, "b")], [(0, 5, "a"), (0, 5.005, "b")], ["unchanged", "unchanged"]),
        ([(0, 5, "a"), (4, 6, "b")], [(0, 5, "b"), (4, 6, "b")], ["relabelled", "unchanged"]),
    ],
)
def test_kinds(before: list, after: list, expected: list[str]) -> None:
    assert kinds(talk(*before), talk(*after)) == expected


def test_ids_say_which_turn_it_is() -> None:
    before = talk((0, 4, "a", "x"), (0, 4, "b", "y"))
    swapped = talk((0, 4, "a", "y"), (0, 4, "b", "x"))
    assert kinds(before, swapped) == ["relabelled", "relabelled"]
    assert kinds(talk((0, 4, "a", "x")), talk((8, 9, "b", "x"))) == ["moved and relabelled"]
    assert [turn.id for turn in compare(before, swapped).of_after[0].before] == ["y"]


def test_ids_that_a_program_gave_anew_say_nothing() -> None:
    before = talk(*((n, n + 0.9, "a", f"a{n}") for n in range(9)))
    after = talk(*((n, n + 0.9, "a", f"a{n - 1}") for n in range(1, 9)))
    assert Counter(kinds(before, after)) == {"unchanged": 8, "removed": 1}


def test_ids_that_were_copied_say_nothing() -> None:
    assert kinds(talk((0, 4, "a", "x")), talk((0, 2, "a", "x"), (2, 4, "b", "x"))) == ["split"]


def test_renamed() -> None:
    before = talk((0, 1, "S0"), (1, 2, "S1"), (2, 3, "S0"), (3, 4, "S2"), (4, 5, "S2"))
    after = talk((0, 1, "ann"), (1, 2, "bob"), (2, 3, "ann"), (3, 4, "ann"), (4, 5, "bob"))
    assert compare(before, after).renamed == {"S0": "ann", "S1": "bob"}


@given(TIMELINES)
def test_one_walk_finds_everybody_as_many_walks_do(turns: Timeline) -> None:
    assert list(turns.by_label.items()) == [(label, turns.of(label)) for label in turns.labels]
    assert list(turns.alone_by_label.items()) == [(label, turns.alone(label)) for label in turns.labels]


def test_turns_that_lie_over_each_other_are_not_compared() -> None:
    side = 1 + int(MOST_SHARED**0.5)
    crowd = Timeline(Turn(Segment(start, 2 * side), "ann") for start in range(side))
    few = Timeline(crowd.turns[:5])
    assert len(compare(few, crowd).of_after) == side
    with pytest.raises(InputError, match="over each other"):
        compare(crowd, crowd)


def test_many_turns_beside_one_that_never_ends() -> None:
    many = [(n, n + 0.9, "ab"[n % 2]) for n in range(5_000)]
    before = talk((0, 5_000, "noise"), *many)
    changes = compare(before, talk(*many))
    assert (len(changes.all), changes.touched[0].kind) == (5_001, Kind.REMOVED)


@given(TIMELINES.map(lambda turns: turns.joined(0)), TIMELINES.map(lambda turns: turns.joined(0)))
def test_errors_are_those_of_pyannote(reference: Timeline, found: Timeline) -> None:
    ours = turn_errors(reference, found)
    if not reference or not found:
        assert ours.der == (1.0 if found or reference else 0.0)
        return
    theirs = score_turns("x", reference, found, max(reference.end, found.end))
    for name in ("speech", "missed", "false_alarm", "confusion"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-3)
    assert ours.der == pytest.approx(theirs.der, abs=1e-3)
    assert ours.misnamed == pytest.approx(_misnamed(reference, found), abs=1e-3)


def _misnamed(reference: Timeline, found: Timeline) -> float:
    """By pyannote.metrics, which warns of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.core import Annotation
        from pyannote.core import Segment as Part
        from pyannote.metrics.identification import IdentificationErrorRate

        annotations = []
        for turns in (reference, found):
            annotations.append(Annotation())
            for number, turn in enumerate(turns):
                annotations[-1][Part(turn.start, turn.end), number] = turn.label
        return IdentificationErrorRate()(*annotations, detailed=True)["confusion"]
