"""Labels that are probably wrong: what fits another speaker better than its own, and what is heard twice.

Each clip is compared with the rest of its label's clips and with every other label, each label with every other, and
each label's clips among themselves. The scores are centred cosines, averaged over the models, and their LLRs are
fitted on the very labels under suspicion: most of them are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spk.errors import InputError
from spk.formats.lines import printable
from spk.identify.calibration import Calibrator
from spk.identify.labelled import Material
from spk.identify.scoring.recipe import speaker_means, unit

__all__ = ["Suspect", "find_suspects", "same_audio", "without"]

LEAST_SECONDS = 1.0  # shorter clips are not judged
CLIP = 5.0  # LLR by which another speaker must fit a clip better than its own
PAIR = 8.0  # LLR from which two labels are one voice
SPLIT = -4.0  # LLR up to which two parts of a label are two voices

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong.

    Attributes:
        text: What is suspected, for people.
        rows: The clips to leave out if it is so: the wrong clip with its pieces, or the smaller part.
    """

    text: str
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Evidence:
    """LLRs of mean vectors."""

    slope: float
    offset: float
    constant: float
    half_seconds: float

    def __call__(self, score: Scores, one: Scores, other: Scores) -> Scores:
        clarity = np.sqrt(one / (one + self.half_seconds) * other / (other + self.half_seconds))
        llr: Scores = np.sqrt(clarity) * (self.slope * score - self.offset * clarity - self.constant)
        return llr


def same_audio(material: Material) -> list[Suspect]:
    """Recordings that are given for several people."""
    whose: dict[str, list[int]] = {}
    for row in np.flatnonzero(material.natural):
        if material.sha256[row]:
            whose.setdefault(str(material.sha256[row]), []).append(int(row))
    found = []
    for rows in whose.values():
        people = sorted({material.people[material.speaker[row]] for row in rows})
        if len(people) > 1:
            files = " and ".join(dict.fromkeys(printable(material.files[material.file[row]]) for row in rows))
            text = f"{files}: the same audio is given for {' and '.join(map(printable, people))}"
            found.append(Suspect(text, _whole(material, rows)))
    return found


def find_suspects(material: Material) -> list[Suspect]:
    """What is probably labelled wrong, the surest kinds first; nothing where there is too little to tell by."""
    clear = np.flatnonzero(material.natural & ~material.cohort & (material.net_seconds >= LEAST_SECONDS))
    speaker = material.speaker[clear]
    people = np.unique(speaker)
    if len(people) < 2 or len(clear) <= len(people):
        return []
    single = [name for name in material.vectors if "+" not in name]  # a fused model says nothing that its parts do not
    parts = [material.vectors[name][clear] for name in single or material.vectors]
    voices = _joined([part.astype(np.float64) for part in parts], np.searchsorted(people, speaker))
    seconds = material.net_seconds[clear]
    label = np.searchsorted(people, speaker)
    sums = np.zeros((len(people), voices.shape[1]))
    np.add.at(sums, label, voices)
    totals = np.bincount(label, seconds).astype(np.float64)
    known = voices @ unit(sums).T  # (clips, people)
    rest = sums[label] - voices  # the same person without the clip
    alone = np.linalg.norm(rest, axis=1) < 1e-9
    known[np.arange(len(clear)), label] = np.sum(voices * unit(rest), axis=1)
    against = np.broadcast_to(totals, known.shape).copy()
    against[np.arange(len(clear)), label] = totals[label] - seconds
    against = np.maximum(against, 1e-3)
    own = np.zeros(known.shape, bool)
    own[np.arange(len(clear)), label] = True
    usable = ~(own & alone[:, None])
    try:
        fitted = Calibrator().fit(
            known[usable],
            own[usable],
            test_seconds=np.broadcast_to(seconds[:, None], known.shape)[usable],
            profile_seconds=against[usable],
        )
    except InputError as error:
        raise InputError(f"most labels must be wrong, for {error}") from error
    evidence = _Evidence(fitted.slope_, fitted.offset_, fitted.constant_, fitted.half_seconds)
    names = [printable(material.people[person]) for person in people]
    found, doubled = _pairs(material, people, names, unit(sums), totals, evidence)
    split, halved = _splits(material, clear, label, names, voices, seconds, evidence)
    found += split
    llr = evidence(known, seconds[:, None], against)
    for row in np.flatnonzero(~alone):
        mine = int(label[row])
        others = llr[row].copy()
        others[[mine, *doubled.get(mine, ())]] = -np.inf
        best = int(others.argmax())
        if others[best] - llr[row, mine] >= CLIP and others[best] > 0 > llr[row, mine] and row not in halved:
            file = printable(material.files[material.file[clear[row]]])
            odds = f"LLR {others[best]:.1f} against {llr[row, mine]:.1f}"
            text = f"{file}: labelled {names[mine]}, but sounds like {names[best]} ({odds})"
            found.append(Suspect(text, _whole(material, [int(clear[row])])))
    return found


