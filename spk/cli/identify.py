"""`spk identify`: who speaks in a recording."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import Batch, check_output, complain, print_json, say, workbench, write_output
from spk.cli.diarize import ChannelMode, Channels, MaxSpeakers, MinSpeakers, Speakers, speaker_count
from spk.cli.options import (
    AsJson,
    CostText,
    DeviceName,
    Files,
    Fpir,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
    complete_speaker,
)
from spk.cli.turns import FORMATS, Format, check_format, turns_text
from spk.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from spk.audio import Audio
    from spk.config import Workbench
    from spk.diarize import SpeakerCount
    from spk.embed.weights import Progress
    from spk.identify import Identification, Identifier, Voice
    from spk.identify.explaining import Collector
    from spk.store import Speaker

__all__ = ["identify"]


def identify(
    files: Files,
    *,
    form: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", help=f"How turns are written: {FORMATS}; text.", show_default=False),
    ] = Format.TEXT,
    single: Annotated[
        bool, typer.Option("--single", help="Each file is one person's voice: do not diarize (short clips).")
    ] = False,
    enroll_unknown: Annotated[
        bool, typer.Option("--enroll-unknown", help="Keep strangers as unnamed speakers, to meet them again.")
    ] = False,
    attendees: Annotated[
        list[str] | None,
        typer.Option(
            "--attendees",
            metavar="NAMES",
            help="Compare with these people alone: alice,bob.",
            show_default=False,
            autocompletion=complete_speaker,
        ),
    ] = None,
    fpir: Fpir = None,
    cost: CostText = None,
    prior_unknown: Annotated[
        float | None,
        typer.Option(
            "--prior-unknown",
            metavar="P",
            help="How likely a stranger is before anything is heard; 0.5.",
            show_default=False,
        ),
    ] = None,
    speakers: Speakers = None,
    min_speakers: MinSpeakers = None,
    max_speakers: MaxSpeakers = None,
    channels: Channels = ChannelMode.MIX,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence",
            metavar="FILE",
            readable=False,
            help="Write why, for each recording a line of JSON; see `spk explain`.",
            show_default=False,
        ),
    ] = None,
    gallery: GalleryName = None,
    home: Home = None,
    model: ModelName = None,
    precision: PrecisionName = None,
    device: DeviceName = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Name the people in recordings.

    Each voice is known, unsure (somebody should listen) or unknown.

    Example: spk identify meeting.wav --json
    """
    count = speaker_count(speakers, min_speakers, max_speakers, channels)
    if single and (channels is ChannelMode.SPLIT or (speakers or min_speakers or max_speakers or 1) > 1):
        raise InputError("--single says that each file is one person's voice: leave out what says otherwise")
    if attendees and enroll_unknown:
        raise InputError("--enroll-unknown would keep people who are enrolled, but no attendees: leave out one of them")
    form = Format.JSON if as_json else form
    check_format(form, files)
    check_output(evidence, files)
    batch = Batch()
    reasons: list[str] = []
    printed: list[Path] = []
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    point = {"fpir": fpir, "cost": cost, "prior_unknown": prior_unknown}
    with workbench(**options, **point, threads=threads, quiet=quiet) as bench:
        if enroll_unknown:
            bench.make_gallery()
        _ = bench.gallery  # a misspelt one is said once, before any work
        # Anew for each recording where the one before may have left a stranger, or taught a profile.
        make = partial(_Ear.of, bench, _invited(bench, attendees) if attendees else None)
        ear = make if enroll_unknown or bench.settings.learn == "confident" else cache(make)

        def heard(audio: tuple[Audio, ...], listener: _Ear) -> tuple[Identification, str | None]:
            found = _identified(audio, listener.identifier, channels, count, bench.progress, single=single)
            found, decision = bench.remember(found, strangers=enroll_unknown), None
            if bench.keeps_decisions or evidence is not None:
                explained = listener.collector.identification(found)
                decision = str(bench.keep(explained).id) if bench.keeps_decisions else None
                reasons.append(json.dumps({**explained.evidence.to_json(), "decision_id": decision}) + "\n")
            return found, decision

        def one(path: Path) -> None:
            audio = _loaded(path, channels)  # first: a file that cannot be read is said before models are loaded
            try:
                found, decision = heard(audio, ear())
            except NotFoundError:  # a stranger whom nothing but an earlier hearing of it told of, and who is gone
                found, decision = heard(audio, make())
            _print(found, path, form, decision, many=len(files) > 1, quiet=quiet, first=not printed)
            if found.corrected and not quiet:
                complain(f"{path}: was corrected, and stays so: `spk recordings show {path.name}` shows its turns")
            printed.append(path)

        batch.each(files, one, bench.progress)
    if evidence is not None:
        write_output(evidence, "".join(reasons))
    batch.finish()


