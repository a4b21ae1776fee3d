"""Fit the calibration of a model on labelled speech, and say how it does on speakers it was not fitted on.

    python bench/fit_calibration.py FOLDER --model ecapa -o ecapa.json

FOLDER holds ``manifest.csv`` with the columns ``file``, ``speaker``, ``source`` and ``role``: clips of the
roles ``enroll``, ``test`` and ``unknown-test`` make the trials, ``cohort`` gives the mean of background
speakers, and ``noise``, ``music`` and ``rir`` degrade some clips. Only statistics are written, no voiceprint.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from degrade import CUTS, Degrader, variants
from metrics import cllr, eer, min_cllr
from numpy.typing import NDArray

from spk.audio import Audio, load
from spk.diarize.vad import load_vad
from spk.embed import Embedder, load_embedder
from spk.identify.calibration import Calibration, Calibrator, HeldOut, Interval
from spk.identify.decision import Thresholds, gallery_llr, posterior
from spk.identify.scoring import CentredCosine, gallery_centre, mean_profiles
from spk.timeline import total

Samples = NDArray[np.float32]
KINDS = ("natural", "cut", "degraded")
ROLES = ("enroll", "test", "unknown-test")


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip as it is, cut, or degraded, and what the model makes of it."""

    file: str
    kind: str
    vector: Samples  # (dim,)
    net_seconds: float


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody with several clips; ``variants`` holds each file's own clip first."""

    number: int
    source: str
    variants: dict[str, list[Clip]]


@dataclass(frozen=True, eq=False)
class Prints:
    """A profile as the scorer wants it."""

    vectors: NDArray[np.float32]
    net_seconds: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trials:
    """Voices against one gallery: matrices (voices, people); ``voice`` and ``person`` number the speakers."""

    cosine: NDArray[np.float64]
    plain: NDArray[np.float64]  # the cosine without any centring, for comparison
    same: NDArray[np.bool_]
    test_seconds: NDArray[np.float64]
    profile_seconds: NDArray[np.float64]
    voice: NDArray[np.int64]
    person: NDArray[np.int64]
    kind: NDArray[np.str_]  # (voices,)
    clean: bool  # whether everybody enrolled with clips as they are

    def llr(self, calibration: Calibration) -> NDArray[np.float64]:
        return calibration.llr(self.cosine, self.test_seconds, self.profile_seconds)


# Clips


def prepare(
    folder: Path, rows: list[dict[str, str]], embed: Embedder, progress: Callable[[str], None]
) -> tuple[list[Person], NDArray[np.float64]]:
    """The people with every variant of their clips, and the mean (dim,) of the background speakers."""

    def audio(*roles: str) -> list[Samples]:
        return [load(folder / row["file"]).samples for row in rows if row["role"] in roles]

    voices = load_vad()
    degrade = Degrader(audio("noise", "music"), audio("rir"))
    people: dict[str, Person] = {}
    spoken = [row for row in rows if row["role"] in ROLES]
    for number, row in enumerate(spoken):
        made = list(variants(load(folder / row["file"]).samples, degrade, np.random.default_rng([7, number])))
        nets = [total(voices(Audio(samples, row["file"]))) for _, samples in made]
        heard = [(kind, samples, net) for (kind, samples), net in zip(made, nets, strict=True) if net > 0]
        if not heard or heard[0][0] != "natural":
            continue
        vectors = embed([samples for _, samples, _ in heard])
        person = people.setdefault(row["speaker"], Person(len(people), row["source"].split()[0], {}))
        person.variants[row["file"]] = [
            Clip(row["file"], kind, vector, net) for (kind, _, net), vector in zip(heard, vectors, strict=True)
        ]
        progress(f"{number + 1} of {len(spoken)} clips")
    background = embed(audio("cohort")).mean(axis=0, dtype=np.float64)
    return list(people.values()), background


# Trials


