"""What can be asked about recordings that were heard: whose the voices are, the turns, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from spk.desk.correcting import Correcting
from spk.desk.outcomes import outcome
from spk.desk.paging import place, word
from spk.errors import InputError, NotFoundError
from spk.messages.base import Page
from spk.messages.outcomes import Outcome
from spk.messages.recordings import RecordingDetail, RecordingInfo, RecordingTurn, TurnsFile, VoiceHeard, Waveform

if TYPE_CHECKING:
    from pathlib import Path

    from spk.store.heard import HeardVoice, Hearing
    from spk.workbench import Workbench

__all__ = ["MEDIA_TYPES", "Recordings"]

MEDIA_TYPES: Mapping[str, str] = {
    "text": "text/plain",
    "rttm": "text/plain",
    "audacity": "text/plain",
    "textgrid": "text/plain",
    "eaf": "application/xml",
    "labelstudio": "application/json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "vtt": "text/vtt",
    "srt": "application/x-subrip",
    "json": "application/json",
}
"""What turns can be written as, and the media type of each."""

_ENDINGS = {"text": "txt", "audacity": "txt", "textgrid": "TextGrid", "labelstudio": "json"}  # or as the format
_NAMED_BY_FILE = {"eaf", "labelstudio"}  # the program looks for the recording itself


class Recordings(Correcting):
    """What was heard in the recordings of a gallery.

    A recording is named as it was when it was identified, by the last part of that, or by digits of an id or of the
    hash of its audio.

    Args:
        bench: What to work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def list(
        self, *, q: str = "", newest: bool = False, limit: int | None = None, after: str | None = None
    ) -> Page[RecordingInfo]:
        """Some recordings, in the order in which they were first heard.

        Args:
            q: What their names hold, in whatever case.
            newest: Whether to begin with the last one.
            limit: How many at most; all of them, if None.
            after: ``next`` of the page before.

        Raises:
            InputError: ``after`` is no such thing.
            NotFoundError: the recording that it means is forgotten.
        """
        bench = self.bench
        last = None if after is None else place(after, UUID)[0]
        found = bench.store.find_hearings(bench.gallery, q=q, newest=newest, limit=limit, after=last)
        people = self._people()
        following = word(found[-1].recording.id.hex) if found and len(found) == limit else None
        return Page[RecordingInfo](
            items=[RecordingInfo.model_validate(_described(one, people)) for one in found], next=following
        )

    def show(self, recording: str) -> RecordingDetail:
        """The voices of a recording, and the turns.

        Raises:
            NotFoundError: nothing is kept of it, or several are called so.
        """
        bench, hearing, people = self.bench, self._find(recording), self._people()
        names = {voice.label: people.get(voice.said.speaker) for voice in hearing.voices}
        turns = [
            RecordingTurn(
                id=turn.id,
                start=turn.segment.start,
                end=turn.segment.end,
                label=turn.label,
                who=names[turn.label],
                touched=turn.touched,
            )
            for turn in bench.store.turns(hearing)
        ]
        clips = {voice: str(path) for voice, path in self._clips(hearing).items()}
        return RecordingDetail.model_validate({**_described(hearing, people), "turns": turns, "clips": clips})

    def export(self, recording: str, form: str) -> TurnsFile:
        """The turns of a recording as they are labelled now, as a file.

        Args:
            recording: Which one.
            form: What to write it in, one of :data:`MEDIA_TYPES`.

        Raises:
            NotFoundError: nothing is kept of it, or several are called so.
            InputError: there is no such format.
        """
        from pathlib import Path

        from spk.formats.text import format_turns
        from spk.formats.turns import TurnFormat, recording_name, write_turns
        from spk.timeline import Segment, Timeline, Turn

        if form not in MEDIA_TYPES:
            raise InputError(f"{form} is no format of turns: write one of {', '.join(MEDIA_TYPES)}")
        shown = self.show(recording)
        timeline = Timeline(Turn(Segment(one.start, one.end), one.who or one.label, one.id) for one in shown.turns)
        name = Path(shown.recording).name if form in _NAMED_BY_FILE else shown.recording
        if form == "text":
            text = format_turns(timeline)
        else:
            text = write_turns(timeline, TurnFormat(form), recording=name, duration=shown.duration)
        file = f"{recording_name(shown.recording)}.{_ENDINGS.get(form, form)}"
        return TurnsFile(name=file, media_type=MEDIA_TYPES[form], text=text)

    def waveform(self, recording: str) -> Waveform:
        """How loud a recording is over time, to be drawn.

        Raises:
            NotFoundError: nothing is kept of it, or several are called so.
        """
        hearing = self._find(recording)
        levels = self.bench.store.levels(hearing) or b""
        return Waveform(
            recording=hearing.recording.source, duration=round(hearing.recording.duration, 3), levels=list(levels)
        )

    def clip(self, recording: str, voice: str) -> Path:
        """The FLAC file to listen to a voice of a recording by.

        Raises:
            NotFoundError: nothing is kept of the recording, it has no such voice, or its audio is not kept.
        """
        hearing = self._find(recording)
        if (clip := self._clips(hearing).get(voice)) is not None:
            return clip
        raise NotFoundError(
            f"{hearing.recording.source}: no audio is kept of a voice {voice} (keep_audio, keep_audio_days)"
        )

    def label(
        self,
        recording: str,
        voices: Sequence[str],
        name: str | None,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> Outcome:
        """Say whose voices of a recording are; all recordings are judged again.

        Args:
            recording: Which one.
            voices: Their labels.
            name: Whose they are, new or known; None for nobody's who is to be known.
            force: Let the profile learn also from what sounds unlike the rest of it.
            dry_run: Whether only to say what would change.

        Raises:
            NotFoundError: nothing is kept of the recording, or it has no such voice.
            InputError: nobody can have the name.
            ConflictError: it was heard anew meanwhile.
        """
        done = self.bench.corrections(dry_run=dry_run).say(self._find(recording), voices, name, force=force)
        return outcome(done, dry_run=dry_run)

    def relabel(self, *, dry_run: bool = False) -> Outcome:
        """Judge all recordings by the gallery and the calibration as they are now; what people said stays."""
        return outcome(self.bench.corrections(dry_run=dry_run).again(), dry_run=dry_run)

    def forget(self, recording: str, *, dry_run: bool = False) -> Outcome:
        """Forget what was heard in a recording; samples that people gave to somebody stay.

        Raises:
            NotFoundError: nothing is kept of it, or several are called so.
            ConflictError: it was heard anew meanwhile.
        """
        return outcome(self.bench.corrections(dry_run=dry_run).forget(self._find(recording)), dry_run=dry_run)

    def _find(self, recording: str) -> Hearing:
        return self.bench.store.hearing(self.bench.gallery, recording)

    def _people(self) -> Mapping[UUID | None, str]:
        return {person.id: person.label for person in self.bench.store.speakers(self.bench.gallery)}

    def _clips(self, hearing: Hearing) -> Mapping[str, Path]:
        """What is kept to listen to, by voice."""
        clips = self.bench.store.sample_clips(voice.sample for voice in hearing.voices if voice.sample is not None)
        return {voice.label: clips[voice.sample] for voice in hearing.voices if voice.sample in clips}


def _described(hearing: Hearing, people: Mapping[UUID | None, str]) -> dict[str, Any]:
    return {
        "recording": hearing.recording.source,
        "hearing": hearing.id,
        "sha256": hearing.recording.sha256,
        "duration": round(hearing.recording.duration, 3),
        "heard": hearing.created,
        "corrected": hearing.corrected,
        "voices": [_voice(voice, people) for voice in hearing.voices],
    }


def _voice(voice: HeardVoice, people: Mapping[UUID | None, str]) -> VoiceHeard:
    said = voice.said
    return VoiceHeard(
        label=voice.label,
        net_speech=round(voice.net_seconds, 3),
        verdict=said.verdict,
        said_by=said.said_by.value,
        who=people.get(said.speaker),
        speaker_id=said.speaker,
        candidate=people.get(said.candidate),
        score=said.score,
        llr=said.llr,
        margin=said.margin,
        probability=said.probability,
        false_alarm=said.false_alarm,
        mixed=voice.mixed,
        sample_id=voice.sample,
    )