def without(material: Material, suspects: Sequence[Suspect]) -> Material:
    """The material less what is suspected."""
    keep = np.ones(len(material), bool)
    keep[[row for suspect in suspects for row in suspect.rows]] = False
    return material.take(keep)


def _joined(parts: Sequence[Scores], label: NDArray[np.int64]) -> Scores:
    """Each model's vectors centred and normalised, one after the other: their dot products are mean cosines."""
    centred = [unit(part - unit(speaker_means(part, label)).mean(axis=0)) for part in parts]
    return np.asarray(np.concatenate(centred, axis=1) / np.sqrt(len(parts)))


def _pairs(  # noqa: PLR0917 - one caller
    material: Material,
    people: NDArray[np.int64],
    names: Sequence[str],
    profiles: Scores,
    totals: Scores,
    evidence: _Evidence,
) -> tuple[list[Suspect], dict[int, set[int]]]:
    """Labels that are one voice, and with whom each is."""
    llr = evidence(profiles @ profiles.T, totals[:, None], totals)
    found: list[Suspect] = []
    doubled: dict[int, set[int]] = {}
    for one, other in zip(*np.nonzero(np.triu(llr >= PAIR, 1)), strict=True):
        less = min(int(one), int(other), key=lambda at: totals[at])
        rows = np.flatnonzero(material.speaker == people[less])
        text = f"{names[one]} and {names[other]}: sound like one person (LLR {llr[one, other]:.1f})"
        found.append(Suspect(text, tuple(map(int, rows))))
        doubled.setdefault(int(one), set()).add(int(other))
        doubled.setdefault(int(other), set()).add(int(one))
    return found, doubled


def _splits(  # noqa: PLR0917 - one caller
    material: Material,
    clear: NDArray[np.int64],
    label: NDArray[np.int64],
    names: Sequence[str],
    voices: Scores,
    seconds: Scores,
    evidence: _Evidence,
) -> tuple[list[Suspect], set[int]]:
    """Labels that hold two voices, and which clips they concern."""
    from scipy.cluster.hierarchy import fcluster, linkage

    found: list[Suspect] = []
    concerned: set[int] = set()
    for person, name in enumerate(names):
        rows = np.flatnonzero(label == person)
        if len(rows) < 4:
            continue
        groups = fcluster(linkage(voices[rows], "average", metric="cosine"), 2, "maxclust")
        one, other = rows[groups == 1], rows[groups == 2]
        if min(len(one), len(other)) < 2:
            continue  # a single clip is judged by itself
        score = unit(voices[one].sum(0)) @ unit(voices[other].sum(0))
        llr = float(evidence(score, seconds[one].sum(), seconds[other].sum()))
        if llr <= SPLIT:
            less = min(one, other, key=lambda some: float(seconds[some].sum()))
            files = ", ".join(dict.fromkeys(printable(material.files[at]) for at in material.file[clear[less]]))
            text = f"{name}: holds two voices (LLR {llr:.1f}); one of them in {files}"
            found.append(Suspect(text, _whole(material, [int(row) for row in clear[less]])))
            concerned |= set(map(int, rows))
    return found, concerned


def _whole(material: Material, rows: Sequence[int]) -> tuple[int, ...]:
    """These clips and the pieces that were cut from them."""
    mine = {(int(material.speaker[row]), int(material.file[row])) for row in rows}
    everything = zip(material.speaker, material.file, strict=True)
    return tuple(number for number, (who, file) in enumerate(everything) if (int(who), int(file)) in mine)
