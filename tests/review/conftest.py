"""A world of made-up people: whoever speaks can be read off the samples, so no test here needs weights."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from spk.audio import Audio
from spk.diarize import Diarization
from spk.embed.fake import FakeEmbedder
from spk.enroll import KeptAudio
from spk.identify import Calibration, GalleryScorer, Identification, Identifier, OperatingPoint
from spk.identify.false_alarms import FalseAlarms
from spk.identify.scoring import CentredCosine
from spk.review import Corrections, Judge, Learn, remember
from spk.review.queue import Queue
from spk.store import Gallery, NewRecording, NewSample, Origin, SpeakerState, Store
from spk.timeline import Segment, Timeline, Turn

RATE, DIM, LEVEL = 16_000, 64, 0.01
MODEL = FakeEmbedder().model
PEOPLE = np.random.default_rng(7).normal(size=(40, DIM)) / np.sqrt(DIM)
SPREAD = 0.45  # of one person's voices: cosines of about 0.8


def speech(person: int, seconds: float, seed: int) -> np.ndarray:
    """Samples in which a person can be read off."""
    signs = np.random.default_rng([person, seed]).choice([-1.0, 1.0], round(seconds * RATE))
    return (signs * LEVEL * (person + 1)).astype(np.float32)


@dataclass(frozen=True)
class Ears:
    """An embedder that reads off who speaks, and hears everybody a little differently each time."""

    dim: int = DIM
    min_seconds: float = 0.25
    model = MODEL

    def __call__(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        rows = [self._vector(clip) for clip in batch]
        return np.array(rows, np.float32).reshape(len(rows), DIM)

    def _vector(self, clip: np.ndarray) -> np.ndarray:
        levels = np.round(np.abs(clip) / LEVEL).astype(int) - 1
        shares = np.bincount(levels, minlength=len(PEOPLE)) / len(levels)
        seed = int.from_bytes(hashlib.sha256(clip.tobytes()).digest()[:8], "big")
        noise = np.random.default_rng(seed).normal(size=DIM) / np.sqrt(DIM)
        row = shares @ PEOPLE + SPREAD * noise
        return row / np.linalg.norm(row)


def everything(audio: Audio) -> tuple[Segment, ...]:
    return (Segment(0.0, audio.duration),)


def calibration() -> Calibration:
    recipe = CentredCosine()
    recipe.background_ = np.zeros(DIM)
    alarms = FalseAlarms((-2.5, -1.0, -0.9, 0.7, -0.1))
    return Calibration(
        MODEL.name, MODEL.fingerprint, recipe, slope=40.0, offset=20.0, half_seconds=1.0, false_alarms=alarms
    )


@dataclass
class World:
    """A gallery, and what it hears.

    Attributes:
        store: Where.
        gallery: Its gallery.
        learn: From what profiles learn.
    """

    store: Store
    gallery: Gallery
    learn: Learn = Learn.CONFIRMED

    @property
    def judge(self) -> Judge:
        return Judge(MODEL, calibration(), self.learn)

    def judge_of(self, _: str) -> Judge:
        return self.judge

    def corrections(self, *, dry_run: bool = False) -> Corrections:
        return Corrections(self.store, self.gallery, self.judge_of, self.learn, dry_run)

    def queue(self, **how) -> Queue:
        return Queue.of(self.store, self.gallery, self.judge_of, **how)

    def enroll(self, name: str, person: int, number: int = 0, seconds: float = 20.0):
        """Enroll somebody, from a recording of a person who may be somebody else."""
        audio = Audio(speech(person, seconds, 1000 + number), f"{name}-{person}-{number}.wav")
        new = NewSample(
            recording=NewRecording(audio.sha256, audio.source, audio.duration),
            segment=Segment(0.0, seconds),
            sha256=audio.sha256,
            net_seconds=seconds,
            quality={},
            origin=Origin.ENROLLED,
            vectors={MODEL.fingerprint: Ears()([audio.samples])[0]},
        )
        [sample] = self.store.enroll(self.gallery, name, [new]).added
        return sample

    def hear(
        self,
        name: str,
        *people: int | tuple[int, ...],
        seconds: float = 12.0,
        strangers: bool = True,
        attendees: Sequence[str] | None = None,
        least: int | None = None,
    ) -> Identification:
        """Identify a recording in which people speak one after the other, a voice each; several make one voice."""
        parts, turns, at = [], [], 0.0
        for number, voice in enumerate(people):
            for person in voice if isinstance(voice, tuple) else (voice,):
                parts.append(speech(person, seconds, int(hashlib.sha256(name.encode()).hexdigest()[:6], 16) + number))
                turns.append(Turn(Segment(at, at + seconds), f"SPEAKER_{number:02d}"))
                at += seconds
        audio = Audio(np.concatenate(parts), f"{name}.wav")
        invited = None if attendees is None else [self.store.speaker(self.gallery, who) for who in attendees]
        scorer = GalleryScorer(self.store, self.gallery, MODEL, calibration(), invited)
        timeline = Timeline(turns)
        diarizer = lambda *_, **__: Diarization(timeline, timeline.speech)  # noqa: E731
        identifier = Identifier(scorer, Ears(), everything, diarizer, OperatingPoint())
        found = identifier.recording(audio)
        if least is not None:
            found = replace(found, least=least)
        return remember(found, self.store, self.gallery, self.judge, Ears(), strangers=strangers, keep=KeptAudio.CLIPS)

    def who(self, recording: str) -> dict[str, str | None]:
        """Whose the voices of a recording are."""
        names = {person.id: person.label for person in self.store.speakers(self.gallery)}
        hearing = self.store.hearing(self.gallery, f"{recording}.wav")
        return {voice.label: names.get(voice.said.speaker) for voice in hearing.voices}

    def strangers(self):
        return self.store.speakers(self.gallery, SpeakerState.UNKNOWN)

    def person(self, who: str):
        return self.store.speaker(self.gallery, who)

    def picture(self) -> dict[str, object]:
        """Everything that is known and said, without the ids that are drawn for rows."""
        samples = {sample.id: sample for sample in self.store.samples(self.gallery)}
        owners = {id_: sample.speaker for id_, sample in samples.items()}
        return {
            "people": {one.id: (one.name, one.state) for one in self.store.speakers(self.gallery)},
            "samples": sorted((one.sha256, str(one.speaker), one.net_seconds) for one in samples.values()),
            "profiles": {
                one.speaker.id: (one.vectors.tobytes(), one.net_seconds.tobytes())
                for one in self.store.profiles(self.gallery, MODEL.fingerprint)
            },
            "voices": {
                (hearing.recording.sha256, voice.label): (voice.said, owners.get(voice.sample), voice.sha256)
                for hearing in self.store.hearings(self.gallery)
                for voice in hearing.voices
            },
        }


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """``opened("home", of=other)``: a world by name, a copy of another one's home."""
    stores: list[Store] = []

    def opened(name: str, *, of: World | None = None, **how) -> World:
        if of is not None:
            of.store.close()
            shutil.copytree(of.store.path, tmp_path / name)
            of.store = Store.open(of.store.path)
            stores.append(of.store)
        store = Store.open(tmp_path / name)
        stores.append(store)
        return World(store, store.gallery("default", create=True), **how)

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def world(opened) -> World:
    """An empty one."""
    return opened("home")


@contextmanager
def unchanged(world: World) -> Iterator[None]:
    """See that nothing is another in the end."""
    before = world.picture()
    yield
    assert world.picture() == before
