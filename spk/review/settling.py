"""From how the voices of a recording were judged to what is said of them, and what is learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from spk.identify import Match, Verdict
from spk.identify.judging import Judged
from spk.identify.strangers import Encounter, Meeting, meet
from spk.store.heard import Label
from spk.store.records import Speaker, SpeakerState

__all__ = ["Heard", "Learn", "Settled", "settle"]

CONFIDENT = 0.999  # probability from which a voice may teach a profile without anybody who confirms it
CONFIDENT_SECONDS = 10.0  # net speech for that


ENOUGH = 60.0
"""Net speech from which a stranger's profile learns no more by itself: more changes nothing but the work."""


class Learn(StrEnum):
    """From which voices the profiles of named people learn by themselves, beside what is enrolled."""

    NEVER = "never"
    CONFIRMED = "confirmed"
    CONFIDENT = "confident"


@dataclass(frozen=True, slots=True)
class Heard:
    """What is to be known of a voice to settle whose it is: its net speech in seconds, and whether it is mixed."""

    seconds: float
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What is said of one voice.

    Attributes:
        label: Whose it is; without a speaker where ``new``.
        new: Whether it makes an unnamed speaker, or is another voice of one who is made.
        learns: Whether it becomes a sample of that speaker.
    """

    label: Label
    new: bool = False
    learns: bool = False


def settle(judged: Judged, voices: Sequence[Heard], *, strangers: bool, learn: Learn) -> list[Settled]:
    """Settle whose the voices of one recording are.

    Args:
        judged: How they were judged.
        voices: One a row that was judged.
        strangers: Whether voices that nobody fits make unnamed speakers, and teach those who are met again.
        learn: From which voices named people's profiles learn.
    """
    people = judged.comparison.speakers
    settled = [Settled(Label())] * len(voices)
    meetings = _meetings(judged, voices) if strangers else [Meeting(Encounter.NOBODY)] * len(judged.groups)
    for number, (group, match, meeting) in enumerate(zip(judged.groups, judged.matches, meetings, strict=True)):
        who = people.get(match.speaker) if match.verdict is Verdict.KNOWN else None
        met = meeting.encounter is Encounter.MET and meeting.person is not None
        known = judged.comparison.profiles[meeting.person or 0] if met else None
        if known is not None and (who is None or _is_stranger(who)):
            who = known.speaker
        new = who is None and meeting.encounter is Encounter.NEW
        label = _label(match, who, number, stranger=new or (who is not None and who.name is None))
        for row in group:
            if who is not None and not _is_stranger(who):
                learns = learn is Learn.CONFIDENT and _teaches(match, voices[row])
            else:
                learns = new or (known is not None and known.total_net_seconds < ENOUGH)
            settled[row] = Settled(label, new, learns)
    return settled


def _meetings(judged: Judged, voices: Sequence[Heard]) -> list[Meeting]:
    people = judged.comparison.speakers
    recognised = [
        match.verdict is Verdict.KNOWN and match.speaker in people and not _is_stranger(people[match.speaker])
        for match in judged.matches
    ]
    return meet(
        judged.comparison.llr,
        judged.comparison.seconds.tolist(),
        unnamed=[_is_stranger(profile.speaker) for profile in judged.comparison.profiles],
        named=recognised,
        mixed=[any(voices[row].mixed for row in group) for group in judged.groups],
        prior_stranger=judged.point.prior_unknown,
        people=judged.comparison.people,
    )


def _is_stranger(person: Speaker) -> bool:
    return person.state is SpeakerState.UNKNOWN


def _teaches(match: Match, voice: Heard) -> bool:
    return match.probability >= CONFIDENT and voice.seconds >= CONFIDENT_SECONDS and not voice.mixed


def _label(match: Match, who: Speaker | None, number: int, *, stranger: bool) -> Label:
    """A stranger who is kept is nobody's of whom we know who it is: unknown."""
    verdict = Verdict.UNKNOWN if stranger else match.verdict
    return Label(
        speaker=None if who is None else who.id,
        verdict=verdict.value,
        candidate=match.speaker,
        runner_up=match.runner_up,
        judged_as=number,
        score=match.score,
        llr=match.llr,
        margin=match.margin,
        probability=match.probability,
        false_alarm=match.false_alarm,
    )
