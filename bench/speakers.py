"""The speaker part of the accuracy bench: enroll, probe everybody, and measure beside SpeechBrain's own pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from manifests import Row
from numpy.typing import NDArray
from workers import Worker, speechbrain_folder

from spk.audio import load
from spk.enroll import Excerpt
from spk.errors import SpkError
from spk.identify.decision import gallery_llr
from spk.identify.metrics import cllr, eer, fnir, min_cllr, min_dcf
from spk.workbench import Workbench

__all__ = [
    "SPEAKER_ROLES",
    "Heard",
    "Probe",
    "Trials",
    "hear",
    "length",
    "measure",
    "shares",
    "speechbrain_scores",
    "trials",
]

SPEAKER_ROLES = ("enroll", "test", "unknown-test")
BINS = (1.0, 2.0, 5.0)  # seconds of net speech
DRAWS = 200
TRIAL_RATES = {"eer": eer, "min_dcf": min_dcf, "cllr": cllr, "min_cllr": min_cllr}
FPIR = {"fnir_1": 0.01, "fnir_5": 0.05}
SEARCH_RATES = ("rank1", *FPIR)
RATES = (*TRIAL_RATES, *SEARCH_RATES)

Matrix = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Probe:
    """One clip that was identified.

    Attributes:
        net_seconds: Speech in it.
        vector: (dim,); None where spk refuses to judge.
        verdict: ``known``, ``unsure``, ``unknown``, or ``refused``.
        name: Of whom, where known.
        reason: Why it was refused.
    """

    row: Row
    net_seconds: float = 0.0
    vector: NDArray[np.float32] | None = None
    verdict: str = "refused"
    name: str | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Heard:
    """What became of a folder's speech.

    Attributes:
        people: Who is enrolled, from which files.
        refused: What enrollment said of the recordings it refused.
        missing: Clips of the role ``test`` that are no probes, because enrollment refused their speaker.
        probes: The other clips of the roles ``test`` and ``unknown-test``.
        noises: Those of the roles ``noise`` and ``music``.
    """

    people: dict[str, list[Row]]
    refused: list[str]
    missing: list[str]
    probes: list[Probe]
    noises: list[Probe]


@dataclass(frozen=True, eq=False)
class Trials:
    """Voices against everybody enrolled: matrices (voices, people).

    Attributes:
        scores: By system.
        voice: (voices,) numbers of the speakers.
        person: (people,) numbers of the speakers.
        speakers: How many numbers there are.
    """

    scores: dict[str, Matrix]
    voice: NDArray[np.int64]
    person: NDArray[np.int64]
    speakers: int

    def only(self, voices: NDArray[np.bool_]) -> Trials:
        """Those of some voices."""
        scores = {system: score[voices] for system, score in self.scores.items()}
        return Trials(scores, self.voice[voices], self.person, self.speakers)


def hear(bench: Workbench, rows: Sequence[Row], say: Say) -> Heard:
    """Enroll and identify, through what the commands call."""
    files: dict[str, list[Row]] = {}
    for row in rows:
        if row.role == "enroll":
            files.setdefault(row.speaker, []).append(row)
    people, refused = {}, []
    for number, (name, theirs) in enumerate(files.items()):
        say(f"enrolling {number + 1} of {len(files)}")
        report = bench.enroller()(name, [Excerpt(load(row.path)) for row in theirs])
        refused += [f"{name}: {error}" for error in report.refused]
        if report.enrollment is not None:
            people[name] = theirs
    identify = bench.identifier().single

    def probe(row: Row) -> Probe:
        try:
            [voice] = identify(load(row.path)).voices
        except SpkError as error:
            return Probe(row, reason=str(error))
        if voice.vector is None:
            return Probe(row, voice.net_seconds, reason=f"{voice.net_seconds:.2f} s of speech are too short")
        return Probe(row, voice.net_seconds, voice.vector, voice.verdict.value, voice.name)

    def probes(some: list[Row]) -> Iterator[Probe]:
        for number, row in enumerate(some):
            say(f"identifying {number + 1} of {len(some)}")
            yield probe(row)

    known = [row for row in rows if row.role == "test" and row.speaker in people]
    missing = [row.name for row in rows if row.role == "test" and row.speaker not in people]
    strangers = [row for row in rows if row.role == "unknown-test"]
    noises = [row for row in rows if row.role in ("noise", "music")]
    return Heard(people, refused, missing, list(probes(known + strangers)), list(probes(noises)))


def trials(bench: Workbench, heard: Heard, baseline: Matrix | None) -> tuple[Trials, NDArray[np.bool_]]:
    """Every probe against everybody enrolled, and which of the probes spk judges; the others score 0 there."""
    judged = np.array([probe.vector is not None for probe in heard.probes])
    some = [probe for probe in heard.probes if probe.vector is not None]
    vectors = np.stack([probe.vector for probe in some if probe.vector is not None])
    comparison = bench.scorer().compare(vectors, [probe.net_seconds for probe in some])
    columns = {profile.speaker.name: column for column, profile in enumerate(comparison.profiles)}
    order = [columns[name] for name in heard.people]
    cosine, llr = np.zeros((2, len(judged), len(order)))
    cosine[judged] = comparison.score[:, order]
    # What `spk verify` says of each claim: the gallery's other people are weighed against it.
    llr[judged] = gallery_llr(comparison.llr, people=comparison.people)[:, order]
    scores = {"cosine": cosine, "llr": llr}
    names = sorted({probe.row.speaker for probe in heard.probes} | set(heard.people))
    voice = np.array([names.index(probe.row.speaker) for probe in heard.probes])
    person = np.array([names.index(name) for name in heard.people])
    scores = scores if baseline is None else {"speechbrain": baseline, **scores}
    return Trials(scores, voice, person, len(names)), judged


def speechbrain_scores(heard: Heard, threads: int, scratch: Path, say: Say) -> Matrix:
    """Cosines (voices, people) as SpeechBrain's own ECAPA pipeline gives them: whole files, mean of embeddings."""
    enrolled = [row for rows in heard.people.values() for row in rows]
    files = [str(row.path) for row in enrolled] + [str(probe.row.path) for probe in heard.probes]
    say(f"SpeechBrain embeds {len(files)} files")
    folder = scratch / "speechbrain"
    folder.mkdir()
    with Worker("speechbrain", threads=threads, folder=speechbrain_folder(folder)) as system:
        system(files=files, out=str(scratch / "vectors.npy"))
    vectors = np.load(scratch / "vectors.npy").astype(np.float64)  # (files, 192), L2-normalised
    sizes = np.cumsum([len(rows) for rows in heard.people.values()])
    means = np.stack([part.mean(axis=0) for part in np.split(vectors[: len(enrolled)], sizes)[:-1]])
    cosines: Matrix = vectors[len(enrolled) :] @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    return cosines