def gallery_trials(
    people: list[Person],
    background: NDArray[np.float64],
    rng: np.random.Generator,
    enrolled: int,
    clean: bool,
) -> Trials:
    """Enroll some of the people with 1 to 5 clips each; the others' clips and all the rest are probes."""
    order = rng.permutation(len(people))
    profiles: list[Prints] = []
    probes: list[tuple[int, Clip]] = []
    members: list[int] = []
    for index in order:
        files = list(people[index].variants)
        rng.shuffle(files)
        known = len(members) < enrolled and len(files) > 1
        taken = files[: min(int(rng.integers(1, 6)), len(files) - 1)] if known else []
        if known:
            members.append(people[index].number)
            worse = not clean and rng.random() < 0.25
            clips = [people[index].variants[file] for file in taken]
            chosen = [next((c for c in some if worse and c.kind == "degraded"), some[0]) for some in clips]
            profiles.append(Prints(np.stack([c.vector for c in chosen]), np.array([c.net_seconds for c in chosen])))
        for file in files[len(taken) :]:
            for kind in KINDS:
                some = [clip for clip in people[index].variants[file] if clip.kind == kind]
                if some:
                    probes.append((people[index].number, some[rng.integers(len(some))]))
    vectors = np.stack([clip.vector for _, clip in probes])
    cosine = CentredCosine(gallery_centre(profiles, background))(vectors, profiles)
    voice, person = np.array([index for index, _ in probes]), np.array(members)
    shape = cosine.shape
    return Trials(
        cosine=cosine,
        plain=vectors @ mean_profiles(profiles).T,
        same=voice[:, None] == person[None],
        test_seconds=np.broadcast_to(np.array([clip.net_seconds for _, clip in probes])[:, None], shape),
        profile_seconds=np.broadcast_to(np.array([p.net_seconds.sum() for p in profiles])[None], shape),
        voice=np.broadcast_to(voice[:, None], shape),
        person=np.broadcast_to(person[None], shape),
        kind=np.array([clip.kind for _, clip in probes]),
        clean=clean,
    )


def many_trials(people: list[Person], background: NDArray[np.float64], seed: int, galleries: int = 8) -> list[Trials]:
    """Trials of random galleries: a quarter or two thirds of the people, some or none enrolled degraded."""
    rng = np.random.default_rng(seed)
    sizes = [max(2, len(people) // 4), max(2, 2 * len(people) // 3)]
    return [gallery_trials(people, background, rng, sizes[turn % 2], clean=turn % 4 < 2) for turn in range(galleries)]


def fit(trials: list[Trials]) -> Calibrator:
    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(some, name).ravel() for some in trials])

    return Calibrator().fit(
        column("cosine"),
        column("same"),
        test_seconds=column("test_seconds"),
        profile_seconds=column("profile_seconds"),
        # Most of what people record is not that bad.
        weight=np.concatenate([np.repeat(some.kind != "degraded", some.same.shape[1]) + 1.0 for some in trials]),
    )


# Measures


def held_out(trials: list[tuple[Trials, NDArray[np.float64]]], people: int) -> HeldOut:
    """Pooled measures; the intervals come from drawing the speakers again, 200 times."""
    llr = np.concatenate([llrs.ravel() for _, llrs in trials])
    same, voice, person = (
        np.concatenate([getattr(some, name).ravel() for some, _ in trials]) for name in ("same", "voice", "person")
    )
    rng = np.random.default_rng(0)
    draws = [
        np.ones(people),
        *(np.bincount(rng.integers(people, size=people), minlength=people) for _ in range(200)),
    ]
    rates = []
    for draw in draws:
        weight = np.where(same, draw[voice], draw[voice] * draw[person]).astype(np.float64)
        rates.append([measure(llr, same, weight) for measure in (cllr, min_cllr, eer)])
    low, high = np.percentile(rates[1:], [2.5, 97.5], axis=0)
    return HeldOut(*(Interval(*np.round(rate, 4).tolist()) for rate in zip(rates[0], low, high, strict=True)))


