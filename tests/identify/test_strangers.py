"""Strangers who are met again, made-up LLRs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spk.identify.strangers import LEAST_SECONDS, Encounter, Meeting, meet

NOBODY = Meeting(Encounter.NOBODY)


def one(llr, seconds=20.0, *, unnamed, named=False, mixed=False):
    """What becomes of the only voice of a recording."""
    [meeting] = meet(np.array([llr], float), [seconds], unnamed=unnamed, named=[named], mixed=[mixed])
    return meeting


def test_in_an_empty_gallery_a_voice_makes_a_stranger():
    [meeting] = meet(np.zeros((1, 0)), [LEAST_SECONDS], unnamed=[], named=[False])
    assert meeting == Meeting(Encounter.NEW, None, 1.0)


def test_a_stranger_is_met_on_less_than_a_name_takes():
    assert one([1.0, -6.0], unnamed=[True, True]).encounter is Encounter.MET
    assert one([1.0, -6.0], unnamed=[True, True]).person == 0


def test_a_voice_unlike_everybody_is_new():
    meeting = one([-5.0, -6.0], unnamed=[True, False])
    assert meeting.encounter is Encounter.NEW
    assert meeting.person is None
    assert meeting.probability > 0.99


def test_who_may_be_somebody_enrolled_is_left_to_a_reviewer():
    assert one([2.0, -6.0], unnamed=[False, True]) == NOBODY


def test_a_larger_gallery_asks_for_more():
    assert one([2.0], unnamed=[True]).encounter is Encounter.MET
    crowd = [2.0] + [-20.0] * 199
    assert one(crowd, unnamed=[True] * 200).encounter is Encounter.NEW
    llr, many = np.array([[2.0]]), {"seconds": [20.0], "unnamed": [True], "named": [False], "people": 200}
    assert meet(llr, **many)[0].encounter is Encounter.NEW


def test_short_and_mixed_voices_attach_to_nothing_and_create_nobody():
    for llr in (9.0, -9.0):
        assert one([llr], LEAST_SECONDS - 0.1, unnamed=[True]) == NOBODY
        assert one([llr], unnamed=[True], mixed=True) == NOBODY


def test_nothing_becomes_of_a_voice_with_a_name():
    assert one([12.0, -9.0], unnamed=[False, True], named=True) == NOBODY


def test_two_voices_of_a_recording_never_meet_one_stranger():
    llr = np.array([[6.0, -9.0], [6.5, -9.0]])
    meetings = meet(llr, [20.0, 20.0], unnamed=[True, True], named=[False, False])
    assert meetings[1].person == 0
    assert meetings[0].person is None


def test_a_name_that_is_given_leaves_the_stranger_to_the_other_voice():
    # Both sound like Ann, who has a name; the second also like a stranger, which alone would not do.
    llr = np.array([[14.0, -9.0], [9.0, 4.0]])
    alone = meet(llr[1:], [20.0], unnamed=[False, True], named=[False])
    both = meet(llr, [20.0, 20.0], unnamed=[False, True], named=[True, False])
    assert alone == [NOBODY]
    assert both[1].person == 1


def test_a_short_voice_takes_nobody_from_a_long_one():
    llr = np.array([[8.0], [4.0]])
    meetings = meet(llr, [1.0, 20.0], unnamed=[True], named=[False, False])
    assert [meeting.encounter for meeting in meetings] == [Encounter.NOBODY, Encounter.MET]


def test_many_voices_share_nobody_either():
    meetings = meet(np.full((15, 3), 5.0), [9.0] * 15, unnamed=[True] * 3, named=[False] * 15)
    met = [meeting.person for meeting in meetings if meeting.person is not None]
    assert len(met) == len(set(met))


@given(
    arrays(float, st.tuples(st.integers(0, 5), st.integers(0, 5)), elements=st.floats(-30, 30)),
    st.data(),
)
def test_every_meeting_keeps_to_the_rules(llr, data):
    voices, people = llr.shape
    flags = st.booleans()
    unnamed = data.draw(st.lists(flags, min_size=people, max_size=people))
    named = data.draw(st.lists(flags, min_size=voices, max_size=voices))
    seconds = data.draw(st.lists(st.floats(0, 60), min_size=voices, max_size=voices))
    meetings = meet(llr, seconds, unnamed=unnamed, named=named)
    met = [meeting.person for meeting in meetings if meeting.encounter is Encounter.MET]
    assert len(met) == len(set(met))
    assert all(unnamed[person] for person in met)
    for meeting, net, known in zip(meetings, seconds, named, strict=True):
        if known or net < LEAST_SECONDS:
            assert meeting == NOBODY
