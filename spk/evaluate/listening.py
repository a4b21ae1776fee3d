"""Doing it: enroll, identify, test claims and diarize as the commands do, and keep what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from spk.audio import Audio, load
from spk.enroll import Enroller, Excerpt
from spk.errors import InputError, NotFoundError, SpkError
from spk.evaluate.diarization import TalkScore, score_turns
from spk.evaluate.material import Claim, Clip, Talk
from spk.evaluate.results import DIGITS, Claimed, Probe, Searches
from spk.formats.lines import printable
from spk.formats.rttm import read_rttm
from spk.identify import GalleryScorer, Identifier, Verification, Verifier, Voice
from spk.identify.posterior import gallery_llr
from spk.timeline import Segment, Timeline

if TYPE_CHECKING:
    from spk.diarize import Diarizer
    from spk.embed.weights import Progress
    from spk.store import Gallery, Profile, Store

__all__ = ["Listener", "Parts"]


class Parts(Protocol):
    """The parts of spk that work together; `spk.workbench.Workbench` is such."""

    progress: Progress | None

    @property
    def store(self) -> Store:
        """Where the gallery lies."""

    @property
    def gallery(self) -> Gallery:
        """Who may be recognised."""

    @property
    def diarizer(self) -> Diarizer:
        """Finds turns."""

    def scorer(self) -> GalleryScorer:
        """The gallery as it is now."""

    def identifier(self) -> Identifier:
        """Names voices."""

    def verifier(self) -> Verifier:
        """Tests claims."""

    def enroller(self) -> Enroller:
        """Adds people."""


class Listener:
    """Hears what a list names.

    Args:
        parts: What to hear it with.

    Attributes:
        notes: What was left out, and why.
        unreadable: Recordings that could not be read, one error each.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.notes: list[str] = []
        self.unreadable: list[SpkError] = []
        self._offered: set[str] = set()

    def enroll(self, clips: Sequence[Clip]) -> None:
        """Enroll people through the gates, each from all of their clips."""
        people: dict[str, list[Clip]] = {}
        for clip in clips:
            people.setdefault(clip.speaker, []).append(clip)
        self._offered.update(people)
        another = self._counter(len(clips), "enrolling")

        def excerpts(some: list[Clip]) -> Iterator[Excerpt]:
            for clip in some:
                if (audio := self._audio(clip.path)) is not None:
                    yield Excerpt(audio, clip.segment)
                another()

        for name, theirs in people.items():
            report = self.parts.enroller()(name, excerpts(theirs))
            self.notes += [f"not enrolled: {name}: {_reason(error)}" for error in report.refused]

    def identify(self, clips: Sequence[Clip]) -> Searches:
        """Identify clips of one voice each, and compare each with everybody.

        Raises:
            InputError: nobody is in the gallery, or somebody is who must not be, or the other way round.
            FingerprintError: everybody there is enrolled by other models.
        """
        scorer = self.parts.scorer()
        scorer.check()
        gallery = _Gallery(self.parts, scorer)
        names = gallery.names(clips)
        expected = {clip.speaker for clip in clips if clip.stranger is False and names[clip.speaker] is None}
        if nobody := sorted(expected - self._offered):
            reason = "have the role test, but are not enrolled: enroll them, or call theirs unknown-test"
            raise InputError(f"{printable(', '.join(nobody))}: {reason}")
        probes: list[Probe] = []
        voices: list[Voice] = []
        identifier = self.parts.identifier()
        another = self._counter(len(clips), "identifying")
        for clip in clips:
            another()
            known = names[clip.speaker]
            if clip.speaker in expected:
                self.notes.append(f"left out: {clip.name}: {clip.speaker} was refused at enrollment")
                continue
            if (audio := self._audio(clip.path)) is None:
                continue
            heard = clip.segment or Segment(0.0, max(audio.duration, 1e-3))
            if owner := gallery.owner(audio, heard):
                self.notes.append(f"left out: {clip.name}: {owner} is enrolled from this very recording")
                continue
            probe = Probe(clip.name, known or clip.speaker, known is not None)
            try:
                [voice] = identifier.single(audio.crop(heard)).voices
            except SpkError as error:
                probes.append(replace(probe, reason=_reason(error)))
                continue
            probes.append(_probe(probe, voice))
            voices += [voice] if voice.vector is not None else []
        return _searches(scorer, identifier.point.prior_unknown, probes, voices)

    def claims(self, claims: Sequence[Claim]) -> tuple[Claimed, ...]:
        """Test claims as `spk verify` does; a name wins where a recording is called the same.

        Raises:
            InputError: every trial compares a recording with itself, or with whoever is enrolled from it.
        """
        verifier = self.parts.verifier()
        people = {speaker.label: speaker for speaker in self.parts.store.speakers(self.parts.gallery)}
        named = {claim.enroll for claim in claims} & set(people)
        sources = {name: {one.recording.sha256 for one in self.parts.store.samples(people[name])} for name in named}
        heard: dict[Path, Profile | SpkError] = {}
        content: dict[Path, str] = {}

        def voice(path: Path) -> Profile:
            if path not in heard:
                try:
                    audio = self._load(path)
                    content[path] = audio.sha256
                    heard[path] = verifier.hear(audio)
                except SpkError as error:
                    heard[path] = error
            found = heard[path]
            if isinstance(found, SpkError):
                raise found
            return found

        tested = []
        another = self._counter(len(claims), "comparing")
        for claim in claims:
            another()
            result = Claimed(claim.enroll, claim.test, claim.same)
            try:
                test = voice(claim.test_path)
                if claim.enroll in people:
                    known = sources[claim.enroll]
                    found = verifier.claim(people[claim.enroll], test)
                elif claim.enroll_path is not None:
                    found = verifier.compare(voice(claim.enroll_path), test)
                    known = {content[claim.enroll_path]}
                else:
                    raise NotFoundError(f'"{claim.enroll}" is neither a person of the gallery nor a recording')
            except SpkError as error:
                tested.append(replace(result, reason=_reason(error)))
                continue
            if content[claim.test_path] in known:
                self.notes.append(f"left out: {claim.enroll} {claim.test}: that is this very recording")
                continue
            tested.append(_claimed(result, found))
        if not tested:
            raise InputError("every trial of the list compares a recording with itself: list other recordings")
        return tuple(tested)

    def diarize(self, talks: Sequence[Talk]) -> tuple[TalkScore, ...]:
        """Diarize conversations and compare with the true turns; where nobody is heard, all speech is missed."""
        scores = []
        another = self._counter(len(talks), "diarizing")
        for talk in talks:
            another()
            if (audio := self._audio(talk.path)) is None:
                continue
            [reference] = read_rttm(talk.rttm).values()
            try:
                found = self.parts.diarizer(audio).turns
            except SpkError as error:
                self.notes.append(f"no turns found: {_reason(error)}")
                found = Timeline()
            scores.append(score_turns(talk.file, reference, found, audio.duration))
        return tuple(scores)

    def _audio(self, path: Path) -> Audio | None:
        """A recording; None if it cannot be read, which is said at the end and stops nothing."""
        try:
            return self._load(path)
        except SpkError:
            return None

    def _load(self, path: Path) -> Audio:
        try:
            return load(path)
        except SpkError as error:
            self.unreadable.append(error)
            raise

    def _counter(self, total: int, what: str) -> Callable[[], None]:
        numbers = count(1)

        def another() -> None:
            if self.parts.progress is not None and total > 1:
                self.parts.progress(next(numbers), total, what)

        return another


