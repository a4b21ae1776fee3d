"""Strangers, online: whether a voice without a name is a stranger's who was met before, somebody new, or nobody's.

The same stranger entered twice, or one voice too many in an entry, can be mended by a review; so a stranger is met on
less than a name takes. Measured on 184 conversations out of utterances of 51 people (none used twice) and passers-by,
identified one after another in three orders. Pairs of recordings of strangers who say at least 10 s in each; mild: most
of them clean; harsh: most by telephone, in noise or in rooms, or two of these:

==================================  ===================  ====================  ==========================
a stranger is met from probability  mild, 0 enrolled: F  harsh, 0 enrolled: F  second entries of 20 people
==================================  ===================  ====================  ==========================
0.95, and 0.75 of nobody for new    0.88                 0.67                  2 and 19
0.5                                 0.95                 0.81                  5 and 29
0.2                                 0.97                 0.82                  0 and 17
0.1                                 1.00                 0.82                  0 and 12
0.05                                1.00                 0.86                  0 and 9
0.02                                1.00                 0.87                  0 and 5
==================================  ===================  ====================  ==========================

All of them heard one after another, with 144 unknowns in the end, give 0.95 at 0.05 as well as at 0.2. A probability is
shared out among all people beforehand, so the more strangers there are, the more it takes to be one of them.

No two strangers were joined in the mild ones; in the harsh ones, a pair in eight, nearly all where the diarization had
taken two people for one. Nobody got a wrong name. A voice that is met is always one more sample: to ask for more there
than for the meeting lost pairs or changed nothing, and so did adding none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.identify.joint import together
from spk.identify.posterior import PRIOR_STRANGER

__all__ = ["LEAST_SECONDS", "LIKELY", "Encounter", "Meeting", "meet"]

LEAST_SECONDS = 5.0
"""Net speech under which a voice makes nobody, and joins nobody: short speech mints strangers by the hundred."""
LIKELY = 0.05
"""Probability from which a voice may be somebody's: it joins a stranger, and makes no second entry for a person."""


class Encounter(StrEnum):
    """What becomes of a voice."""

    MET = "met"
    NEW = "new"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Meeting:
    """What becomes of one voice.

    Attributes:
        encounter: ``met``: it is a stranger's who is kept, and one more sample of them; ``new``: it makes one;
            ``nobody``: neither.
        person: The stranger (column) who was met; None otherwise.
        probability: That it is that stranger, if ``met``; of nobody in the gallery, if ``new``; 0 otherwise.
    """

    encounter: Encounter
    person: int | None = None
    probability: float = 0.0


def meet(
    llr: NDArray[Any],
    seconds: Sequence[float],
    *,
    unnamed: Sequence[bool],
    named: Sequence[bool],
    mixed: Sequence[bool] | None = None,
    prior_stranger: float = PRIOR_STRANGER,
    people: int | None = None,
) -> list[Meeting]:
    """What becomes of the voices of one recording, no two of which are one person's.

    Nothing becomes of a voice that has a name, that is short or that holds two people. Of the others, whoever suits
    a voice best may be its owner from :data:`LIKELY` on: a stranger is then met, and where it is a person with a name
    (who was not recognised, or the voice had it), a reviewer had better listen. Else the voice makes a stranger. Two
    voices never meet the same stranger: the one with the weaker claim is nobody's.

    Args:
        llr: (voices, people) against everybody of the gallery, named or not, as `Comparison.llr`.
        seconds: (voices,) the net speech behind each.
        unnamed: (people,) who has no name yet: the strangers who are kept.
        named: (voices,) which of them were recognised as somebody with a name.
        mixed: (voices,) which of them hold two people's speech; none, if None.
        prior_stranger: How probable it is beforehand that a voice is nobody's of the gallery.
        people: As for `spk.identify.posterior.posterior`.

    >>> llr = np.array([[9.0, -4.0], [-5.0, 2.0], [-6.0, -5.0]])
    >>> for meeting in meet(llr, [30, 12, 8], unnamed=[False, True], named=[True, False, False]):
    ...     print(meeting.encounter, meeting.person)
    nobody None
    met 1
    new None
    """
    meetings = [Meeting(Encounter.NOBODY)] * len(llr)
    mixed = [False] * len(llr) if mixed is None else mixed
    clear = [
        row
        for row, net in enumerate(seconds)
        if named[row] or (net >= LEAST_SECONDS and not mixed[row])  # the others lay no claim to anybody
    ]
    belief = together(llr[clear], prior_stranger, people).belief
    best = belief.people.max(axis=1, initial=0.0)
    taken: set[int] = set()
    for row in np.argsort(-best, kind="stable").tolist():
        voice = clear[row]
        if named[voice]:
            continue
        if best[row] < LIKELY:
            meetings[voice] = Meeting(Encounter.NEW, None, float(belief.stranger[row]))
            continue
        person = int(belief.people[row].argmax())
        if unnamed[person] and person not in taken:
            taken.add(person)
            meetings[voice] = Meeting(Encounter.MET, person, float(best[row]))
    return meetings