def measure(some: Trials, names: Sequence[str] = RATES) -> dict[str, dict[str, Any]]:
    """Error rates of each system, each with its 95 % interval from drawing the speakers again."""
    rng = np.random.default_rng(0)
    count = some.speakers
    draws = [np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(DRAWS)]
    drawn = [rates for draw in draws if (rates := _rates(some, draw, names))]
    result: dict[str, dict[str, Any]] = {}
    for system, rates in _rates(some, np.ones(count, np.int64), names).items():
        result[system] = {}
        for name, value in rates.items():
            # A draw can lack what a rate needs, such as strangers.
            low, high = np.nanpercentile([draw[system].get(name, np.nan) for draw in drawn], [2.5, 97.5])
            result[system][name] = {"value": value, "low": float(low), "high": float(high)}
    return result


def _rates(some: Trials, draw: NDArray[np.int64], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Some measures with each speaker counted as often as drawn; nothing where a kind of trial is missing."""
    # Who is not drawn is not there: neither as a voice nor in the gallery.
    voices, people = draw[some.voice] > 0, draw[some.person] > 0
    voice, person = some.voice[voices], some.person[people]
    same = voice[:, None] == person[None]
    if not same.any() or same.all():
        return {}
    weight = np.where(same, draw[voice][:, None], draw[voice][:, None] * draw[person][None]).astype(np.float64)
    searches = draw[voice].astype(np.float64)
    enrolled = same.any(axis=1)
    rates: dict[str, dict[str, float]] = {}
    for system, scores in some.scores.items():
        score = scores[np.ix_(voices, people)]
        rates[system] = {}
        for name in names:
            if name in TRIAL_RATES and (name != "cllr" or system == "llr"):
                rates[system][name] = TRIAL_RATES[name](score.ravel(), same.ravel(), weight.ravel())
            elif name in SEARCH_RATES and (name == "rank1" or not enrolled.all()):
                rates[system][name] = _search_rate(name, score, same, searches)
    theirs = rates.get("speechbrain", {}).get("eer")
    if theirs:
        for system in rates.keys() - {"speechbrain"}:
            rates[system]["eer_of_speechbrain"] = rates[system]["eer"] / theirs
    return rates


def _search_rate(name: str, score: Matrix, same: NDArray[np.bool_], weight: Matrix) -> float:
    """A rate of searches for the one person a voice could be, of which the best is given."""
    enrolled = same.any(axis=1)
    right = same[np.arange(len(same)), score.argmax(axis=1)]
    if name == "rank1":
        return float(np.average(right[enrolled], weights=weight[enrolled]))
    return fnir(score.max(axis=1), right, enrolled, weight, FPIR[name])


def shares(heard: Heard) -> dict[str, dict[str, dict[str, int]]]:
    """How many probes got which verdict, by net speech; ``wrong`` are known as somebody else."""
    table: dict[str, dict[str, dict[str, int]]] = {"enrolled": {}, "strangers": {}}
    for probe in heard.probes:
        kind = "enrolled" if probe.row.speaker in heard.people else "strangers"
        wrong = probe.verdict == "known" and probe.name != probe.row.speaker
        counts = table[kind].setdefault(length(probe.net_seconds), Counter())
        counts["wrong" if wrong else probe.verdict] += 1
    return table


def length(net_seconds: float) -> str:
    """The bin of some net speech.

    >>> length(0.4), length(3.0), length(60.0)
    ('0-1 s', '2-5 s', '5- s')
    """
    edges = ["0", *(f"{edge:g}" for edge in BINS), ""]
    place = int(np.searchsorted(BINS, net_seconds, side="right"))
    return f"{edges[place]}-{edges[place + 1]} s"
