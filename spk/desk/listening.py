"""What can be asked about recordings: who speaks, is it that person, are two of them one person's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from spk.errors import AudioError, InputError, NotFoundError
from spk.messages.diarization import Diarized
from spk.messages.identification import CandidateList, Identified
from spk.messages.verification import Compared, Verified

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from spk.audio import Audio
    from spk.diarize import SpeakerCount
    from spk.identify import Identification
    from spk.identify.explaining import Collector
    from spk.store import Speaker
    from spk.workbench import Workbench

__all__ = ["Channels", "Listening", "check_voices"]

Channels = Literal["mix", "split"]


def check_voices(
    *,
    single: bool = False,
    channels: Channels = "mix",
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
) -> SpeakerCount:
    """How many people may be found, by all that is said of the voices of a recording.

    Raises:
        InputError: one thing contradicts another.
    """
    from spk.diarize import SpeakerCount

    given = [number for number in (speakers, min_speakers, max_speakers) if number is not None]
    if given and channels == "split":
        raise InputError("--channels split says how many people there are, one a channel: give no other number")
    if any(number < 1 for number in given):
        raise InputError(f"there cannot be {min(given)} speakers: give at least 1")
    if speakers is not None and len(given) > 1:
        raise InputError("--speakers says it all: leave out --min-speakers and --max-speakers")
    if single and (channels == "split" or max(given, default=1) > 1):
        raise InputError("--single says that each file is one person's voice: leave out what says otherwise")
    return SpeakerCount(min_speakers or 1, max_speakers) if speakers is None else SpeakerCount.exactly(speakers)


class Listening:
    """Operations on recordings; a part of `spk.desk.Desk`. Every recording may have a name other than its path.

    To a discreet desk, whoever has not given a consent that is required is nobody, also where their name is asked for.
    """

    bench: Workbench
    _discreet: bool

    def identify(
        self,
        path: Path,
        *,
        name: str | None = None,
        single: bool = False,
        channels: Channels = "mix",
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        attendees: Sequence[str] = (),
        enroll_unknown: bool = False,
        evidence: bool = False,
        decision: UUID | None = None,
    ) -> Identified:
        """Who speaks in a recording.

        Args:
            path: The recording.
            name: What it is called, if not as the file.
            single: It is one person's voice: it is not diarized.
            channels: ``split``: each channel holds one person.
            speakers: How many people speak, if that is known.
            min_speakers: At least so many.
            max_speakers: At most so many.
            attendees: The only people who can be meant, by names, labels or ids; several may stand in one text, with
                commas between.
            enroll_unknown: Keep strangers as unnamed speakers, to meet them again.
            evidence: Say why, too.
            decision: The id of the decision: one that was kept under it before is replaced.

        Raises:
            InputError: what is said of the recording contradicts itself.
            AudioError: it cannot be read, or nobody speaks in it.
            NotFoundError: no such gallery or attendee.
            FingerprintError: everybody in the gallery is enrolled by other models.
        """
        count = check_voices(
            single=single,
            channels=channels,
            speakers=speakers,
            min_speakers=min_speakers,
            max_speakers=max_speakers,
        )
        if attendees and enroll_unknown:
            raise InputError(
                "--enroll-unknown would keep people who are enrolled, but no attendees: leave out one of them"
            )
        bench = self.bench
        if enroll_unknown:
            bench.make_gallery()
            bench.store.check_strangers(bench.gallery)
        invited = self._invited(attendees) if attendees else None
        _ = bench.gallery  # a misspelt one is said before any work
        audio = _loaded(path, name, channels)  # likewise a file that cannot be read, before models are loaded

        def find() -> tuple[Identification, Collector]:
            collector = bench.collector(invited)
            return self._find(collector, audio, count, channels, single=single), collector

        def keep(found: Identification, collector: Collector) -> Identified:
            found = bench.remember(found, strangers=enroll_unknown)
            return self._identified(found, collector, decision, evidence=evidence)

        found, collector = find()
        try:
            return keep(found, collector)
        except NotFoundError:
            # Somebody whom it names is gone: erased or merged meanwhile, or a stranger of whom nothing but an earlier
            # hearing of this recording told. In the gallery as it is now, nobody is found who is not there.
            return keep(*find())

    def verify(self, who: str, path: Path, *, name: str | None = None) -> Verified:
        """Is it that person, by the voice?

        Raises:
            NotFoundError: no such person, or one without voiceprints.
            AudioError: the recording cannot be read, or nobody speaks in it.
            FingerprintError: the person is enrolled by other models only.
        """
        from spk.audio import load

        bench = self.bench
        speaker = bench.store.speaker(bench.gallery, who, consented=self._discreet)
        audio = load(path, name=name)
        collector = bench.collector()
        verifier = bench.verifier(collector.scorer)
        heard = verifier.listen(audio)
        found = verifier.claim(speaker, verifier.voice(heard))
        decision = None
        if bench.keeps_decisions:
            decision = str(bench.keep(collector.verification(found, heard, speaker, verifier.point)).id)
        about = {"enroll": who, "test": name or str(path), "decision_id": decision}
        return Verified.model_validate({**found.to_json(), **about})

    def compare(self, path: Path, other: Path, *, name: str | None = None, other_name: str | None = None) -> Compared:
        """Do two recordings hold one voice? Nobody needs to be enrolled.

        Raises:
            AudioError: one of them cannot be read, or nobody speaks in it.
        """
        from spk.audio import load

        _ = self.bench.gallery
        audio = [load(path, name=name), load(other, name=other_name)]
        verifier = self.bench.verifier(self.bench.collector().scorer)
        first, second = map(verifier.hear, audio)
        found = verifier.compare(first, second)
        files = (name or str(path), other_name or str(other))
        seconds = round(first.total_net_seconds, 3)
        return Compared.model_validate({**found.to_json(), "files": files, "other_net_speech": seconds})

    def who_is(self, path: Path, *, top: int = 3, name: str | None = None) -> CandidateList:
        """The people whom the one voice of a clip is most like.

        Args:
            path: The clip.
            top: How many people at most.
            name: What it is called, if not as the file.

        Raises:
            AudioError: it cannot be read, or nobody speaks in it.
            FingerprintError: everybody in the gallery is enrolled by other models.
        """
        from spk.audio import load
        from spk.identify import Verdict
        from spk.identify.finding import candidates

        _ = self.bench.gallery
        audio = load(path, name=name)
        found = self.bench.identifier(scorer=self.bench.collector().scorer).single(audio)
        voice = found.voices[0]
        return CandidateList.model_validate(
            {
                "schema": "spk-candidates/1",
                "recording": name or str(path),
                "people": found.people,
                "net_speech": round(voice.net_seconds, 3),
                "verdict": voice.verdict.value,
                "candidates": [one.to_json() for one in candidates(found, top)],
                "too_short": voice.too_short,
                "met": voice.match.verdict is Verdict.KNOWN and voice.verdict is not Verdict.KNOWN,
            }
        )

    def diarize(
        self,
        path: Path,
        *,
        name: str | None = None,
        channels: Channels = "mix",
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
    ) -> Diarized:
        """Who speaks when, whoever it is; the arguments are those of `identify`.

        Raises:
            InputError: what is said of the recording contradicts itself.
            AudioError: it cannot be read, or nobody speaks in it.
        """
        from spk.diarize import diarize_channels
        from spk.formats.records import diarization
        from spk.timeline import with_ids

        count = check_voices(channels=channels, speakers=speakers, min_speakers=min_speakers, max_speakers=max_speakers)
        audio, bench = _loaded(path, name, channels), self.bench
        if channels == "split":
            found = diarize_channels(audio, bench.vad)
        else:
            found = bench.diarizer(audio[0], count=count, progress=bench.progress)
        if not found.turns:
            raise AudioError(name or path, "holds no speech: check the recording and its level")
        turns = with_ids(found.turns)
        return Diarized.model_validate(diarization(turns, recording=name or str(path), duration=audio[0].duration))

    def _find(
        self,
        collector: Collector,
        audio: tuple[Audio, ...],
        count: SpeakerCount,
        channels: Channels,
        *,
        single: bool,
    ) -> Identification:
        identifier = self.bench.identifier(scorer=collector.scorer)
        if channels == "split":
            return identifier.channels(audio)
        if single:
            return identifier.single(audio[0])
        return identifier.recording(audio[0], count=count, progress=self.bench.progress)

    def _identified(
        self, found: Identification, collector: Collector, decision: UUID | None, *, evidence: bool
    ) -> Identified:
        """What was found, once the decision is kept."""
        bench, kept, why = self.bench, None, None
        if bench.keeps_decisions or evidence:
            explained = collector.identification(found)
            kept = str(bench.keep(explained, decision).id) if bench.keeps_decisions else None
            why = {**explained.evidence.to_json(), "decision_id": kept} if evidence else None
        record = {**found.to_json(), "decision_id": kept, "corrected": found.corrected, "evidence": why}
        return Identified.model_validate(record)

    def _invited(self, attendees: Sequence[str]) -> list[Speaker]:
        """The people of a list of names; a name may hold a comma itself."""
        find = partial(self.bench.store.speaker, self.bench.gallery, consented=self._discreet)
        people = []
        for names in attendees:
            try:
                people.append(find(names))
            except (InputError, NotFoundError):
                parts = [name.strip() for name in names.split(",")]
                if len(parts) == 1:
                    raise
                people += [find(name) for name in parts if name]
        if not people:
            raise InputError("--attendees names nobody: write --attendees alice,bob")
        return people


def _loaded(path: Path, name: str | None, channels: Channels) -> tuple[Audio, ...]:
    from spk.audio import load, load_channels

    return load_channels(path, name=name) if channels == "split" else (load(path, name=name),)
