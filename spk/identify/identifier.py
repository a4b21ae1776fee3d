"""Recordings in, names out: diarize, embed each voice, compare with the gallery, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spk.audio import Audio
from spk.diarize import Diarization, Diarizer, SpeakerCount, VoiceActivity, diarize_channels
from spk.embed import Embedder, ModelId, Piece, Speech, embed_pieces
from spk.embed.weights import Progress
from spk.errors import AudioError
from spk.identify.decision import Match, OperatingPoint, Verdict, rounded_rate, score_fields
from spk.identify.gallery import LEAST_SECONDS, GalleryScorer
from spk.identify.judging import Judged, judge
from spk.store.records import Speaker, SpeakerState
from spk.timeline import Segment, Timeline, Turn, total, with_ids
from spk.watching import tell_verdict

__all__ = ["NOT_HEARD", "SCHEMA", "Identification", "Identifier", "Voice", "clearest"]

SCHEMA = "spk-identification/1"
SHORTEST_PART = 0.3  # seconds: shorter scraps of a voice are not embedded, unless there is nothing else
LONGEST = 120.0  # seconds of one voice that are embedded; more changes nothing
NOT_HEARD = Match(None, None, None, 0.0, None, Verdict.UNSURE, None)
"""Of a voice with too little speech of its own for the model nothing can be said."""


@dataclass(frozen=True, eq=False)
class Voice:
    """One voice of a recording, and who it is.

    Attributes:
        label: The diarization's: ``SPEAKER_00`` onwards.
        speech: What was embedded: where the voice is alone, as much of it as is worth it.
        net_seconds: All speech of this voice alone, in seconds.
        vector: (dim,); None where there was too little speech for the model.
        match: The best person, and the verdict.
        speaker: That person; None where the gallery is empty.
        runner_up: The next best.
        provisional: Whether that person's profile is.
        kept_as: The unnamed speaker that the voice was kept as, if it was.
        is_new: Whether that speaker was not met before.
        same_voice_as: The labels of others that were taken for this very voice, and judged together with it.
        pieces: The pieces that ``speech`` was embedded in.
        row: Its row in `Identification.judged`, shared by those that were judged together; None where not heard.
    """

    label: str
    speech: Speech
    net_seconds: float
    vector: NDArray[np.float32] | None
    match: Match
    speaker: Speaker | None = None
    runner_up: Speaker | None = None
    provisional: bool = False
    kept_as: Speaker | None = None
    is_new: bool = False
    same_voice_as: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    row: int | None = None

    @property
    def named(self) -> Speaker | None:
        """Who it is, if that may be said: somebody enrolled, or a stranger who is kept."""
        return self.speaker if self.match.verdict is Verdict.KNOWN else self.kept_as

    @property
    def name(self) -> str | None:
        """The name, if somebody enrolled was recognised."""
        return self.named.name if self.named else None

    @property
    def verdict(self) -> Verdict:
        """``unknown`` also for a stranger who is kept."""
        met = self.named is not None and self.named.state is not SpeakerState.ENROLLED
        return Verdict.UNKNOWN if met else self.match.verdict

    @property
    def too_short(self) -> bool:
        """Whether too little was heard for any verdict."""
        return self.row is None or self.speech.net_seconds < LEAST_SECONDS

    def to_json(self) -> dict[str, Any]:
        """The voice as an entry of ``speakers``."""
        return {
            "label": self.label,
            **self._who(),
            "net_speech": round(self.net_seconds, 3),
            "probability": round(self.match.probability, 6),
            "false_alarm": rounded_rate(self.match.false_alarm),
            "margin": _rounded(self.match.margin),
            "provisional": self.provisional,
            "candidate": _person(self.speaker),
            "runner_up": _person(self.runner_up),
            "same_voice_as": list(self.same_voice_as),
            "too_short": self.too_short,
            "stranger": self.named.label if self.named and self.named.name is None else None,
            "kept": None if self.kept_as is None else "new" if self.is_new else "met",
        }

    def turn_to_json(self, turn: Turn) -> dict[str, Any]:
        """One of the voice's turns as an entry of ``turns``."""
        times = {"start": round(turn.start, 3), "end": round(turn.end, 3)}
        return {**times, "label": self.label, "id": turn.id, **self._who()}

    def _who(self) -> dict[str, Any]:
        return {
            "speaker_id": str(self.named.id) if self.named else None,
            "name": self.name,
            "verdict": self.verdict.value,
            **score_fields(self.match.score, is_cosine=self.match.is_cosine),
            "llr": _rounded(self.match.llr),
        }


