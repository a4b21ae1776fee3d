"""Groups of clips, and the folders they go into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from spk.identify import GalleryScorer, Match, OperatingPoint, Verdict
from spk.identify.gallery import CLEAR_SECONDS
from spk.identify.grouping import group
from spk.sorting.hearing import Heard
from spk.sorting.labels import Label
from spk.sorting.placing import UNSURE, folder_name
from spk.sorting.scanning import Broadcast
from spk.store.records import Speaker, SpeakerState, samples_key

__all__ = ["Group", "grouped", "named"]

GENDERS = ("F", "M")
DIGITS = 4  # of the label of somebody without a name, at least


@dataclass(frozen=True, eq=False)
class Group:
    """Clips of one voice.

    Attributes:
        clips: Those that were heard.
        seconds: Their speech.
        vector: (dim,) their mean, weighted by seconds.
        broadcasts: The seconds of each station, day and gender among them.
        placed: A label of one that was sorted before; None where none was.
    """

    clips: tuple[Heard, ...]
    seconds: float
    vector: NDArray[np.float64]
    broadcasts: Counter[Broadcast]
    placed: Label | None = None

    @property
    def gender(self) -> str:
        """What the names of folders say; empty where they say nothing."""
        return next((broadcast.gender for broadcast in self.broadcasts), "")

    @property
    def broadcast(self) -> Broadcast | None:
        """Where most of it is from."""
        most = max(self.broadcasts.values(), default=0.0)
        return min((one for one, seconds in self.broadcasts.items() if seconds == most), default=None)

    @classmethod
    def of(cls, clip: Heard, broadcast: Broadcast | None, placed: Label | None = None) -> Group:
        """One clip, with speech enough for a vector."""
        seconds = clip.net_seconds
        vector = np.asarray(clip.vector, dtype=np.float64)
        return cls((clip,), seconds, vector, Counter({broadcast: seconds} if broadcast else {}), placed)

    @classmethod
    def joined(cls, groups: Sequence[Group]) -> Group:
        """Several as one."""
        total = np.sum([one.seconds * one.vector for one in groups], axis=0)
        broadcasts: Counter[Broadcast] = Counter()
        for one in groups:
            broadcasts.update(one.broadcasts)
        return cls(
            tuple(clip for one in groups for clip in one.clips),
            sum(one.seconds for one in groups),
            np.asarray(total / np.linalg.norm(total)),
            broadcasts,
            next((one.placed for one in groups if one.placed), None),
        )


def grouped(groups: Iterable[Group], scorer: GalleryScorer) -> list[Group]:
    """Groups joined by voice.

    Those of one folder of an earlier run are one; no two folders of an earlier run are joined, nor genders.
    """
    folders: dict[str, list[Group]] = {}
    for one in groups:
        folders.setdefault(one.placed.speaker if one.placed else one.clips[0].file + "\0", []).append(one)
    units = [Group.joined(some) if len(some) > 1 else some[0] for some in folders.values()]
    if not units:
        return []
    placed = {name: number for number, name in enumerate(sorted({one.placed.speaker for one in units if one.placed}))}
    kinds = [
        (GENDERS.index(one.gender) if one.gender else -1, placed[one.placed.speaker] if one.placed else -1)
        for one in units
    ]
    labels = group(scorer, np.array([one.vector for one in units]), [one.seconds for one in units], kinds=kinds)
    return [Group.joined([units[at] for at in np.flatnonzero(labels == label)]) for label in range(labels.max() + 1)]


def named(
    groups: Sequence[Group], scorer: GalleryScorer, point: OperatingPoint, taken: Mapping[str, str]
) -> Iterator[tuple[Group, Label]]:
    """Each group, and the label of its clips but for what is a clip's own.

    Args:
        groups: As `grouped` makes them.
        scorer: The gallery.
        point: When a group takes a person's name.
        taken: The folders of an earlier run, and the gender of who is in them.
    """
    yield from ((one, one.placed) for one in groups if one.placed is not None)
    fresh = [one for one in groups if one.placed is None]
    if not fresh:
        return
    comparison = scorer.compare(np.array([one.vector for one in fresh], np.float32), [one.seconds for one in fresh])
    matches = comparison.decide(point, distinct=False)
    folders = _Folders(taken)
    # The best evidence first: of people who seem to be a woman here and a man there, one is somebody else.
    order = sorted(range(len(fresh)), key=lambda at: -(matches[at].llr or 0.0))
    people = {at: folders.person(fresh[at], matches[at], comparison.speakers) for at in order}
    for at, (one, match) in enumerate(zip(fresh, matches, strict=True)):
        person = comparison.speakers.get(match.speaker)
        folder, verdict = people[at], match.verdict
        if folder is None:
            verdict = Verdict.UNSURE if verdict is Verdict.KNOWN else verdict
            folder = UNSURE if one.seconds < CLEAR_SECONDS else folders.nobody(one)
        elif person and person.state is not SpeakerState.ENROLLED:
            verdict = Verdict.UNKNOWN  # a stranger who was met before: the folder has that label, but it is no name
        yield (
            one,
            Label(
                file="",
                speaker=folder,
                name=person.label if person and verdict is Verdict.KNOWN else "",
                verdict=verdict.value,
                nearest=person.label if person else "",
                llr=None if match.llr is None else round(match.llr, 4),
                group_seconds=round(one.seconds, 3),
            ),
        )


class _Folders:
    """Names of folders, none twice but for one person."""

    def __init__(self, taken: Mapping[str, str]) -> None:
        self._genders = dict(taken)

    def person(self, one: Group, match: Match, speakers: Mapping[UUID | None, Speaker]) -> str | None:
        """The folder of the person who was recognised; None where nobody was."""
        if match.verdict is not Verdict.KNOWN:
            return None
        folder = folder_name(speakers[match.speaker].label)
        gender = self._genders.get(folder, "")
        if gender and one.gender and gender != one.gender:
            return None
        self._genders[folder] = gender or one.gender
        return folder

    def nobody(self, one: Group) -> str:
        """A new folder for a voice without a name."""
        if one.broadcast is not None:
            names = (f"{folder_name(one.broadcast.name)}_{number:02d}" for number in count(1))
        else:
            key = samples_key((clip.sha256 for clip in one.clips), digits=64)
            names = (f"unknown-{key[:digits]}" for digits in count(DIGITS))
        folder = next(name for name in names if name not in self._genders)
        self._genders[folder] = one.gender
        return folder