def row(name: str, kind: str, tested: list[tuple[Trials, NDArray[np.float64]]]) -> str:
    """One line of the table: error rates on one kind of probes."""
    parts: dict[str, list[NDArray[np.float64]]] = {}
    strangers, named, right, wrong, enrolled = 0, 0, 0, 0, 0
    for trials, llr in tested:
        some = trials.kind == kind
        if trials.clean == (kind == "degraded"):
            continue
        same = trials.same[some]
        columns = {"plain": trials.plain, "cosine": trials.cosine, "llr": llr, "gallery": gallery_llr(llr)}
        for column, values in columns.items():
            parts.setdefault(column, []).append(values[some].ravel())
        parts.setdefault("same", []).append(same.ravel())
        belief = posterior(llr[some]).people
        yes, best, known = belief.max(axis=1) >= Thresholds().yes, belief.argmax(axis=1), same.any(axis=1)
        hit = same[np.arange(len(same)), best]
        strangers, enrolled = strangers + int((~known).sum()), enrolled + int(known.sum())
        named, right = named + int((yes & ~known).sum()), right + int((yes & hit).sum())
        wrong += int((yes & known & ~hit).sum())
    flat = {column: np.concatenate(values) for column, values in parts.items()}
    same = flat.pop("same").astype(bool)
    ones = np.ones(len(same))
    rates = "".join(f"{100 * eer(flat[column], same, ones):9.2f}" for column in flat)
    costs = f"{cllr(flat['llr'], same, ones):8.3f}{min_cllr(flat['llr'], same, ones):8.3f}"
    shares = (named / max(strangers, 1), 1 - right / enrolled, wrong / enrolled)
    return f"{name:32}{kind:9}{rates}{costs}" + "".join(f"{100 * share:8.2f}" for share in shares)


def splits(people: list[Person]) -> Iterator[tuple[str, list[Person], list[Person]]]:
    """Names, people to fit on, people to test on: halves of the speakers, the largest source and the rest."""
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(people))
        one, other = ([people[index] for index in half] for half in np.array_split(order, 2))
        yield "other speakers", one, other
        yield "other speakers", other, one
    largest, _ = Counter(person.source for person in people).most_common(1)[0]
    inside = [person for person in people if person.source == largest]
    outside = [person for person in people if person.source != largest]
    if min(len(inside), len(outside)) >= 4:
        yield "largest source, fitted on rest", outside, inside
        yield "rest, fitted on largest source", inside, outside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where manifest.csv lies")
    parser.add_argument("--model", default="ecapa")
    parser.add_argument("--threads", type=int)
    parser.add_argument("-o", "--output", type=Path, help="the calibration to write")
    arguments = parser.parse_args()

    with (arguments.folder / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest))
    embed = load_embedder(arguments.model, threads=arguments.threads)
    people, background = prepare(arguments.folder, rows, embed, lambda line: print(line, end="\r", flush=True))

    tests: dict[str, list[tuple[Trials, NDArray[np.float64]]]] = {}
    for number, (name, known, unseen) in enumerate(splits(people)):
        calibration = fit(many_trials(known, background, number)).calibration(embed.model, background)
        some = many_trials(unseen, background, 1000 + number)
        tests.setdefault(name, []).extend((trials, trials.llr(calibration)) for trials in some)
    print(
        f"{'':32}{'':9}{'EER % of':>12}{'':24}{'':16}{'at the default thresholds, %':>28}\n"
        f"{'held out':32}{'probes':9}    plain   cosine      LLR  gallery"
        f"    Cllr     min    FPIR    FNIR   wrong"
    )
    for name, tested in tests.items():
        for kind in KINDS:
            print(row(name, kind, tested))

    trials = many_trials(people, background, 2000, galleries=12)
    same = np.concatenate([some.same.ravel() for some in trials])
    sources = Counter(person.source for person in people).most_common()
    calibration = fit(trials).calibration(
        embed.model,
        background,
        data=f"speakers: {', '.join(f'{count} of {source}' for source, count in sources)}; "
        f"clips as they are, pieces of {CUTS[0]:g} to {CUTS[-1]:g} s, and degraded by telephone, room, noise",
        speakers=len(people),
        trials={"target": int(same.sum()), "nontarget": int((~same).sum())},
        held_out=held_out(tests["other speakers"], len(people)),
    )
    print(f"slope {calibration.slope:.2f}, offset {calibration.offset:.2f}; {calibration.held_out}")
    if arguments.output:
        calibration.save(arguments.output)


if __name__ == "__main__":
    main()