@dataclass(frozen=True, eq=False)
class Identification:
    """Who speaks when in one recording.

    Attributes:
        audio: The recording.
        turns: Labelled as by the diarization.
        voices: One a label, in the order of first speech.
        model: What embedded the voices.
        gallery: The name of the gallery that was searched.
        people: How many people it had.
        attendees: The only people who were compared; None for everybody.
        judged: What the verdicts rest on.
        least: So many people are among the voices that were heard, at least.
        corrected: Whether what is kept of the recording stays as it is, for a person has put it right.
    """

    audio: Audio
    turns: Timeline
    voices: tuple[Voice, ...]
    model: ModelId
    gallery: str
    people: int
    attendees: tuple[Speaker, ...] | None = None
    judged: Judged | None = None
    least: int = 1
    corrected: bool = False

    @property
    def named(self) -> Timeline:
        """The turns under the names of those who were recognised; the others keep their labels."""
        names = {voice.label: voice.named.label for voice in self.voices if voice.named}
        return self.turns.rename(names)

    def to_json(self) -> dict[str, Any]:
        """One object of the schema ``spk-identification/1``.

        ``schema``: its name and version. ``recording``: the file. ``duration``: seconds. ``gallery`` and ``people``:
        what was searched, and how many it had. ``attendees``: null, or the names of the only people who were compared.
        ``model``: ``name`` and ``fingerprint``. ``turns``: by time, each with
        ``start`` and ``end`` (seconds), ``label`` and ``id`` (of this turn alone). ``speakers``: the voices, by first
        speech, each with ``label``, ``net_speech`` (seconds of it alone), ``candidate`` and ``runner_up`` (the two best
        people, ``speaker_id`` and ``name`` or null), ``probability`` (that it is the candidate), ``false_alarm`` (how
        often a stranger looks at least this much like somebody), ``margin`` (LLR of the candidate less that of the
        runner-up), ``provisional`` (whether the candidate's profile is), ``same_voice_as`` (labels that were taken
        for this very voice), ``too_short`` (whether too little was said for any verdict), ``stranger`` (the label of
        the unnamed speaker that it is, or null) and ``kept`` (``new`` or ``met``, where it was kept as that one now).

        Turns and speakers both say who it is: ``verdict`` (known, unsure, unknown), ``speaker_id`` (null for unsure
        and for a stranger who is not kept), ``name`` (null unless known), and ``score`` (the recipe's), ``cosine``
        (the score where it is one, else null) and ``llr`` (natural log) of the candidate. What cannot be said is null:
        everything about a candidate in an empty gallery, or of a voice with too little speech of its own for the model.
        """
        voices = {voice.label: voice for voice in self.voices}
        return {
            "schema": SCHEMA,
            "recording": self.audio.source,
            "duration": round(self.audio.duration, 3),
            "gallery": self.gallery,
            "people": self.people,
            "attendees": None if self.attendees is None else [person.label for person in self.attendees],
            "model": {"name": self.model.name, "fingerprint": self.model.fingerprint},
            "turns": [voices[turn.label].turn_to_json(turn) for turn in self.turns],
            "speakers": [voice.to_json() for voice in self.voices],
        }


