"""`spk identify`: who speaks in a recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spk.cli.common import Batch, check_output, complain, desk, print_json, say, write_output
from spk.cli.diarize import ChannelMode, Channels, MaxSpeakers, MinSpeakers, Speakers
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
    Server,
    Threads,
    complete_speaker,
)
from spk.cli.turns import FORMATS, Format, check_format, turns_of, turns_text
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.messages.identification import Identified, IdentifiedVoice

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
    server: Server = None,
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
    from spk.desk.listening import check_voices

    voices: dict[str, Any] = {"single": single, "channels": channels.value, "speakers": speakers}
    voices |= {"min_speakers": min_speakers, "max_speakers": max_speakers}
    check_voices(**voices)
    if attendees and enroll_unknown:
        raise InputError("--enroll-unknown would keep people who are enrolled, but no attendees: leave out one of them")
    if attendees and not "".join(attendees).strip(" ,"):
        raise InputError("--attendees names nobody: write --attendees alice,bob")
    form = Format.JSON if as_json else form
    check_format(form, files)
    check_output(evidence, files)
    batch = Batch()
    reasons: list[str] = []
    printed: list[Path] = []
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    point = {"fpir": fpir, "cost": cost, "prior_unknown": prior_unknown}
    with desk(**options, **point, server=server, threads=threads, quiet=quiet) as ask:

        def one(path: Path) -> None:
            found = ask.identify(
                path,
                **voices,
                attendees=attendees or (),
                enroll_unknown=enroll_unknown,
                evidence=evidence is not None,
            )
            if evidence is not None:
                reasons.append(json.dumps(found.evidence) + "\n")
            _print(found, path, form, many=len(files) > 1, quiet=quiet, first=not printed)
            if found.corrected and not quiet:
                complain(f"{path}: was corrected, and stays so: `spk recordings show {path.name}` shows its turns")
            printed.append(path)

        batch.each(files, one, ask.progress)
    if evidence is not None:
        write_output(evidence, "".join(reasons))
    batch.finish()


def _print(found: Identified, path: Path, form: Format, *, many: bool, quiet: bool, first: bool) -> None:
    if form is Format.JSON:
        print_json(found.model_copy(update={"evidence": None}).to_json())
    elif form is not Format.TEXT:
        say(turns_text(turns_of(found), form, path, duration=found.duration, first=first), nl=False)
    else:
        if many:
            say(f"{found.recording}:")
        if found.attendees is not None:
            say(f"compared with {len(found.attendees)} of {found.people} people: {', '.join(found.attendees)}")
        for voice in found.speakers:
            say(_line(voice))
        say()
        say(turns_text(turns_of(found), form, path), nl=False)
        if found.decision_id is not None and not quiet:
            digits = found.decision_id.hex[:8]
            say(f"\ndecision {digits} (spk explain {digits})")


def _line(voice: IdentifiedVoice) -> str:
    """One voice and its evidence, for people to read."""
    from spk.identify.decision import score_text

    parts = [f"{voice.net_speech:.1f} s"]
    if voice.same_voice_as:
        parts.append(f"same voice as {', '.join(voice.same_voice_as)}")
    elif voice.too_short:
        parts.append("too short to say")
    who = voice.name or voice.stranger or "?"
    recognised = voice.speaker_id is not None and voice.kept is None
    if voice.kept is not None:
        parts.append("new" if voice.kept == "new" else "met before")
    if voice.llr is not None and voice.score is not None and voice.candidate is not None:
        if not recognised:
            parts.append(f"nearest {voice.candidate.name}")
        parts.append(f"LLR {voice.llr:+.1f}, {score_text(voice.score, 2, is_cosine=voice.cosine is not None)}")
    if voice.runner_up is not None and voice.margin is not None:
        parts.append(f"next {voice.runner_up.name} by {voice.margin:.1f}")
    if recognised and voice.provisional:
        parts.append("provisional profile")
    return f"{voice.label}  {voice.verdict:<7}  {who}  ({'; '.join(parts)})"
