"""The strangers' part of the review bench: whether those who are heard again become one unknown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from talks import Talk, Utterance

from spk.audio import Audio
from spk.config import Settings
from spk.diarize import Diarization, Diarizer, VoiceActivity
from spk.embed import Embedder, ModelId
from spk.enroll import Excerpt
from spk.errors import AudioError
from spk.identify import Voice
from spk.store.records import SpeakerState
from spk.timeline import Segment, Timeline, total
from spk.workbench import Workbench

__all__ = ["Ears", "Linked", "Ours", "link", "seconds_by_speaker"]

LEAST_SECONDS = 10.0  # of a stranger in a recording, for the pairs


@dataclass(eq=False)
class Ears:
    """Diarizer and embedder that hear everything once, however often the recordings come.

    Args:
        diarizer: The diarizer itself.
        vad: Voice activity.
        inner: The embedder itself.
    """

    diarizer: Diarizer
    vad: VoiceActivity
    inner: Embedder
    _turns: dict[str, Diarization] = field(default_factory=dict)
    _vectors: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def model(self) -> ModelId:
        """The embedder's."""
        return self.inner.model

    @property
    def dim(self) -> int:
        """The embedder's."""
        return self.inner.dim

    @property
    def min_seconds(self) -> float:
        """The embedder's."""
        return self.inner.min_seconds

    def __call__(self, batch: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Vectors of clips."""
        keys = [clip.tobytes() for clip in batch]
        new = [at for at, key in enumerate(keys) if key not in self._vectors]
        self._vectors.update(zip((keys[at] for at in new), self.inner([batch[at] for at in new]), strict=True))
        return np.array([self._vectors[key] for key in keys], np.float32).reshape(len(batch), self.dim)

    def turns(self, audio: Audio, **how: Any) -> Diarization:  # noqa: ANN401 - passed on
        """Turns of a recording; how many people speak is never said."""
        if audio.sha256 not in self._turns:
            self._turns[audio.sha256] = self.diarizer(audio, **how)
        return self._turns[audio.sha256]


class Ours(Workbench):
    """A workbench with ears that are there already."""

    def __init__(self, home: Path, ears: Ears) -> None:
        super().__init__(Settings(home, keep_audio="none", keep_decisions=0.0))
        self.ears = ears

    @cached_property
    def embedder(self) -> Embedder:
        """The ears."""
        return self.ears

    @cached_property
    def vad(self) -> VoiceActivity:
        """Theirs."""
        return self.ears.vad

    @cached_property
    def diarizer(self) -> Diarizer:
        """Theirs."""
        return self.ears.turns


@dataclass(frozen=True)
class Linked:
    """What became of the strangers of some recordings.

    Attributes:
        joined: Pairs of recordings of one stranger that went to one unknown.
        confused: Pairs of recordings of two strangers that did.
        missed: Pairs of recordings of one stranger that did not.
        purity: Share of the speech given to unknowns that is that of the stranger who has most of theirs.
        unknowns: How many unknowns there are.
        strangers: How many strangers say enough somewhere.
        ghosts: Unknowns who are somebody enrolled.
        wrong_names: Voices that got the name of somebody else.
        names: Voices that got a name.
    """

    joined: int
    confused: int
    missed: int
    purity: float
    unknowns: int
    strangers: int
    ghosts: int
    wrong_names: int
    names: int

    @property
    def precision(self) -> float:
        """Of pairs in one unknown, those of one stranger."""
        return self.joined / max(self.joined + self.confused, 1)

    @property
    def recall(self) -> float:
        """Of pairs of one stranger, those in one unknown."""
        return self.joined / max(self.joined + self.missed, 1)

    @property
    def f(self) -> float:
        """Their harmonic mean."""
        return 2 * self.joined / max(2 * self.joined + self.confused + self.missed, 1)


def link(talks: Sequence[Talk], enrolled: Mapping[str, Sequence[Utterance]], bench: Workbench) -> Linked:
    """Identify recordings one after another, and keep the strangers.

    Args:
        talks: The recordings, in this order.
        enrolled: Who is enrolled before, from what.
        bench: With an empty home.
    """
    for name, said in enrolled.items():
        clips = [Excerpt(Audio(one.samples, f"{name} {at}")) for at, one in enumerate(said)]
        bench.enroller()(name, clips)
    known = {person.name for person in bench.store.speakers(bench.gallery)}
    heard: list[tuple[Voice, ...]] = []
    turns: list[Timeline] = []
    for talk in talks:
        try:
            found = bench.remember(bench.identifier().recording(talk.audio), strangers=True)
        except AudioError:  # nobody is heard
            heard.append(())
            turns.append(Timeline())
            continue
        heard.append(found.voices)
        turns.append(found.turns)
    return _measured(talks, heard, turns, known, _unknowns(bench))


def _unknowns(bench: Workbench) -> set[Hashable]:
    return {one.id for one in bench.store.speakers(bench.gallery) if one.state is SpeakerState.UNKNOWN}


def _measured(
    talks: Sequence[Talk],
    heard: Sequence[Sequence[Voice]],
    found: Sequence[Timeline],
    known: set[str | None],
    unknowns: set[Hashable],
) -> Linked:
    whose: dict[tuple[int, str], Counter[Hashable]] = defaultdict(Counter)  # seconds by entry of the gallery
    holds: dict[Hashable, Counter[str]] = defaultdict(Counter)  # the other way round
    names = wrong = 0
    for number, (talk, voices, turns) in enumerate(zip(talks, heard, found, strict=True)):
        for voice in voices:
            true = seconds_by_speaker(talk.turns, turns.of(voice.label))
            for speaker, seconds in true.items():
                whose[number, speaker][voice.named and voice.named.id] += seconds
            if voice.named is None or not true:
                continue
            if voice.named.id in unknowns:
                holds[voice.named.id].update(true)
            names += voice.named.name is not None
            wrong += voice.named.name not in {None, true.most_common(1)[0][0]}
    items = [
        (speaker, max(whose[number, speaker], key=whose[number, speaker].__getitem__, default=None))
        for number, talk in enumerate(talks)
        for speaker in talk.turns.labels
        if speaker not in known and total(talk.turns.of(speaker)) >= LEAST_SECONDS
    ]
    pairs = Counter(
        (one[0] == other[0], one[1] is not None and one[1] == other[1]) for one, other in combinations(items, 2)
    )
    speech = sum(sum(some.values()) for some in holds.values())
    return Linked(
        joined=pairs[True, True],
        confused=pairs[False, True],
        missed=pairs[True, False],
        purity=sum(max(some.values()) for some in holds.values()) / max(speech, 1e-9),
        unknowns=len(unknowns),
        strangers=len({speaker for speaker, _ in items}),
        ghosts=sum(some.most_common(1)[0][0] in known for some in holds.values()),
        wrong_names=wrong,
        names=names,
    )


def seconds_by_speaker(turns: Timeline, parts: Sequence[Segment]) -> Counter[str]:
    """How long each speaks within some parts."""
    found: Counter[str] = Counter()
    for speaker in turns.labels:
        shared = [both for own in turns.of(speaker) for part in parts if (both := own & part)]
        if shared:
            found[speaker] = total(shared)
    return found