@dataclass(frozen=True)
class _Ear:
    """An identifier, and what gathers the evidence of what it finds; the gallery is noted as it is now."""

    identifier: Identifier
    collector: Collector

    @classmethod
    def of(cls, bench: Workbench, attendees: list[Speaker] | None) -> _Ear:
        from spk.identify.explaining import Collector

        identifier = bench.identifier(attendees)
        return cls(identifier, Collector(identifier.scorer))


def _invited(bench: Workbench, attendees: list[str]) -> list[Speaker]:
    """The people of a list of names; a name may hold a comma itself."""
    people = []
    for names in attendees:
        try:
            people.append(bench.store.speaker(bench.gallery, names))
        except (InputError, NotFoundError):
            parts = [name.strip() for name in names.split(",")]
            if len(parts) == 1:
                raise
            people += [bench.store.speaker(bench.gallery, name) for name in parts if name]
    if not people:
        raise InputError("--attendees names nobody: write --attendees alice,bob")
    return people


def _loaded(path: Path, channels: ChannelMode) -> tuple[Audio, ...]:
    from spk.audio import load, load_channels

    return load_channels(path) if channels is ChannelMode.SPLIT else (load(path),)


def _identified(
    audio: tuple[Audio, ...],
    identifier: Identifier,
    channels: ChannelMode,
    count: SpeakerCount,
    progress: Progress | None,
    *,
    single: bool,
) -> Identification:
    if channels is ChannelMode.SPLIT:
        return identifier.channels(audio)
    return identifier.single(audio[0]) if single else identifier.recording(audio[0], count=count, progress=progress)


def _print(
    found: Identification, path: Path, form: Format, decision: str | None, *, many: bool, quiet: bool, first: bool
) -> None:
    if form is Format.JSON:
        print_json({**found.to_json(), "decision_id": decision})
    elif form is not Format.TEXT:
        say(turns_text(found.named, form, path, duration=found.audio.duration, first=first), nl=False)
    else:
        if many:
            say(f"{found.audio.source}:")
        if found.attendees is not None:
            names = ", ".join(person.label for person in found.attendees)
            say(f"compared with {len(found.attendees)} of {found.people} people: {names}")
        for voice in found.voices:
            say(_line(voice))
        say()
        say(turns_text(found.named, form, path), nl=False)
        if decision is not None and not quiet:
            say(f"\ndecision {decision[:8]} (spk explain {decision[:8]})")


def _line(voice: Voice) -> str:
    """One voice and its evidence, for people to read."""
    from spk.identify.decision import score_text
    from spk.identify.gallery import LEAST_SECONDS

    match, parts = voice.match, [f"{voice.net_seconds:.1f} s"]
    if voice.same_voice_as:
        parts.append(f"same voice as {', '.join(voice.same_voice_as)}")
    elif voice.speech.net_seconds < LEAST_SECONDS:
        parts.append("too short to say")
    who = voice.named.label if voice.named else "?"
    recognised = voice.named is not None and voice.kept_as is None
    if voice.kept_as is not None:
        parts.append("new" if voice.is_new else "met before")
    if match.llr is not None and match.score is not None and voice.speaker is not None:
        if not recognised:
            parts.append(f"nearest {voice.speaker.label}")
        parts.append(f"LLR {match.llr:+.1f}, {score_text(match.score, 2, is_cosine=match.is_cosine)}")
    if voice.runner_up is not None and match.margin is not None:
        parts.append(f"next {voice.runner_up.label} by {match.margin:.1f}")
    if recognised and voice.provisional:
        parts.append("provisional profile")
    return f"{voice.label}  {voice.verdict.value:<7}  {who}  ({'; '.join(parts)})"
