"""`spk identify`: who speaks in a recording."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spk.cli.common import Batch, print_json, say, workbench
from spk.cli.diarize import ChannelMode, Channels, MaxSpeakers, MinSpeakers, Speakers, speaker_count
from spk.cli.options import (
    AsJson,
    DeviceName,
    Files,
    GalleryName,
    Home,
    ModelName,
    PrecisionName,
    Quiet,
    Threads,
)
from spk.errors import InputError

if TYPE_CHECKING:
    from spk.diarize import SpeakerCount
    from spk.embed.weights import Progress
    from spk.identify import Identification, Identifier, Voice

__all__ = ["identify"]


class NamedFormat(StrEnum):
    """How named turns are printed."""

    TEXT = "text"
    RTTM = "rttm"
    JSON = "json"


def identify(
    files: Files,
    *,
    form: Annotated[
        NamedFormat,
        typer.Option("--format", metavar="text|rttm|json", help="How turns are written; text.", show_default=False),
    ] = NamedFormat.TEXT,
    single: Annotated[
        bool, typer.Option("--single", help="Each file is one person's voice: do not diarize (short clips).")
    ] = False,
    enroll_unknown: Annotated[
        bool, typer.Option("--enroll-unknown", help="Keep strangers as unnamed speakers, to meet them again.")
    ] = False,
    speakers: Speakers = None,
    min_speakers: MinSpeakers = None,
    max_speakers: MaxSpeakers = None,
    channels: Channels = ChannelMode.MIX,
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
    batch = Batch()
    options = {"home": home, "gallery": gallery, "model": model, "precision": precision, "device": device}
    with workbench(**options, threads=threads, quiet=quiet) as bench:
        if enroll_unknown:
            bench.make_gallery()
        _ = bench.gallery  # a misspelt one is said once, before any work
        # Anew for each recording where the one before may have left a stranger.
        identifier = bench.identifier if enroll_unknown else cache(bench.identifier)

        def one(path: Path) -> None:
            found = _identified(path, identifier, channels, count, bench.progress, single=single)
            if enroll_unknown:
                from spk.enroll import enroll_unknown as kept

                found = kept(found, bench.store, bench.gallery)
            _print(found, path, NamedFormat.JSON if as_json else form, many=len(files) > 1)

        batch.each(files, one, bench.progress)
    batch.finish()


def _identified(
    path: Path,
    identifier: Callable[[], Identifier],
    channels: ChannelMode,
    count: SpeakerCount,
    progress: Progress | None,
    *,
    single: bool,
) -> Identification:
    from spk.audio import load, load_channels

    if channels is ChannelMode.SPLIT:
        several = load_channels(path)
        return identifier().channels(several)
    audio = load(path)  # first: a file that cannot be read is said before models are loaded
    return identifier().single(audio) if single else identifier().recording(audio, count=count, progress=progress)


def _print(found: Identification, path: Path, form: NamedFormat, *, many: bool) -> None:
    from spk.formats.rttm import write_rttm
    from spk.formats.text import format_turns

    if form is NamedFormat.JSON:
        print_json(found.to_json())
    elif form is NamedFormat.RTTM:
        say(write_rttm(found.named, path.stem), nl=False)
    else:
        if many:
            say(f"{found.audio.source}:")
        for voice in found.voices:
            say(_line(voice))
        say()
        say(format_turns(found.named), nl=False)


def _line(voice: Voice) -> str:
    """One voice and its evidence, for people to read."""
    match, parts = voice.match, [f"{voice.net_seconds:.1f} s"]
    who = voice.named.label if voice.named else "?"
    recognised = voice.named is not None and voice.kept_as is None
    if voice.kept_as is not None:
        parts.append("new")
    if match.llr is not None and match.cosine is not None and voice.speaker is not None:
        if not recognised:
            parts.append(f"nearest {voice.speaker.label}")
        parts.append(f"LLR {match.llr:+.1f}, cosine {match.cosine:.2f}")
    if voice.runner_up is not None and match.margin is not None:
        parts.append(f"next {voice.runner_up.label} by {match.margin:.1f}")
    if recognised and voice.provisional:
        parts.append("provisional profile")
    return f"{voice.label}  {voice.verdict.value:<7}  {who}  ({'; '.join(parts)})"
