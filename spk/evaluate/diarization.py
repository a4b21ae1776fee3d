"""Diarization error rates, by file and pooled; overlap is scored, and the whole file."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spk.timeline import Timeline

if TYPE_CHECKING:
    from pyannote.core import Annotation

__all__ = ["COLLAR", "TalkScore", "TurnErrors", "score_turns", "turn_errors"]

COLLAR = 0.25  # seconds in all: half of it on each side of an edge


@dataclass(frozen=True)
class TalkScore:
    """How wrong the turns of one conversation are, or of several together; times in seconds.

    Attributes:
        file: The recording.
        duration: Its length.
        speech: Speech of everybody in the reference, two people at once counted twice.
        missed: Speech that nobody got.
        false_alarm: Speech that nobody spoke.
        confusion: Speech that somebody else got.
        collar_speech: Speech in the reference that is not within ``COLLAR`` / 2 of an edge.
        collar_errors: Errors of all three kinds there.
        jaccard_errors: Jaccard error rates of the reference's people, summed.
        speakers: How many people the reference has.
        found: How many were found.
    """

    file: str
    duration: float
    speech: float
    missed: float
    false_alarm: float
    confusion: float
    collar_speech: float
    collar_errors: float
    jaccard_errors: float
    speakers: int
    found: int

    @property
    def der(self) -> float:
        """Diarization error rate (NIST RT-09): missed, false alarm and confusion as a share of the speech."""
        return _share(self.missed + self.false_alarm + self.confusion, self.speech)

    @property
    def der_collar(self) -> float:
        """The same, where edges are forgiven within the collar."""
        return _share(self.collar_errors, self.collar_speech)

    @property
    def jer(self) -> float:
        """Jaccard error rate (DIHARD II), which counts all people alike however much they speak."""
        return _share(self.jaccard_errors, self.speakers)

    @classmethod
    def pooled(cls, scores: Sequence[TalkScore]) -> TalkScore:
        """All files as one."""
        rows = [asdict(score) for score in scores]
        sums = {name: sum(row[name] for row in rows) for name in cls.__dataclass_fields__ if name != "file"}
        return cls("pooled", **sums)

    def to_json(self) -> dict[str, Any]:
        """The parts, and the rates that follow from them."""
        rates = {"der": self.der, "der_collar": self.der_collar, "jer": self.jer}
        return {name: round(v, 6) if isinstance(v, float) else v for name, v in {**asdict(self), **rates}.items()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> TalkScore:
        """What `to_json` wrote; KeyError where something is missing."""
        return cls(**{name: record[name] for name in cls.__dataclass_fields__})


def score_turns(file: str, reference: Timeline, found: Timeline, duration: float) -> TalkScore:
    """Compare turns with the true ones, by pyannote.metrics."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pyannote")
        from pyannote.core import Segment
        from pyannote.core import Timeline as Extent
        from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

        true, ours, uem = _annotation(reference), _annotation(found), Extent([Segment(0, duration)])
        errors = DiarizationErrorRate()(true, ours, uem=uem, detailed=True)
        collar = DiarizationErrorRate(collar=COLLAR)(true, ours, uem=uem, detailed=True)
        rate: Any = JaccardErrorRate  # has no types
        jaccard = rate()(true, ours, uem=uem, detailed=True)
    wrong = ("missed detection", "false alarm", "confusion")
    return TalkScore(
        file=file,
        duration=_seconds(duration),
        speech=_seconds(errors["total"]),
        missed=_seconds(errors[wrong[0]]),
        false_alarm=_seconds(errors[wrong[1]]),
        confusion=_seconds(errors[wrong[2]]),
        collar_speech=_seconds(collar["total"]),
        collar_errors=_seconds(sum(collar[part] for part in wrong)),
        jaccard_errors=_seconds(jaccard["speaker error"]),
        speakers=len(reference.labels),
        found=len(found.labels),
    )


@dataclass(frozen=True)
class TurnErrors:
    """What two sets of turns differ in, in seconds, without a collar; two people at once count twice.

    Attributes:
        speech: Speech of everybody in the reference.
        missed: Speech that nobody got.
        false_alarm: Speech that nobody spoke.
        confusion: Speech that somebody else got, where labels are those that fit the reference best.
        misnamed: The same, where every label is what it says.
    """

    speech: float
    missed: float
    false_alarm: float
    confusion: float
    misnamed: float

    @property
    def der(self) -> float:
        """Diarization error rate: whether the same people are told apart, whatever they are called."""
        return _share(self.missed + self.false_alarm + self.confusion, self.speech)

    @property
    def ier(self) -> float:
        """Identification error rate: the same, where somebody under another name is somebody else."""
        return _share(self.missed + self.false_alarm + self.misnamed, self.speech)


def turn_errors(reference: Timeline, found: Timeline) -> TurnErrors:
    """Compare turns with the true ones by a single walk, which takes a second for 10,000 turns.

    The same as pyannote.metrics says, which takes minutes for as many.

    >>> from spk.timeline import Segment, Turn
    >>> heard = Timeline([Turn(Segment(0, 6), "SPEAKER_00"), Turn(Segment(6, 10), "SPEAKER_01")])
    >>> true = Timeline([Turn(Segment(0, 5), "ann"), Turn(Segment(5, 10), "bob")])
    >>> errors = turn_errors(true, heard)
    >>> errors.der, errors.ier
    (0.1, 1.0)
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    sides = (reference, found)
    edges = sorted(
        (time, change, side, turn.label)
        for side, turns in enumerate(sides)
        for turn in turns
        for time, change in ((turn.start, 1), (turn.end, -1))
    )
    numbers = [{label: number for number, label in enumerate(turns.labels)} for turns in sides]
    together = np.zeros((len(numbers[0]), len(numbers[1])))  # (reference labels, found labels), seconds
    speaking: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    speech = missed = false_alarm = both = named = since = 0.0
    for time, change, side, label in edges:
        seconds, since = time - since, time
        true, ours = speaking
        speech += seconds * len(true)
        missed += seconds * max(len(true) - len(ours), 0)
        false_alarm += seconds * max(len(ours) - len(true), 0)
        both += seconds * min(len(true), len(ours))
        named += seconds * len(true.keys() & ours.keys())
        for one in true:
            for other in ours:
                together[numbers[0][one], numbers[1][other]] += seconds
        speaking[side][label] += change
        if not speaking[side][label]:
            del speaking[side][label]
    right = together[linear_sum_assignment(together, maximize=True)].sum()
    return TurnErrors(*map(_seconds, (speech, missed, false_alarm, max(both - right, 0), max(both - named, 0))))


def _seconds(value: float) -> float:
    return round(float(value), 6)  # as it is written to a file


def _annotation(turns: Timeline) -> Annotation:
    from pyannote.core import Annotation, Segment

    result = Annotation()
    for number, turn in enumerate(turns):
        result[Segment(turn.start, turn.end), number] = turn.label
    return result


def _share(errors: float, of: float) -> float:
    return errors / of if of else 0.0 if not errors else 1.0