class _Gallery:
    """Who is enrolled, by what name, and from which recordings."""

    def __init__(self, parts: Parts, scorer: GalleryScorer) -> None:
        self.parts = parts
        profiles = parts.store.profiles(parts.gallery, scorer.model.fingerprint)
        if not profiles:
            reason = "enroll people, or give the list a column role with enroll, test and unknown-test"
            raise InputError(f'nobody is enrolled in the gallery "{parts.gallery.name}": {reason}')
        self.people = {profile.speaker.id: profile.speaker.label for profile in profiles}
        self.samples = [
            (sample.recording.sha256, sample.segment, profile.speaker.label)
            for profile in profiles
            for sample in profile.samples
        ]

    def names(self, clips: Sequence[Clip]) -> dict[str, str | None]:
        """Under which name everybody of a list is enrolled; None for who is not.

        Raises:
            InputError: the list says otherwise, or somebody is enrolled by other models only.
        """
        names: dict[str, str | None] = {}
        for clip in clips:
            if clip.speaker in names:
                continue
            try:
                speaker = self.parts.store.speaker(self.parts.gallery, clip.speaker)
            except (NotFoundError, InputError):
                names[clip.speaker] = None
                continue
            if clip.stranger:
                raise InputError(f"{printable(clip.speaker)} has the role unknown-test, but is enrolled: decide which")
            if speaker.id not in self.people:
                raise InputError(f"{printable(clip.speaker)} is enrolled by other models only: enroll by this one, too")
            names[clip.speaker] = self.people[speaker.id]
        return names

    def owner(self, audio: Audio, heard: Segment) -> str | None:
        """Whose voiceprints were made from what is heard there."""
        return next((who for sha256, part, who in self.samples if sha256 == audio.sha256 and part & heard), None)


def _claimed(result: Claimed, found: Verification) -> Claimed:
    plain = found.llr if found.comparison is None else float(found.comparison.llr[0, 0])
    return replace(
        result,
        score=round(found.score, DIGITS),
        llr=round(plain, DIGITS),
        claim=round(found.llr, DIGITS),
        decision=found.decision.value,
        net_seconds=round(found.net_seconds, 3),
    )


def _probe(probe: Probe, voice: Voice) -> Probe:
    probe = replace(probe, net_seconds=round(voice.net_seconds, 3))
    if voice.vector is None:
        return replace(probe, reason=f"{voice.net_seconds:.2f} s of speech are too short")
    probability = round(voice.match.probability, DIGITS)
    return replace(probe, verdict=voice.verdict.value, name=voice.name, probability=probability)


def _searches(scorer: GalleryScorer, prior_unknown: float, probes: list[Probe], voices: list[Voice]) -> Searches:
    vectors = np.array([voice.vector for voice in voices if voice.vector is not None], np.float32)
    if not len(vectors):
        raise InputError("no clip of the list can be judged: see what was said of each")
    comparison = scorer.compare(vectors, [voice.net_seconds for voice in voices])
    people = tuple(profile.speaker.label for profile in comparison.profiles)
    claim = gallery_llr(comparison.llr, prior_unknown, comparison.people)
    matrices = np.full((3, len(probes), len(people)), np.nan)
    judged = [probe.verdict != "refused" for probe in probes]
    matrices[:, judged] = np.round([comparison.score, comparison.llr, claim], DIGITS)
    return Searches(people, tuple(probes), *matrices)


def _reason(error: SpkError) -> str:
    return printable(error)