@dataclass(frozen=True)
class Identifier:
    """Names the voices of recordings.

    Args:
        scorer: The gallery to search, as it is now.
        embedder: The model of the gallery's vectors.
        vad: Finds the speech of clips of one voice, and of channels.
        diarizer: Finds the voices of a recording.
        point: When a verdict is given.

    Raises:
        FingerprintError: everybody in the gallery is enrolled by other models.
        InputError: false alarms are to be limited, and the calibration does not know them.
    """

    scorer: GalleryScorer
    embedder: Embedder
    vad: VoiceActivity
    diarizer: Diarizer
    point: OperatingPoint = field(default_factory=OperatingPoint)

    def __post_init__(self) -> None:
        self.scorer.check()
        self.point.needed(self.scorer.searched, self.scorer.calibration.false_alarms)

    def recording(
        self, audio: Audio, *, count: SpeakerCount | None = None, progress: Progress | None = None
    ) -> Identification:
        """Diarize a recording and name its voices.

        Voices that are one person's by their sound are judged as one; no others get one name.

        Raises:
            AudioError: nobody speaks in it.
        """
        count = count or SpeakerCount()
        found = self.diarizer(audio, count=count, progress=progress)
        speeches = [clearest(audio, found.turns.alone(label)) for label in found.labels]
        return self._named(audio, found, speeches, least=count.least)

    def channels(self, channels: Sequence[Audio]) -> Identification:
        """Name the voices of a recording with one person a channel, and another on each.

        Raises:
            AudioError: nobody speaks in it.
        """
        found = diarize_channels(channels, self.vad)
        by_label = {f"SPEAKER_{number:02d}": channel for number, channel in enumerate(channels)}
        speeches = [clearest(by_label[label], found.turns.alone(label)) for label in found.labels]
        recording = channels[0].source.removesuffix(" (channel 1)")
        return self._named(Audio(channels[0].samples, recording), found, speeches)

    def single(self, audio: Audio) -> Identification:
        """Name the one voice of a clip.

        Raises:
            AudioError: nobody speaks in it.
        """
        speech = self.vad(audio)
        found = Diarization(Timeline(Turn(part, "SPEAKER_00") for part in speech), speech)
        return self._named(audio, found, [Speech(audio, speech, alone=True)])

    def _named(
        self, audio: Audio, found: Diarization, speeches: Sequence[Speech], least: int | None = None
    ) -> Identification:
        """Name the voices; there are at least ``least`` people, or as many as voices, if None."""
        if not found.turns:
            raise AudioError(audio.source, "holds no speech: check the recording and its level")
        enough = self.embedder.min_seconds
        heard = [row for row, speech in enumerate(speeches) if speech.parts and speech.joined().duration >= enough]
        heard.sort(key=lambda row: found.labels[row])  # as they are kept, and judged again: to the last bit
        embedded = embed_pieces(self.embedder, [speeches[row] for row in heard])
        vectors = np.array([one.vector for one in embedded], np.float32).reshape(len(heard), self.embedder.dim)
        seconds = np.array([speeches[row].net_seconds for row in heard])
        unheard = len(speeches) - len(heard)
        least = (len(speeches) if least is None else least) - unheard
        judged = judge(self.scorer, self.point, vectors, seconds, least=least)
        matches: dict[int, Match] = {}
        same: dict[int, tuple[str, ...]] = {}
        row_of: dict[int, int] = {}
        for row, (group, match) in enumerate(zip(judged.groups, judged.matches, strict=True)):
            for member in group:
                matches[heard[member]] = match
                row_of[heard[member]] = row
                same[heard[member]] = tuple(found.labels[heard[other]] for other in group if other != member)
        comparison = judged.comparison
        speakers = comparison.speakers
        provisional = {profile.speaker.id for profile in comparison.profiles if profile.provisional}
        voices = []
        for number, (label, speech) in enumerate(zip(found.labels, speeches, strict=True)):
            match = matches.get(number, NOT_HEARD)
            voice = Voice(
                label=label,
                speech=speech,
                net_seconds=total(found.turns.alone(label)),
                vector=vectors[heard.index(number)] if number in matches else None,
                match=match,
                speaker=speakers.get(match.speaker),
                runner_up=speakers.get(match.runner_up),
                provisional=match.speaker in provisional,
                same_voice_as=same.get(number, ()),
                pieces=embedded[heard.index(number)].pieces if number in matches else (),
                row=row_of.get(number),
            )
            voices.append(voice)
            tell_verdict(self.scorer.gallery.name, match.verdict.value)
        model, gallery = self.embedder.model, self.scorer.gallery.name
        return Identification(
            audio,
            with_ids(found.turns),
            tuple(voices),
            model,
            gallery,
            self.scorer.people,
            attendees=self.scorer.attendees,
            judged=judged,
            least=least,
        )


def clearest(audio: Audio, alone: Sequence[Segment]) -> Speech:
    """What is worth embedding of what one voice says alone: its longest stretches, up to ``LONGEST`` s."""
    clear = [part for part in alone if part.duration >= SHORTEST_PART] or alone
    chosen: list[Segment] = []
    seconds = 0.0
    for part in sorted(clear, key=lambda part: -part.duration):
        if seconds >= LONGEST:
            break
        chosen.append(part)
        seconds += part.duration
    return Speech(audio, tuple(sorted(chosen)))


def _person(speaker: Speaker | None) -> dict[str, Any] | None:
    return {"speaker_id": str(speaker.id), "name": speaker.label} if speaker else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
